"""PCM bytes to numbers and back: 16 and 24 bit, little-endian, the only place that knows how samples lie in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from audio.types import AudioFormat

Samples = npt.NDArray[np.float32]
"""Mono samples, full scale is 1.0."""
Integers = npt.NDArray[np.int32]
"""Samples as whole numbers in the range of their own width, shape (sample frames, channels)."""

_SHORT: Final = 2
_FULL: Final[dict[int, int]] = {2: 32768, 3: 8388608}


def full_scale(width: int) -> int:
    """Return the count just above the largest sample of ``width`` bytes (2 or 3)."""
    return _FULL[width]


def to_integers(pcm: bytes, fmt: AudioFormat) -> Integers:
    """Unpack ``pcm`` into int32 of shape (sample frames, channels); a trailing part of a sample frame is dropped."""
    count = len(pcm) // fmt.frame_bytes * fmt.channels
    if fmt.width == _SHORT:
        return np.frombuffer(pcm, "<i2", count).astype(np.int32).reshape(-1, fmt.channels)
    # Three bytes go into the upper part of four, so that the sign comes out right; then down again.
    wide = np.zeros((count, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(pcm, np.uint8, count * 3).reshape(-1, 3)
    return (wide.view("<i4") >> 8).astype(np.int32).reshape(-1, fmt.channels)


def to_bytes(samples: Integers, width: int) -> bytes:
    """Pack whole-number samples (already in range for ``width``) into little-endian bytes."""
    if width == _SHORT:
        return samples.astype("<i2").tobytes()
    wide = np.frombuffer(samples.astype("<i4").tobytes(), np.uint8)
    packed: bytes = wide.reshape(-1, 4)[:, :3].tobytes()
    return packed


def to_floats(pcm: bytes, fmt: AudioFormat) -> Samples:
    """Return ``pcm`` as mono float32 (channels averaged), full scale 1.0."""
    if fmt.width == _SHORT and fmt.channels == 1:
        # The path every live frame takes: no intermediate copy.
        quick: Samples = np.frombuffer(pcm, "<i2", len(pcm) // 2).astype(np.float32) * np.float32(1 / 32768)
        return quick
    mono = to_integers(pcm, fmt).mean(axis=1, dtype=np.float64)
    scaled: Samples = (mono / _FULL[fmt.width]).astype(np.float32)
    return scaled


def from_floats(samples: npt.NDArray[np.floating], width: int) -> bytes:
    """Round floats (full scale 1.0, anything beyond is clipped, what is no number is silence) to whole samples."""
    top = _FULL[width]
    loud = np.nan_to_num(samples.astype(np.float64), posinf=1.0, neginf=-1.0)
    whole = np.clip(np.rint(loud * top), -top, top - 1)
    return to_bytes(whole.astype(np.int32), width)


def mix_down(pcm: bytes, fmt: AudioFormat) -> bytes:
    """Average all channels of ``pcm`` into one, at the same width; one channel comes back untouched."""
    if fmt.channels == 1:
        return pcm
    whole = to_integers(pcm, fmt).astype(np.int64).sum(axis=1) // fmt.channels
    return to_bytes(whole.astype(np.int32), fmt.width)
