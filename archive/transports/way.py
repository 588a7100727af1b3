"""How the way to an archive is gone: by whom, how fast, around which corners, and until when. And when to try again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archive.errors import TransportTrouble
from archive.ingest import Progress, no_progress
from audio.clock import Clock

WINDOW_S = 3.5 * 3600
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
TRIES = 7
"""So many tries without getting further end the run: half a minute to a minute of waiting in all."""
_SLICE = 1 << 18


class OutOfTime(TransportTrouble):
    """The time set aside for one run is over; the next one goes on."""

    code = "out-of-time"


class CredentialRefused(TransportTrouble):
    """The archive does not know this box's credential, or has revoked it."""

    code = "credential-refused"


@dataclass(frozen=True, slots=True)
class Way:
    """Settings of the way out. ``kbit_s`` is the most kilobits a second sent, 0 for no limit; ``proxy`` an address or
    empty for what the environment says; ``window_s`` how long a run may take; ``told`` hears how far a transfer is, and
    ``pulse`` says how the box is (`archive.pulse`).
    """

    credential: str = field(default="", repr=False)
    kbit_s: int = 0
    proxy: str = ""
    window_s: float = WINDOW_S
    told: Progress = no_progress
    pulse: Mapping[str, Any] = field(default_factory=dict)


class Patience:
    """How often to try again without getting further, with growing waits of random length, inside a window."""

    def __init__(self, clock: Clock, until: float, told: Progress = no_progress) -> None:
        """Count from now; ``until`` is a time of ``clock.monotonic()`` that no wait goes beyond.

        ``told`` hears why it is waited, before each wait.
        """
        self._told = told
        self._clock = clock
        self._until = until
        self._failed = 0

    def renew(self) -> None:
        """Note that something got further: count from the beginning again."""
        self._failed = 0

    def wait(self, trouble: TransportTrouble, at_least: float = 0.0) -> None:
        """Wait before the next try. Raises ``trouble`` when it was the last one, or the window leaves no time."""
        self._failed += 1
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (self._failed - 1))
        # Many boxes whose archive comes back must not all knock in the same second.
        pause = max(at_least, longest * random.uniform(0.5, 1.0))  # noqa: S311 - no secret hangs on it
        if self._failed >= TRIES or self._clock.monotonic() + pause > self._until:
            raise trouble
        self._told("again", trouble.say)
        self._clock.sleep(pause)


class Pace:
    """Lets bytes out no faster than agreed: a bucket that holds a quarter of a second."""

    def __init__(self, clock: Clock, kbit_s: int) -> None:
        """``kbit_s`` 0 means no limit."""
        self._clock = clock
        self._rate = kbit_s * 125.0
        self._free_at = clock.monotonic()

    def slice(self) -> int:
        """Bytes to let out at once, at most."""
        return _SLICE if not self._rate else max(1024, min(1 << 16, int(self._rate / 4)))

    def let(self, count: int) -> None:
        """Wait until ``count`` more bytes may go."""
        if not self._rate:
            return
        now = self._clock.monotonic()
        if self._free_at > now:
            self._clock.sleep(self._free_at - now)
        self._free_at = max(self._free_at, now) + count / self._rate
