"""Lights: a level from 0 (dark) to 1 for each lamp. Breathing and blinking are the caller's business."""

from __future__ import annotations

from typing import Protocol

from hardware.errors import Misused
from hardware.types import Lamp, Ticker


class Lamps(Protocol):
    """A set of lamps. All are dark when made and dark again after `close`."""

    name: str

    def set(self, lamp: Lamp, level: float) -> None:
        """Light ``lamp`` at ``level``, 0 to 1. A lamp that is not wired is quietly left out.

        Raises `Misused` for a level out of range or after `close`.
        """
        ...

    def close(self) -> None:
        """Make every lamp dark and let go of the hardware. Closing twice is harmless."""
        ...


def check_level(level: float) -> float:
    """Return ``level`` if a lamp can be lit so, else raise `Misused`."""
    if not 0.0 <= level <= 1.0:
        say = f"A lamp cannot be lit at {level}."
        raise Misused(say, "Use a level from 0 (dark) to 1.")
    return level


def closed() -> Misused:
    """Say that the lamps were put away."""
    return Misused("The lamps have been switched off for good.", "Make new ones.")


class RememberedLamps:
    """Lamps for a box without any: they keep what was set, and when, so that a test or a screen can look."""

    name = "remembered"

    def __init__(self, clock: Ticker) -> None:
        """Begin dark."""
        self._clock = clock
        self._open = True
        self.levels: dict[Lamp, float] = dict.fromkeys(Lamp, 0.0)
        self.history: list[tuple[float, Lamp, float]] = []
        """(second, lamp, level) for every change. A lamp set to the level it has is no change."""

    def set(self, lamp: Lamp, level: float) -> None:
        """Remember the level."""
        if not self._open:
            raise closed()
        self._change(lamp, check_level(level))

    def close(self) -> None:
        """Make every lamp dark."""
        for lamp in Lamp:
            self._change(lamp, 0.0)
        self._open = False

    def _change(self, lamp: Lamp, level: float) -> None:
        if self.levels[lamp] != level:
            self.levels[lamp] = level
            self.history.append((self._clock.monotonic(), lamp, level))
