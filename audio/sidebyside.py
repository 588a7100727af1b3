"""Voices side by side at one level: the gain of BS.1770 loudness, and a limiter for the few peaks above it.

The gain is taken in full: one that stops short of clipping leaves a peaky voice quieter than its neighbours. What would
clip is turned down for some milliseconds around each peak. All the box plays goes through
`beside_others`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from audio.loudness import TARGET_LUFS, loudness, matching_gain
from audio.pcm import Samples

CEILING: Final = 10 ** (-1.0 / 20)
"""-1 dBFS."""
_BLOCK_S: Final = 0.005
_REACH: Final = 2
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


def beside_others(chunks: Iterable[Samples], rate: int, lufs: float | None) -> Iterator[Samples]:
    """Yield mono ``chunks`` of a sound of ``lufs`` as loud as every other voice; what would clip is turned down.

    Together they are as long as before. ``lufs`` None: nobody has measured it, and it stays as it was recorded.
    """
    if lufs is None:
        yield from chunks
        return
    gain = np.float32(10 ** (matching_gain(lufs) / 20))
    limiter = Limiter(rate)
    for chunk in chunks:
        yield limiter.push(np.asarray(chunk, np.float32) * gain)
    yield limiter.rest()


class Limiter:
    """`limited` for a sound that comes piece by piece: the same samples, 10 to 15 ms of them always held back."""

    def __init__(self, rate: int, ceiling: float = CEILING) -> None:
        """Limit mono sound of ``rate`` Hz to ``ceiling`` (full scale 1.0)."""
        self._ceiling = ceiling
        self._block = max(1, round(_BLOCK_S * rate))
        self._held = np.zeros(0, np.float32)
        self._given = 0

    def push(self, samples: Samples) -> Samples:
        """Take the next samples; return those whose gain no later one can change."""
        self._held = np.concatenate((self._held, samples))
        # A sample hangs on its own block and on two before and after it.
        sure = max(self._given, (len(self._held) // self._block - _REACH) * self._block)
        made = self._made()[self._given : sure]
        begin = max(0, sure - _REACH * self._block)
        self._held, self._given = self._held[begin:], sure - begin
        return made

    def rest(self) -> Samples:
        """Return what was held back; nothing follows."""
        made = self._made()[self._given :]
        self._held, self._given = self._held[:0], 0
        return made

    def _made(self) -> Samples:
        return _turned_down(self._held, self._block, self._ceiling)


def limited(samples: Samples, rate: int, ceiling: float = CEILING) -> Samples:
    """Turn ``samples`` down around peaks above ``ceiling``, smoothly; where there are none they come back untouched."""
    return _turned_down(samples, max(1, round(_BLOCK_S * rate)), ceiling)


def _turned_down(samples: Samples, block: int, ceiling: float) -> Samples:
    if not len(samples) or float(np.max(np.abs(samples))) <= ceiling:
        return samples
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
