"""Lights: a level from 0 (dark) to 1 for each lamp. Breathing and blinking are the caller's business."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Protocol

from hardware.errors import Misused, UnknownDriver
from hardware.pins import DEFAULT_PINS, PinMap
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


def _gpio(clock: Ticker, pins: PinMap) -> Lamps:
    del clock
    from hardware.gpio import GpioLamps, real_pins

    return GpioLamps(real_pins(), pins)


def _mock(clock: Ticker, pins: PinMap) -> Lamps:
    del clock
    from hardware.gpio import GpioLamps, mock_pins

    return GpioLamps(mock_pins(), pins)


def _remembered(clock: Ticker, pins: PinMap) -> Lamps:
    del pins
    return RememberedLamps(clock)


LAMPS: dict[str, Callable[[Ticker, PinMap], Lamps]] = {"gpio": _gpio, "mock": _mock, "remembered": _remembered}
"""The drivers by name."""


def make_lamps(name: str, clock: Ticker, *, pins: PinMap = DEFAULT_PINS) -> Lamps:
    """Make the lamps called ``name``. No other is tried in its place. Raises as `make_controls` does."""
    maker = LAMPS.get(name)
    if maker is None:
        near = difflib.get_close_matches(name, LAMPS, n=1)
        say = f"There is no kind of lamps called {name!r}."
        raise UnknownDriver(say, f"Did you mean {near[0]}?" if near else f"Use one of: {', '.join(LAMPS)}.")
    return maker(clock, pins)
