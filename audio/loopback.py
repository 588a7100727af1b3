"""Does the box hear itself: a tone goes out by the loudspeaker and is looked for in what the microphone gives.

The tone's own frequency is compared with the same frequency while it was silent, so that a loud room is not taken for
the box, nor a quiet tone for silence. `judge` is pure; `try_sound` uses any player and source.
"""

from __future__ import annotations

import math
import queue
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from audio.levels import CLOSER_BELOW, LOUD_ABOVE
from audio.player import Player
from audio.sources import Source
from audio.types import Block

TONE_HZ: Final = 997.0
"""No multiple of the mains' hum, and in the middle of what a voice has."""
TONE_S: Final = 1.0
LISTEN_S: Final = 2.5
"""From the first block on: silence, the tone wherever it comes, and what a loudspeaker's own delay takes."""
AFTER_S: Final = 0.5
"""So long it is silent before the tone."""
_LEVEL: Final = 10 ** (-12 / 20)
_FADE_S: Final = 0.02
_WINDOW_S: Final = 0.1
_APART_DB: Final = 15.0
_RATE: Final = 48_000

Samples = npt.NDArray[np.float32]


class Heard(StrEnum):
    """What came of it."""

    GOOD = "good"
    FAR = "far"
    """The tone is there, but weaker than the level below which tellers are asked to come closer."""
    LOUD = "loud"
    """The tone is at the end of what the microphone can give."""
    NOTHING = "nothing"
    """No tone: a wrong sound card, a plug that is out, or no sound at all."""


@dataclass(frozen=True, slots=True)
class Loop:
    """The verdict, the tone's level in dBFS and how far it stands above the same frequency in silence, in dB."""

    heard: Heard
    level: float
    above: float


def tone(rate: int = _RATE) -> Samples:
    """`TONE_S` of a sine of `TONE_HZ` at -12 dBFS, with soft ends."""
    at = np.arange(round(rate * TONE_S)) / rate
    ends = np.minimum(1.0, np.minimum(at, at[::-1]) / _FADE_S)
    return (_LEVEL * ends * np.sin(2 * math.pi * TONE_HZ * at)).astype(np.float32)


def judge(recorded: Samples, rate: int) -> Loop:
    """Say what of the tone is in ``recorded`` (mono, full scale 1.0, with silence before or after the tone)."""
    window = round(rate * _WINDOW_S)
    count = len(recorded) // window
    if count < 2:  # noqa: PLR2004 (one window has nothing to be compared with)
        return Loop(Heard.NOTHING, -120.0, 0.0)
    pieces = recorded[: count * window].reshape(count, window).astype(np.float64)
    hann = np.hanning(window)
    wave = np.exp(-2j * math.pi * TONE_HZ * np.arange(window) / rate) * hann
    levels = 20 * np.log10(np.maximum(2 * np.abs(pieces @ wave) / hann.sum() / math.sqrt(2), 1e-6))
    # The tone lasts longer than a third of what was recorded, so the middle of its windows is in the upper third.
    level, floor = float(np.quantile(levels, 0.8)), float(np.quantile(levels, 0.15))
    above = level - floor
    if above < _APART_DB:
        return Loop(Heard.NOTHING, level, above)
    if 20 * math.log10(max(float(np.abs(recorded).max()), 1e-6)) > LOUD_ABOVE:
        return Loop(Heard.LOUD, level, above)
    return Loop(Heard.FAR if level < CLOSER_BELOW else Heard.GOOD, level, above)


def try_sound(source: Source, player: Player, wait: Callable[[float], bool], gain_db: float = 0.0) -> Loop:
    """Play the tone and listen for `LISTEN_S`; ``wait`` waits so many seconds and returns whether to stop.

    Raises `NoMicrophone`, `NoSpeaker`. Nothing of what is heard is kept.
    """
    blocks: queue.SimpleQueue[Block] = queue.SimpleQueue()
    source.start(blocks.put)
    gathered: list[bytes] = []
    length, played, turns = 0, False, 0
    frame = source.format.width * source.format.rate
    try:
        while length < LISTEN_S * frame and turns < LISTEN_S * 4 / _FADE_S:
            turns += 1
            if wait(_FADE_S):
                break
            while not blocks.empty():
                gathered.append(blocks.get().pcm)
                length += len(gathered[-1])
            if not played and length >= AFTER_S * frame:
                player.play(tone(), _RATE, gain_db)
                played = True
    finally:
        source.stop()
        player.stop()
    return judge(_as_samples(b"".join(gathered), source.format.width), source.format.rate)


def _as_samples(pcm: bytes, width: int) -> Samples:
    if width == 2:  # noqa: PLR2004 (bytes)
        return (np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2") / 2**15).astype(np.float32)
    whole = np.frombuffer(pcm[: len(pcm) // 3 * 3], np.uint8).reshape(-1, 3).astype(np.int32)
    value = whole[:, 0] | whole[:, 1] << 8 | whole[:, 2] << 16
    return (np.where(value >= 1 << 23, value - (1 << 24), value) / 2**23).astype(np.float32)
