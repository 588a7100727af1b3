"""The sound of a story as it may be heard: the master, or where spans are blanked out a rendition with a tone there.

`sound_key` is the one way to the sound. With a redaction standing it never names the master: the rendition is made
when it is first needed, in temporary files without a name, and lies beside the bag under ``derived/``. Its name
contains the spans it leaves out, so another redaction is another object; the ones before are removed.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

import numpy as np
import soundfile

from archive.bag import SOUND
from archive.catalogue import Tx
from archive.errors import NoSuchObject, NoSuchStory
from archive.objects import BLOCK, Objects, checked_key
from archive.reviewing.decisions import redactions_of
from archive.server.oneatatime import one_at_a_time
from audio.errors import BadSound

TONE_HZ: Final = 440.0
TONE: Final = 0.05
"""-26 dBFS: plainly a tone, and quieter than a voice."""
FADE_MS: Final = 10
_PIECE: Final = 1 << 18
_VERSION: Final = 1

Span = tuple[int, int]


def derived_folder(story: str) -> str:
    """Where everything made from a story's sound lies; erasing a story removes it all."""
    return checked_key(f"derived/{story}") + "/"


def blanked_spans(tx: Tx, story: str) -> tuple[Span, ...]:
    """The spans nobody may hear, in ms, in order, overlapping ones as one."""
    spans: list[Span] = []
    for one in redactions_of(tx, story):
        if one.lifted_by is not None:
            continue
        if spans and one.start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], one.end))
        else:
            spans.append((one.start, one.end))
    return tuple(spans)


def master_key(tx: Tx, story: str) -> str:
    """The object that holds the sound as it came. Raises `NoSuchStory` where the bag has no sound."""
    row = tx.one("SELECT key FROM files WHERE story = ? AND path = ?", story, SOUND)
    if row is None:
        raise NoSuchStory("This story came without its sound.", "Its teller allowed the words alone.")
    return str(row["key"])


def sound_key(objects: Objects, work: Path, story: str, master: str, spans: Sequence[Span]) -> str:
    """Name the object to be heard, making it first where it is not there. Takes seconds for an hour of sound.

    ``work`` is the archive's work folder: of several who ask at once one makes it, and the others wait for that one.
    The caller has asked the gate. Raises `BadSound`, `NoSuchObject`, `StoreTrouble`.
    """
    if not spans:
        return master
    key = _rendition_key(story, master, spans)
    if objects.exists(key):
        return key
    with one_at_a_time(work, derived_folder(story)):
        if not objects.exists(key):
            _make(objects, key, story, master, spans)
    return key


def _make(objects: Objects, key: str, story: str, master: str, spans: Sequence[Span]) -> None:
    with objects.open(master) as source, tempfile.TemporaryFile() as made:
        bleep(source, made, spans)
        made.seek(0)
        keep_derived(objects, key, made, master)
    for old in list(objects.keys(derived_folder(story))):
        if old != key:
            objects.delete(old)


def keep_derived(objects: Objects, key: str, source: BinaryIO, master: str) -> None:
    """Store something made from a story's sound. Raises `NoSuchObject` where the story went meanwhile.

    Erasing removes the bag first and what was made from it afterwards: whatever is stored too late to be found then
    sees here that its master is gone, and goes as well.
    """
    objects.put(key, source)
    if not objects.exists(master):
        objects.delete(key)
        raise NoSuchObject("This story is gone.", "Its teller took it back, or an archivist erased it.")


def loudness(source: IO[bytes], parts: int) -> list[float]:
    """How loud a FLAC is in each of ``parts`` equal stretches: root mean square, full scale 1. Raises `BadSound`."""
    with tempfile.TemporaryFile() as whole:
        while block := source.read(BLOCK):
            whole.write(block)
        whole.seek(0)
        try:
            with soundfile.SoundFile(whole) as told:
                edges = [told.frames * number // parts for number in range(parts + 1)]
                found = []
                for first, last in pairwise(edges):
                    piece = told.read(last - first, dtype="float32", always_2d=True)
                    found.append(float(np.sqrt(np.mean(np.square(piece)))) if len(piece) else 0.0)
        except soundfile.LibsndfileError as error:
            raise BadSound("This story's sound file cannot be decoded.", "Restore it from a backup.") from error
    return found


def bleep(source: IO[bytes], target: IO[bytes], spans: Sequence[Span]) -> None:
    """Write the FLAC ``source`` to ``target`` with a quiet tone in every span of ms. Raises `BadSound`."""
    with tempfile.TemporaryFile() as whole:
        while block := source.read(BLOCK):
            whole.write(block)
        whole.seek(0)
        try:
            with (
                soundfile.SoundFile(whole) as told,
                soundfile.SoundFile(
                    target, "w", told.samplerate, told.channels, subtype=told.subtype, format="FLAC"
                ) as out,
            ):
                at = 0
                while len(piece := told.read(_PIECE, dtype="int32", always_2d=True)):
                    out.write(
                        _toned(
                            cast("np.ndarray[tuple[int, int], np.dtype[np.int32]]", piece), at, told.samplerate, spans
                        )
                    )
                    at += len(piece)
        except soundfile.LibsndfileError as error:
            raise BadSound("This story's sound file cannot be decoded.", "Restore it from a backup.") from error


def _toned(
    piece: np.ndarray[tuple[int, int], np.dtype[np.int32]], at: int, rate: int, spans: Sequence[Span]
) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    """Replace what lies in a span, sample for sample; nothing of the voice is mixed in, however quiet."""
    for start, end in spans:
        begin, stop = start * rate // 1000, -(-end * rate // 1000)
        first, last = max(begin, at), min(stop, at + len(piece))
        if first >= last:
            continue
        frames = np.arange(first, last)
        fade = np.minimum(1.0, np.minimum(frames - begin, stop - 1 - frames) / max(1, FADE_MS * rate // 1000))
        tone = TONE * fade * np.sin(2 * np.pi * TONE_HZ * frames / rate)
        piece[first - at : last - at] = (tone * np.iinfo(np.int32).max).astype(np.int32)[:, None]
    return piece


def _rendition_key(story: str, master: str, spans: Sequence[Span]) -> str:
    left_out = ",".join(f"{start}-{end}" for start, end in spans)
    told = f"{_VERSION}\n{master}\n{left_out}"
    return checked_key(f"{derived_folder(story)}{hashlib.sha256(told.encode()).hexdigest()[:32]}.flac")
