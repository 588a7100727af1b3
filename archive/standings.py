"""Where every take stands, kept in step with the ledger: only lines that are new are read.

The ledger is only added to, so what was folded once holds until a line about the same take is added. With thousands of
stories on a box, reading all of it at every press and every second is what would make it slow. Nothing is decided here:
whoever uses a story asks `archive.consent.may` at that moment, of the standing as the ledger gives it at that moment.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from archive.consent import Standing, all_events, events_of, standing
from archive.types import Use
from audio.types import TakeId

_Facts: TypeAlias = tuple[frozenset[tuple[Use, object]], object]


class Standings:
    """Follows the ledger of one connection. Takes that stand alike share one `Standing`: there are few kinds."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        """Read nothing yet."""
        self._conn = conn
        self._seen = 0
        self._of: dict[TakeId, Standing] = {}
        self._kinds: dict[_Facts, Standing] = {}

    def now(self) -> Mapping[TakeId, Standing]:
        """Where every take stands by the last line of the ledger, first named first."""
        if self._conn.in_transaction:
            # What is written here may yet be taken back, and then other lines would get the same numbers.
            return {take: standing(events) for take, events in all_events(self._conn).items()}
        self.follow()
        return MappingProxyType(self._of)

    def follow(self, most: int | None = None) -> None:
        """Read on by at most ``most`` lines (default: to the end), so that less is left to do for `now`."""
        if self._conn.in_transaction:
            return
        query = "SELECT seq, subject FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?"
        lines = self._conn.execute(query, (self._seen, -1 if most is None else most)).fetchall()
        for subject in dict.fromkeys(str(line[1]) for line in lines):
            take = TakeId(subject)
            self._of[take] = self._shared(standing(events_of(self._conn, take)))
        if lines:
            self._seen = int(lines[-1][0])

    def _shared(self, where: Standing) -> Standing:
        flags = (where.review_closed, where.held, where.sealed, where.ended, where.waits_for_guardian)
        return self._kinds.setdefault((frozenset(where.uses.items()), flags), where)
