"""Buttons and lamps on the pins of a Raspberry Pi. The only home of ``gpiozero``.

Callbacks run in the pin library's thread and only queue. The library's own debouncing is not used: its mock pins
ignore it, so it could not be tested, and `hardware.controls.Debouncer` judges every driver alike.
"""

from __future__ import annotations

import os
import sys
import tempfile
from functools import partial
from typing import TYPE_CHECKING

from gpiozero import LED, PWMLED, DigitalInputDevice
from gpiozero.exc import GPIOZeroError
from gpiozero.pins.mock import MockFactory, MockPWMPin

from hardware.controls import SETTLE_MS, Announce, Debounced
from hardware.errors import HardwareError, NoPinLibrary, NoPins
from hardware.lamps import check_level, closed
from hardware.pins import DEFAULT_PINS, PinMap

if TYPE_CHECKING:
    from gpiozero.pins import Factory

    from hardware.types import Control, Lamp, Ticker

_INSTALL = (
    "Install python3-lgpio from Raspberry Pi OS (sudo apt install python3-lgpio), or choose the keyboard instead "
    "of pins in the settings."
)


def real_pins() -> Factory:
    """Open this board's pins.

    Raises `NoPinLibrary` when the library is missing or is the placeholder that the package index carries for
    some versions of Python (it imports, and can do nothing), `NoPins` when there is no pin chip or it may not be
    opened. No other library is tried in its place.
    """
    # The library makes a named pipe in its working folder as soon as it is imported: not among a home's files.
    os.environ.setdefault("LG_WD", tempfile.gettempdir())
    try:
        import lgpio
    except (ImportError, OSError) as missing:
        say = "This board's pin library is missing."
        raise NoPinLibrary(say, _INSTALL) from missing
    if not hasattr(lgpio, "gpiochip_open"):
        say = "This board's pin library is an empty placeholder and cannot reach the pins."
        raise NoPinLibrary(say, _INSTALL)
    from gpiozero.pins.lgpio import LGPIOFactory

    try:
        return LGPIOFactory()
    except (GPIOZeroError, lgpio.error, OSError) as shut:
        raise _no_pins(shut) from shut


def mock_pins() -> MockFactory:
    """Make pins that exist only in memory: ``factory.pin(n).drive_low()`` presses, ``drive_high()`` lets go."""
    return MockFactory(pin_class=MockPWMPin)


def _no_pins(why: Exception) -> HardwareError:
    say = f"The pins for buttons and lamps cannot be opened ({why})."
    do = "Is this a Raspberry Pi, and is the program's user in the group gpio? Without pins, choose the keyboard."
    return NoPins(say, do)


def _refusals() -> tuple[type[Exception], ...]:
    """What a pin that cannot be had raises: an error of this library, or of the one below it, passed through."""
    below = getattr(sys.modules.get("lgpio"), "error", None)
    return (GPIOZeroError, OSError) if below is None else (GPIOZeroError, OSError, below)


class GpioControls(Debounced):
    """Buttons between a pin and ground, with the board's own pull-up resistors."""

    name = "gpio"

    def __init__(
        self,
        clock: Ticker,
        factory: Factory,
        pins: PinMap = DEFAULT_PINS,
        *,
        settle_ms: int = SETTLE_MS,
        releases: bool = False,
    ) -> None:
        """Keep the pins for `start`; nothing is opened yet. ``factory`` is its maker's to close."""
        super().__init__(clock, settle_ms, releases=releases)
        self.factory = factory
        self._pins = pins
        self._buttons: list[DigitalInputDevice] = []

    def start(self, announce: Announce) -> None:
        """Open the pins and begin to announce presses. Raises `NoPins` if one is taken."""
        super().start(announce)
        try:
            for control, number in self._pins.controls.items():
                self._buttons.append(self._watch(control, number))
        except _refusals() as taken:
            self.stop()
            raise _no_pins(taken) from taken

    def stop(self) -> None:
        """Announce nothing more and give the pins back."""
        super().stop()
        while self._buttons:
            self._buttons.pop().close()

    def _watch(self, control: Control, number: int) -> DigitalInputDevice:
        button = DigitalInputDevice(number, pull_up=True, pin_factory=self.factory)
        if button.is_active:
            with self._lock:
                self._debouncer.already_down(control, self._clock.monotonic())
        button.when_activated = partial(self._down, control)
        button.when_deactivated = partial(self._up, control)
        return button

    def _down(self, control: Control) -> None:
        self._edge(control, self._clock.monotonic(), pressed=True)

    def _up(self, control: Control) -> None:
        self._edge(control, self._clock.monotonic(), pressed=False)


class GpioLamps:
    """Lamps driven by a pin, dimmed by pulse width or only switched."""

    name = "gpio"

    def __init__(self, factory: Factory, pins: PinMap = DEFAULT_PINS) -> None:
        """Open the pins, dark. Raises `NoPins` if one is taken."""
        self.factory = factory
        self._lamps: dict[Lamp, LED] | None = {}
        make = PWMLED if pins.dimmable else LED
        try:
            for lamp, number in pins.lamps.items():
                self._lamps[lamp] = make(number, pin_factory=factory)
        except _refusals() as taken:
            self.close()
            raise _no_pins(taken) from taken

    def set(self, lamp: Lamp, level: float) -> None:
        """Light a lamp. Where lamps can only be switched, half and more is on."""
        if self._lamps is None:
            raise closed()
        check_level(level)
        led = self._lamps.get(lamp)
        if isinstance(led, PWMLED):
            led.value = level
        elif led is not None:
            led.value = level >= 0.5  # noqa: PLR2004  the middle of the range

    def close(self) -> None:
        """Make every lamp dark and give the pins back."""
        for led in (self._lamps or {}).values():
            led.off()
            led.close()
        self._lamps = None
