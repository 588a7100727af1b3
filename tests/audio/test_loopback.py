"""The box hears itself: what counts as heard, and once for real through PortAudio and a server's own loop."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from audio.clock import SystemClock
from audio.drivers import make_player, make_source
from audio.loopback import LISTEN_S, Heard, judge, tone, try_sound
from audio.virtualsound import MICROPHONE, SPEAKER

pytestmark = pytest.mark.alone  # sound in real time, through a sound server

RATE = 48_000


def recorded(gain_db: float, noise_db: float = -70.0, *, hz: float | None = None) -> np.ndarray:
    room = np.random.default_rng(5).normal(0, 10 ** (noise_db / 20), round(RATE * LISTEN_S)).astype(np.float32)
    said = tone() if hz is None else (0.25 * np.sin(2 * np.pi * hz * np.arange(RATE) / RATE)).astype(np.float32)
    room[RATE : RATE + len(said)] += said * np.float32(10 ** (gain_db / 20))
    return room


@pytest.mark.parametrize(
    ("sound", "heard"),
    [
        (recorded(0.0), Heard.GOOD),
        (recorded(-20.0), Heard.GOOD),
        (recorded(-40.0), Heard.FAR),
        (recorded(-90.0), Heard.NOTHING),
        (recorded(12.0), Heard.LOUD),
        # A loud room, and another tone, are not the box.
        (recorded(-90.0, noise_db=-20.0), Heard.NOTHING),
        (recorded(0.0, hz=440.0), Heard.NOTHING),
        (np.zeros(RATE, np.float32), Heard.NOTHING),
        (np.zeros(10, np.float32), Heard.NOTHING),
    ],
)
def test_the_tone_is_told_from_the_room(sound: np.ndarray, heard: Heard) -> None:
    assert judge(sound, RATE).heard is heard


def test_a_tone_in_a_room_that_speaks_is_found() -> None:
    assert judge(recorded(-6.0, noise_db=-35.0), RATE).heard is Heard.GOOD


def test_the_tone_goes_out_and_comes_back_through_portaudio(virtual_sound) -> None:
    clock, stop = SystemClock(), threading.Event()
    source = make_source("microphone", clock, device=MICROPHONE)
    player = make_player("speaker", clock, lambda _: None, device=SPEAKER)
    try:
        alone = try_sound(source, player, stop.wait)
        assert alone.heard is Heard.NOTHING, "nothing leads from the loudspeaker to the microphone yet"
        number = virtual_sound.control(
            "load-module", "module-loopback", "source=speaker.monitor", "sink=micfeed", "latency_msec=30"
        ).strip()
        assert number
        try:
            looped = try_sound(source, player, stop.wait)
            assert looped.heard is Heard.GOOD
            assert looped.above > 30
            assert try_sound(source, player, stop.wait, gain_db=-36.0).heard is Heard.FAR
        finally:
            virtual_sound.control("unload-module", number)
    finally:
        player.close()
