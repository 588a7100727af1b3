"""One sound on its way to a loudspeaker: pieces, gain, and ramps at either end. No device here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

import numpy as np

from audio.pcm import Samples

Sound = Samples | Iterator[Samples]
"""Mono float32, whole or piece by piece (a long story need not be in memory)."""

FADE_MS: Final = 10
"""Length of the ramp at either end of every playback: short enough to stop at once, rounded so that nothing clicks."""


class Voice:
    """One sound on its way out: chunks, gain, ramps. Filled by one thread, emptied by another, no lock needed."""

    def __init__(self, rate: int, gain_db: float = 0.0) -> None:
        """Make a voice at ``rate`` Hz."""
        self.rate = rate
        self.played = 0
        self.complete = False
        """Set by the feeder when no chunk follows."""
        self.ended = False
        self.finished = False
        self._gain = self._wanted = np.float32(10 ** (gain_db / 20))
        self._fade = max(1, rate * FADE_MS // 1000)
        # Half a cosine: it begins and ends without a corner, which a line of this length would let one hear.
        self._curve = (0.5 - 0.5 * np.cos(np.pi * np.arange(self._fade + 1) / self._fade)).astype(np.float32)
        self._chunks: deque[Samples] = deque()
        self._fed = 0
        self._stop_left: int | None = None

    @property
    def ahead(self) -> float:
        """Seconds that are ready to be played."""
        return (self._fed - self.played) / self.rate

    def feed(self, chunk: Samples) -> None:
        """Append mono samples at this voice's rate."""
        if len(chunk):
            self._chunks.append(chunk)
            self._fed += len(chunk)

    def set_gain(self, gain_db: float) -> None:
        """Go over to another gain in the course of the next piece that is asked for."""
        self._wanted = np.float32(10 ** (gain_db / 20))

    def stop(self) -> None:
        """Begin the ramp down."""
        if self._stop_left is None:
            self._stop_left = self._fade

    def fill(self, out: Samples) -> None:
        """Add the next samples to ``out``; silence where the feeder is late. Sets ``ended`` and ``finished``."""
        if self.ended:
            return
        complete = self.complete
        left = self._fed - self.played
        wanted = min(len(out), left)
        if self._stop_left is not None:
            wanted = min(wanted, self._stop_left)
        if wanted:
            sound = self._take(wanted) * self._loudness(wanted)
            self._ramp(sound, left if complete else None)
            out[:wanted] += sound
            self.played += wanted
        if self._stop_left is not None:
            self._stop_left -= wanted
            # A voice that starves while it fades has nothing left to fade.
            self.ended = self._stop_left <= 0 or wanted < len(out)
        elif complete and self.played >= self._fed:
            self.ended = self.finished = True

    def _loudness(self, wanted: int) -> np.float32 | Samples:
        """The gain of the next samples: one number, or a way from the old gain to a new one."""
        before, self._gain = self._gain, self._wanted
        if before == self._gain:
            return before
        return np.linspace(before, self._gain, wanted, endpoint=False, dtype=np.float32)

    def _ramp(self, sound: Samples, left: int | None) -> None:
        """Rise from the first sample, fall to the last, fall to a stop: whichever apply."""
        count = len(sound)
        if self.played < self._fade:
            rising = min(count, self._fade - self.played)
            sound[:rising] *= self._curve[self.played : self.played + rising]
        for remaining in (left, self._stop_left):
            # The last sample of all is silent already.
            if remaining is not None and remaining - count < self._fade:
                places = np.clip(np.arange(remaining - 1, remaining - 1 - count, -1), 0, self._fade)
                sound *= self._curve[places]

    def _take(self, wanted: int) -> Samples:
        pieces: list[Samples] = []
        while wanted:
            chunk = self._chunks.popleft()
            if len(chunk) > wanted:
                self._chunks.appendleft(chunk[wanted:])
                chunk = chunk[:wanted]
            pieces.append(chunk)
            wanted -= len(chunk)
        return np.concatenate(pieces)


def pieces(samples: Sound, rate: int) -> Iterator[Samples]:
    """Yield the sound as float32 pieces of at most a second."""
    if isinstance(samples, np.ndarray):
        for start in range(0, len(samples), rate):
            yield np.asarray(samples[start : start + rate], dtype=np.float32)
    else:
        for chunk in samples:
            yield np.asarray(chunk, dtype=np.float32)
