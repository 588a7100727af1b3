"""From the microphone's own rate to the 16 kHz mono the models listen at. Derived sound, never stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import soxr

from audio.pcm import Samples, to_floats

if TYPE_CHECKING:
    from audio.types import AudioFormat

MODEL_RATE: Final = 16_000
"""Samples a second the voice detectors and speech models expect."""


class Resampler:
    """Streaming resampler to `MODEL_RATE` mono float32; sample k of the output belongs at k / 16000 s of the input.

    The filter looks ahead, so output comes some milliseconds late; `flush` gives the rest.
    """

    def __init__(self, fmt: AudioFormat) -> None:
        """Resample sound of ``fmt`` (channels are averaged)."""
        self.format = fmt
        self._stream = self._fresh()

    def _fresh(self) -> soxr.ResampleStream | None:
        if self.format.rate == MODEL_RATE:
            return None
        return soxr.ResampleStream(self.format.rate, MODEL_RATE, 1, dtype="float32", quality="HQ")

    def push(self, pcm: bytes) -> Samples:
        """Take native PCM (whole sample frames) and return the model-rate samples ready so far, maybe none."""
        samples = to_floats(pcm, self.format)
        if self._stream is None:
            return samples
        return np.asarray(self._stream.resample_chunk(samples), dtype=np.float32)

    def flush(self) -> Samples:
        """Return what the filter still holds and start afresh: the next `push` begins a new stream."""
        if self._stream is None:
            return np.zeros(0, np.float32)
        rest = np.asarray(self._stream.resample_chunk(np.zeros(0, np.float32), last=True), dtype=np.float32)
        self._stream = self._fresh()
        return rest


def to_model(pcm: bytes, fmt: AudioFormat) -> Samples:
    """Resample a whole stretch of PCM at once: mono float32 at `MODEL_RATE`."""
    samples = to_floats(pcm, fmt)
    if fmt.rate == MODEL_RATE or not len(samples):
        return samples
    return np.asarray(soxr.resample(samples, fmt.rate, MODEL_RATE, quality="HQ"), dtype=np.float32)


def at_rate(samples: Samples, rate: int, wanted: int) -> Samples:
    """Bring mono float32 from ``rate`` to ``wanted`` Hz: short sounds of different origin, put together."""
    if rate == wanted or not len(samples):
        return samples
    return np.asarray(soxr.resample(samples, rate, wanted, quality="HQ"), dtype=np.float32)
