"""One contract for every driver of buttons; the pins stand for the real thing down to the pin library."""

from __future__ import annotations

import queue
import threading

import pytest

from hardware.controls import STUCK_S
from hardware.drivers import CONTROLS, make_controls
from hardware.errors import Misused, UnknownDriver
from hardware.pins import DEFAULT_PINS
from hardware.types import Control


class Finger:
    """Puts an edge on a driver the way the world does."""

    def __init__(self, name, clock):
        self.clock = clock
        self.controls = make_controls(name, clock, releases=True)
        self.name = name

    def edge(self, control, *, pressed):
        if self.name == "mock":
            pin = self.controls.factory.pin(DEFAULT_PINS.controls[control])
            (pin.drive_low if pressed else pin.drive_high)()
        elif self.name == "keyboard":
            key = {Control.LEFT: "left", Control.MIDDLE: "space", Control.CUE2: "2"}[control]
            assert self.controls.key(key, pressed=pressed) is control
        elif pressed:
            self.controls.hold(control)
        else:
            self.controls.let_go(control)

    def press(self, control):
        self.edge(control, pressed=True)
        self.clock.now += 0.1
        self.edge(control, pressed=False)
        self.clock.now += 0.1


@pytest.fixture(params=["scripted", "keyboard", "mock"])
def finger(request, hands):
    made = Finger(request.param, hands)
    yield made
    made.controls.stop()


def presses(told):
    return [event.control for event in told if not event.released]


def test_every_driver_is_under_contract_or_needs_a_board():
    assert set(CONTROLS) == {"scripted", "keyboard", "mock", "gpio"}


def test_a_press_is_announced_once_at_its_time(finger):
    told = []
    finger.controls.start(told.append)
    finger.press(Control.LEFT)
    finger.controls.settle()
    assert [(e.control, e.at, e.released) for e in told] == [
        (Control.LEFT, 100.0, False),
        (Control.LEFT, pytest.approx(100.1), True),
    ]


def test_presses_come_in_their_order(finger):
    told = []
    finger.controls.start(told.append)
    for control in (Control.CUE2, Control.LEFT, Control.LEFT, Control.MIDDLE):
        finger.press(control)
    assert presses(told) == [Control.CUE2, Control.LEFT, Control.LEFT, Control.MIDDLE]


def test_two_keys_down_at_once(finger):
    told = []
    finger.controls.start(told.append)
    finger.edge(Control.LEFT, pressed=True)
    finger.edge(Control.MIDDLE, pressed=True)
    assert presses(told) == [Control.LEFT, Control.MIDDLE]


def test_nothing_is_announced_after_stop_and_stopping_twice_is_harmless(finger):
    told = []
    finger.controls.start(told.append)
    finger.controls.stop()
    finger.controls.stop()
    finger.controls.settle()
    if finger.name == "keyboard":
        finger.press(Control.LEFT)
    assert told == []


def test_starting_twice_is_refused(finger):
    finger.controls.start(lambda _: None)
    with pytest.raises(Misused):
        finger.controls.start(lambda _: None)


def test_a_jammed_key_is_named(finger):
    finger.controls.start(lambda _: None)
    finger.edge(Control.LEFT, pressed=True)
    assert finger.controls.stuck() == frozenset()
    finger.clock.now += STUCK_S
    assert finger.controls.stuck() == {Control.LEFT}


def test_presses_from_another_thread_arrive(finger):
    told = queue.SimpleQueue()
    finger.controls.start(told.put)
    other = threading.Thread(target=finger.press, args=(Control.LEFT,))
    other.start()
    other.join()
    assert told.get(timeout=5).control is Control.LEFT


def test_a_name_nobody_answers_to_is_refused_with_the_nearest(hands):
    with pytest.raises(UnknownDriver) as wrong:
        make_controls("keybord", hands)
    assert wrong.value.do == "Did you mean keyboard?"
    with pytest.raises(UnknownDriver) as wrong:
        make_controls("xyz", hands)
    assert "scripted" in wrong.value.do


def test_real_pins_open_or_say_why(hands, if_there_are_pins):
    controls, why = if_there_are_pins(lambda: make_controls("gpio", hands))
    if controls is None:
        assert "pin" in why.say
        assert "keyboard" in why.do
    else:
        controls.start(lambda _: None)
        controls.stop()
        controls.factory.close()


class TestScripted:
    def test_pressing_before_start_is_refused(self, hands):
        with pytest.raises(Misused):
            make_controls("scripted", hands).press(Control.LEFT)

    def test_it_remembers_what_was_announced(self, hands):
        controls = make_controls("scripted", hands)
        told = []
        controls.start(told.append)
        assert controls.press(Control.LEFT) == 100.0
        assert controls.told == told
        assert presses(told) == [Control.LEFT]

    def test_the_same_key_twice_without_time_passing_still_counts_twice(self, hands):
        controls = make_controls("scripted", hands)
        controls.start(lambda _: None)
        first, second = controls.press(Control.LEFT), controls.press(Control.LEFT)
        assert second - first == pytest.approx(0.055)
        assert presses(controls.told) == [Control.LEFT, Control.LEFT]

    def test_a_worn_switch_gives_one_press(self, hands):
        controls = make_controls("scripted", hands)
        controls.start(lambda _: None)
        controls.bounce(Control.LEFT, times=9)
        controls.bounce(Control.LEFT, times=9)
        assert presses(controls.told) == [Control.LEFT, Control.LEFT]

    def test_a_storm_announces_every_touch(self, hands):
        controls = make_controls("scripted", hands)
        controls.start(lambda _: None)
        storm = list(Control) * 50
        controls.storm(storm)
        assert presses(controls.told) == storm

    def test_a_finger_cannot_press_a_key_it_holds(self, hands):
        controls = make_controls("scripted", hands)
        controls.start(lambda _: None)
        controls.hold(Control.LEFT)
        with pytest.raises(Misused, match="already down"):
            controls.press(Control.LEFT)
        controls.let_go(Control.LEFT)
        controls.press(Control.LEFT)
        assert presses(controls.told) == [Control.LEFT, Control.LEFT]
