"""Tells a facilitator's phone how the box stands, and holds the digits that pair one.

Nothing is written unless a facilitator is at the box, and then only when something a phone shows has changed. What
cannot be written is logged: a phone never stands in the way of the box.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable

from archive.errors import ArchiveError
from archive.phones import (
    CODE_S,
    IDLE_S,
    PRESSES,
    Face,
    digits_open,
    end_phones,
    hide_digits,
    phone_seen,
    put_face,
    show_digits,
)
from archive.store import Store
from kiosk.door import Door
from kiosk.keys import legal
from kiosk.names import Heard, Mic, Notice, State
from kiosk.types import Session

PHONE_S = 1 / 30
"""While a facilitator is at the box no turn of the loop lasts longer: a press on the phone is felt at once."""
_TAKING = frozenset({State.RECORDING, State.CONVERSATION})
_log = logging.getLogger(__name__)


def face_of(session: Session, seen: int, asks: str = "") -> Face | None:
    """What a phone is told of ``session``; None while no facilitator is at the box. Pure."""
    if session.home is not State.FACILITATOR:
        return None
    taking = session.state in _TAKING and session.started is not None
    playing = session.playing
    offers = tuple(sorted(str(meaning) for meaning in legal(session) if meaning in PRESSES))
    return Face(
        state=session.state.value,
        offers=offers,
        cues=session.cues,
        playing=playing.cue if playing is not None and playing.heard is Heard.CUE else 0,
        live=taking and session.paused_at is None and session.mic is Mic.OPEN,
        limit_at=session.limit_at if taking else None,
        paused_at=session.paused_at,
        people=session.people,
        question=session.question,
        still_there=session.still_there is not None,
        seen=seen,
        asks=asks,
        marked=session.notice is Notice.MARKED,
    )


class Facing:
    """The box's side of the phone. Belongs to the main loop."""

    def __init__(self, store: Store, door: Door | None = None) -> None:
        """Write into ``store``; a phone of a run before is let go of. ``door`` asks for the box's own access point."""
        self._store = store
        self._door = Door() if door is None else door
        self._seen: float | None = None
        self._told: Face | None = None
        self._digits = ""
        self._until = 0.0
        self._try(lambda: end_phones(store))

    def tell(self, session: Session, seen: int, asks: str = "") -> None:
        """Write down how the box stands, if it changed; the phone goes when the facilitator goes."""
        face = face_of(session, seen, asks)
        if face == self._told:
            return
        self._told = face
        if face is None:
            self._digits = ""
            self._door.close()
            self._try(lambda: end_phones(self._store))
        else:
            self._try(lambda: put_face(self._store, face))

    def offer(self, session: Session) -> None:
        """Show new digits, if a facilitator is at the box and nobody is telling."""
        if session.home is State.FACILITATOR and session.state is State.FACILITATOR:
            self._door.open()
            self._try(self._new_digits)

    def turn(self, session: Session) -> None:
        """The same key shows digits, and puts them away again: the cue sheet is under them."""
        now = self._store.clock.monotonic()
        if not self.digits(now):
            self.offer(session)
            return
        self._digits = ""
        self._try(lambda: hide_digits(self._store))
        if not self.phone(now):
            self._door.close()

    def look(self) -> None:
        """Another process wrote: the digits go from the screen once a phone has them."""
        if self._digits and not digits_open(self._store):
            self._digits = ""
        seen = phone_seen(self._store)
        if seen != self._seen:
            self._seen = seen
            if seen is not None:
                self._door.touch()

    def phone(self, now: float) -> bool:
        """Whether a facilitator's phone is with the box."""
        return self._seen is not None and now - self._seen <= IDLE_S

    def network(self) -> tuple[str, str] | None:
        """Name and passphrase of the box's own access point, while it is open."""
        network = self._door.network()
        return None if network is None else (network.name, network.passphrase)

    def digits(self, now: float) -> str:
        """The digits to show, in two groups of three; empty when there are none."""
        if now >= self._until:
            self._digits = ""
        return f"{self._digits[:3]}\u00a0{self._digits[3:]}" if self._digits else ""

    def _new_digits(self) -> None:
        self._digits = show_digits(self._store)
        self._until = self._store.clock.monotonic() + CODE_S

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except (ArchiveError, sqlite3.Error) as error:
            _log.warning("a phone was not told: %s", error)
