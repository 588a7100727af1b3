"""Looks hourly for what is due to be erased or sealed, on a box that systemd did not start.

On the appliance `hearth retention` comes by a timer, which an update keeps still while a release is tried. A box that
was started by hand does the same itself, beside its loop and while nobody is at it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading

from archive.errors import ArchiveError
from archive.home import Home
from archive.retention import run_retention
from archive.store import Store
from audio.clock import Clock
from kiosk.config import Retention

FIRST_S = 300.0
"""A box that was just switched on has its visitors first."""
EVERY_S = 3600.0
_log = logging.getLogger(__name__)


class DueTime:
    """Runs the library's retention in a thread of its own, with a store of its own."""

    def __init__(self, home: Home, clock: Clock, times: Retention) -> None:
        """Begin to wait; nothing is looked for before `FIRST_S`."""
        self._home = home
        self._clock = clock
        self._times = times
        self._next = clock.monotonic() + FIRST_S
        self._work: threading.Thread | None = None

    def tick(self, *, free: bool) -> None:
        """Look for what is due, if it is time and the box is ``free``; otherwise as soon as it is."""
        now = self._clock.monotonic()
        if not free or now < self._next or (self._work is not None and self._work.is_alive()):
            return
        self._next = now + EVERY_S
        self._work = threading.Thread(target=self._look, name="due", daemon=True)
        self._work.start()

    def stop(self) -> None:
        """Wait for what was begun."""
        if self._work is not None:
            self._work.join()

    def _look(self) -> None:
        try:
            with Store(self._home, self._clock) as store:
                run_retention(store, days=self._times.kept_days, hold=self._times.held_hours * 3600.0)
        except (ArchiveError, sqlite3.Error, OSError) as error:
            # The next hour tries again; what was begun is finished at the next start, too.
            _log.warning("what is due was not erased: %s", type(error).__name__)
