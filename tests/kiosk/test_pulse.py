"""What is noted beside the visitors: that somebody is here, and when, and nothing else."""

from __future__ import annotations

import os

import pytest

from archive.home import open_home
from archive.store import Store
from audio.clock import VirtualClock
from kiosk.pulse import PRESSED_S, Pulse, lost, must_be_said
from kiosk.types import Mic, Session, State


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    clock = VirtualClock()
    with Store(open_home(tmp_path / "home"), clock) as opened:
        yield opened, clock


def test_a_press_leaves_its_time_and_nothing_else(store) -> None:
    opened, clock = store
    Pulse(opened, clock).pressed()
    assert opened.home.pressed.read_bytes() == b""


def test_presses_touch_the_disk_once_a_minute(store) -> None:
    opened, clock = store
    pulse = Pulse(opened, clock)
    pulse.pressed()
    os.utime(opened.home.pressed, (0, 0))
    clock.advance(PRESSED_S - 1)
    pulse.pressed()
    assert opened.home.pressed.stat().st_mtime == 0
    clock.advance(1)
    pulse.pressed()
    assert opened.home.pressed.stat().st_mtime > 0


@pytest.mark.parametrize("state", [State.READY, State.RECORDING, State.CONVERSATION])
def test_a_microphone_that_dies_is_said_once_wherever_its_ring_was_lit(state) -> None:
    lit, dead = Session(state=state, mic=Mic.OPEN), Session(state=state, mic=Mic.LOST, lost_at=3.0)
    assert must_be_said(lit, dead)
    assert not must_be_said(dead, dead)
    assert not must_be_said(dead, lit)
    assert lost(dead)
    assert not lost(lit)
