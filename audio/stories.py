"""Stories to measure with, made from recordings of real speech: told on with pauses, slower, quieter, in a noisy room.

Every story knows its words and where in it each recording begins to sound, to judge the times of words by.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import soundfile
import soxr

from audio.clips import pieces
from audio.resample import MODEL_RATE
from audio.speech import Spoken, normalised, on_this_machine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audio.pcm import Samples

_LEVEL: Final = 0.06
_PAUSES_S: Final = (0.15, 0.3, 0.45, 0.7, 1.0, 1.5)
_LONG_S: Final = 20.0
_LEAD_S: Final = 0.6
_AFTER_S: Final = 1.5
_SOUNDS: Final = 0.006


@dataclass(frozen=True, slots=True)
class Condition:
    """How a story is told: tempo (1 = as recorded), level (dB), noise below the voice (dB), in an echoing room."""

    name: str
    tempo: float = 1.0
    gain_db: float = 0.0
    snr_db: float = 45.0
    echo: bool = False


CLEAN: Final = Condition("clean")
ROOM: Final = Condition("room", snr_db=10.0)
CONDITIONS: Final = (
    CLEAN,
    Condition("slow", tempo=0.92),
    ROOM,
    Condition("quiet", gain_db=-20.0, snr_db=35.0),
    Condition("fast", tempo=1.09),
    Condition("far", gain_db=-10.0, snr_db=15.0, echo=True),
)


@dataclass(frozen=True, slots=True)
class Story(Spoken):
    """A story made of recordings. ``onsets`` pairs the number of a word with the second at which it begins to sound."""

    condition: Condition = CLEAN
    onsets: tuple[tuple[int, float], ...] = ()


def active_level(sound: Samples) -> float:
    """Return the RMS of what is not near silence."""
    loud = sound[np.abs(sound) > 0.1 * float(np.max(np.abs(sound), initial=1e-6))]
    return max(1e-6, float(np.sqrt(np.mean(np.square(loud))))) if len(loud) else 1e-6


def pink(chance: np.random.Generator, count: int) -> Any:
    """Make noise that falls by 3 dB an octave, of RMS 1."""
    spectrum = np.fft.rfft(chance.normal(0, 1, count))
    noise = np.fft.irfft(spectrum * np.maximum(20, np.fft.rfftfreq(count, 1 / MODEL_RATE)) ** -0.5, count)
    return noise / np.sqrt(np.mean(noise**2))


def with_noise(sound: Samples, snr_db: float, chance: np.random.Generator) -> Samples:
    """Return ``sound`` with pink noise ``snr_db`` below its voice."""
    noise = pink(chance, len(sound)) * active_level(sound) / 10 ** (snr_db / 20)
    noisy: Samples = (sound + noise).astype(np.float32)
    return noisy


def _echoing(sound: Samples, chance: np.random.Generator) -> Samples:
    count = int(0.35 * MODEL_RATE)
    tail = chance.normal(0, 1, count) * np.exp(-np.arange(count) / (0.06 * MODEL_RATE))
    tail[:40] = 0
    tail *= 0.4 / np.sqrt(np.sum(tail**2))
    tail[0] = 0.6
    echoing: Samples = np.convolve(sound, tail)[: len(sound)].astype(np.float32)
    return echoing


def _part(path: Path, condition: Condition) -> Samples:
    sound = np.concatenate(list(pieces(path)))
    sound = sound * (_LEVEL / active_level(sound))
    if condition.tempo != 1.0:
        sound = soxr.resample(sound, MODEL_RATE, MODEL_RATE / condition.tempo)
    sounding = np.flatnonzero(np.abs(sound) > _SOUNDS)
    # A twentieth of a second of what is around a voice, so that no first or last sound is cut.
    around = MODEL_RATE // 20
    part: Samples = sound[max(0, sounding[0] - around) : sounding[-1] + around].astype(np.float32)
    return part


def tell(parts: Sequence[Spoken], condition: Condition, path: Path, seed: int) -> Story:
    """Write one story of ``parts`` to ``path``, with pauses between them. Raises `BadSound`."""
    chance = np.random.default_rng(seed)
    sounds: list[Samples] = [np.zeros(int(_LEAD_S * MODEL_RATE), np.float32)]
    onsets: list[tuple[int, float]] = []
    words: list[str] = []
    at = len(sounds[0])
    for part in parts:
        sound = _part(part.path, condition)
        onset = (at + int(np.flatnonzero(np.abs(sound) > _SOUNDS)[0])) / MODEL_RATE
        onsets.append((len(words), onset))
        words += normalised(part.text).split()
        pause = np.zeros(int(chance.choice(_PAUSES_S) * MODEL_RATE), np.float32)
        sounds += [sound, pause]
        at += len(sound) + len(pause)
    sounds.append(np.zeros(int(_AFTER_S * MODEL_RATE), np.float32))
    whole = np.concatenate(sounds)
    if condition.echo:
        whole = _echoing(whole, chance)
    told = with_noise(whole, condition.snr_db, chance) * 10 ** (condition.gain_db / 20)
    soundfile.write(path, np.clip(told, -1, 1), MODEL_RATE, subtype="PCM_16")
    return Story(path, " ".join(words), condition, tuple(onsets))


def make_stories(recordings: Sequence[Spoken], folder: Path, *, rounds: int = 1) -> list[Story]:
    """Make stories in every condition: of the short recordings in a new order each time, and of each long one.

    Raises:
        BadSound: a recording cannot be read.
    """
    lengths = {spoken.path: soundfile.info(str(spoken.path)).duration for spoken in recordings}
    short = [spoken for spoken in recordings if lengths[spoken.path] < _LONG_S]
    long = [spoken for spoken in recordings if lengths[spoken.path] >= _LONG_S]
    stories: list[Story] = []
    for number in range(rounds * len(CONDITIONS)):
        condition = CONDITIONS[number % len(CONDITIONS)]
        order = np.random.default_rng(number).permutation(len(short))
        groups = [[short[index] for index in order]] if short else []
        # A long recording is a story already; it comes in the first half of the conditions.
        groups += [[one] for one in long if number % 2 == 0]
        for group in groups:
            path = folder / f"{len(stories):02d}-{condition.name}.wav"
            stories.append(tell(group, condition, path, seed=number))
    return stories


def told_again_and_again(path: Path, seconds: float) -> None:
    """Write ``seconds`` of speech: what is recorded here, one after the other, again and again. Raises `NoModel`."""
    recordings = [np.concatenate(list(pieces(one.path))) for one in on_this_machine()]
    pause = np.zeros(MODEL_RATE, np.float32)
    left = round(seconds * MODEL_RATE)
    with soundfile.SoundFile(path, "w", MODEL_RATE, 1, "PCM_16") as file:
        while left > 0:
            for samples in (part for recorded in recordings for part in (recorded, pause)):
                file.write(samples[: max(0, left)])
                left -= len(samples)
