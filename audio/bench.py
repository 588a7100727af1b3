"""What listening and writing down cost here, beside plain faster-whisper on the whole file, in the same run.

Latencies are on a virtual clock: audio time and K times the measured CPU time. K is how much slower a machine is than
one idle core of this one; 3 is about a Raspberry Pi 5, 9 a Pi 4. The press comes 0.3 s after the last voice.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from audio.clips import Clip, last_voice_s, pieces, streamed, whole
from audio.resample import MODEL_RATE
from audio.shorttail import ShortTailTranscriber
from audio.speech import Spoken, word_error_rate
from audio.transcribe import as_words, length_of, load_whisper
from audio.vad import Vad, make_vad

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from audio.pcm import Samples
    from audio.transcribe import Transcriber
    from audio.types import Ms, Word

SLOWNESS = (1, 3, 9)
PRESS_AFTER_S = 0.3
_NOISE_SECONDS = 8


class PlainWhole:
    """The baseline: faster-whisper as it comes, beam 5, no vad_filter, no word times, over the whole file."""

    def __init__(self, whisper: Any, language: str) -> None:
        """Use a loaded model."""
        self.name = "whole"
        self.language = language
        self._whisper = whisper

    def transcribe(self, samples: Samples, voiced: Ms) -> list[Word]:  # noqa: ARG002 - the baseline does not look
        """Return the words; each carries its sentence's times."""
        segments, _ = self._whisper.transcribe(samples, language=self.language, beam_size=5, vad_filter=False)
        heard = [(word, part.start, part.end, 1.0) for part in segments for word in part.text.split()]
        return as_words(heard, length_of(samples), doubt=False)


@dataclass(frozen=True, slots=True)
class Pair:
    """One recording, written down both ways."""

    spoken: Spoken
    streamed: Clip
    whole: Clip


def measure_words(
    clips: Sequence[Spoken], ours: Transcriber, baseline: Transcriber, vad: Vad, progress: Callable[[str], None]
) -> list[Pair]:
    """Write every recording down both ways. Raises `BadSound`."""
    pairs = []
    for spoken in clips:
        progress(f"listening to {spoken.path.name}")
        press = last_voice_s(spoken.path, vad) + PRESS_AFTER_S
        pairs.append(
            Pair(
                spoken,
                streamed(spoken.path, ours, vad, press=press),
                whole(spoken.path, baseline, press=press),
            )
        )
    return pairs


def word_figures(pairs: Sequence[Pair]) -> dict[str, float]:
    """Return the figures on words: rates as fractions, seconds, ratios, cost in percentage points."""
    rate = word_error_rate((pair.spoken.text, pair.streamed.text) for pair in pairs)
    rate_whole = word_error_rate((pair.spoken.text, pair.whole.text) for pair in pairs)
    ours = {k: [pair.streamed.final_text_s(k) for pair in pairs] for k in SLOWNESS}
    theirs = [pair.whole.final_text_s(3) for pair in pairs]
    decoding = sum(job.cpu_s for pair in pairs for job in pair.streamed.work)
    decoding_whole = sum(job.cpu_s for pair in pairs for job in pair.whole.work)
    figures = {f"final_text_s_k{k}": statistics.median(ours[k]) for k in SLOWNESS}
    figures |= {
        "final_text_s_k3_worst": max(ours[3]),
        "final_text_ratio_k3": statistics.median(ours[3]) / statistics.median(theirs),
        "final_text_s_k3_whole": statistics.median(theirs),
        "wer_streamed": rate,
        "wer_whole": rate_whole,
        "stream_wer_cost_points": 100 * (rate - rate_whole),
        "stream_cpu_ratio": decoding / decoding_whole,
        "decode_cpu_s_per_s": decoding / sum(pair.streamed.audio_s for pair in pairs),
    }
    return {key: round(value, 4) for key, value in figures.items()}


def vad_cost(path: Path, vad: Vad) -> float:
    """Return the CPU milliseconds a second of sound costs the voice detector, fed as in the box."""
    sound = list(pieces(path))
    vad.reset()
    began = time.process_time()
    for piece in sound:
        vad.push(piece)
    spent = time.process_time() - began
    return round(1000 * spent * MODEL_RATE / sum(len(piece) for piece in sound), 3)


def noises(count: int = 18, seconds: int = _NOISE_SECONDS) -> list[tuple[str, Samples]]:
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


def _shaped(chance: np.random.Generator, count: int, shape: Callable[[Any], Any]) -> Any:
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
    "pink": lambda chance, count: _shaped(chance, count, lambda hertz: hertz**-0.5),
    "rumble": lambda chance, count: _shaped(chance, count, lambda hertz: 1 / hertz),
    "hum": _hum,
    "clicks": _clicks,
    "crowd": lambda chance, count: _shaped(chance, count, lambda hertz: (hertz > 200) & (hertz < 3400)),  # noqa: PLR2004
}


def invented(transcriber: Transcriber, vad: Vad, progress: Callable[[str], None] = lambda _: None) -> list[str]:
    """Return the names of the noises in which words were heard."""
    wrong = []
    with tempfile.TemporaryDirectory() as room:
        for name, sound in noises():
            path = Path(room, f"{name}.wav")
            soundfile.write(path, sound, MODEL_RATE, subtype="PCM_16")
            if heard := streamed(path, transcriber, vad).text:
                progress(f"words heard in {name}: {heard}")
                wrong.append(name)
    return wrong


def quick(
    clips: Sequence[Spoken],
    model: str = "tiny.en",
    language: str = "en",
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, float]:
    """Measure what a minute allows; what is not measured is not in the result.

    Raises:
        NoModel: the model is missing.
        BadSound: a recording cannot be read.
    """
    began = time.perf_counter()
    whisper = load_whisper(model, language)
    ours = ShortTailTranscriber(model, language, whisper=whisper)
    start_s = time.perf_counter() - began
    vad = make_vad("silero")
    # The first call pays for one-time set-up inside the libraries, which is no part of any clip.
    second = np.zeros(MODEL_RATE, np.float32)
    ours.transcribe(second, length_of(second))
    pairs = measure_words(clips, ours, PlainWhole(whisper, language), vad, progress)
    progress("listening to noise")
    return word_figures(pairs) | {
        "vad_ms_per_s": vad_cost(clips[0].path, vad),
        "invented_clips": len(invented(ours, vad, progress)),
        "model_load_s": round(start_s, 3),
        "clips": len(clips),
        "audio_s": round(sum(pair.streamed.audio_s for pair in pairs), 1),
    }
