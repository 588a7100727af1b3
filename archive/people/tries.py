"""Wrong passwords and codes slow down: for the name or the code that is tried, and for the address that tries.

The rule is the box's own (`archive.throttle.wait_after`), with shorter ceilings: a stranger who guesses somebody's
password must not keep that person out for long. A try is written down as wrong before it is checked, so that
cutting the line does not buy a guess. Wrong tries are forgotten an hour after the last one.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta

from archive.catalogue.changes import stamp
from archive.catalogue.port import Tx
from archive.errors import TooManyTries
from archive.throttle import wait_after

NAME_LONGEST_S = 300.0
ADDRESS_LONGEST_S = 20.0
FORGOTTEN = timedelta(hours=1)


def begin_try(tx: Tx, name: str, address: str, now: datetime) -> None:
    """Note a try at ``name`` as wrong. Raises `TooManyTries` (and notes nothing) while a wait is in force."""
    tx.run("DELETE FROM people_tries WHERE at < ?", stamp(now - FORGOTTEN))
    # A clock that was set back must not make a wait endless.
    tx.run("DELETE FROM people_tries WHERE at > ?", stamp(now + timedelta(seconds=1)))
    keys = (f"name {name}", _place(address))
    left = max(_left(tx, keys[0], now, NAME_LONGEST_S), _left(tx, keys[1], now, ADDRESS_LONGEST_S))
    if left > 0:
        raise TooManyTries(
            f"Too many wrong tries. Please wait {round(left + 0.5)} seconds.",
            "If the password is forgotten, an organizer can give you a new one-time code.",
        )
    for key in keys:
        tx.run(
            "INSERT INTO people_tries (key, wrong, at) VALUES (?, 1, ?) "
            "ON CONFLICT (key) DO UPDATE SET wrong = people_tries.wrong + 1, at = excluded.at",
            key, stamp(now),
        )  # fmt: skip


def end_try(tx: Tx, name: str, address: str) -> None:
    """Take the note back: it was right. The address's count goes down by this one try only."""
    tx.run("DELETE FROM people_tries WHERE key = ?", f"name {name}")
    tx.run("UPDATE people_tries SET wrong = wrong - 1 WHERE key = ? AND wrong > 0", _place(address))


def _place(address: str) -> str:
    """Where somebody tries from. Of IPv6 the first half: one household has every address of the other."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return f"address {address[:45]}"
    if isinstance(known, ipaddress.IPv6Address):
        half = ipaddress.ip_network((known, 64), strict=False)
        return f"address {known.ipv4_mapped or half}"
    return f"address {known}"


def _left(tx: Tx, key: str, now: datetime, longest: float) -> float:
    row = tx.one("SELECT wrong, at FROM people_tries WHERE key = ?", key)
    if row is None:
        return 0.0
    wait = min(longest, wait_after(int(row["wrong"]), box=key.startswith("address ")))
    return wait - (now - datetime.fromisoformat(str(row["at"]))).total_seconds()
