"""What sound costs in time on the virtual sound server, through PortAudio, beside plain blocking calls in the same run.

Press to sound and press to silence are heard at the loudspeaker's monitor, so they hold everything: this program,
PortAudio, ALSA, the server. A little is added by the hearing itself.
"""

from __future__ import annotations

import contextlib
import os
import queue
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from audio.capture import Capture
from audio.clips import pieces
from audio.clock import SystemClock
from audio.drivers import make_vad
from audio.ear import RATE, Ear, Recording
from audio.errors import NoModel, StreamDied
from audio.events import CaptureEvent, FirstSample, LevelHeard, SoundGap, StreamLost, TakeClosed
from audio.hogs import busy
from audio.loudness import loudness
from audio.microphone import Microphone, find_device, portaudio, reset_portaudio
from audio.mixing import pieces as pieces_of
from audio.pcm import Samples
from audio.player import PlaybackEnded, PlaybackStarted, PlayerEvent, SpeakerPlayer
from audio.resample import MODEL_RATE
from audio.sidebyside import beside_others
from audio.speech import on_this_machine
from audio.takewriter import TakeWriter
from audio.types import TakeId
from audio.virtualsound import MICROPHONE, SPEAKER, VirtualSound

_LEVEL: Final = 0.25
_HEARD: Final = 0.001
_HERTZ: Final = 440.0
_CLICK: Final = 2.0
_PATIENCE_S: Final = 60.0
_AFTER_S: Final = 0.3
_VOICE_S: Final = 6
Progress = Callable[[str], None]


def p95(values: list[float]) -> float:
    """Return the 95th percentile; of few values the highest."""
    return float(np.percentile(values, 95, method="higher")) if values else float("nan")


@contextlib.contextmanager
def sound_server() -> Iterator[VirtualSound]:
    """Run a virtual sound server and point PortAudio at it. Raises `NoSoundServer`, `NoMicrophone`."""
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as folder, VirtualSound(Path(folder, "server")) as sound:
        before = {name: os.environ.get(name) for name in sound.env}
        os.environ.update(sound.env)
        reset_portaudio()
        try:
            yield sound
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
            # Whoever uses PortAudio next in this process must not find the devices of a server that is gone.
            reset_portaudio()


def tone(seconds: float) -> Samples:
    """Make a steady tone, so that a hole or a step in it cannot hide."""
    return (_LEVEL * np.sin(2 * np.pi * _HERTZ * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


@dataclass(slots=True)
class Heard:
    """What a row of presses came to, ms, and what was wrong in the sound between them."""

    start_ms: list[float] = field(default_factory=list)
    stop_ms: list[float] = field(default_factory=list)
    holes: int = 0
    clicks: int = 0

    def add(self, recording: Recording, pressed: float, stopped: float) -> None:
        """Judge one sound: pressed at one moment, stopped at another (monotonic seconds)."""
        part = recording.between(pressed, stopped + _AFTER_S)
        first, last = part.first_loud(_HEARD), part.last_loud(_HEARD)
        if first is None or last is None:
            self.holes += 1
            return
        self.start_ms.append((first - pressed) * 1000)
        self.stop_ms.append((last - stopped) * 1000)
        # A sine has this slope at most; a larger one is a click.
        slope = _LEVEL * 2 * np.pi * _HERTZ / RATE
        inside = part.between(first + 0.002, last + 0.005)
        self.holes += inside.holes(_HEARD)
        self.clicks += int(inside.steepest() > _CLICK * slope)


class _News:
    """Waits for what a player or a capture announces."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.all: list[object] = []

    def __call__(self, event: PlayerEvent | CaptureEvent) -> None:
        self._queue.put(event)

    def wait(self, kind: type) -> Any:
        while True:
            try:
                event = self._queue.get(timeout=_PATIENCE_S)
            except queue.Empty:
                msg = f"Nothing was heard of {kind.__name__} for {_PATIENCE_S:g} seconds."
                raise StreamDied(msg, "Measure again when less else is at work on this machine.") from None
            self.all.append(event)
            if isinstance(event, kind):
                return event

    def rest(self) -> list[object]:
        with contextlib.suppress(queue.Empty):
            while True:
                self.all.append(self._queue.get_nowait())
        return self.all


def presses(sound: VirtualSound, rounds: int, *, cold: bool) -> Heard:
    """Press play and stop again and again; ``cold`` closes the device in between."""
    clock, news, result = SystemClock(), _News(), Heard()
    player = SpeakerPlayer(SPEAKER, clock, news)
    moments = []
    chance = np.random.default_rng(7)
    with Ear(sound) as ear:
        for _ in range(rounds):
            pressed = clock.monotonic()
            player.play(tone(3), RATE)
            news.wait(PlaybackStarted)
            # Somewhere in the tone and in the device's own rhythm, as a hand would.
            time.sleep(0.4 + 0.1 * chance.random())
            stopped = clock.monotonic()
            player.stop()
            news.wait(PlaybackEnded)
            time.sleep(_AFTER_S)
            moments.append((pressed, stopped))
            if cold:
                player.close()
        recording = ear.heard()
    player.close()
    for pressed, stopped in moments[0 if cold else 1 :]:
        result.add(recording, pressed, stopped)
    return result


def blocking(sound: VirtualSound, rounds: int) -> Heard:
    """The baseline: open the device, write tenths of a second with plain blocking calls, stop by writing no more."""
    sd, clock, result = portaudio(), SystemClock(), Heard()
    device = find_device(SPEAKER, output=True).index
    moments = []
    piece = tone(0.1)[:, None]
    with Ear(sound) as ear:
        for number in range(rounds):
            pressed = clock.monotonic()
            stopped = pressed + 0.4 + 0.1 * number / rounds
            with sd.OutputStream(device=device, samplerate=RATE, channels=1, dtype="float32") as stream:
                while clock.monotonic() < stopped:
                    stream.write(piece)
            time.sleep(_AFTER_S)
            moments.append((pressed, stopped))
        recording = ear.heard()
    for pressed, stopped in moments:
        result.add(recording, pressed, stopped)
    return result


def playback_figures(sound: VirtualSound, rounds: int, progress: Progress) -> dict[str, float]:
    """Press play and stop, warm and cold, at rest and with every core busy."""
    progress("playing and stopping")
    warm, cold, plain = presses(sound, rounds, cold=False), presses(sound, rounds, cold=True), blocking(sound, rounds)
    with busy(cores=os.cpu_count() or 1):
        strained = presses(sound, rounds, cold=False)
    every = [*warm.start_ms, *cold.start_ms]
    return {
        "press_to_sound_ms_p95": round(p95(every), 1),
        "press_to_sound_cold_ms_p95": round(p95(cold.start_ms), 1),
        "press_to_sound_busy_ms_p95": round(p95(strained.start_ms), 1),
        "press_to_sound_baseline_ms_p95": round(p95(plain.start_ms), 1),
        "stop_ms_p95": round(p95([*warm.stop_ms, *cold.stop_ms]), 1),
        "stop_busy_ms_p95": round(p95(strained.stop_ms), 1),
        "stop_baseline_ms_p95": round(p95(plain.stop_ms), 1),
        "playback_holes": warm.holes + cold.holes,
        "playback_holes_busy": strained.holes,
        "playback_clicks": warm.clicks + cold.clicks,
        "playback_clicks_baseline": plain.clicks,
    }


def level_spread(sound: VirtualSound, voices: list[tuple[Samples, int]]) -> float:
    """How far apart voices of any loudness sound at the loudspeaker after level-matching, LU (highest less lowest)."""
    heard = []
    clock = SystemClock()
    for samples, rate in voices:
        news = _News()
        player = SpeakerPlayer(SPEAKER, clock, news)
        with Ear(sound) as ear:
            began = clock.monotonic()
            player.play(beside_others(pieces_of(samples, rate), rate, loudness(samples, rate)), rate)
            news.wait(PlaybackEnded)
            time.sleep(_AFTER_S)
            part = ear.heard().between(began, clock.monotonic())
        player.close()
        heard.append(loudness(part.samples, RATE))
    return max(heard) - min(heard)


def unlike_voices() -> list[tuple[Samples, int]]:
    """Two voices as they were recorded and one of them 20 dB quieter. Raises `NoModel` where no speech is here."""
    recorded = sorted(on_this_machine(), key=lambda one: one.path.stat().st_size)
    first, last = (
        np.concatenate(list(pieces(one.path)))[: _VOICE_S * MODEL_RATE] for one in (recorded[0], recorded[-1])
    )
    return [(first, MODEL_RATE), (last, MODEL_RATE), (last * np.float32(0.1), MODEL_RATE)]


@dataclass(slots=True)
class Listening:
    """What a stretch of capture came to."""

    seconds: float = 0.0
    blocks: int = 0
    lost: int = 0
    gaps: int = 0
    missing_s: float = 0.0
    age_ms: list[float] = field(default_factory=list)
    record_ms: list[float] = field(default_factory=list)
    stored_ms: list[float] = field(default_factory=list)


class _Watched(Microphone):
    """The microphone, and how old each block was when it came, ms."""

    def __init__(self, clock: SystemClock) -> None:
        super().__init__(MICROPHONE, clock)
        self.age_ms: list[float] = []
        self.overflows = 0

    def _heard(self, data: Any, frames: int, times: Any, status: Any) -> None:
        super()._heard(data, frames, times, status)
        self.age_ms.append((times.currentTime - times.inputBufferAdcTime) * 1000)
        self.overflows += bool(status.input_overflow)


def listen(seconds: float, takes: int, folder: Path, wait: Callable[[float], object] = time.sleep) -> Listening:
    """Record ``takes`` takes one after the other for ``seconds`` all together; every sample is accounted for."""
    clock, news = SystemClock(), _News()
    microphone = _Watched(clock)
    capture = Capture(microphone, make_vad("silero"), clock, news)
    result = Listening(seconds)
    capture.open()
    try:
        news.wait(LevelHeard)
        for number in range(takes):
            writer = TakeWriter(folder / f"{number}.take", TakeId(f"bench-{number}"), microphone.format, bytes(32))
            pressed = clock.monotonic()
            capture.begin(writer, pressed)
            first = news.wait(FirstSample)
            result.stored_ms.append((clock.monotonic() - pressed) * 1000)
            result.record_ms.append((first.at - pressed) * 1000)
            wait(seconds / takes)
            ended = clock.monotonic()
            capture.finish(ended)
            closed = news.wait(TakeClosed).take
            result.missing_s += max(0.0, ended - pressed - closed.length / 1000)
            result.lost += closed.overflows
            closed.path.unlink()
    finally:
        capture.close()
    told = news.rest()
    result.gaps = sum(isinstance(event, SoundGap | StreamLost) for event in told)
    result.blocks = capture.blocks
    result.lost = max(result.lost, result.gaps, microphone.overflows)
    result.age_ms = microphone.age_ms
    return result


def plain_reading(seconds: float, folder: Path) -> int:
    """The baseline: one thread that reads from the device, writes and syncs each block. Returns overflows."""
    sd = portaudio()
    lost = 0
    until = time.monotonic() + seconds
    device = find_device(MICROPHONE).index
    with (folder / "plain").open("wb") as file, sd.RawInputStream(
        device=device, samplerate=RATE, channels=1, dtype="int16", latency="low"
    ) as stream:  # fmt: skip
        while time.monotonic() < until:
            data, overflowed = stream.read(RATE // 50)
            lost += bool(overflowed)
            file.write(bytes(data))
            file.flush()
            os.fsync(file.fileno())
    return lost


def capture_figures(seconds: float, progress: Progress) -> dict[str, float]:
    """Record with every core busy, a model transcribing and the disk syncing."""
    progress(f"recording for {seconds:g} s with every core busy, a model at work and the disk syncing")
    with tempfile.TemporaryDirectory(prefix="hearth-takes-") as name:
        folder = Path(name)
        with busy(cores=os.cpu_count() or 1, disk=folder, model=True):
            ours = listen(seconds, max(3, round(seconds / 5)), folder)
            lost = plain_reading(min(seconds, 15.0), folder)
    return {
        "press_to_record_ms_p95": round(p95(ours.record_ms), 3),
        "press_to_stored_ms_p95": round(p95(ours.stored_ms), 1),
        "blocks_lost": ours.lost,
        "blocks_heard": ours.blocks,
        "sound_missing_ms": round(ours.missing_s * 1000),
        "block_age_ms_median": round(statistics.median(ours.age_ms), 1),
        "block_age_ms_max": round(max(ours.age_ms), 1),
        "blocks_lost_baseline": lost,
    }


def figures(*, quick: bool, progress: Progress = lambda _: None) -> Iterator[dict[str, float]]:
    """Measure playback and capture, giving out what each measurement found.

    Raises `NoSoundServer` or `NoMicrophone` where there is nothing to measure on, `StreamDied` where a device falls
    silent.
    """
    with sound_server() as sound:
        yield playback_figures(sound, 6 if quick else 20, progress)
        with contextlib.suppress(NoModel):
            # Without recorded speech there is nothing to match.
            yield {"level_spread_lu": round(level_spread(sound, unlike_voices()), 2)}
        yield capture_figures(15.0 if quick else 120.0, progress)
