"""Sound files to words without the kiosk: streamed as a story is told, or as a whole. With what it cost.

Streaming runs the very parts the box runs (resampler, voice detector, segmenter, transcriber) as fast as they go, and
keeps a virtual clock: a segment can be worked on from the moment its last sample was heard, by one worker, each taking
the CPU time it was measured to take. So the wait after the last word is known for slower machines too.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from audio.ahead import AGAIN_AFTER, Ahead
from audio.errors import BadSound
from audio.resample import MODEL_RATE, Resampler
from audio.segmenter import ADAPTIVE, Segmenter, SegmentRules
from audio.tracks import Track, is_folder, native_format
from audio.transcribe import length_of
from audio.types import Ms, Segment, TakeId, Tentative, Voicing, Word
from audio.vad import GATHERED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from audio.pcm import Samples
    from audio.transcribe import Transcriber
    from audio.vad import Vad

_BLOCK = Ms(20)
_NOTHING_S = 0.005
_CLOSED_AFTER = Ms(250)
"""A segment ends in the middle of the pause that closes it: so much later it is known."""
_PER_MS = MODEL_RATE // 1000
_HEADER_BYTES = 4096
"""More than the header of a sound file has where nothing follows it."""
SLOWEST_RATE, FASTEST_RATE = 4000, 384_000


@dataclass(frozen=True, slots=True)
class Worked:
    """One call of the transcriber: when its sound was complete, and the CPU and wall-clock seconds it took."""

    ready: float
    cpu_s: float
    wall_s: float


@dataclass(frozen=True, slots=True)
class Clip:
    """What became of one file. ``cpu_s`` counts everything; ``listening_s`` is the part spent on cutting."""

    file: Path
    words: tuple[Word, ...]
    audio_s: float
    cpu_s: float
    listening_s: float
    work: tuple[Worked, ...]

    @property
    def text(self) -> str:
        """The words in a row."""
        return " ".join(word.text for word in self.words)

    def text_after_end_s(self, slowness: float = 1.0) -> float:
        """Return the seconds from the last sample to the complete text on a machine ``slowness`` times slower.

        Below zero where nothing was left to do: the words had been found before the sound ended.
        """
        free = 0.0
        for job in self.work:
            # A job in which nothing is decoded keeps nobody waiting: it waits for the end only to know of it.
            if job.cpu_s > _NOTHING_S:
                free = max(free, job.ready) + slowness * job.cpu_s
        return free - self.audio_s

    def final_text_s(self, slowness: float = 1.0) -> float:
        """Return the same, 0 where the text was complete before."""
        return max(0.0, self.text_after_end_s(slowness))


def clips_in(path: Path) -> list[Path]:
    """Return a file as a list of one, or a folder's WAV files by name.

    Raises:
        BadSound: nothing there.
    """
    if not path.is_dir():
        if path.exists():
            return [path]
        msg = f"There is no file or folder {path}."
        raise BadSound(msg, "Check the name.")
    # A dead link, a pipe or what may not be looked at is in the list too: whoever named the folder hears of it.
    found = sorted(entry for entry in path.iterdir() if entry.suffix.lower() == ".wav" and not is_folder(entry))
    if not found:
        msg = f"The folder {path} holds no WAV files."
        raise BadSound(msg, "Give a folder of WAV files, or one file.")
    return found


def pieces(path: Path) -> Iterator[Samples]:
    """Yield a file as the model hears it, 20 ms at a time: mono float32 at 16 kHz, any input rate, width, channels.

    Raises:
        BadSound: missing, not a sound file, damaged, without a single sample, or of an absurd rate.
    """
    fmt = native_format(path)
    if not SLOWEST_RATE <= fmt.rate <= FASTEST_RATE:
        msg = f"{path.name} says it has {fmt.rate} samples a second, which is no recording of a voice."
        raise BadSound(msg, "Give a recording with 8,000 to 192,000 samples a second.")
    track = Track(path, fmt)
    resampler = Resampler(fmt)
    frames = max(1, fmt.rate * _BLOCK // 1000)
    empty = True
    try:
        while pcm := track.read(frames):
            empty = False
            yield resampler.push(pcm)
        if empty:
            raise _without_sound(path)
        yield resampler.flush()
    finally:
        track.close()


def _without_sound(path: Path) -> BadSound:
    """Say whether nothing was recorded, or only the header says so: a recorder that was cut off writes no length."""
    size = path.stat().st_size
    if size <= _HEADER_BYTES:
        return BadSound(f"{path.name} holds no sound.", "Record it again.")
    say = f"{path.name} says that it holds no sound, but it is {size:,} bytes long, as where a recorder was cut off."
    return BadSound(
        say, "Open it as raw sound in a sound editor and save it as WAV: what was recorded may still be there."
    )


def must_be_sound(path: Path) -> None:
    """Read a file to its end. Raises `BadSound` as `pieces` does."""
    for _ in pieces(path):
        pass


def last_voice_s(path: Path, vad: Vad) -> float:
    """Return the second at which the last voice in the file ends; its whole length where none is found."""
    vad.reset()
    heard = last = 0
    for piece in pieces(path):
        heard += len(piece)
        last = max([last, *(verdict.end for verdict in vad.push(piece) if verdict.voicing is Voicing.SPEECH)])
    return (last or heard) / MODEL_RATE


def _until(path: Path, press: float | None) -> Iterator[Samples]:
    """Yield a file's pieces up to the second of the press."""
    left = None if press is None else max(1, round(press * MODEL_RATE))
    for piece in pieces(path):
        yield piece if left is None else piece[:left]
        left = None if left is None else left - min(left, len(piece))
        if left == 0:
            return


class _Work:
    """Measures the calls of a transcriber."""

    def __init__(self) -> None:
        self.done: list[Worked] = []

    @contextlib.contextmanager
    def measured(self, ready: float) -> Iterator[None]:
        """Measure what the block does with sound that was complete at second ``ready``."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.done.append(Worked(ready, time.process_time() - cpu, time.perf_counter() - wall))

    @property
    def cpu_s(self) -> float:
        return sum(job.cpu_s for job in self.done)


def whole(path: Path, transcriber: Transcriber, *, vad: Vad | None = None, press: float | None = None) -> Clip:
    """Transcribe a file in one call, begun when its last sample was heard. Raises `BadSound`.

    ``vad`` measures first how much of it is speech, and where there is none there are no words; without it all of it
    is taken for speech. ``press`` ends it at that second, as a teller's press would.
    """
    began = time.process_time()
    samples = np.concatenate(list(_until(path, press)))
    voiced = length_of(samples) if vad is None else _voiced(samples, vad)
    listened = time.process_time() - began
    audio_s = len(samples) / MODEL_RATE
    work = _Work()
    with work.measured(audio_s):
        words = transcriber.transcribe(samples, voiced)
    return Clip(path, tuple(words), audio_s, work.cpu_s + listened, listened, tuple(work.done))


def _voiced(samples: Samples, vad: Vad) -> Ms:
    vad.reset()
    speech = sum(one.end - one.start for one in vad.push(samples) if one.voicing is Voicing.SPEECH)
    return Ms(speech // _PER_MS)


class _Listener:
    """Cuts a stream of model-rate samples into segments, and hands out their samples until the next is asked for."""

    def __init__(self, vad: Vad, rules: SegmentRules) -> None:
        self._vad = vad
        vad.reset()
        self._segmenter = Segmenter(TakeId("clip"), rules)
        self._held: list[Samples] = []
        self._held_from = 0
        self._unjudged: list[Samples] = []
        self.heard = 0

    def push(self, samples: Samples) -> list[Tentative | Segment]:
        self._held.append(samples)
        self._unjudged.append(samples)
        self.heard += len(samples)
        # As much at once as the box gathers: what it pays for that in waiting is paid here too.
        return self._judge() if sum(map(len, self._unjudged)) >= GATHERED * _PER_MS else []

    def _judge(self) -> list[Tentative | Segment]:
        samples = np.concatenate([*self._unjudged, np.zeros(0, np.float32)])
        self._unjudged = []
        found: list[Tentative | Segment] = []
        for verdict in self._vad.push(samples):
            span = self._samples(verdict.start, verdict.end)
            rms = float(np.sqrt(np.mean(np.square(span)))) if len(span) else 0.0
            news = self._segmenter.push(Ms(verdict.end // _PER_MS), verdict.voicing is Voicing.SPEECH, rms)
            found += [item for item in news if isinstance(item, Segment | Tentative)]
        return found

    def finish(self) -> list[Tentative | Segment]:
        found = self._judge()
        # Rounded up, so that the last part of a millisecond is not cut off the last word.
        last = self._segmenter.finish(Ms(-(-self.heard // _PER_MS)))
        return [*found, last] if last else found

    @property
    def now(self) -> Ms:
        return Ms(self.heard // _PER_MS)

    def sound(self, start: Ms, end: Ms) -> Samples:
        return self._samples(start * _PER_MS, end * _PER_MS)

    def forget(self, before: Ms) -> None:
        """Let go of what was transcribed for good."""
        self._held = [self._samples(before * _PER_MS, self.heard)]
        self._held_from = before * _PER_MS

    def _samples(self, start: int, end: int) -> Samples:
        joined = self._held[0] if len(self._held) == 1 else np.concatenate(self._held)
        self._held = [joined]
        part: Samples = joined[start - self._held_from : end - self._held_from]
        return part


def streamed(
    path: Path, transcriber: Transcriber, vad: Vad, rules: SegmentRules = ADAPTIVE, *, press: float | None = None
) -> Clip:
    """Transcribe a file as if it were told now: segment by segment, the last one begun at its last sample.

    ``press`` ends it at that second, as a teller's press would. The words are those that stand when the last of them
    is there; what the box finds again after that is not in them.

    Raises:
        BadSound: as `pieces`.
    """
    listener = _Listener(vad, rules)
    ahead = Ahead(transcriber)
    words: dict[int, list[Word]] = {}
    work = _Work()
    began = time.process_time()

    def work_on(item: Tentative | Segment | None) -> None:
        with work.measured(listener.heard / MODEL_RATE):
            if isinstance(item, Tentative):
                ahead.look(item, listener.sound)
            elif item is not None:
                words[item.index] = ahead.close(item, listener.sound)
                listener.forget(item.start if ahead.doubtful else item.end)
            elif (doubtful := ahead.doubtful) is not None:
                said = " ".join(word.text for index in sorted(words) if index < doubtful.index for word in words[index])
                words[doubtful.index] = ahead.again(doubtful, said, listener.sound)

    for piece in _until(path, press):
        for item in listener.push(piece):
            work_on(item)
        if ahead.doubtful is not None and listener.now >= ahead.doubtful.end + _CLOSED_AFTER + AGAIN_AFTER:
            work_on(None)
    for item in listener.finish():
        work_on(item)
    spent = time.process_time() - began
    listened = spent - work.cpu_s
    told = tuple(word for _, some in sorted(words.items()) for word in some)
    return Clip(path, told, listener.heard / MODEL_RATE, spent, listened, tuple(work.done))
