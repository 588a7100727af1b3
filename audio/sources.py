"""Where sound comes from: the protocol of a source, and two that need no sound card.

`ScriptedSource` is a driveable fake microphone: it delivers when it is pumped, in the caller's thread, at any
speed, and can be told to fail. `WavSource` is the same kept going in real time by a thread. The real one is
`audio.microphone.Microphone`. All three pass one contract suite.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from audio.clock import Clock
from audio.errors import NoMicrophone, StreamDied
from audio.tracks import STUDIO_RATE, Track, babble, common_format, room
from audio.types import AudioFormat, Block

Sink = Callable[[Block], None]
"""Takes one block; called in the source's own thread, must neither block nor raise."""

STALL_MS: Final = 1200
"""No block for this long means that the stream has died, unless a source is told otherwise.

Long enough for a busy machine to catch up, short enough to be said within 2 s."""
_BLOCK_MS: Final = 20
_LATENCY_S: Final = 0.06
_TICK_S: Final = 0.02
_TOLERANCE: Final = 0.01


def sample_at(moment: float, at: float, rate: int) -> int:
    """Return the index of the first sample captured at or after ``moment``, where sample 0 was captured ``at``.

    Negative when ``moment`` lies before. A hundredth of a sample is forgiven, so that rounding never costs one.
    """
    return math.ceil((moment - at) * rate - _TOLERANCE)


class Source(Protocol):
    """A stream of sound from one named device, and never silently from another."""

    name: str
    format: AudioFormat
    sure_until: float
    """What was captured before this (monotonic seconds) is known to come from the right device; infinite where nothing
    can take its place unseen."""

    opened_at: float
    """When the stream that gives blocks now was opened (monotonic seconds): earlier ones came from the one before it.
    """

    def start(self, sink: Sink) -> None:
        """Open the stream; blocks go to ``sink`` from now on. `NoMicrophone` when it cannot be opened."""
        ...

    def stop(self) -> None:
        """Close the stream; when this returns no block follows. Harmless when it is closed."""
        ...

    def check(self) -> None:
        """Raise `StreamDied` when no block came for too long, `WrongDevice` when another device answers."""
        ...

    def confirm(self) -> None:
        """Ask now whether the right device answers; raise `WrongDevice` when not."""
        ...

    def rearm(self) -> bool:
        """After `StreamDied`: try once to get the same device back; tells whether blocks flow again."""
        ...


class ScriptedSource:
    """A fake microphone that says what it was given, and fails when it is told to.

    From `start` on it gives speech-like level (somebody says hello); from the sample at which `begin_track` was
    told, the next file of ``tracks`` from its first sample; then room tone. With no file left a track is room tone.
    What falls into a fault is lost, as with a real device.
    """

    sure_until = math.inf
    opened_at = -math.inf

    def __init__(
        self,
        clock: Clock,
        tracks: Sequence[Path],
        fmt: AudioFormat | None = None,
        *,
        name: str = "scripted",
        seed: int = 1,
        stall_ms: int = STALL_MS,
    ) -> None:
        """Deliver ``tracks`` in ``fmt`` (default: what suits them all); `BadSound` when one cannot be read."""
        self.name = name
        self.format = fmt or (common_format(tracks) if tracks else AudioFormat(STUDIO_RATE))
        self.stall_ms = stall_ms
        self._clock = clock
        self._tracks = list(tracks)
        self._greeting = babble(self.format, seed)
        self._room = room(self.format, seed)
        self._background = self._greeting
        self._lock = threading.RLock()
        self._sink: Sink | None = None
        self._origin = 0.0
        self._position = 0
        self._begun = 0
        self._track_from: int | None = None
        self._track: Track | None = None
        self._heard = False
        self._silent_since: float | None = None
        self._dead = False
        self._returned = False
        self._overflow = False
        self._pumped = 0.0

    @property
    def heard(self) -> bool:
        """Whether the current track has been delivered completely; False before the first."""
        return self._heard

    @property
    def heard_at(self) -> float:
        """Up to which moment of the clock sound has been delivered."""
        return self._origin + self._position / self.format.rate

    def start(self, sink: Sink) -> None:
        """Open the stream at this moment of the clock."""
        with self._lock:
            if self._dead:
                raise NoMicrophone(f"The microphone {self.name} does not answer.", "Plug it in again.")
            self._sink = sink
            self._origin = self._pumped = self._clock.monotonic()
            self._position = 0
            self._background = self._greeting
            self._drop_track()

    def stop(self) -> None:
        """Close the stream; a track under way is over."""
        with self._lock:
            self._sink = None
            self._drop_track()

    def _drop_track(self) -> None:
        if self._track is not None:
            self._track.close()
        self._track = self._track_from = None

    def begin_track(self, at: float) -> float:
        """Let the next track begin with the first sample at or after ``at`` (monotonic seconds).

        Returns the moment it really begins: later than ``at`` when sound up to there was already delivered.
        A take that begins at the returned moment has the track's first sample as its own.
        """
        with self._lock:
            self._drop_track()
            first = max(self._position, sample_at(at, self._origin, self.format.rate))
            if self._begun < len(self._tracks):
                self._track = Track(self._tracks[self._begun], self.format)
                self._track_from = first
                self._heard = False
            else:
                self._background = self._room
                self._heard = True
            self._begun += 1
            return self._origin + first / self.format.rate if first == self._position else at

    def pump(self, until: float) -> None:
        """Deliver, in this thread, every sample captured before ``until`` (monotonic seconds)."""
        with self._lock:
            self._pumped = max(self._pumped, until)
            goal = sample_at(until, self._origin, self.format.rate)
            block = self.format.rate * _BLOCK_MS // 1000
            while self._sink is not None and self._position < goal:
                self._deliver(self._sink, min(block, goal - self._position))

    def _deliver(self, sink: Sink, frames: int) -> None:
        at = self._origin + self._position / self.format.rate
        pcm = self._render(frames)
        self._position += frames
        if self._silent_since is None:
            overflow, self._overflow = self._overflow, False
            sink(Block(pcm, at, overflow))

    def _render(self, frames: int) -> bytes:
        """Make the next ``frames`` samples: background up to the track, the track, room tone after it."""
        if self._track is None or self._track_from is None:
            return self._loop(self._position, frames)
        before = min(frames, max(0, self._track_from - self._position))
        pcm = self._loop(self._position, before)
        if before < frames:
            self._background = self._room
            pcm += self._track.read(frames - before)
            if self._track.done:
                self._heard = True
                self._drop_track()
            missing = frames - len(pcm) // self.format.frame_bytes
            pcm += self._loop(self._position + frames - missing, missing)
        return pcm

    def _loop(self, position: int, frames: int) -> bytes:
        size = self.format.frame_bytes
        total = len(self._background)
        start, wanted = position * size % total, frames * size
        pcm = self._background[start : start + wanted]
        while len(pcm) < wanted:
            pcm += self._background[: wanted - len(pcm)]
        return pcm

    def check(self) -> None:
        """Raise `StreamDied` once it is dead, or has been stalled for ``stall_ms`` of delivered time."""
        with self._lock:
            if self._dead:
                raise StreamDied(f"The microphone {self.name} is gone.", "Plug it in again.")
            if self._silent_since is not None and self._pumped - self._silent_since >= self.stall_ms / 1000:
                raise StreamDied(f"The microphone {self.name} has stopped answering.", "Plug it in again.")

    def confirm(self) -> None:
        """Nothing takes the place of this one."""

    def rearm(self) -> bool:
        """Deliver again if `come_back` was told."""
        with self._lock:
            if self._returned:
                self._dead = self._returned = False
                self._silent_since = None
            return self._silent_since is None

    def stall(self) -> None:
        """Fault: stop delivering without a word, like a hung USB device."""
        with self._lock:
            self._silent_since = self.heard_at
            self._returned = False

    def die(self) -> None:
        """Fault: be gone at once, like a pulled plug."""
        with self._lock:
            self.stall()
            self._dead = True

    def overflow(self) -> None:
        """Fault: flag the next block as coming after lost samples."""
        with self._lock:
            self._overflow = True

    def come_back(self) -> None:
        """End of `stall` or `die`: the next `rearm` succeeds; a stalled stream goes on by itself."""
        with self._lock:
            self._returned = True
            if not self._dead:
                self._silent_since = None


class WavSource(ScriptedSource):
    """Sound files in real time: a thread delivers what a microphone would have, some 60 ms after the fact.

    With ``realtime=False`` there is no thread and the owner pumps, as with `ScriptedSource`.
    """

    def __init__(
        self, path: Path | Sequence[Path], clock: Clock, *, realtime: bool = True, name: str = "wav", seed: int = 1
    ) -> None:
        """Play one file or several, one a take; `BadSound` when one cannot be read."""
        super().__init__(clock, [path] if isinstance(path, Path) else path, name=name, seed=seed)
        self._realtime = realtime
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, sink: Sink) -> None:
        """Open the stream and let the thread deliver."""
        self.stop()
        super().start(sink)
        if self._realtime:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._keep_going, name="wav-source", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Close the stream and end the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            thread.join()
        super().stop()

    def _keep_going(self) -> None:
        # Delivering late, as devices do, lets a track begin exactly at the press that was just made.
        while not self._stopping.wait(_TICK_S):
            self.pump(self._clock.monotonic() - _LATENCY_S)
