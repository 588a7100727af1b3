"""How long a turn of the main loop may wait: news between two frames must not put the next one off."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from audio.clock import VirtualClock
from kiosk.app import App
from kiosk.facing import PHONE_S
from kiosk.types import State


@pytest.mark.parametrize(
    ("since", "home", "waits"),
    [
        (0.0, State.ATTRACT, 0.05),
        (0.03, State.ATTRACT, 0.02),
        (0.08, State.ATTRACT, 0.0),
        (0.0, State.FACILITATOR, PHONE_S),
    ],
)
def test_a_turn_waits_until_the_next_frame_is_due(since, home, waits) -> None:
    clock = VirtualClock()
    app = SimpleNamespace(
        _drawn=clock.monotonic(), _clock=clock, frame_s=0.05, session=SimpleNamespace(home=home)
    )  # fmt: skip
    clock.advance(since)
    assert App.wait_s.fget(app) == pytest.approx(waits)
