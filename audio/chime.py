"""What the box sounds without words, made by code: something is wrong with it, or a teller's time is nearly full.

The first are two calm falling tones. The second are two alike, softer, and all at one frequency: they sound into the
story that is told, and `without_tones` takes them out again of what is written down.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from audio.pcm import Samples

TONES_HZ: Final = (659.26, 523.25)
"""E and then C: a falling third, as a doorbell has it. A rising one asks, and one tone alone could be anything."""
TONE_S: Final = 0.45
"""Of each: long enough for tired ears, and over before anybody startles."""
TIME_HZ: Final = 523.25
"""Twice the same, as a clock strikes: nothing is wrong."""
_TIME_LEVEL: Final = 10 ** (-24 / 20)
"""Softer than a voice: somebody is telling."""
_NARROW_HZ: Final = 24.0
"""A struck tone lies so near to its frequency; a voice loses nothing that an ear would miss."""
_DROWNED: Final = 0.35
"""Less than this share left without the tones: nobody spoke meanwhile."""
_LEVEL: Final = 10 ** (-16 / 20)
"""About as loud as the words after it."""
_ATTACK_S: Final = 0.03
"""A softly struck bar, not an alarm."""
_FADES_S: Final = 0.16
"""Within this long a tone falls to a third of itself."""


def chime(rate: int) -> Samples:
    """Make the chime of trouble: mono float32 at ``rate`` Hz, 0.9 s, softly begun and silent at its end."""
    return np.concatenate([_struck(hertz, _LEVEL, rate) for hertz in TONES_HZ])


def time_tones(rate: int) -> Samples:
    """Make the tones of little time left: mono float32 at ``rate`` Hz, 0.9 s, softly begun and silent at its end."""
    return np.tile(_struck(TIME_HZ, _TIME_LEVEL, rate), 2)


def without_tones(samples: Samples, rate: int) -> tuple[Samples, bool]:
    """Return a stretch without `time_tones`, and whether a voice is left in it; where none is, the stretch is silent.

    Pure. ``samples`` are mono float32 at ``rate`` Hz, about as long as the tones; they are left as they were.
    """
    bands = np.fft.rfft(samples)
    away = np.abs(np.fft.rfftfreq(len(samples), 1 / rate) - TIME_HZ)
    bands[away < _NARROW_HZ] = 0.0
    rest = np.fft.irfft(bands, len(samples)).astype(np.float32)
    spoken = bool(np.square(rest).sum() > _DROWNED**2 * np.square(samples, dtype=np.float32).sum())
    return (rest if spoken else np.zeros_like(samples)), spoken


def _struck(hertz: float, level: float, rate: int) -> Samples:
    at = np.arange(round(rate * TONE_S)) / rate
    shape = np.minimum(1.0, at / _ATTACK_S) * np.exp(-at / _FADES_S) * np.minimum(1.0, at[::-1] / _ATTACK_S)
    return (level * shape * np.sin(2 * math.pi * hertz * at)).astype(np.float32)
