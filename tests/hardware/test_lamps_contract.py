from __future__ import annotations

import math

import pytest

from hardware.drivers import LAMPS, make_lamps
from hardware.errors import Misused, UnknownDriver
from hardware.pins import wired
from hardware.types import Lamp


@pytest.fixture(params=["remembered", "mock"])
def lamps(request, hands):
    made = make_lamps(request.param, hands, pins=wired(8))
    yield made
    made.close()


def level(lamps, lamp):
    if lamps.name == "remembered":
        return lamps.levels[lamp]
    return lamps.factory.pin(wired(8).lamps[lamp]).state


def test_every_driver_is_under_contract_or_needs_a_board():
    assert set(LAMPS) == {"remembered", "mock", "gpio"}


def test_all_begin_dark(lamps):
    assert [level(lamps, lamp) for lamp in Lamp] == [0.0] * len(Lamp)


def test_a_lamp_takes_its_level_and_no_other_does(lamps):
    lamps.set(Lamp.LEFT, 0.5)
    assert {lamp: level(lamps, lamp) for lamp in Lamp if level(lamps, lamp)} == {Lamp.LEFT: 0.5}


@pytest.mark.parametrize("wrong", [-0.1, 1.1, math.nan])
def test_levels_out_of_range_are_refused(lamps, wrong):
    with pytest.raises(Misused):
        lamps.set(Lamp.RING, wrong)


def test_closed_lamps_are_dark_for_good(lamps):
    lamps.set(Lamp.RING, 1.0)
    lamps.close()
    lamps.close()
    assert level(lamps, Lamp.RING) == 0.0
    with pytest.raises(Misused):
        lamps.set(Lamp.RING, 1.0)


def test_changes_are_remembered_with_their_times(hands):
    lamps = make_lamps("remembered", hands)
    lamps.set(Lamp.RING, 1.0)
    hands.now += 2
    lamps.set(Lamp.RING, 1.0)
    lamps.set(Lamp.RING, 0.0)
    assert lamps.history == [(100.0, Lamp.RING, 1.0), (102.0, Lamp.RING, 0.0)]


def test_names_are_checked(hands):
    with pytest.raises(UnknownDriver, match="mok"):
        make_lamps("mok", hands)
    with pytest.raises(UnknownDriver) as wrong:
        make_lamps("xyz", hands)
    assert "remembered" in wrong.value.do


def test_real_lamps_open_or_say_why(hands, if_there_are_pins):
    lamps, why = if_there_are_pins(lambda: make_lamps("gpio", hands))
    if lamps is None:
        assert why.do
    else:
        lamps.set(Lamp.RING, 0.5)
        lamps.close()
