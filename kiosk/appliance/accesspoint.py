"""Holds the box's own access point open while somebody wants it: the part of root's, as small as it can be.

It looks whether a file is there and when it was touched, and reads nothing that others wrote. Order matters: the
filter lets nobody in before the network stands, and is shut before the network goes.
"""

from __future__ import annotations

import logging
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from audio.clock import Clock
from hardware.accesspoint import AccessPoint
from hardware.firewall import Firewall
from kiosk.door import IDLE_S, write_point

LOOK_S = 0.25
_log = logging.getLogger(__name__)


class Wish:
    """The file that says the network is wanted. Its age is by the monotonic clock, since it last changed."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Watch ``path``, which may not exist."""
        self._path = path
        self._clock = clock
        self._stamp: int | None = None
        self._since = clock.monotonic()

    def stands(self) -> bool:
        """Whether it is there, a plain file (no link, no folder) and was touched within `IDLE_S`."""
        try:
            found = self._path.lstat()
        except OSError:
            return False
        if not stat.S_ISREG(found.st_mode):
            return False
        stamp = found.st_mtime_ns
        if stamp != self._stamp:
            self._stamp, self._since = stamp, self._clock.monotonic()
        return self._clock.monotonic() - self._since < IDLE_S

    def drop(self) -> None:
        """Take it away, so that it does not open the network again at once. Raises `OSError`."""
        self._path.unlink(missing_ok=True)


def hold_open(
    wish: Wish,
    point: AccessPoint,
    firewall: Firewall,
    told: Path,
    wait: Callable[[float], bool],
    ready: Callable[[], None],
) -> None:
    """Open the network, tell of it at ``told``, and close it when the wish is gone or ``wait`` says to stop.

    ``wait`` waits so many seconds and returns whether to stop; ``ready`` is called once the network is open. Raises
    `NoAccessPoint` and `FirewallTrouble`; then nothing is open.
    """
    try:
        firewall.shut()
        if not wish.stands():
            return
        network = point.open()
        firewall.let_in(network.interface)
        write_point(told, network)
        _log.info("the box's own network is open on %s", network.interface)
        ready()
        while wish.stands() and not wait(LOOK_S):
            pass
    finally:
        # First what lets strangers in. A file that cannot be removed must not keep the network open.
        with ExitStack() as steps:
            steps.callback(wish.drop)
            steps.callback(told.unlink, missing_ok=True)
            steps.callback(point.close)
            firewall.shut()
    _log.info("the box's own network is closed")
