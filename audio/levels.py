"""How loud it is, and what to tell the teller about it. dBFS throughout: 0 is full scale, silence is -120."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from audio.pcm import full_scale, to_integers
from audio.types import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audio.pcm import Samples
    from audio.types import AudioFormat, Frame

QUIETEST: Final = -120.0
"""What digital silence reads as, dBFS."""
_FALL: Final = 0.3
_RISE_DB_A_SECOND: Final = 1.5

DEAD_BELOW: Final = -75.0
"""A microphone that never passes this is unplugged, muted or broken, not in a quiet room."""
CLOSER_BELOW: Final = -42.0
"""A voice below this gains by coming closer."""
LOUD_ABOVE: Final = -1.0
"""Peaks above this are, or are about to be, clipped."""
ROOM_ABOVE: Final = -45.0
"""A room louder than this between words is heard on the recording."""
ROOM_MARGIN: Final = 12.0
"""A voice this many dB above the room is understood in spite of it."""
CLEAR_OF_FLOOR: Final = 6.0
"""A tenth of a second this many dB above the noise floor is somebody speaking, and not the room."""
_VOICED_LEVELS: Final = 8
"""So many of them, and not only the end of a word before a pause, tell how loud a voice is."""
_HUM_SHARE: Final = 0.6
_HUM_RATE: Final = 4000


class Hint(StrEnum):
    """What the teller (or the facilitator) is told about the sound."""

    GOOD = "good"
    CLOSER = "closer"
    TOO_LOUD = "too_loud"
    LOUD_ROOM = "loud_room"
    SILENCE = "silence"
    HUM = "hum"


def decibels(amplitude: float) -> float:
    """Turn an amplitude (full scale 1.0) into dBFS, never below `QUIETEST`."""
    return max(QUIETEST, 20 * float(np.log10(amplitude))) if amplitude > 0 else QUIETEST


class LevelMeter:
    """Measures frames of one stream and follows its noise floor: quick to fall, slow to rise with a voice."""

    def __init__(self, fmt: AudioFormat) -> None:
        """Measure frames of ``fmt``."""
        self.format = fmt
        self._top = full_scale(fmt.width)
        self._floor: float | None = None

    def push(self, frame: Frame) -> Level:
        """Measure one frame: rms, peak and floor in dBFS, and how many samples touch full scale."""
        samples = to_integers(frame.pcm, self.format)
        if not samples.size:
            return Level(QUIETEST, QUIETEST, self._floor if self._floor is not None else QUIETEST, 0)
        flat = samples.reshape(-1).astype(np.float64)
        rms = decibels(float(np.sqrt(np.dot(flat, flat) / flat.size)) / self._top)
        high, low = int(samples.max()), int(samples.min())
        clipped = 0
        if high >= self._top - 1 or low <= -self._top:
            clipped = int(np.count_nonzero((samples >= self._top - 1) | (samples <= -self._top)))
        self._follow(rms, samples.shape[0] / self.format.rate)
        return Level(rms, decibels(max(high, -low) / self._top), self._floor or 0.0, clipped)

    def _follow(self, rms: float, seconds: float) -> None:
        if self._floor is None:
            self._floor = rms
        elif rms < self._floor:
            self._floor += _FALL * (rms - self._floor)
        else:
            self._floor = min(rms, self._floor + _RISE_DB_A_SECOND * seconds)

    def reset(self) -> None:
        """Forget the noise floor (another device, another room)."""
        self._floor = None


def is_silent(levels: Sequence[Level]) -> bool:
    """Whether nothing at all arrives: no frame's peak passes `DEAD_BELOW`."""
    return all(level.peak < DEAD_BELOW for level in levels)


def is_too_loud(levels: Sequence[Level]) -> bool:
    """Whether any frame is clipped or about to be."""
    return any(level.clipped or level.peak > LOUD_ABOVE for level in levels)


def voice_level(levels: Sequence[Level]) -> float:
    """Return the level of the louder frames (90th percentile of rms), dBFS: the voice, if anybody speaks."""
    return float(np.percentile([level.rms for level in levels], 90)) if levels else QUIETEST


def is_loud_room(levels: Sequence[Level]) -> bool:
    """Whether the room is loud and the voice does not stand clear of it."""
    return bool(levels) and levels[-1].floor > ROOM_ABOVE and voice_level(levels) - levels[-1].floor < ROOM_MARGIN


def spoken(levels: Sequence[Level]) -> list[Level]:
    """Return the levels that stand clear of the noise floor; none where hardly anybody speaks."""
    clear = [level for level in levels if level.rms - level.floor >= CLEAR_OF_FLOOR]
    return clear if len(clear) >= _VOICED_LEVELS else []


def is_too_far(levels: Sequence[Level]) -> bool:
    """Whether somebody speaks, and is too quiet for a voice at the box even where it is loud."""
    voiced = spoken(levels)
    return bool(voiced) and voice_level(voiced) < CLOSER_BELOW


def has_hum(samples: Samples, rate: int) -> bool:
    """Whether mains hum (50 or 60 Hz with harmonics) carries most of the sound in ``samples`` (at least 0.5 s)."""
    if len(samples) < rate // 2:
        return False
    # Nothing above 1 kHz is looked at, so neighbours are averaged first: a twelfth of the work at 48 kHz.
    fold = max(1, rate // _HUM_RATE)
    samples = samples[: len(samples) // fold * fold].reshape(-1, fold).mean(axis=1)
    rate //= fold
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hertz = rate / len(samples)
    low = int(30 / hertz)
    total = float(power[low : int(1000 / hertz)].sum())
    if total <= 0:
        return False
    width = max(2, int(np.ceil(2 / hertz)))
    for mains in (50, 60):
        bins = [round(mains * k / hertz) for k in range(1, 7)]
        share = sum(float(power[max(0, b - width) : b + width + 1].sum()) for b in bins) / total
        # A low voice has harmonics too, but hum has its fundamental at the mains' own, steady frequency.
        base = float(
            power[bins[0] - width : bins[0] + width + 1].sum() + power[bins[1] - width : bins[1] + width + 1].sum()
        )
        if share > _HUM_SHARE and base > 0.3 * total:
            return True
    return False


def hint(levels: Sequence[Level], *, hum: bool = False) -> Hint | None:
    """Say the one most useful thing about the last two or three seconds of ``levels``; ``hum`` as `has_hum` found.

    None where nothing is wrong with the room and nobody speaks: a pause says nothing about a voice.
    """
    if is_silent(levels):
        return Hint.SILENCE
    if is_too_loud(levels):
        return Hint.TOO_LOUD
    if hum:
        return Hint.HUM
    if is_loud_room(levels):
        return Hint.LOUD_ROOM
    if not spoken(levels):
        return None
    return Hint.CLOSER if is_too_far(levels) else Hint.GOOD
