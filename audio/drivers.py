"""Which sources, players, voice detectors and transcribers there are, by the name they have in the configuration.

The one place that chooses. No other is tried in the place of one that is not there: a box says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from audio.errors import NoMicrophone, NoModel, NoSpeaker
from audio.player import Announce, Player, SilentPlayer, SpeakerPlayer
from audio.sources import ScriptedSource, Source, WavSource
from audio.vad import SileroVad, Vad, WebRtcVad

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from audio.clock import Clock
    from audio.transcribe import Transcriber


def _microphone(clock: Clock, device: str, _: Sequence[Path], rate: int | None, width: int) -> Source:
    from audio.microphone import Microphone

    microphone: Source = Microphone(device, clock, rate, width)
    return microphone


def _wav(clock: Clock, _: str, files: Sequence[Path], __: int | None, ___: int) -> Source:
    return WavSource(files, clock)


def _scripted(clock: Clock, _: str, files: Sequence[Path], __: int | None, ___: int) -> Source:
    return ScriptedSource(clock, files)


SOURCES: Final[dict[str, Callable[[Clock, str, Sequence[Path], int | None, int], Source]]] = {
    "microphone": _microphone,
    "wav": _wav,
    "scripted": _scripted,
}
"""Every kind of source by its name in the configuration."""


def make_source(
    name: str,
    clock: Clock,
    *,
    device: str = "",
    files: Sequence[Path] = (),
    rate: int | None = None,
    width: int = 0,
) -> Source:
    """Make the source called ``name``; ``device``, ``rate`` and ``width`` are for the microphone, ``files`` for others.

    Raises:
        NoMicrophone: no such source, or no such device.
        BadSound: a file cannot be read.
    """
    if name not in SOURCES:
        raise NoMicrophone(f"There is no sound source called {name!r}.", f"Choose one of: {', '.join(SOURCES)}.")
    return SOURCES[name](clock, device, files, rate, width)


def _speaker(device: str, clock: Clock, announce: Announce) -> Player:
    return SpeakerPlayer(device, clock, announce)


def _silent(_: str, clock: Clock, announce: Announce) -> Player:
    return SilentPlayer(clock, announce)


PLAYERS: Final[dict[str, Callable[[str, Clock, Announce], Player]]] = {"speaker": _speaker, "silent": _silent}
"""Every player by its name in the configuration."""


def make_player(name: str, clock: Clock, announce: Announce, *, device: str = "") -> Player:
    """Make the player called ``name``; ``device`` is for the loudspeaker. `NoSpeaker` when there is none."""
    if name not in PLAYERS:
        raise NoSpeaker(f"There is no player called {name!r}.", f"Choose one of: {', '.join(PLAYERS)}.")
    return PLAYERS[name](device, clock, announce)


VADS: Final[dict[str, Callable[[], Vad]]] = {"silero": SileroVad, "webrtc": WebRtcVad}
"""Every voice detector by its name in the configuration."""


def make_vad(name: str) -> Vad:
    """Make the detector called ``name``.

    Raises:
        NoModel: no detector has this name, or its model is missing.
    """
    try:
        return VADS[name]()
    except KeyError:
        raise NoModel(
            f"There is no voice detector called {name!r}.", f"Choose one of: {', '.join(sorted(VADS))}."
        ) from None


def _whole(model: str, language: str, threads: int) -> Transcriber:
    from audio.transcribe import WhisperTranscriber

    return WhisperTranscriber(model, language, threads=threads)


def _fixed(_model: str, language: str, _threads: int) -> Transcriber:
    from audio.transcribe import FixedTranscriber

    return FixedTranscriber(language=language)


def _shorttail(model: str, language: str, threads: int) -> Transcriber:
    from audio.shorttail import ShortTailTranscriber

    return ShortTailTranscriber(model, language, threads=threads)


TRANSCRIBERS: Final[dict[str, Callable[[str, str, int], Transcriber]]] = {
    "shorttail": _shorttail,
    "whisper": _whole,
    "fixed": _fixed,
}
"""Every transcriber by the name it has in the configuration."""


def make_transcriber(
    name: str = "shorttail", model: str = "tiny.en", language: str = "en", threads: int = 1
) -> Transcriber:
    """Make the transcriber called ``name``.

    Raises:
        NoModel: unknown name, or its model is missing, altered, or of another language.
    """
    try:
        maker = TRANSCRIBERS[name]
    except KeyError:
        msg = f"There is no transcriber called {name!r}."
        raise NoModel(msg, f"Known are: {', '.join(sorted(TRANSCRIBERS))}.") from None
    return maker(model, language, threads)
