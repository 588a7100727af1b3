"""When a block of sound was captured, from stamps that jitter. Pure."""

from __future__ import annotations

from typing import Final

_JUMP_S: Final = 0.25
_LOST_S: Final = 0.005
_PULL: Final = 0.02


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
