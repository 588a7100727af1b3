"""What a usual day adds to the disk, so that the box can say how many days are left."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from pathlib import Path

from archive.shelf import Shelf

DAY_S = 86_400.0


def bytes_a_day(store: Shelf) -> float | None:
    """Bytes that stories on this disk took for each day the box is in use; None before there is a day to judge by.

    Days are those between the first and the last take with a confirmed clock, else powered-on time: whichever is more,
    so that a clock that was never set does not make the disk look full.
    """
    used = _bytes_in(store.home.stories)
    rows = store.db.conn.execute(
        "SELECT MIN(wall), MAX(wall) FROM takes WHERE clock_trusted = 1 AND id NOT IN (SELECT take FROM guests)"
    ).fetchone()
    seconds = 0.0
    if rows[0] is not None:
        seconds = (datetime.fromisoformat(rows[1]) - datetime.fromisoformat(rows[0])).total_seconds()
    powered = store.db.conn.execute("SELECT COALESCE(SUM(last - first), 0) FROM boots").fetchone()[0]
    days = max(seconds, float(powered)) / DAY_S
    return used / days if used and days >= 1.0 else None


def _bytes_in(folder: Path) -> int:
    """Bytes of all files below ``folder``; what another program removes meanwhile counts as gone."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                found += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 (thousands of files)
    return found
