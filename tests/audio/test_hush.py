"""The sound libraries do not talk to people."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_OPEN_NOTHING = """
import ctypes
from audio.hush import hush_alsa
print(hush_alsa())
alsa = ctypes.CDLL("libasound.so.2")
print(alsa.snd_pcm_open(ctypes.byref(ctypes.c_void_p()), b"no_such_device", 0, 0))
"""


def _complaints(**environment):
    done = subprocess.run(
        [sys.executable, "-c", _OPEN_NOTHING],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if "libasound.so.2" in done.stderr:
        pytest.skip("ALSA is not installed (Debian: libportaudio2 brings it)")
    return done.stdout.split(), done.stderr


def test_a_device_that_does_not_open_is_an_error_code_and_nothing_else():
    (hushed, code), said = _complaints()
    assert hushed == "True"
    assert int(code) < 0
    assert said == ""


def test_who_looks_for_a_drivers_fault_hears_it_all():
    (hushed, _), said = _complaints(HEARTH_SOUND_NOISE="1")
    assert hushed == "False"
    assert "ALSA lib" in said
