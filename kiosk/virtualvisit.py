"""A simulated visitor's room on a virtual sound server: files go in by a real microphone path, out by a speaker."""

from __future__ import annotations

import os
import time
import wave
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from audio.clock import Clock
from audio.errors import BadSound
from audio.microphone import Microphone
from audio.sources import Source
from audio.tracks import babble, native_format
from audio.types import AudioFormat
from audio.virtualsound import MICROPHONE, SPEAKER, Feeding, VirtualSound

GREETING_S = 3
ROUND_TRIP_S = 0.3
"""How long after its last sample was fed a file has certainly come out of the microphone (75 to 150 ms measured)."""


class RoomMouth:
    """Speaks into the virtual microphone."""

    def __init__(self, sound: VirtualSound, clock: Clock, files: Sequence[Path]) -> None:
        """Queue ``files``, one a take."""
        self.source: Source = Microphone(MICROPHONE, clock)
        self._sound = sound
        self._files = list(files)
        self._begun = 0
        self._feeding: Feeding | None = None
        self._ended_at: float | None = None
        self._greeting = sound.folder / "greeting.wav"
        form = AudioFormat(48_000)
        with wave.open(str(self._greeting), "wb") as file:
            file.setparams((form.channels, form.width, form.rate, 0, "NONE", ""))
            file.writeframes(babble(form, 1, GREETING_S))

    def greet(self) -> None:
        """Say hello, for the mic check."""
        self._feeding = self._sound.feed(self._greeting)

    def begin_track(self, at: float) -> float:
        """Begin the next file; after the last one the room stays quiet."""
        if self._feeding is not None:
            self._feeding.stop()
        self._ended_at = None
        self._feeding = self._sound.feed(self._files[self._begun]) if self._begun < len(self._files) else None
        self._begun += 1
        return at

    def heard(self) -> bool:
        """Whether the file has been played and has had time to come out of the microphone."""
        if self._feeding is None:
            return self._begun > 0
        if not self._feeding.done:
            return False
        if self._ended_at is None:
            self._ended_at = time.monotonic()
        return time.monotonic() - self._ended_at >= ROUND_TRIP_S


class VirtualRoom:
    """A running virtual sound server that this process uses for everything it hears and plays."""

    speaker = SPEAKER

    def __init__(self, folder: Path) -> None:
        """Keep the server's files in ``folder``."""
        self.sound = VirtualSound(folder)

    def mouth(self, clock: Clock, files: Sequence[Path]) -> RoomMouth:
        """A visitor who says ``files``. Raises `BadSound` when one cannot be read."""
        for path in files:
            if not path.is_file():
                raise BadSound(f"There is no sound file {path}.", "Check the name of the file.")
            native_format(path)
        return RoomMouth(self.sound, clock, files)

    def __enter__(self) -> Self:
        """Start the server, and point this process and its children at it before PortAudio is loaded."""
        self.sound.start()
        os.environ.update(self.sound.env)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.sound.stop()
