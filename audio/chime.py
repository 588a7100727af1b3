"""The sound by which the box says that something is wrong with it: two calm falling tones, made by code."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from audio.pcm import Samples

TONES_HZ: Final = (659.26, 523.25)
"""E and then C: a falling third, as a doorbell has it. A rising one asks, and one tone alone could be anything."""
TONE_S: Final = 0.45
"""Of each: long enough for tired ears, and over before anybody startles."""
_LEVEL: Final = 10 ** (-16 / 20)
"""About as loud as the words after it."""
_ATTACK_S: Final = 0.03
"""A softly struck bar, not an alarm."""
_FADES_S: Final = 0.16
"""Within this long a tone falls to a third of itself."""


def chime(rate: int) -> Samples:
    """Make the chime: mono float32 at ``rate`` Hz, 0.9 s, softly begun and silent at its end."""
    at = np.arange(round(rate * TONE_S)) / rate
    shape = np.minimum(1.0, at / _ATTACK_S) * np.exp(-at / _FADES_S) * np.minimum(1.0, at[::-1] / _ATTACK_S)
    tones = [_LEVEL * shape * np.sin(2 * math.pi * hertz * at) for hertz in TONES_HZ]
    return np.concatenate(tones).astype(np.float32)
