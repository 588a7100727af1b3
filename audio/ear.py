"""Hears what the virtual loudspeaker really plays, with the time at which it was heard. For measuring and for tests."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

if TYPE_CHECKING:
    from types import TracebackType

    from audio.pcm import Samples
    from audio.virtualsound import VirtualSound

RATE: Final = 48_000
_READ: Final = 1 << 16
_START_S: Final = 5.0
_STEP_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class Recording:
    """Mono float32 at 48 kHz; sample 0 was heard ``at`` (monotonic seconds), to within a few milliseconds too late."""

    samples: Samples
    at: float

    def between(self, start: float, end: float) -> Recording:
        """The part heard in [start, end) monotonic seconds."""
        first, last = (max(0, round((moment - self.at) * RATE)) for moment in (start, end))
        return Recording(self.samples[first:last], self.at + first / RATE)

    def first_loud(self, above: float) -> float | None:
        """When the first sample above that amplitude was heard."""
        loud = np.flatnonzero(np.abs(self.samples) > above)
        return self.at + int(loud[0]) / RATE if len(loud) else None

    def last_loud(self, above: float) -> float | None:
        """When the last one was."""
        loud = np.flatnonzero(np.abs(self.samples) > above)
        return self.at + int(loud[-1]) / RATE if len(loud) else None

    def holes(self, above: float, longest_s: float = 0.004) -> int:
        """How often, between its first and its last loud sample, nothing was heard for longer than ``longest_s``."""
        loud = np.flatnonzero(np.abs(self.samples) > above)
        return int(np.count_nonzero(np.diff(loud) > longest_s * RATE))

    def steepest(self) -> float:
        """The largest step from one sample to the next: a click is one."""
        return float(np.abs(np.diff(self.samples)).max()) if len(self.samples) > 1 else 0.0


class Ear:
    """Listens for the time of the block. Which moment a sample was heard at is told by the quickest delivery of all."""

    def __init__(self, sound: VirtualSound) -> None:
        """Listen at the loudspeaker of a running server."""
        self._sound = sound
        self._process: subprocess.Popen[bytes] | None = None
        self._heard: list[tuple[float, bytes]] = []
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin; returns when sound (or silence) arrives."""
        self._process = self._sound.listen()
        self._thread = threading.Thread(target=self._listen, name="ear", daemon=True)
        self._thread.start()
        until = time.monotonic() + _START_S
        while not self._heard and time.monotonic() < until:
            time.sleep(_STEP_S)
        return self

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while piece := os.read(self._process.stdout.fileno(), _READ):
                self._heard.append((time.monotonic(), piece))

    def heard(self) -> Recording:
        """Everything so far."""
        pieces = list(self._heard)
        samples = np.frombuffer(b"".join(pcm for _, pcm in pieces), "<i2").astype(np.float32) / np.float32(32768)
        ends = np.cumsum([len(pcm) // 2 for _, pcm in pieces])
        moments = np.array([moment for moment, _ in pieces])
        at = float(np.min(moments - ends / RATE)) if pieces else 0.0
        return Recording(samples, at)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            if self._thread is not None:
                self._thread.join()
            if self._process.stdout is not None:
                self._process.stdout.close()
