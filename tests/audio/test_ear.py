"""The measuring itself: what is told of a recording, and a short soak."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from audio.bench_sound import Heard, level_spread, p95, tone, unlike_voices
from audio.ear import RATE, Ear, Recording
from audio.hogs import HogDied, busy
from audio.soak import long_take, soak
from audio.virtualsound import missing_programs

pytestmark = pytest.mark.alone  # sound in real time, through a sound server


def heard(sound):
    """A second of quiet, ``sound``, a second of quiet; heard from moment 10 on."""
    quiet = np.zeros(RATE, np.float32)
    return Recording(np.concatenate([quiet, sound, quiet]), 10.0)


def test_start_and_stop_are_told_from_the_presses():
    result = Heard()
    result.add(heard(tone(0.5)), pressed=10.9, stopped=11.46)
    assert result.start_ms == [pytest.approx(100, abs=0.5)]
    assert result.stop_ms == [pytest.approx(40, abs=0.5)]
    assert (result.holes, result.clicks) == (0, 0)


def test_a_hole_and_a_click_are_found():
    torn = tone(0.5)
    torn[9600:10_080] = 0
    result = Heard()
    result.add(heard(torn), 10.9, 11.46)
    assert result.holes == 1
    stepped = tone(0.5)
    stepped[9600:] *= -1
    stepped[9650] = 0.9
    result.add(heard(stepped), 10.9, 11.46)
    assert result.clicks >= 1


def test_silence_counts_as_a_hole():
    result = Heard()
    result.add(heard(np.zeros(4800, np.float32)), 10.9, 11.1)
    assert (result.start_ms, result.holes) == ([], 1)
    assert p95([1.0, 2.0, 3.0]) == 3.0


def test_the_ear_hears_the_virtual_loudspeaker(virtual_sound):
    began = time.monotonic()
    with Ear(virtual_sound) as ear:
        while len((recording := ear.heard()).samples) <= 0.1 * RATE:
            assert time.monotonic() < began + 60, "nothing is heard"
            time.sleep(0.01)
    assert began - 1.0 < recording.at < time.monotonic()


def test_hogs_end_with_their_block(tmp_path):
    with busy(cores=1, disk=tmp_path) as pids:
        assert len(pids) == 2
    for pid in pids:
        assert not Path(f"/proc/{pid}").exists()


def test_a_hog_that_died_is_no_measurement(tmp_path):
    with pytest.raises(HogDied, match="sync"), busy(cores=1, disk=tmp_path / "nowhere") as pids:
        os.waitid(os.P_PID, pids[1], os.WEXITED | os.WNOWAIT)
    assert not Path(f"/proc/{pids[0]}").exists()


def test_a_hushed_voice_sounds_as_loud_as_the_others(virtual_sound):
    recorded, _, hushed = [(samples[: 3 * rate], rate) for samples, rate in unlike_voices()]
    assert level_spread(virtual_sound, [recorded, hushed]) <= 2.0


def test_two_minutes_of_the_soak_lose_nothing():
    if missing_programs():
        pytest.skip("needs pulseaudio")
    found = soak(2.0)
    assert found["blocks_heard"] > 5_000
    assert (found["blocks_lost"], found["gaps"]) == (0, 0)
    assert found["sound_missing_ms"] < 100


def test_memory_stays_flat_over_a_long_take():
    found = long_take(0.05)
    assert found["takes"] == 1
    assert found["segments"] >= 10, "three minutes of speech were cut while they were told"
    assert found["rss_mb_growth"] < 8
