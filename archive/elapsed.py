"""How long ago something was: a trusted wall clock's time, or time the box was powered on, whichever comes first.

A box without a right clock must neither keep for ever nor erase because its clock jumped.
"""

from __future__ import annotations

from archive.database import Moment, transaction
from archive.shelf import Shelf


def passed(since: Moment, powered: float, now: Moment, limit: float) -> bool:
    """Tell whether ``limit`` seconds have gone by since ``since``. Pure.

    ``powered`` is how long the box has been on since then; the wall clock counts only if it was trusted both times.
    """
    if powered >= limit:
        return True
    return since.trusted and now.trusted and (now.wall - since.wall).total_seconds() >= limit


def beat(store: Shelf) -> None:
    """Note that this boot has lasted until now. Call at start, and every few minutes while the box is on."""
    now = store.moment()
    with transaction(store.db.conn) as conn:
        conn.execute(
            "INSERT INTO boots (boot_id, first, last) VALUES (?, ?, ?) "
            "ON CONFLICT (boot_id) DO UPDATE SET last = MAX(last, excluded.last)",
            (now.boot_id, now.at, now.at),
        )


def powered_since(store: Shelf, since: Moment) -> float:
    """Seconds the box is known to have been on since ``since``, over restarts; never more than the truth."""
    rows = store.db.conn.execute("SELECT boot_id, last FROM boots ORDER BY number").fetchall()
    boots = [str(row[0]) for row in rows]
    if since.boot_id not in boots:
        return 0.0
    first = boots.index(since.boot_id)
    # A monotonic clock counts from its boot, so the last beat of a later boot is how long that boot lasted.
    return max(0.0, float(rows[first][1]) - since.at) + sum(float(row[1]) for row in rows[first + 1 :])
