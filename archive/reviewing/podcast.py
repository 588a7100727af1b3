"""A story's sound as MP3, for players that know nothing else: made once from what may be heard, beside the bag.

64 kbit/s, one channel, a constant rate: a voice loses nothing that matters, every player of the last twenty years
reads it, and the size is known before it is made. The sound itself stays FLAC everywhere else.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import IO, Final

import numpy as np
import soundfile

from archive.objects import BLOCK, Objects, checked_key
from archive.reviewing.rendition import derived_folder, keep_derived
from archive.server.oneatatime import one_at_a_time
from audio.errors import BadSound
from audio.resample import Resampler
from audio.types import AudioFormat

KIND: Final = "audio/mpeg"
BYTES_A_MS: Final = 8
# libsndfile takes a place between the highest rate (0) and the lowest (1), which differ by the sample rate.
_PLACES: Final = {16_000: 0.632, 22_050: 0.632, 24_000: 0.632, 32_000: 0.889, 44_100: 0.889, 48_000: 0.889}
_OTHERWISE: Final = 16_000
_PIECE: Final = 1 << 17
_VERSION: Final = 1


def mp3_size(length: int) -> int:
    """Bytes of the MP3 of ``length`` ms, to about a hundredth: players plan with it. Pure."""
    return length * BYTES_A_MS


def mp3_key(objects: Objects, work: Path, story: str, master: str, heard: str) -> str:
    """Name the MP3 of ``heard``, the object that may be heard now, making it first where it is not there.

    Takes seconds for an hour of sound. The caller has asked the gate and named ``heard`` by `sound_key`; ``master`` and
    ``work`` as there. Raises `BadSound`, `NoSuchObject`, `StoreTrouble`.
    """
    told = hashlib.sha256(f"{_VERSION}\n{heard}".encode()).hexdigest()[:32]
    key = checked_key(f"{derived_folder(story)}{told}.mp3")
    if not objects.exists(key):
        with one_at_a_time(work, key):
            if not objects.exists(key):
                with objects.open(heard) as source, tempfile.TemporaryFile() as made:
                    to_mp3(source, made)
                    made.seek(0)
                    keep_derived(objects, key, made, master)
    return key


def to_mp3(source: IO[bytes], target: IO[bytes]) -> None:
    """Write the FLAC ``source`` to ``target`` as MP3, a few seconds of it in memory at a time. Raises `BadSound`."""
    with tempfile.TemporaryFile() as whole:
        while block := source.read(BLOCK):
            whole.write(block)
        whole.seek(0)
        try:
            with soundfile.SoundFile(whole) as told:
                _encode(told, target)
        except soundfile.LibsndfileError as error:
            raise BadSound("This story's sound file cannot be decoded.", "Restore it from a backup.") from error


def _encode(told: soundfile.SoundFile, target: IO[bytes]) -> None:
    known = told.samplerate in _PLACES
    rate = told.samplerate if known else _OTHERWISE
    other = None if known else Resampler(AudioFormat(told.samplerate, told.channels))
    with soundfile.SoundFile(
        target, "w", rate, 1, format="MP3", subtype="MPEG_LAYER_III", compression_level=_PLACES[rate],
        bitrate_mode="CONSTANT",
    ) as out:  # fmt: skip
        while len(piece := told.read(_PIECE, dtype="int16", always_2d=True)):
            out.write(piece.mean(axis=1).astype(np.int16) if other is None else other.push(piece.tobytes()))
        if other is not None:
            out.write(other.flush())
