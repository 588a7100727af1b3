"""What listening and writing down cost here, beside plain faster-whisper on the whole file, in the same run.

Latencies are on a virtual clock: audio time and K times the measured CPU time. K is how much slower a machine is than
one idle core of this one; 3 is about a Raspberry Pi 5, 9 a Pi 4. They count from the last voice to the complete text;
the press comes half a second after the last voice, and the baseline begins at the press.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio import benchvoice
from audio.benchvoice import noises, vad_cost
from audio.benchwords import figures, frontier, invented, listen, points, presses_of, ways
from audio.drawing import scatter
from audio.drivers import make_vad
from audio.resample import MODEL_RATE
from audio.shorttail import ShortTailTranscriber
from audio.speech import Spoken
from audio.stories import make_stories
from audio.transcribe import length_of, load_whisper

__all__ = ["Measured", "invented", "measure", "noises", "quick", "vad_cost"]

_QUICK_STORIES = 4


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures of a run, the row of every way tried, and the plot of them as SVG."""

    figures: dict[str, float]
    frontier: list[dict[str, float | str]]
    plot: str


def measure(
    recordings: Sequence[Spoken],
    model: str = "tiny.en",
    language: str = "en",
    progress: Callable[[str], None] = lambda _: None,
    *,
    as_they_are: bool = False,
    every: bool = True,
) -> Measured:
    """Measure words, waiting and voice detection on stories made of ``recordings``, or on them ``as_they_are``.

    ``every``: all ways and more stories, some minutes; else what about a minute allows.

    Raises:
        NoModel: the model is missing.
        BadSound: a recording cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as room:
        stories: Sequence[Spoken] = recordings
        if not as_they_are:
            stories = make_stories(recordings, Path(room), rounds=2 if every else 1)
            stories = stories if every else stories[:_QUICK_STORIES]
        began = time.perf_counter()
        whisper = load_whisper(model, language)
        ours = ShortTailTranscriber(model, language, whisper=whisper)
        load_s = time.perf_counter() - began
        vad = make_vad("silero")
        # The first call pays for one-time set-up inside the libraries, which is no part of any clip.
        second = np.zeros(MODEL_RATE, np.float32)
        ours.transcribe(second, length_of(second))
        presses = presses_of(stories, vad)
        heard = listen(ways(whisper, model, language, vad, every=every), stories, presses, progress)
        found = figures(heard[0], heard[1])
        found |= benchvoice.figures(recordings, progress)
        progress("listening to noise")
        found |= {
            "invented_clips": len(invented(ours, vad, progress)),
            "model_load_s": round(load_s, 3),
            "clips": len(stories),
            "audio_s": round(sum(clip.audio_s for clip in heard[0].clips), 1),
        }
    plot = scatter(
        points(heard), "Words against waiting (K=3)", "seconds from last word to complete text", "word errors in 100"
    )
    return Measured(found, frontier(heard), plot)


def quick(
    recordings: Sequence[Spoken],
    model: str = "tiny.en",
    language: str = "en",
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, float]:
    """Measure the recordings as they are, our way and the baseline only. Raises as `measure`."""
    return measure(recordings, model, language, progress, as_they_are=True, every=False).figures
