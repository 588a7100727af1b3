from __future__ import annotations

import sys
import types

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from hardware.controls import STUCK_S
from hardware.errors import BadWiring, Misused, NoPinLibrary, NoPins
from hardware.gpio import GpioControls, GpioLamps, mock_pins, real_pins
from hardware.pins import DEFAULT_PINS, HEADER, RESERVED, PinMap, wired
from hardware.types import CUES, Control, Lamp


def test_a_missing_library_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "lgpio", None)
    with pytest.raises(NoPinLibrary) as missing:
        real_pins()
    assert missing.value.say == "This board's pin library is missing."
    assert "python3-lgpio" in missing.value.do


def test_the_empty_placeholder_is_recognised(monkeypatch):
    monkeypatch.setitem(sys.modules, "lgpio", types.ModuleType("lgpio"))
    with pytest.raises(NoPinLibrary, match="placeholder"):
        real_pins()


def test_a_switch_that_bounces_on_a_pin_gives_one_press(hands):
    controls = GpioControls(hands, mock_pins())
    told = []
    controls.start(told.append)
    pin = controls.factory.pin(DEFAULT_PINS.controls[Control.MIDDLE])
    for drive in (pin.drive_low, pin.drive_high) * 5:
        drive()
        hands.now += 0.001
    pin.drive_low()
    assert [(e.control, e.at) for e in told] == [(Control.MIDDLE, 100.0)]
    controls.stop()


class LeanedOn(MockPWMPin):
    """A pin held to ground from outside: its pull-up cannot lift it."""

    def _set_pull(self, value):
        self._pull = value
        self._change_state(False)


def test_a_button_that_is_down_at_the_start_is_no_press(hands):
    factory = MockFactory(pin_class=LeanedOn)
    told = []
    controls = GpioControls(hands, factory)
    controls.start(told.append)
    hands.now += STUCK_S
    assert controls.stuck() == set(DEFAULT_PINS.controls)
    pin = factory.pin(DEFAULT_PINS.controls[Control.LEFT])
    pin.drive_high()
    assert told == []
    hands.now += 1
    pin.drive_low()
    assert [e.control for e in told] == [Control.LEFT]
    controls.stop()


def test_stopped_buttons_give_their_pins_back(hands):
    factory = mock_pins()
    controls = GpioControls(hands, factory)
    for _ in range(2):
        controls.start(lambda _: None)
        controls.stop()
    pin = factory.pin(DEFAULT_PINS.controls[Control.LEFT])
    pin.drive_low()


def test_a_taken_pin_is_said_and_the_others_are_given_back(hands):
    factory = mock_pins()
    lamps = GpioLamps(factory, PinMap(controls={}, lamps={Lamp.RING: 25}))
    controls = GpioControls(hands, factory)
    with pytest.raises(NoPins, match="25"):
        controls.start(lambda _: None)
    lamps.close()
    controls.start(lambda _: None)
    with pytest.raises(NoPins):
        GpioLamps(factory, PinMap(controls={}, lamps={Lamp.LEFT: 26, Lamp.RING: 25}))
    controls.stop()


def test_a_pin_that_another_program_holds_is_said_too(hands, monkeypatch):
    # On a kernel's pins the library below says so, and its errors are no kind of the pin library's.
    below = types.ModuleType("lgpio")
    below.error = type("error", (Exception,), {})
    monkeypatch.setitem(sys.modules, "lgpio", below)

    class Held(MockPWMPin):
        def __init__(self, factory, info):
            raise below.error("GPIO busy")

    controls = GpioControls(hands, MockFactory(pin_class=Held))
    with pytest.raises(NoPins, match="GPIO busy"):
        controls.start(lambda _: None)
    with pytest.raises(NoPins, match="GPIO busy"):
        GpioLamps(MockFactory(pin_class=Held))


def test_dimmable_lamps_follow_the_level_on_the_pin():
    factory = mock_pins()
    lamps = GpioLamps(factory)
    ring = factory.pin(DEFAULT_PINS.lamps[Lamp.RING])
    lamps.set(Lamp.RING, 0.25)
    assert ring.state == pytest.approx(0.25)
    lamps.close()


def test_plain_lamps_are_on_from_half():
    factory = mock_pins()
    lamps = GpioLamps(factory, PinMap(dimmable=False))
    ring = factory.pin(DEFAULT_PINS.lamps[Lamp.RING])
    lamps.set(Lamp.RING, 0.49)
    assert not ring.state
    lamps.set(Lamp.RING, 0.5)
    assert ring.state
    lamps.close()
    assert not ring.state


def test_a_lamp_without_a_wire_is_left_out():
    lamps = GpioLamps(mock_pins(), PinMap(lamps={Lamp.RING: 12}))
    lamps.set(Lamp.CUE4, 1.0)
    lamps.close()
    with pytest.raises(Misused):
        lamps.set(Lamp.RING, 1.0)


@pytest.mark.parametrize("reserved", sorted(RESERVED))
def test_reserved_pins_are_refused(reserved):
    with pytest.raises(BadWiring, match="kept for"):
        PinMap(controls={Control.LEFT: reserved}, lamps={})


def test_eight_cue_buttons_have_a_pin_and_a_lamp_each_where_no_hat_needs_them():
    eight = wired(8)
    assert set(CUES) <= set(eight.controls)
    assert {lamp.value for lamp in eight.lamps} >= {control.value for control in CUES}
    assert min(eight.lamps.values()) > 8, "dark while the board starts"
    assert wired(4) == DEFAULT_PINS
    assert not set(CUES) & set(wired(0).controls)
    factory = mock_pins()
    lamps = GpioLamps(factory, eight)
    lamps.set(Lamp.CUE7, 1.0)
    assert factory.pin(eight.lamps[Lamp.CUE7]).state == 1.0
    lamps.close()


def test_pins_off_the_header_and_pins_used_twice_are_refused():
    with pytest.raises(BadWiring, match="no GPIO 40"):
        PinMap(controls={Control.LEFT: 40}, lamps={})
    with pytest.raises(BadWiring, match="both button left and lamp ring"):
        PinMap(controls={Control.LEFT: 5}, lamps={Lamp.RING: 5})


def test_the_header_is_the_one_the_pin_library_knows():
    board = mock_pins().board_info
    known = {
        int(pin.name.removeprefix("GPIO")): number
        for number, pin in board.headers["J8"].pins.items()
        if pin.name.startswith("GPIO")
    }
    assert {bcm: known[bcm] for bcm in HEADER} == dict(HEADER)
    assert set(known) - set(HEADER) <= {0, 1}


def test_default_lamps_rest_dark_while_the_board_starts():
    assert min(DEFAULT_PINS.lamps.values()) > 8
