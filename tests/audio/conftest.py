"""Shared by the tests of the sound side: a virtual sound server, sound files, and what capture announced."""

from __future__ import annotations

import hashlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.types import AudioFormat, Ms, Sha256, Take, TakeId
from audio.virtualsound import VirtualSound, missing_programs


@pytest.fixture(scope="session")
def virtual_sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualSound]:
    """A running sound server which PortAudio in this process sees, and no other."""
    if missing := missing_programs():
        pytest.skip(f"needs {', '.join(missing)} (apt-get install pulseaudio pulseaudio-utils)")
    from audio.errors import NoMicrophone
    from audio.microphone import reset_portaudio

    with VirtualSound(tmp_path_factory.mktemp("sound") / "server") as server:
        before = {name: os.environ.get(name) for name in server.env}
        os.environ.update(server.env)
        try:
            reset_portaudio()
        except NoMicrophone as error:
            pytest.skip(error.say)
        yield server
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@pytest.fixture
def tone(tmp_path: Path) -> Callable[..., Path]:
    """Make a WAV file: noise that swells and fades, different for each name."""

    def make(
        name: str = "tone.wav", seconds: float = 2.0, rate: int = 48_000, channels: int = 1, subtype: str = "PCM_16"
    ) -> Path:
        path = tmp_path / name
        generator = np.random.default_rng(len(name) + rate)
        sound = generator.uniform(-0.4, 0.4, (int(rate * seconds), channels))
        soundfile.write(path, sound, rate, subtype=subtype)
        return path

    return make


class Heard:
    """Collects announced events, waits for one of a kind."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self._new = threading.Condition()

    def __call__(self, event: object) -> None:
        with self._new:
            self.events.append(event)
            self._new.notify_all()

    def of(self, kind: type) -> list:
        with self._new:
            return [event for event in self.events if isinstance(event, kind)]

    def wait(self, kind: type, count: int = 1, timeout: float = 15.0) -> list:
        deadline = time.monotonic() + timeout
        with self._new:
            while len(found := [event for event in self.events if isinstance(event, kind)]) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"no {kind.__name__} in {timeout} s: {self.events[-5:]}"
                self._new.wait(left)
            return found


@pytest.fixture
def heard() -> Heard:
    return Heard()


class MemoryWriter:
    """A take in memory with the ways of the real writer; can be told that its disk is full."""

    def __init__(self, take: str = "take", fmt: AudioFormat | None = None) -> None:
        self.take = TakeId(take)
        self.format = fmt or AudioFormat(48_000)
        self.pcm = b""
        self.flushed = 0
        self.state = "open"
        self.trouble: Exception | None = None

    @property
    def length(self) -> Ms:
        return self.format.ms_of(len(self.pcm))

    def write(self, pcm: bytes) -> None:
        if self.trouble:
            raise self.trouble
        assert self.state == "open"
        self.pcm += pcm

    def flush(self) -> None:
        self.flushed = len(self.pcm)

    def close(self, *, speech: Ms, overflows: int, clipped: int) -> Take:
        self.state = "closed"
        digest = Sha256(hashlib.sha256(self.pcm).hexdigest())
        return Take(self.take, Path("/"), self.format, self.length, speech, overflows, clipped, digest)

    def leave(self) -> None:
        self.state = "left"

    def abandon(self) -> None:
        if self.trouble:
            raise self.trouble
        self.state = "abandoned"


@pytest.fixture
def memory_writer() -> type[MemoryWriter]:
    return MemoryWriter


@pytest.fixture
def sink() -> queue.SimpleQueue:
    return queue.SimpleQueue()
