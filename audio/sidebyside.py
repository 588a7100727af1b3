"""Voices side by side at one level: the gain of BS.1770 loudness, and a limiter for the few peaks above it.

`audio.loudness.matching_gain` stops short of clipping, which leaves a peaky voice quieter than its neighbours. Here
the gain is taken in full and what would clip is turned down for some milliseconds around each peak.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from audio.loudness import TARGET_LUFS, loudness, matching_gain
from audio.pcm import Samples

CEILING: Final = 10 ** (-1.0 / 20)
"""-1 dBFS."""
_BLOCK_S: Final = 0.005
_ROUNDS: Final = 3
_CLOSE_LU: Final = 0.2


def levelled(samples: Samples, rate: int, target: float = TARGET_LUFS) -> tuple[Samples, float]:
    """Bring mono ``samples`` to ``target`` LUFS without clipping; returns them and the loudness they have now.

    Silence stays silence (minus infinity). A voice that needs more than 36 dB stays below the target.
    """
    measured = loudness(samples, rate)
    if not math.isfinite(measured):
        return samples, measured
    gain, made = 0.0, samples
    for _ in range(_ROUNDS):
        gain += matching_gain(measured, target)
        made = limited((samples * np.float32(10 ** (gain / 20))).astype(np.float32), rate)
        measured = loudness(made, rate)
        if abs(measured - target) <= _CLOSE_LU:
            break
    return made, measured


def limited(samples: Samples, rate: int, ceiling: float = CEILING) -> Samples:
    """Turn ``samples`` down around peaks above ``ceiling``, smoothly; where there are none they come back untouched."""
    if not len(samples) or float(np.max(np.abs(samples))) <= ceiling:
        return samples
    block = max(1, round(_BLOCK_S * rate))
    count = -(-len(samples) // block)
    padded = np.zeros(count * block, np.float32)
    padded[: len(samples)] = np.abs(samples)
    peaks = padded.reshape(count, block).max(axis=1)
    wanted = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    # A block and both neighbours take the least of three, so that the line between their middles stays below it.
    around = np.concatenate(([1.0], wanted, [1.0]))
    least = np.minimum(np.minimum(around[:-2], around[1:-1]), around[2:])
    middles = (np.arange(count) + 0.5) * block
    gains = np.interp(np.arange(len(samples)), middles, least)
    made: Samples = np.clip(samples * gains, -ceiling, ceiling).astype(np.float32)
    return made
