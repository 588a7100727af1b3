"""What the loop does now and then beside its visitors: count powered-on time, and say trouble aloud."""

from __future__ import annotations

import logging
import sqlite3

from archive.elapsed import beat
from archive.errors import ArchiveError
from archive.night import pressed
from archive.store import Store
from audio.clock import Clock
from kiosk.names import Mic, Notice, State
from kiosk.types import Session

BEAT_S = 120.0
"""How often it is noted that the box is on: sealed holds end after a day of that, whatever the calendar says."""
PRESSED_S = 60.0
"""How often at most it is noted that somebody is here."""
_ALARMING = frozenset({Notice.NOT_KEPT, Notice.CLOSED_EARLY, Notice.STUCK})
_log = logging.getLogger(__name__)


class Pulse:
    """Notes every few minutes that this boot lasts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Beat for ``store``."""
        self._store = store
        self._clock = clock
        self._beaten: float | None = None
        self._pressed: float | None = None

    def pressed(self) -> None:
        """Somebody is here: what waits for the night goes on waiting. Noted once a minute at most, never what was."""
        now = self._clock.monotonic()
        if self._pressed is None or now - self._pressed >= PRESSED_S:
            self._pressed = now
            pressed(self._store.home.pressed)

    def tick(self) -> None:
        """Beat if it is time. A disk that refuses is said elsewhere; the powered-on time it costs is a few minutes."""
        now = self._clock.monotonic()
        if self._beaten is not None and now - self._beaten < BEAT_S:
            return
        self._beaten = now
        try:
            beat(self._store)
        except (ArchiveError, sqlite3.Error, OSError) as error:
            _log.warning("powered-on time was not noted: %s", error)


def must_be_said(before: Session, after: Session) -> bool:
    """Whether a step brought trouble: it chimes and is said aloud, whether or not screens are read. Pure."""
    if after.state is State.OUT_OF_SERVICE:
        return before.state not in {State.OUT_OF_SERVICE, State.STARTING}
    if after.notice in _ALARMING and before.notice is not after.notice:
        return True
    return lost(after) and not lost(before)


def lost(session: Session) -> bool:
    """Whether the microphone has gone while it is tried, or while a story is told. Pure."""
    taking = session.state in {State.READY, State.RECORDING, State.CONVERSATION}
    return taking and session.lost_at is not None and session.mic is not Mic.CLOSED
