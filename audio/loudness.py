"""How loud a clip sounds (ITU-R BS.1770, EBU R 128) and the gain that makes voices sit side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from audio.pcm import Samples

TARGET_LUFS: Final = -23.0
"""Programme loudness of EBU R 128."""
_BLOCK_S: Final = 0.4
_SILENT_LUFS, _PAUSE_LU = -70.0, 10.0
"""Blocks below the first, or so far below the mean of the rest, are not part of the programme."""
_MOST_DB: Final = 36.0
"""What a hushed voice, far from the microphone, needs to stand beside others; below that there is only the room."""


def loudness(samples: Samples, rate: int) -> float:
    """Return the integrated loudness of mono ``samples`` in LUFS; minus infinity for silence.

    A clip under the standard's 0.4 s block is repeated until it fills one.
    """
    return loudness_of([samples], rate)


def loudness_of(pieces: Iterable[Samples], rate: int) -> float:
    """Return the integrated loudness in LUFS of a mono sound that comes in ``pieces``; minus infinity for silence.

    One piece is in memory at a time. Blocks over the border of two pieces are not measured.
    """
    import pyloudnorm  # brings half of scipy with it

    meter, shortest, blocks = pyloudnorm.Meter(rate), math.ceil(_BLOCK_S * rate) + 1, []
    for piece in pieces:
        if not len(piece) or not np.any(piece):
            continue
        meter.integrated_loudness(np.tile(piece, math.ceil(shortest / len(piece))).astype(np.float64))
        blocks += meter.blockwise_loudness
    return _gated(np.array(blocks))


def _gated(blocks: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Return the loudness of blocks, LUFS, less those the standard takes for pauses (BS.1770-4, equations 5 to 7)."""
    heard = blocks[blocks >= _SILENT_LUFS]
    if not len(heard):
        return -math.inf
    return _mean(heard[heard > _mean(heard) - _PAUSE_LU])


def _mean(blocks: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Return the mean of levels as power."""
    return float(10 * np.log10(np.mean(10 ** (blocks / 10))))


def matching_gain(lufs: float, target: float = TARGET_LUFS) -> float:
    """Return the gain in dB that brings a clip of ``lufs`` to ``target``, at most 36 dB either way.

    Peaks may come out above full scale: `audio.sidebyside` turns them down. Silence is left alone.
    """
    return max(-_MOST_DB, min(_MOST_DB, target - lufs)) if math.isfinite(lufs) else 0.0
