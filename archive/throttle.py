"""Wrong keep-codes slow down, for each number and for the box, across restarts and whatever the wall clock says.

A try is written down as wrong *before* its words are checked, so pulling the plug does not buy a guess. A wait is
counted in powered-on time; after a restart it begins again in full. One number's wait never blocks another number
for longer than `BOX_LONGEST_S`, and nothing a steward does asks here.
"""

from __future__ import annotations

import sqlite3

from archive.database import Moment, transaction
from archive.errors import TooManyTries

FREE_TRIES = 3
FIRST_WAIT_S = 5.0
LONGEST_S = 3600.0
BOX = -1
BOX_FREE_TRIES = 10
BOX_LONGEST_S = 20.0
BOX_FORGETS_S = 3600.0
MOST_NUMBERS = 1000
"""More numbers than this are not remembered beside those in a wait."""


def wait_after(wrong: int, *, box: bool = False) -> float:
    """Seconds to wait after ``wrong`` wrong tries in a row. Pure; doubles from `FIRST_WAIT_S` up to a ceiling."""
    free, longest = (BOX_FREE_TRIES, BOX_LONGEST_S) if box else (FREE_TRIES, LONGEST_S)
    if wrong < free:
        return 0.0
    return min(longest, FIRST_WAIT_S * 2.0 ** min(wrong - free, 20))


def begin_try(conn: sqlite3.Connection, number: int, now: Moment) -> None:
    """Note a try for ``number`` as wrong. Raises `TooManyTries` (and notes nothing) while a wait is in force."""
    with transaction(conn):
        # Years of honest slips must not add up to a slow box.
        conn.execute(
            "DELETE FROM tries WHERE number = ? AND boot_id = ? AND monotonic < ?",
            (BOX, now.boot_id, now.at - BOX_FORGETS_S),
        )
        _trim(conn, now)
        left = max(_left(conn, number, now), _left(conn, BOX, now))
        if left <= 0:
            for key in (number, BOX):
                conn.execute(
                    "INSERT INTO tries VALUES (?, 1, ?, ?) ON CONFLICT (number) DO UPDATE SET wrong = wrong + 1, "
                    "boot_id = excluded.boot_id, monotonic = excluded.monotonic",
                    (key, now.boot_id, now.at),
                )
    if left > 0:
        raise TooManyTries(
            f"Too many wrong codes. Please wait {round(left + 0.5)} seconds.", "A librarian can help in the meantime."
        )


def _trim(conn: sqlite3.Connection, now: Moment) -> None:
    """Forget numbers that were tried a few times long ago, so that guessing does not fill the table.

    A number in a wait is never forgotten: making room must not buy a guess.
    """
    if conn.execute("SELECT COUNT(*) FROM tries").fetchone()[0] > MOST_NUMBERS:
        conn.execute(
            "DELETE FROM tries WHERE number IN (SELECT number FROM tries WHERE number <> ? AND wrong < ? "
            "AND (boot_id <> ? OR monotonic < ?))",
            (BOX, FREE_TRIES, now.boot_id, now.at - BOX_FORGETS_S),
        )


def end_try(conn: sqlite3.Connection, number: int) -> None:
    """Take the note back: the code was right. The box's own count goes down by this one try only."""
    with transaction(conn):
        conn.execute("DELETE FROM tries WHERE number = ?", (number,))
        conn.execute("UPDATE tries SET wrong = MAX(wrong - 1, 0) WHERE number = ?", (BOX,))


def _left(conn: sqlite3.Connection, number: int, now: Moment) -> float:
    row = conn.execute("SELECT wrong, boot_id, monotonic FROM tries WHERE number = ?", (number,)).fetchone()
    if row is None:
        return 0.0
    wrong, boot_id, at = int(row[0]), str(row[1]), float(row[2])
    wait = wait_after(wrong, box=number == BOX)
    if boot_id != now.boot_id or at > now.at:
        # How long the box was off is not known: the wait starts again, once.
        conn.execute("UPDATE tries SET boot_id = ?, monotonic = ? WHERE number = ?", (now.boot_id, now.at, number))
        return wait
    return at + wait - now.at
