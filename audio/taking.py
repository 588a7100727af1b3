"""One take under way: which samples belong to it, their way to the disk, and the judging of them.

No thread and no clock here; `audio.capture.Capture` feeds it in its own thread.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol

import numpy as np

from audio.events import CaptureEvent, FirstSample, Marked, SegmentClosed, ShortPause, SoundGap, TakeClosed
from audio.pcm import Samples, full_scale, to_integers
from audio.resample import MODEL_RATE, Resampler
from audio.segmenter import News, Segmenter
from audio.sources import sample_at
from audio.types import AudioFormat, Block, Ms, Segment, Take, TakeId, Tentative, Verdict, Voicing
from audio.vad import Vad

HOLD_S: Final = 0.15
"""How late a press may be told and still cut exactly, in seconds of sound kept back from the disk."""
_SILENT: Final = 1e-6
_GAP_S: Final = 0.05
"""A block that begins so much later than the one before it ended comes after a gap."""


class Writer(Protocol):
    """What a take needs of `audio.takewriter.TakeWriter`."""

    take: TakeId
    format: AudioFormat

    @property
    def length(self) -> Ms:
        """What was taken in so far."""
        ...

    def write(self, pcm: bytes) -> None:
        """Take in whole sample frames."""
        ...

    def flush(self) -> None:
        """Make what was written readable by others."""
        ...

    def close(self, *, speech: Ms, overflows: int, clipped: int) -> Take:
        """Sync, read back, hash."""
        ...

    def leave(self) -> None:
        """Let go of an open take; it can be recovered."""
        ...

    def abandon(self) -> None:
        """Destroy the take."""
        ...


@dataclass(frozen=True, slots=True)
class Gate:
    """From the first sample captured at or after ``at`` on, sound is stored (``on``) or not; ``last`` ends the take."""

    at: float
    on: bool
    last: bool = False


class Taking:
    """Lets blocks through gates (exact to the sample), stores, resamples, judges and cuts what passes.

    Methods raise what the writer raises (`audio.errors.DiskTrouble`).
    """

    def __init__(
        self,
        writer: Writer,
        at: float,
        vad: Vad,
        announce: Callable[[CaptureEvent], None],
        segmenter: Segmenter | None = None,
    ) -> None:
        """Begin with the first sample captured at or after ``at``; a resumed ``writer`` goes on where it was."""
        self.writer = writer
        self.overflows = 0
        self._announce = announce
        self._segmenter = segmenter or Segmenter(writer.take)
        self._base = writer.length
        self._format = writer.format
        self._resampler = Resampler(writer.format)
        self._vad = vad
        self._vad.reset()
        self._gates = deque([Gate(at, on=True)])
        self._on = False
        self._held: deque[Block] = deque()
        self.sure_until = math.inf
        """Blocks captured after this wait until the right device is known to have given them."""
        self._pending: list[bytes] = []
        self._first_at: float | None = None
        self._first_told = False
        self._next_at: float | None = None
        self._stored = 0
        self._clipped = 0
        self._speech = 0
        self._unjudged = np.zeros(0, np.float32)
        self._top = full_scale(writer.format.width)

    @property
    def ending(self) -> bool:
        """Whether the end of the take has been told."""
        return bool(self._gates) and self._gates[-1].last

    @property
    def ends_at(self) -> float:
        """When the take ends, as far as it has been told; infinite before that."""
        return self._gates[-1].at if self.ending else math.inf

    def settle(self) -> bool:
        """Take what is held as the right device's; True when the take's last sample has passed the gates by that."""
        self.sure_until = math.inf
        return self._release(math.inf)

    def gate(self, gate: Gate) -> bool:
        """Add a turn, in order of time; nothing follows the last one. True when the last sample has passed by now."""
        if self.ending:
            return False
        self._gates.append(gate)
        return gate.last and self._release(self.sure_until)

    def push(self, block: Block) -> bool:
        """Take one block; True when the take's last sample has passed the gates. Writes nothing yet.

        Until the end is told, the newest `HOLD_S` wait here: a press is told some time after it happened, and
        what was said after it must not be on the disk by then.
        """
        self._held.append(block)
        newest = block.at + len(block.pcm) / (self._format.rate * self._format.frame_bytes)
        return self._release(min(math.inf if self.ending else newest - HOLD_S, self.sure_until))

    def drop_unsure(self) -> None:
        """Another device answered: let go of everything since the right one was last known to answer."""
        self._held = deque(block for block in self._held if block.at < self.sure_until)

    def _release(self, before: float) -> bool:
        """Let the held blocks which begin before ``before`` through the gates."""
        while self._held and self._held[0].at < before:
            if self._let_through(self._held.popleft()):
                self._held.clear()
                return True
        return False

    def _let_through(self, block: Block) -> bool:
        size = self._format.frame_bytes
        frames = len(block.pcm) // size
        done = 0
        late = 0.0 if self._next_at is None else block.at - self._next_at
        if self._on and (block.overflow or late > _GAP_S):
            self.lost(max(0.0, late))
        self._next_at = block.at + frames / self._format.rate
        while self._gates:
            gate = self._gates[0]
            index = sample_at(gate.at, block.at, self._format.rate)
            if index > frames:
                break
            index = max(index, done)
            self._keep(block, done, index)
            self._gates.popleft()
            self._on = gate.on
            done = index
            if gate.last:
                return True
        self._keep(block, done, frames)
        return False

    def lost(self, seconds: float = 0.0) -> None:
        """Count a gap at this place and tell of it; 0 s where nobody knows how long it is."""
        self.overflows += 1
        waiting = sum(len(piece) for piece in self._pending) // self._format.frame_bytes
        at = Ms(self._base + (self._stored + waiting) * 1000 // self._format.rate)
        self._announce(SoundGap(self.writer.take, at, seconds))

    def _keep(self, block: Block, start: int, end: int) -> None:
        if self._on and end > start:
            if self._first_at is None:
                self._first_at = block.at + start / self._format.rate
            size = self._format.frame_bytes
            self._pending.append(block.pcm[start * size : end * size])

    def store(self, at_least_ms: int = 0) -> None:
        """Write what passed since the last call, judge it, and announce what that brings about.

        Less than ``at_least_ms`` is left for the next call (several windows at once cost half of one by one), but
        the take's very first sound is written at once.
        """
        size = sum(len(piece) for piece in self._pending)
        if not size or (self._first_told and size < self._format.bytes_of(Ms(at_least_ms))):
            return
        pcm = b"".join(self._pending)
        self._pending.clear()
        self.writer.write(pcm)
        if not self._first_told:
            self._first_told = True
            self._announce(FirstSample(self.writer.take, self._first_at or 0.0))
        self._stored += len(pcm) // self._format.frame_bytes
        samples = to_integers(pcm, self._format)
        if samples.max() >= self._top - 1 or samples.min() <= -self._top:
            self._clipped += int(np.count_nonzero((samples >= self._top - 1) | (samples <= -self._top)))
        self._judge(self._resampler.push(pcm))

    def _judge(self, samples: Samples) -> None:
        self._unjudged = np.concatenate([self._unjudged, samples])
        verdicts = self._vad.push(samples)
        if not verdicts:
            return
        news: list[CaptureEvent] = []
        # All windows of one detector have one length, so their loudness is one matrix away.
        for size, group in groupby(verdicts, key=lambda verdict: verdict.end - verdict.start):
            news += self._cut(list(group), size)
        if any(isinstance(event, SegmentClosed | ShortPause) for event in news):
            self.writer.flush()
        for event in news:
            self._announce(event)

    def _cut(self, verdicts: list[Verdict], size: int) -> list[CaptureEvent]:
        windows = self._unjudged[: len(verdicts) * size].reshape(-1, size)
        self._unjudged = self._unjudged[len(verdicts) * size :]
        loudness = 10 * np.log10(np.mean(np.square(windows), axis=1) + _SILENT**2)
        news: list[CaptureEvent] = []
        for verdict, rms in zip(verdicts, loudness.tolist(), strict=True):
            speech = verdict.voicing is Voicing.SPEECH
            self._speech += size if speech else 0
            end = Ms(self._base + verdict.end * 1000 // MODEL_RATE)
            news.extend(self._news(item) for item in self._segmenter.push(end, speech, rms))
        return news

    def _news(self, item: News) -> CaptureEvent:
        match item:
            case Segment():
                return SegmentClosed(item)
            case Tentative():
                return ShortPause(item)
            case _:
                return Marked(self.writer.take, item)

    def close(self) -> None:
        """Store the rest, held back or not; announce the tail segment once it can be read, then the closed take."""
        self._release(math.inf)
        self.store()
        self._judge(self._resampler.flush())
        tail = self._segmenter.finish(Ms(self._base + self._stored * 1000 // self._format.rate))
        if tail is not None:
            self.writer.flush()
            self._announce(SegmentClosed(tail))
        speech = Ms(self._speech * 1000 // MODEL_RATE)
        self._announce(TakeClosed(self.writer.close(speech=speech, overflows=self.overflows, clipped=self._clipped)))
