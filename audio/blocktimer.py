"""When a block of sound was captured, from stamps that jitter. Pure."""

from __future__ import annotations

import math
from typing import Final

_WINDOW_S: Final = 10.0
_JUMP_S: Final = 0.25
_LOST_S: Final = 0.005
_PULL: Final = 0.02


class Lateness:
    """How long a callback had to wait before it ran, though PortAudio had called it. Pure.

    PortAudio takes its own time when it calls; the interpreter may let the callback wait for its lock long after that.
    The two clocks differ by a constant nobody tells: the least difference seen lately. Lately is 10 to 20 s, so that a
    device's clock may be set.
    """

    def __init__(self) -> None:
        """Begin; the first callback counts as one that did not wait."""
        self._least = self._least_before = math.inf
        self._since: float | None = None

    def push(self, now: float, called: float) -> float:
        """Take our time and PortAudio's of one callback; return the seconds it waited, at least 0."""
        if self._since is None or not 0 <= now - self._since <= _WINDOW_S:
            self._since, self._least_before, self._least = now, self._least, math.inf
        self._least = min(self._least, now - called)
        return now - called - min(self._least, self._least_before)


class BlockTimer:
    """Turns PortAudio's jittery stamps into the time at which a block's first sample was captured. Pure.

    Blocks of an unbroken stream follow each other by their sample count; the stamps only pull gently. A jump
    forward of more than 0.25 s, or any at which the device says that it lost samples, is a real gap. Time never goes
    back, so bursts after a hang stay in order.
    """

    def __init__(self, rate: int) -> None:
        """Time blocks of a stream at ``rate`` Hz."""
        self._rate = rate
        self._next: float | None = None

    def push(self, stamp: float, frames: int, *, lost: bool = False) -> float:
        """Take a block's own stamp (monotonic s), length, and whether samples before it were lost; return its time."""
        if self._next is None or stamp - self._next > (_LOST_S if lost else _JUMP_S):
            at = stamp
        else:
            at = self._next + max(-1, min(1, stamp - self._next)) * _PULL
        at = at if self._next is None else max(at, self._next - 0.5 / self._rate)
        self._next = at + frames / self._rate
        return at
