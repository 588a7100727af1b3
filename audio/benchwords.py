"""Words and waiting: the box's way and others beside plain faster-whisper on the whole file, in the same run."""

from __future__ import annotations

import difflib
import statistics
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jiwer
import soundfile

from audio.benchvoice import noises
from audio.clips import Clip, last_voice_s, streamed, whole
from audio.drawing import Point
from audio.models import code_of
from audio.resample import MODEL_RATE
from audio.segmenter import ADAPTIVE, STEADY, SegmentRules
from audio.shorttail import ShortTailTranscriber
from audio.speech import Spoken, normalised, word_error_rate
from audio.stories import Story
from audio.transcribe import as_words, length_of
from audio.types import Ms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from audio.transcribe import Samples, Transcriber
    from audio.types import Word
    from audio.vad import Vad

SLOWNESS: Final = (1, 3, 9)
PRESS_AFTER_S: Final = 0.5
"""The press that ends a story comes so long after the last voice."""


class PlainWhole:
    """The baseline: faster-whisper as it comes, no word times, over the whole file."""

    cheap_when_short = False

    def __init__(self, whisper: Any, language: str, *, beam: int = 5, vad_filter: bool = False) -> None:
        """Use a loaded model."""
        self.name = f"whole file, beam {beam}{', vad_filter' if vad_filter else ''}"
        self.language = language
        self._whisper = whisper
        self._beam = beam
        self._filter = vad_filter

    def transcribe(self, samples: Samples, voiced: Ms, before: str = "") -> list[Word]:  # noqa: ARG002 - not looked at
        """Return the words; each carries its sentence's times."""
        segments, _ = self._whisper.transcribe(
            samples, language=code_of(self.language), beam_size=self._beam, vad_filter=self._filter
        )
        heard = [(word, part.start, part.end, 1.0) for part in segments for word in part.text.split()]
        return as_words(heard, length_of(samples), doubt=False)


@dataclass(frozen=True, slots=True)
class Heard:
    """What one way made of every story, in the stories' order."""

    name: str
    stories: tuple[Spoken, ...]
    clips: tuple[Clip, ...]

    def pairs(self) -> list[tuple[str, str]]:
        """Return (reference, heard) for every story."""
        return [(story.text, clip.text) for story, clip in zip(self.stories, self.clips, strict=True)]

    @property
    def rate(self) -> float:
        """The word error rate over all stories."""
        return word_error_rate(self.pairs())

    def waits(self, slowness: float, after: float = PRESS_AFTER_S) -> list[float]:
        """Return for each story the seconds from its last voice to its complete text."""
        return [after + clip.text_after_end_s(slowness) for clip in self.clips]

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all decoding, what was done ahead for nothing included."""
        return sum(job.cpu_s for clip in self.clips for job in clip.work)

    @property
    def wall_s(self) -> float:
        """Wall-clock seconds of the same."""
        return sum(job.wall_s for clip in self.clips for job in clip.work)

    def deletions(self, condition: str) -> float | None:
        """Return the share of words left out in stories of this condition; None where there are none."""
        pairs = [
            (normalised(a), normalised(b) or "-")
            for (a, b), story in zip(self.pairs(), self.stories, strict=True)
            if isinstance(story, Story) and story.condition.name == condition
        ]
        if not pairs:
            return None
        found = jiwer.process_words([a for a, _ in pairs], [b for _, b in pairs])
        return float(found.deletions) / (found.hits + found.substitutions + found.deletions)


def listen(
    ways: Mapping[str, Callable[[Path, float], Clip]],
    stories: Sequence[Spoken],
    presses: Sequence[float],
    progress: Callable[[str], None] = lambda _: None,
) -> list[Heard]:
    """Let every way hear every story up to its press, story by story: what else the machine does hits all alike."""
    clips: dict[str, list[Clip]] = {name: [] for name in ways}
    for number, (story, press) in enumerate(zip(stories, presses, strict=True), 1):
        progress(f"story {number} of {len(stories)}")
        for name, hear in ways.items():
            clips[name].append(hear(story.path, press))
    return [Heard(name, tuple(stories), tuple(made)) for name, made in clips.items()]


def presses_of(stories: Sequence[Spoken], vad: Vad) -> list[float]:
    """Return the second of the press that ends each story. Raises `BadSound`."""
    return [last_voice_s(story.path, vad) + PRESS_AFTER_S for story in stories]


def ways(whisper: Any, model: str, language: str, vad: Vad, *, every: bool) -> dict[str, Callable[[Path, float], Clip]]:
    """Return the ways to measure: ours and the baseline first, then, where ``every`` is asked for, the others."""

    def ours(beam: int, rules: SegmentRules) -> Callable[[Path, float], Clip]:
        transcriber = ShortTailTranscriber(model, language, beam=beam, whisper=whisper)
        return lambda path, press: streamed(path, transcriber, vad, rules, press=press)

    def plain(beam: int, vad_filter: bool) -> Callable[[Path, float], Clip]:
        transcriber = PlainWhole(whisper, language, beam=beam, vad_filter=vad_filter)
        return lambda path, press: whole(path, transcriber, press=press)

    found = {"ours": ours(5, ADAPTIVE), "whole, beam 5": plain(5, False)}
    if every:
        found |= {
            "ours, beam 1": ours(1, ADAPTIVE),
            "nothing ahead, beam 5": ours(5, replace(ADAPTIVE, hints=())),
            "nothing ahead, beam 1": ours(1, replace(ADAPTIVE, hints=())),
            "one pause rule, nothing ahead": ours(5, replace(STEADY, hints=())),
            "whole, beam 1": plain(1, False),
            "whole, beam 5, vad_filter": plain(5, True),
            "whole, beam 1, vad_filter": plain(1, True),
        }
    return found


def figures(ours: Heard, baseline: Heard) -> dict[str, float]:
    """Return the figures on words: rates as fractions, seconds, ratios, cost in percentage points."""
    waits = {k: ours.waits(k) for k in SLOWNESS}
    theirs = baseline.waits(3)
    found = {f"final_text_s_k{k}": statistics.median(waits[k]) for k in SLOWNESS}
    found |= {
        "final_text_s_k3_worst": max(waits[3]),
        "final_text_s_k3_whole": statistics.median(theirs),
        "final_text_ratio_k3": statistics.median(waits[3]) / statistics.median(theirs),
        "after_press_s_k3": statistics.median(max(0.0, wait - PRESS_AFTER_S) for wait in waits[3]),
        "wer_streamed": ours.rate,
        "wer_whole": baseline.rate,
        "stream_wer_cost_points": 100 * (ours.rate - baseline.rate),
        "stream_cpu_ratio": ours.cpu_s / max(1e-9, baseline.cpu_s),
        "stream_wall_ratio": ours.wall_s / max(1e-9, baseline.wall_s),
        "decode_cpu_s_per_s": ours.cpu_s / sum(clip.audio_s for clip in ours.clips),
    }
    for name, heard in (("", ours), ("_whole", baseline)):
        if (share := heard.deletions("room")) is not None:
            found[f"deletions_room_percent{name}"] = 100 * share
    found |= time_figures(ours)
    return {key: round(value, 4) for key, value in found.items()}


def time_figures(heard: Heard) -> dict[str, float]:
    """Return how far word starts are off, ms, where it is known: at the first word of each recording in a story."""
    off: list[float] = []
    for story, clip in zip(heard.stories, heard.clips, strict=True):
        if not isinstance(story, Story):
            continue
        said = [(part, word.start) for word in clip.words for part in normalised(word.text).split()]
        matcher = difflib.SequenceMatcher(a=story.text.split(), b=[part for part, _ in said], autojunk=False)
        place = {a + n: b + n for a, b, size in matcher.get_matching_blocks() for n in range(size)}
        off += [said[place[number]][1] - 1000 * at for number, at in story.onsets if number in place]
    if not off:
        return {}
    return {
        "word_time_error_ms_median": statistics.median(abs(error) for error in off),
        "word_time_bias_ms": statistics.median(off),
    }


def frontier(heard: Sequence[Heard]) -> list[dict[str, float | str]]:
    """Return words against waiting for every way: one row each."""
    return [
        {
            "way": one.name,
            "word_error_rate": round(one.rate, 4),
            **{f"final_text_s_k{k}": round(statistics.median(one.waits(k)), 3) for k in SLOWNESS},
            "final_text_s_k3_worst": round(max(one.waits(3)), 3),
            "cpu_s": round(one.cpu_s, 2),
            "wall_s": round(one.wall_s, 2),
        }
        for one in heard
    ]


def points(heard: Sequence[Heard]) -> list[Point]:
    """Return the frontier as points: waiting on a machine three times slower, and word errors in a hundred."""
    return [
        Point(statistics.median(one.waits(3)), 100 * one.rate, one.name, not one.name.startswith("whole"))
        for one in heard
    ]


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
