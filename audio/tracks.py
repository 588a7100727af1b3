"""Sound files as a microphone would deliver them: mono, one rate, one width, read piece by piece."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import soxr

from audio.errors import BadSound
from audio.pcm import Integers, from_floats, to_bytes
from audio.types import AudioFormat

STUDIO_RATE: Final = 48_000
"""What files of different rates are brought to, Hz."""
_DEEP: Final = frozenset({"PCM_24", "PCM_32", "FLOAT", "DOUBLE"})
_FLOATING: Final = frozenset({"FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG_LAYER_III"})
_PIECE: Final = 48_000
_WORD_S: Final = 0.35
_GAP_S: Final = 0.25


def is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder; no where nobody may look: opening it says why."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _open(path: Path) -> soundfile.SoundFile:
    try:
        if not path.is_file():
            if path.exists():
                raise BadSound(f"{path} is not a plain file.", "Give a WAV or FLAC file.")
            raise BadSound(f"There is no sound file {path}.", "Check the name of the file.")
        # The library calls what may not be read no sound.
        path.open("rb").close()
    except OSError as error:
        raise BadSound(f"{path} cannot be read ({error.strerror}).", "See that this user may read it.") from error
    try:
        return soundfile.SoundFile(os.fsencode(path))  # a file's name need not be text
    except soundfile.LibsndfileError as error:
        raise BadSound(f"{path} is not a sound file that can be read.", "Give a WAV or FLAC file.") from error


def native_format(path: Path) -> AudioFormat:
    """Return the file's own rate and its width (2 or 3 bytes), mono.

    Raises:
        BadSound: missing, or not a sound file.
    """
    with _open(path) as file:
        return AudioFormat(file.samplerate, 1, 3 if file.subtype in _DEEP else 2)


def common_format(paths: Sequence[Path]) -> AudioFormat:
    """Return one format for all files: their own where all rates agree, else 48 kHz; the deepest width wins.

    Raises:
        BadSound: one of them cannot be read.
    """
    formats = [native_format(path) for path in paths]
    rates = {fmt.rate for fmt in formats}
    rate = rates.pop() if len(rates) == 1 else STUDIO_RATE
    return AudioFormat(rate, 1, max((fmt.width for fmt in formats), default=2))


class Track:
    """One file, delivered from its first sample in ``fmt``.

    Where rate and width of a mono file are those of ``fmt``, every sample comes through unchanged.
    """

    def __init__(self, path: Path, fmt: AudioFormat) -> None:
        """Open ``path``; `BadSound` when that is not possible."""
        self.path = path
        self.format = fmt
        self.done = False
        """Whether every sample has been read."""
        self._file = _open(path)
        self._ready: deque[bytes] = deque()
        self._ended = False
        rate = int(self._file.samplerate)
        self._stream = soxr.ResampleStream(rate, fmt.rate, 1, dtype="float64") if rate != fmt.rate else None

    def read(self, frames: int) -> bytes:
        """Return the next ``frames`` samples as PCM, fewer only at the end of the file."""
        wanted = frames * self.format.width
        pieces: list[bytes] = []
        while wanted > 0:
            if not self._ready:
                if self._ended:
                    break
                self._refill()
                continue
            piece = self._ready.popleft()
            if len(piece) > wanted:
                self._ready.appendleft(piece[wanted:])
                piece = piece[:wanted]
            pieces.append(piece)
            wanted -= len(piece)
        self.done = self._ended and not self._ready
        return b"".join(pieces)

    def _refill(self) -> None:
        try:
            pcm = self._next()
        except soundfile.LibsndfileError as error:
            raise BadSound(f"{self.path} is damaged: it ends in the middle.", "Give another file.") from error
        if pcm:
            self._ready.append(pcm)

    def _next(self) -> bytes:
        """Read and convert one piece; notes when the file has ended."""
        if self._stream is None and self._file.subtype not in _FLOATING:
            whole = self._file.read(_PIECE, dtype="int32", always_2d=True)
            self._ended = len(whole) < _PIECE
            return to_bytes(self._averaged(whole), self.format.width)
        floats = self._file.read(_PIECE, dtype="float64", always_2d=True)
        self._ended = len(floats) < _PIECE
        mono = floats.mean(axis=1) if len(floats) else np.zeros(0)
        if self._stream is not None:
            mono = self._stream.resample_chunk(mono, last=self._ended)
        return from_floats(mono, self.format.width)

    def _averaged(self, whole: Integers) -> Integers:
        """Bring left-aligned 32 bit samples to one channel in the range of the format's width."""
        mono = whole[:, 0] if whole.shape[1] == 1 else whole.astype(np.int64).sum(axis=1) // whole.shape[1]
        return (mono >> (32 - 8 * self.format.width)).astype(np.int32)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def room(fmt: AudioFormat, seed: int, seconds: int = 8, level: float = -60.0) -> bytes:
    """Make the quiet noise of a room at ``level`` dBFS, the same for the same ``seed``."""
    noise = np.random.default_rng(seed).normal(0, 10 ** (level / 20), fmt.rate * seconds)
    return from_floats(noise, fmt.width)


def babble(fmt: AudioFormat, seed: int, seconds: int = 8, level: float = -30.0) -> bytes:
    """Make noise in the band and rhythm of a voice at about ``level`` dBFS: somebody says hello, without words."""
    count = fmt.rate * seconds
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(0, 1, count))
    hertz = np.fft.rfftfreq(count, 1 / fmt.rate)
    spectrum[(hertz < 200) | (hertz > min(3400, fmt.rate / 2))] = 0  # noqa: PLR2004  the band of a telephone voice
    voice = np.fft.irfft(spectrum, count)
    # Four syllables a second, whole periods in the loop so that it joins without a click.
    voice *= 0.55 - 0.45 * np.cos(2 * np.pi * 4 * np.arange(count) / fmt.rate)
    # Between words the room is heard, as it is with people: a noise floor can only be found there.
    moment = np.arange(count) / fmt.rate % 1.0
    voice[(moment >= _WORD_S) & (moment < _WORD_S + _GAP_S)] = 0
    voice *= 10 ** (level / 20) / np.sqrt(np.mean(voice**2))
    voice += np.random.default_rng(seed + 1).normal(0, 10 ** ((level - 30) / 20), count)
    return from_floats(voice, fmt.width)
