"""What a usual day adds to the disk, so that the box can say how many days are left."""

from __future__ import annotations

from datetime import datetime

from archive.shelf import Shelf

DAY_S = 86_400.0


def bytes_a_day(store: Shelf) -> float | None:
    """Bytes that stories on this disk took for each day the box is in use; None before there is a day to judge by.

    Days are those between the first and the last take with a confirmed clock, else powered-on time: whichever is more,
    so that a clock that was never set does not make the disk look full.
    """
    used = sum(path.stat().st_size for path in store.home.stories.rglob("*") if path.is_file())
    rows = store.db.conn.execute(
        "SELECT MIN(wall), MAX(wall) FROM takes WHERE clock_trusted = 1 AND id NOT IN (SELECT take FROM guests)"
    ).fetchone()
    seconds = 0.0
    if rows[0] is not None:
        seconds = (datetime.fromisoformat(rows[1]) - datetime.fromisoformat(rows[0])).total_seconds()
    powered = store.db.conn.execute("SELECT COALESCE(SUM(last - first), 0) FROM boots").fetchone()[0]
    days = max(seconds, float(powered)) / DAY_S
    return used / days if used and days >= 1.0 else None
