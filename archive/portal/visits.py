"""Tellers who opened their story on a page: in memory only, for ten minutes after the last look."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field

from archive.stories import Visit
from audio.clock import Clock
from audio.types import TakeId

IDLE_S = 600.0
MOST = 32
"""More open stories than this on one box are nobody's honest visit; the oldest goes."""


@dataclass
class Seat:
    """One browser's visit: an open story, or the receipt of a withdrawal. What it holds opens a story."""

    visit: Visit | None
    receipt: TakeId | None = None
    seen: float = 0.0


@dataclass
class Visits:
    """Seats by the hash of a browser's token; any thread may ask."""

    clock: Clock
    _seats: dict[str, Seat] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def open(self, token: str, visit: Visit | None, receipt: TakeId | None = None) -> None:
        """Seat a teller whose code was right, or who has a receipt."""
        with self._lock:
            self._forget_old()
            while len(self._seats) >= MOST:
                del self._seats[min(self._seats, key=lambda name: self._seats[name].seen)]
            self._seats[_name(token)] = Seat(visit, receipt, self.clock.monotonic())

    def get(self, token: str) -> Seat | None:
        """The seat of this token, if it is still warm; looking keeps it so."""
        with self._lock:
            self._forget_old()
            seat = self._seats.get(_name(token))
            if seat is not None:
                seat.seen = self.clock.monotonic()
            return seat

    def close(self, token: str) -> None:
        """The teller leaves: what opens the story is forgotten."""
        with self._lock:
            self._seats.pop(_name(token), None)

    def _forget_old(self) -> None:
        late = self.clock.monotonic() - IDLE_S
        self._seats = {name: seat for name, seat in self._seats.items() if seat.seen >= late}


def _name(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
