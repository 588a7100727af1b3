"""Is somebody speaking? Two detectors by name behind one protocol, steadied by one pure hysteresis.

`silero` is the Silero v6 network (MIT licence) from the ONNX file that faster-whisper ships; `webrtc` is the
Gaussian-mixture detector of the WebRTC project, for boards that cannot run the first. Neither cuts anything:
a verdict only chooses where a pause is.
"""

from __future__ import annotations

import importlib.util
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from audio.errors import NoModel
from audio.silero import WINDOW, Silero
from audio.types import Ms, Verdict, Voicing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from audio.pcm import Samples

_MODEL_FILE: Final = "assets/silero_vad_v6.onnx"
_WEBRTC_WINDOW: Final = 480


GATHERED: Final = Ms(96)
"""So much sound is gathered before a detector is asked again: three windows at once cost half of one by one."""


class Hysteresis:
    """Speech starts when ``needed`` of the last ``window`` frames reach ``start``, then stays down to ``stay``.

    Slow to start, so a cough or a door is not a voice; slow to leave, because quiet and hoarse voices
    dip. Until the window has filled once and no speech has been found, the answer is `Voicing.UNKNOWN`.
    """

    def __init__(self, start: float = 0.7, stay: float = 0.35, needed: int = 4, window: int = 5) -> None:
        """Use the measured default thresholds, or others (probabilities 0 to 1, counts of frames)."""
        self.start = start
        self.stay = stay
        self.needed = needed
        self._recent: deque[bool] = deque(maxlen=window)
        self._speaking = False

    def push(self, probability: float) -> Voicing:
        """Judge the next frame."""
        self._recent.append(probability >= self.start)
        if self._speaking:
            self._speaking = probability >= self.stay
        else:
            self._speaking = sum(self._recent) >= self.needed
        if self._speaking:
            return Voicing.SPEECH
        return Voicing.SILENCE if len(self._recent) == self._recent.maxlen else Voicing.UNKNOWN

    def reset(self) -> None:
        """Forget everything heard."""
        self._recent.clear()
        self._speaking = False


class Vad(Protocol):
    """A voice detector. It may buffer inside; each verdict carries the span it judged."""

    name: str

    def reset(self) -> None:
        """Begin a new stream: spans count from the next sample."""
        ...

    def push(self, samples: Samples) -> list[Verdict]:
        """Take mono float32 at 16 kHz, any length, and return verdicts on consecutive, gapless spans."""
        ...


class _Windows:
    """What both detectors share: exact windows, gapless spans, the hysteresis."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self._size = size
        self._hold = np.zeros(0, np.float32)
        self._done = 0
        self._steady = Hysteresis()

    def reset(self) -> None:
        """Begin a new stream: spans count from the next sample."""
        self._hold = np.zeros(0, np.float32)
        self._done = 0
        self._steady.reset()

    def push(self, samples: Samples) -> list[Verdict]:
        """Take mono float32 at 16 kHz, any length, and return verdicts on consecutive, gapless spans."""
        held = np.concatenate([self._hold, samples]) if len(self._hold) else samples
        count = len(held) // self._size
        self._hold = held[count * self._size :].copy()
        if not count:
            return []
        verdicts = []
        for probability in self._judge(held[: count * self._size].reshape(count, self._size)):
            end = self._done + self._size
            verdicts.append(Verdict(self._steady.push(probability), probability, self._done, end))
            self._done = end
        return verdicts

    def _judge(self, windows: Samples) -> Sequence[float]:
        raise NotImplementedError


def silero_model() -> Path:
    """Find the Silero file without importing faster-whisper (which would load half a gigabyte).

    Raises:
        NoModel: faster-whisper is not installed, or comes without the file.
    """
    found = importlib.util.find_spec("faster_whisper")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder, _MODEL_FILE)
        if path.is_file():
            return path
    raise NoModel(
        "The voice detector's model file is missing.",
        "Run the set-up again, or choose the voice detector named webrtc.",
    )


class SileroVad(_Windows):
    """Silero v6, streamed: 32 ms windows, recurrent state and 64 samples of context kept between calls."""

    def __init__(self, model: Path | None = None) -> None:
        """Load ``model`` (default: the shipped file). Raises `NoModel`."""
        super().__init__("silero", WINDOW)
        self._network = Silero(model or silero_model())

    def reset(self) -> None:
        """Begin a new stream with a fresh state."""
        super().reset()
        self._network.reset()

    def _judge(self, windows: Samples) -> Sequence[float]:
        return self._network.judge(windows)


class WebRtcVad(_Windows):
    """WebRTC's detector, mode 3 (strictest), 30 ms windows. Cheap; deaf to quiet voices in noise."""

    def __init__(self) -> None:
        """Make the detector; it has no model file."""
        super().__init__("webrtc", _WEBRTC_WINDOW)
        import webrtcvad

        self._make: Callable[[], Any] = lambda: webrtcvad.Vad(3)
        self._detector = self._make()

    def reset(self) -> None:
        """Begin a new stream with a fresh detector (the old one adapts to its room)."""
        super().reset()
        self._detector = self._make()

    def _judge(self, windows: Samples) -> Sequence[float]:
        whole = (np.clip(windows, -1, 1) * 32767).astype("<i2")
        return [1.0 if self._detector.is_speech(window.tobytes(), 16_000) else 0.0 for window in whole]
