"""What voice detectors hear, and what it costs: beside each other, on clean and noisy speech and on noise alone."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from audio.clips import pieces
from audio.drivers import make_vad
from audio.resample import MODEL_RATE
from audio.stories import with_noise
from audio.types import Voicing
from audio.vad import GATHERED, Vad

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from audio.pcm import Samples
    from audio.speech import Spoken

NOISE_SECONDS: Final = 8
LEVELS_DB: Final = (None, 10.0, 5.0, 0.0)
"""Noise below the voice, in dB; None is as recorded."""
_FRAME: Final = 160
_BELOW_VOICE_DB: Final = 30.0
_OVER_PAUSE: Final = 3.0
_BRIDGED: Final = 20
_REPEATS: Final = 9


def shaped(chance: np.random.Generator, count: int, shape: Callable[[Any], Any]) -> Any:
    """Make noise whose spectrum follows ``shape`` of the frequency in Hz."""
    spectrum = np.fft.rfft(chance.normal(0, 1, count))
    return np.fft.irfft(spectrum * shape(np.maximum(1, np.fft.rfftfreq(count, 1 / MODEL_RATE))), count)


def _hum(chance: np.random.Generator, count: int) -> Any:
    at = np.arange(count) / MODEL_RATE
    return sum(np.sin(2 * np.pi * 50 * n * at + chance.uniform(0, 6)) / n for n in range(1, 8))


def _clicks(chance: np.random.Generator, count: int) -> Any:
    sparse = (chance.random(count) < 4 / MODEL_RATE) * chance.normal(0, 1, count)
    return np.convolve(sparse, np.exp(-np.arange(400) / 60), mode="same") + chance.normal(0, 1e-4, count)


_NOISES: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "hiss": lambda chance, count: chance.normal(0, 1, count),
    "pink": lambda chance, count: shaped(chance, count, lambda hertz: hertz**-0.5),
    "rumble": lambda chance, count: shaped(chance, count, lambda hertz: 1 / hertz),
    "hum": _hum,
    "clicks": _clicks,
    "crowd": lambda chance, count: shaped(chance, count, lambda hertz: (hertz > 200) & (hertz < 3400)),  # noqa: PLR2004
}


def noises(count: int = 18, seconds: int = NOISE_SECONDS) -> list[tuple[str, Samples]]:
    """Make sounds without any word: hiss, rumble, hum, clicks, a crowd's band, at three loudnesses each."""
    made = []
    kinds = ("hiss", "pink", "rumble", "hum", "clicks", "crowd")
    for number in range(count):
        kind, level = kinds[number % len(kinds)], -50.0 + 12 * (number // len(kinds) % 3)
        chance = np.random.default_rng(number)
        sound = _NOISES[kind](chance, seconds * MODEL_RATE)
        sound *= 10 ** (level / 20) / max(1e-9, float(np.sqrt(np.mean(sound**2))))
        made.append((f"{kind}{level:.0f}", np.clip(sound, -1, 1).astype(np.float32)))
    return made


def vad_cost(path: Path, vad: Vad) -> float:
    """Return the CPU milliseconds a second of sound costs the voice detector, fed as in the box. The best of nine."""
    sound = np.concatenate(list(pieces(path)))
    costs = []
    for _ in range(_REPEATS):
        vad.reset()
        began = time.process_time()
        size = GATHERED * MODEL_RATE // 1000
        for at in range(0, len(sound), size):
            vad.push(sound[at : at + size])
        costs.append(time.process_time() - began)
    # Other programs only ever add to it.
    return round(1000 * min(costs) * MODEL_RATE / len(sound), 3)


def true_voice(sound: Samples) -> Any:
    """Say of every 10 ms of a clean recording whether somebody speaks, gaps bridged.

    Voice is what lies less than 30 dB below the loudest part and well above what the recording is like in a pause.
    """
    count = len(sound) // _FRAME
    loudness = np.sqrt(np.mean(np.square(sound[: count * _FRAME].reshape(count, _FRAME)), axis=1)) + 1e-9
    loudest, quietest = np.percentile(loudness, 95), np.percentile(loudness, 5)
    voice = loudness > max(loudest / 10 ** (_BELOW_VOICE_DB / 20), min(_OVER_PAUSE * quietest, loudest / 4))
    sounding = np.flatnonzero(voice)
    for before, after in pairwise(sounding):
        if after - before <= _BRIDGED:
            voice[before:after] = True
    return voice


def heard_voice(vad: Vad, sound: Samples) -> Any:
    """Say of every 10 ms whether ``vad`` hears somebody speak."""
    vad.reset()
    voice = np.zeros(len(sound) // _FRAME, bool)
    for verdict in vad.push(sound):
        if verdict.voicing is Voicing.SPEECH:
            voice[verdict.start // _FRAME : verdict.end // _FRAME] = True
    return voice


def vad_f1(clips: Sequence[Spoken], vad: Vad, snr_db: float | None) -> float:
    """Return the F1 of ``vad`` over frames of 10 ms, with noise ``snr_db`` below the voice (None: as recorded)."""
    hits = wrong = 0
    for number, clip in enumerate(clips):
        sound = np.concatenate(list(pieces(clip.path)))
        truth = true_voice(sound)
        noisy = sound if snr_db is None else with_noise(sound, snr_db, np.random.default_rng(number))
        heard = heard_voice(vad, noisy)
        hits += int(np.sum(truth & heard))
        wrong += int(np.sum(truth != heard))
    return round(2 * hits / max(1, 2 * hits + wrong), 4)


def false_starts(vad: Vad) -> float:
    """Return how often a minute a voice begins in noise without one."""
    starts, seconds = 0, 0.0
    for _, sound in noises():
        voice = heard_voice(vad, sound)
        starts += int(voice[0]) + int(np.sum(voice[1:] & ~voice[:-1]))
        seconds += len(sound) / MODEL_RATE
    return round(60 * starts / seconds, 3)


def figures(clips: Sequence[Spoken], progress: Callable[[str], None] = lambda _: None) -> dict[str, float]:
    """Measure the default detector beside the other one. Raises `NoModel` or `BadSound`."""
    found: dict[str, float] = {}
    for name, suffix in (("silero", ""), ("webrtc", "_webrtc")):
        progress(f"listening for voices with {name}")
        vad = make_vad(name)
        found[f"vad_ms_per_s{suffix}"] = vad_cost(clips[0].path, vad)
        for snr in LEVELS_DB:
            found[f"vad_f1{'' if snr is None else f'_{snr:.0f}db'}{suffix}"] = vad_f1(clips, vad, snr)
        found[f"false_starts_per_min{suffix}"] = false_starts(vad)
    return found
