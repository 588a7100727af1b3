"""How loud a clip sounds (ITU-R BS.1770, EBU R 128) and the gain that makes voices sit side by side."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from audio.pcm import Samples

TARGET_LUFS: Final = -23.0
"""Programme loudness of EBU R 128."""
_BLOCK_S: Final = 0.4
_MOST_DB: Final = 36.0
"""What a hushed voice, far from the microphone, needs to stand beside others; below that there is only the room."""


def loudness(samples: Samples, rate: int) -> float:
    """Return the integrated loudness of mono ``samples`` in LUFS; minus infinity for silence.

    A clip under the standard's 0.4 s block is repeated until it fills one.
    """
    if not len(samples) or not np.any(samples):
        return -math.inf
    import pyloudnorm  # brings half of scipy with it

    block = math.ceil(_BLOCK_S * rate) + 1
    if len(samples) < block:
        samples = np.tile(samples, math.ceil(block / len(samples)))
    measured = float(pyloudnorm.Meter(rate).integrated_loudness(samples.astype(np.float64)))
    return measured if math.isfinite(measured) else -math.inf


def matching_gain(lufs: float, target: float = TARGET_LUFS) -> float:
    """Return the gain in dB that brings a clip of ``lufs`` to ``target``, at most 36 dB either way.

    Peaks may come out above full scale: `audio.sidebyside` turns them down. Silence is left alone.
    """
    return max(-_MOST_DB, min(_MOST_DB, target - lufs)) if math.isfinite(lufs) else 0.0
