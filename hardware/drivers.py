"""Which controls and which lamps there are, by the name they have in the configuration; the one place that chooses."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Protocol

from hardware.controls import SETTLE_MS, Controls, ScriptedControls
from hardware.errors import UnknownDriver
from hardware.keyboard import KeyboardControls
from hardware.lamps import Lamps, RememberedLamps
from hardware.pins import DEFAULT_PINS, PinMap
from hardware.types import Ticker


def _gpio_controls(clock: Ticker, pins: PinMap, settle_ms: int, *, releases: bool) -> Controls:
    from hardware.gpio import GpioControls, real_pins

    return GpioControls(clock, real_pins(), pins, settle_ms=settle_ms, releases=releases)


def _mock_controls(clock: Ticker, pins: PinMap, settle_ms: int, *, releases: bool) -> Controls:
    from hardware.gpio import GpioControls, mock_pins

    return GpioControls(clock, mock_pins(), pins, settle_ms=settle_ms, releases=releases)


def _keyboard_controls(clock: Ticker, pins: PinMap, settle_ms: int, *, releases: bool) -> Controls:
    del pins
    return KeyboardControls(clock, settle_ms, releases=releases)


def _scripted_controls(clock: Ticker, pins: PinMap, settle_ms: int, *, releases: bool) -> Controls:
    del pins
    return ScriptedControls(clock, settle_ms, releases=releases)


class _MakesControls(Protocol):
    def __call__(self, clock: Ticker, pins: PinMap, settle_ms: int, *, releases: bool) -> Controls: ...


CONTROLS: dict[str, _MakesControls] = {
    "gpio": _gpio_controls,
    "mock": _mock_controls,
    "keyboard": _keyboard_controls,
    "scripted": _scripted_controls,
}
"""The drivers by name. A new one needs a line here; the contract suite then picks it up."""


def make_controls(
    name: str,
    clock: Ticker,
    *,
    pins: PinMap = DEFAULT_PINS,
    settle_ms: int = SETTLE_MS,
    releases: bool = False,
) -> Controls:
    """Make the driver called ``name``. No other is tried in its place.

    ``pins`` matters to ``gpio`` and ``mock`` alone.
    Raises `UnknownDriver`, and for ``gpio`` `NoPinLibrary` or `NoPins`.
    """
    maker = CONTROLS.get(name)
    if maker is None:
        near = difflib.get_close_matches(name, CONTROLS, n=1)
        say = f"There is no kind of buttons called {name!r}."
        raise UnknownDriver(say, f"Did you mean {near[0]}?" if near else f"Use one of: {', '.join(CONTROLS)}.")
    return maker(clock, pins, settle_ms, releases=releases)


def _gpio_lamps(clock: Ticker, pins: PinMap) -> Lamps:
    del clock
    from hardware.gpio import GpioLamps, real_pins

    return GpioLamps(real_pins(), pins)


def _mock_lamps(clock: Ticker, pins: PinMap) -> Lamps:
    del clock
    from hardware.gpio import GpioLamps, mock_pins

    return GpioLamps(mock_pins(), pins)


def _remembered_lamps(clock: Ticker, pins: PinMap) -> Lamps:
    del pins
    return RememberedLamps(clock)


LAMPS: dict[str, Callable[[Ticker, PinMap], Lamps]] = {
    "gpio": _gpio_lamps,
    "mock": _mock_lamps,
    "remembered": _remembered_lamps,
}
"""The drivers by name."""


def make_lamps(name: str, clock: Ticker, *, pins: PinMap = DEFAULT_PINS) -> Lamps:
    """Make the lamps called ``name``. No other is tried in its place. Raises as `make_controls` does."""
    maker = LAMPS.get(name)
    if maker is None:
        near = difflib.get_close_matches(name, LAMPS, n=1)
        say = f"There is no kind of lamps called {name!r}."
        raise UnknownDriver(say, f"Did you mean {near[0]}?" if near else f"Use one of: {', '.join(LAMPS)}.")
    return maker(clock, pins)
