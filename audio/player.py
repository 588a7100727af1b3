"""Playback: one voice at a time, level-matched, never with a click.

`SpeakerPlayer` goes through PortAudio; `SilentPlayer` plays on a clock to nobody and remembers what it played.
Both announce from whatever thread knows first, so ``announce`` must only queue.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import soxr

from audio.blocktimer import Lateness
from audio.clock import Clock
from audio.errors import AudioError, NoSpeaker
from audio.microphone import before_reset, close_stream, find_device, holding_portaudio, portaudio
from audio.mixing import FADE_MS, Sound, Voice, pieces
from audio.pcm import Samples
from audio.priority import hurry
from audio.types import Ms

if TYPE_CHECKING:
    import sounddevice

__all__ = [
    "FADE_MS",
    "PlaybackEnded",
    "PlaybackStarted",
    "Played",
    "Player",
    "SilentPlayer",
    "Sound",
    "SpeakerPlayer",
    "Voice",
]

_PREFERRED_RATE: Final = 48_000
"""What masters are recorded at, so that an earlier voice goes out as it was stored."""
_FIRST_S: Final = 0.5
_AHEAD_S: Final = 4.0
_LATENCY_S: Final = 0.03
_BLOCK_MS: Final = 10
_IDLE_S: Final = 10.0
_HUNG_S: Final = 1.0
_FEED_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class PlaybackStarted:
    """The first sample is heard ``at``; the program ``handed`` it to the device before (both monotonic seconds)."""

    at: float
    handed: float


@dataclass(frozen=True, slots=True)
class PlaybackEnded:
    """Nothing of this playback follows; ``finished`` tells whether it came to its end."""

    finished: bool


PlayerEvent = PlaybackStarted | PlaybackEnded
Announce = Callable[[PlayerEvent], None]


class Player(Protocol):
    """Plays one sound at a time."""

    def play(self, samples: Sound, rate: int, gain_db: float = 0.0) -> None:
        """Start at once; what was playing fades out (and ends, not finished). `NoSpeaker` when it cannot."""
        ...

    def stop(self) -> None:
        """Fade out within 50 ms. Harmless when nothing plays."""
        ...

    def set_gain(self, gain_db: float) -> None:
        """Change the gain of what sounds now, without a click; the next `play` brings its own. Harmless in silence."""
        ...

    def position(self) -> Ms | None:
        """How far what is heard now has come; None when nothing plays."""
        ...

    def tick(self) -> None:
        """Give the player a turn; the main loop calls this every frame."""
        ...

    def close(self) -> None:
        """Stop and let go of the device."""
        ...


class SpeakerPlayer:
    """Plays through one named output device, whatever rate a sound comes at.

    The stream stays open for 10 s after a sound, so the next is quick. It has one rate, 48 kHz or else the device's
    own: a sound at another one goes into the same stream, and what was playing before it fades out.
    """

    def __init__(self, device: str, clock: Clock, announce: Announce) -> None:
        """Find ``device`` (empty: the system's default); `NoSpeaker` when it is not there."""
        self.name = find_device(device, output=True).name
        self._clock = clock
        self._announce = announce
        self._lock = threading.RLock()
        self._voices: list[Voice] = []
        self._current: Voice | None = None
        self._stream: sounddevice.OutputStream | None = None
        self._rate = 0
        self._lateness = Lateness()
        self._heard: tuple[Voice, float, int] | None = None
        self._called_at = 0.0
        self._idle = 0
        self._hurried = False
        mine = weakref.ref(self)
        before_reset(lambda: _forget(mine))

    def play(self, samples: Sound, rate: int, gain_db: float = 0.0) -> None:
        """Start at once, fading out what was playing. `NoSpeaker` when the device does not open."""
        with self._lock:
            self.stop()
            if self._runs():
                self._begin(samples, rate, gain_db)
                return
        self._let_go()
        with holding_portaudio(NoSpeaker, _HUNG_S), self._lock:
            if not self._runs():
                self._open()
            self._begin(samples, rate, gain_db)

    def _begin(self, samples: Sound, rate: int, gain_db: float) -> None:
        """Put a sound into the running stream."""
        self._idle = 0
        voice = Voice(self._rate, gain_db)
        chunks = self._at_device_rate(pieces(samples, rate), rate)
        # The first piece is there before the first callback asks for it; the next may still be on a slow disk.
        _feed(voice, chunks, _FIRST_S)
        self._current = voice
        self._voices.append(voice)
        if not voice.complete:
            threading.Thread(target=_keep_fed, args=(voice, chunks), name="player-feed", daemon=True).start()

    def _runs(self) -> bool:
        """Whether a stream is open and asks for sound."""
        stream = self._stream
        return stream is not None and stream.active and self._clock.monotonic() - self._called_at <= _HUNG_S

    def _at_device_rate(self, chunks: Iterator[Samples], rate: int) -> Iterator[Samples]:
        if rate == self._rate:
            yield from chunks
            return
        stream = soxr.ResampleStream(rate, self._rate, 1, dtype="float32")
        for chunk in chunks:
            yield np.asarray(stream.resample_chunk(chunk), dtype=np.float32)
        yield np.asarray(stream.resample_chunk(np.zeros(0, np.float32), last=True), dtype=np.float32)

    def _open(self) -> None:
        """Open a stream, at the preferred rate or at the device's own where it refuses that."""
        sd = portaudio()
        device = find_device(self.name, output=True)
        self._called_at = self._clock.monotonic()
        self._idle = 0
        self._hurried = False
        self._lateness = Lateness()
        refused = ""
        for rate in dict.fromkeys((_PREFERRED_RATE, device.rate)):
            self._rate = rate
            try:
                self._stream = sd.OutputStream(
                    device=device.index,
                    samplerate=rate,
                    channels=1,
                    dtype="float32",
                    blocksize=rate * _BLOCK_MS // 1000,
                    latency=_LATENCY_S,
                    callback=self._fill,
                )
                self._stream.start()
            except sd.PortAudioError as error:
                self._stream = None
                refused = str(error.args[0])
            else:
                return
        raise NoSpeaker(f"The loudspeaker {self.name} does not open: {refused}.", "Check its plug.")

    def _fill(self, out: Any, frames: int, times: Any, _: Any) -> None:
        """PortAudio's callback: mix what sounds, queue the news."""
        now = self._clock.monotonic()
        self._called_at = now
        if not self._hurried:
            # Every stream has a thread of its own, and only from inside can it be asked to be more urgent.
            self._hurried = True
            hurry(real_time=True)
        # PortAudio called before the interpreter let this run; from then on it counts how long the device takes.
        delay = max(0.0, min(times.outputBufferDacTime - times.currentTime, 1.0))
        heard_at = now - self._lateness.push(now, times.currentTime) + delay
        if not self._voices:
            self._idle += frames
            out.fill(0)
            if self._idle > _IDLE_S * self._rate:
                raise portaudio().CallbackStop
            return
        self._idle = 0
        mixed = np.zeros(frames, np.float32)
        # Lists change by single, atomic steps only: a lock could make this callback wait.
        for voice in list(self._voices):
            before = voice.played
            voice.fill(mixed)
            if voice is self._current:
                self._heard = voice, heard_at, before
            if not before and voice.played:
                self._announce(PlaybackStarted(heard_at, now))
            if voice.ended:
                self._voices.remove(voice)
                self._announce(PlaybackEnded(voice.finished))
        out[:, 0] = np.clip(mixed, -1, 1)

    def stop(self) -> None:
        """Fade out; `PlaybackEnded` follows."""
        for voice in list(self._voices):
            voice.stop()

    def set_gain(self, gain_db: float) -> None:
        """Change the gain of what sounds now within one block."""
        voice = self._current
        if voice is not None:
            voice.set_gain(gain_db)

    def position(self) -> Ms | None:
        """How far what is heard now has come; None when nothing plays."""
        voice, heard = self._current, self._heard
        if voice is None or voice.ended:
            return None
        if heard is None or heard[0] is not voice:
            return Ms(0)
        # Blocks come as the device likes, also several at a time: between them the clock tells how far it has come.
        _, at, played = heard
        seconds = min(played / voice.rate + self._clock.monotonic() - at, voice.played / voice.rate)
        return Ms(max(0, int(seconds * 1000)))

    def tick(self) -> None:
        """Notice a device that is gone: what played on it has ended, unfinished."""
        if self._voices and not self._runs():
            self._let_go()

    def _let_go(self, close: Callable[[Any], None] | None = None) -> None:
        """Give the stream away to be closed (by ``close``; None: beside, by `_shut`); what was playing has ended.

        Never while this player's lock is held: closing takes PortAudio's.
        """
        with self._lock:
            stream, self._stream = self._stream, None
            voices, self._voices = self._voices, []
            for voice in voices:
                voice.ended = True
                self._announce(PlaybackEnded(finished=False))
        if stream is not None:
            (close or _shut)(stream)

    def close(self) -> None:
        """Stop at once and let go of the device."""
        self._let_go()


def _forget(player: weakref.ref[SpeakerPlayer]) -> None:
    alive = player()
    if alive is not None:
        # PortAudio is held by who restarts it: only here, in that same thread, can the stream be closed before.
        alive._let_go(close_stream)  # noqa: SLF001  the same module's own


def _shut(stream: Any) -> None:
    """Close a stream without waiting for ever for a sound server that hangs; PortAudio stays held until it answers."""
    closer = threading.Thread(target=close_stream, args=(stream,), name="close-speaker", daemon=True)
    closer.start()
    closer.join(_HUNG_S)


def _feed(voice: Voice, chunks: Iterator[Samples], seconds: float) -> None:
    """Feed ``voice`` until it is ``seconds`` ahead or complete."""
    while voice.ahead < seconds and not voice.complete:
        try:
            voice.feed(next(chunks))
        except StopIteration:
            voice.complete = True


def _keep_fed(voice: Voice, chunks: Iterator[Samples]) -> None:
    """Stay some seconds ahead of the loudspeaker; a sound that cannot be read on has ended."""
    pause = threading.Event()
    try:
        while not voice.complete and not voice.ended:
            _feed(voice, chunks, _AHEAD_S)
            pause.wait(_FEED_S)
    except (AudioError, OSError):
        voice.stop()


@dataclass(frozen=True, slots=True)
class Played:
    """What a `SilentPlayer` played: from when (monotonic s), how long it was (ms), how loud, and whether to its end."""

    at: float
    length: Ms
    gain_db: float
    finished: bool


class SilentPlayer:
    """Plays to nobody, as fast as its clock goes. It remembers what it played in ``history``."""

    def __init__(self, clock: Clock, announce: Announce) -> None:
        """Play on ``clock``; news comes out of `tick`, `position`, `play` and `stop`."""
        self.history: list[Played] = []
        self._clock = clock
        self._announce = announce
        self._started: float | None = None
        self._seconds = 0.0
        self._gain_db = 0.0
        self._closed = False

    def play(self, samples: Sound, rate: int, gain_db: float = 0.0) -> None:
        """Start at this moment of the clock; every piece is really asked for, as a loudspeaker would."""
        if self._closed:
            raise NoSpeaker("This player was closed.", "Make a new one.")
        self.stop()
        self._seconds = sum(len(piece) for piece in pieces(samples, rate)) / rate
        self._gain_db = gain_db
        self._started = self._clock.monotonic()
        self._announce(PlaybackStarted(self._started, self._started))
        self.tick()

    def stop(self) -> None:
        """End what is playing."""
        self.tick()
        if self._started is not None:
            self._end(finished=False)

    def set_gain(self, gain_db: float) -> None:
        """Remember the gain it ended with."""
        if self._started is not None:
            self._gain_db = gain_db

    def position(self) -> Ms | None:
        """How far it has come; None when nothing plays."""
        self.tick()
        return None if self._started is None else Ms(int((self._clock.monotonic() - self._started) * 1000))

    def tick(self) -> None:
        """Announce the end once the clock has passed it."""
        if self._started is not None and self._clock.monotonic() - self._started >= self._seconds:
            self._end(finished=True)

    def _end(self, *, finished: bool) -> None:
        if self._started is not None:
            length = Ms(int(self._seconds * 1000))
            self.history.append(Played(self._started, length, self._gain_db, finished))
            self._started = None
            self._announce(PlaybackEnded(finished))

    def close(self) -> None:
        """Stop; refuse to play from now on."""
        self.stop()
        self._closed = True
