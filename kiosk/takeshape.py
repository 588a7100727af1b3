"""What a closed take looks like: its waveform, and the pauses at which its ends can be trimmed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from audio.pcm import to_floats
from audio.types import AudioFormat, Ms
from kiosk.types import Ends

BARS = 96
"""Columns of the waveform a teller sees of their story."""
STEP = Ms(50)
"""Loudness is measured over so much of the take at a time."""
BEFORE, AFTER = Ms(150), Ms(250)
"""A part begins so long before the voice does, and ends so long after it: a breath and the last sound stay whole."""
PAUSE = Ms(300)
"""Shorter silences lie within words."""
NEAR, FAR, STRIDE = Ms(1000), Ms(10_000), Ms(5000)
"""Cuts lie at least `NEAR` apart; where nobody pauses for `FAR` there is one every `STRIDE`."""
MOST = 40
"""Cuts at either end: one key walks through all of them."""
_SHARE = 0.35
_FLAT_DB = 6.0
_QUIET_DB, _LOUD_DB = -55.0, -12.0

Decibels = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shape:
    """A waveform of `BARS` columns, 0 to 1 each, and where the take can be cut."""

    bars: tuple[float, ...]
    ends: Ends


def share_of(decibels: float) -> float:
    """Turn dBFS into the share of a bar, 0 to 1: an ordinary voice at arm's length fills about two thirds."""
    return float(min(1.0, max(0.0, (decibels - _QUIET_DB) / (_LOUD_DB - _QUIET_DB))))


class Sound(Protocol):
    """What can be measured: a closed take, or a kept story."""

    format: AudioFormat

    @property
    def length(self) -> Ms:
        """How much can be played."""
        ...

    def chunks(self, length: Ms) -> Iterator[bytes]:
        """Yield all PCM in pieces of ``length``."""
        ...


def shape_of(reader: Sound) -> Shape:
    """Measure one's own. Reads it once, a few seconds at a time."""
    track = loudness(reader)
    columns = np.array_split(track, BARS)
    power = [float(np.mean(np.power(10.0, column / 10))) if len(column) else 0.0 for column in columns]
    bars = tuple(share_of(10 * float(np.log10(one + 1e-10))) for one in power)
    return Shape(bars, ends_of(track, reader.length))


def loudness(reader: Sound) -> Decibels:
    """The loudness of every `STEP` of a take, dBFS."""
    found: list[Decibels] = []
    for pcm in reader.chunks(Ms(STEP * 40)):
        samples = to_floats(pcm, reader.format).astype(np.float64)
        step = max(1, reader.format.rate * STEP // 1000)
        edges = np.arange(0, len(samples), step)
        if len(edges):
            sums = np.add.reduceat(np.square(samples), edges)
            counts = np.diff(np.append(edges, len(samples)))
            found.append(10 * np.log10(sums / counts + 1e-10))
    return np.concatenate(found) if found else np.zeros(0)


def ends_of(track: Decibels, length: Ms) -> Ends:
    """Where a take of ``length`` with this loudness may begin and end. Pure."""
    quiet = [(first, last) for first, last in _silences(track) if last - first >= PAUSE]
    starts = sorted({max(first, Ms(last - BEFORE)) for first, last in quiet if last < length})
    ends = sorted({min(last, Ms(first + AFTER)) for first, last in quiet if first > 0})
    apart = Ms(max(NEAR, length // MOST))
    rising = _spread([Ms(0), *(one for one in starts if one > 0)], length, apart)
    mirrored = _spread([Ms(0), *(Ms(length - one) for one in reversed(ends) if one < length)], length, apart)
    return Ends(rising, tuple(Ms(length - one) for one in mirrored))


def _silences(track: Decibels) -> list[tuple[Ms, Ms]]:
    """Stretches well below the voice, as [first, last)."""
    if not len(track):
        return []
    floor, voice = float(np.percentile(track, 10)), float(np.percentile(track, 95))
    if voice - floor < _FLAT_DB:
        return []
    below = np.concatenate(([False], track < floor + _SHARE * (voice - floor), [False]))
    edges = np.flatnonzero(below[1:] != below[:-1])
    return [(Ms(int(first) * STEP), Ms(int(last) * STEP)) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def _spread(found: list[Ms], length: Ms, apart: Ms) -> tuple[Ms, ...]:
    """Not too near one another, and where they are too far apart, with steps between. ``found`` rises from 0."""
    chosen = [found[0]]
    for one in [*found[1:], length]:
        while one - chosen[-1] > max(FAR, 2 * apart):
            chosen.append(Ms(chosen[-1] + max(STRIDE, apart)))
        # The first silence is nearly always the one that somebody wants to be rid of.
        if one < length and (one - chosen[-1] >= apart or len(chosen) == 1):
            chosen.append(one)
    return tuple(chosen)
