"""Making a loan: the cuts of one story as one sound, with a card, both sealed for one box.

Every cut begins at a whole second of the lent sound, so that its place is exact at every sample rate and silence
stands between two of them. The samples are the master's own: decoded and encoded losslessly, nothing mixed or scaled.
The key is random, wrapped for the box, and kept nowhere else: the archive itself cannot open what it has lent.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
import soundfile
from nacl.public import PublicKey

from archive.catalogue import Row, Tx
from archive.envelope import new_content_key, wrap_for_public
from archive.feed.card import Card, seal_card
from archive.feed.manifest import Blob
from archive.flac import encode
from archive.reviewing.excerpts import Cut
from archive.types import Kind
from audio.errors import BadSound
from audio.loudness import loudness
from audio.pcm import to_bytes, to_floats
from audio.types import AudioFormat, Ms, Sha256, TakeId, Word

_SECOND = Ms(1000)
_WIDTHS = {"PCM_16": 2, "PCM_24": 3}
_PIECE = 1 << 16
_SOFTEST = -70.0


@dataclass(frozen=True, slots=True)
class Made:
    """A loan as it was made: its wrapped key, its two blobs, and where each cut begins in the sound (ms)."""

    key: bytes
    sound: Blob
    card: Blob
    places: tuple[Ms, ...]


def places_of(cuts: Sequence[Cut]) -> tuple[Ms, ...]:
    """Where each cut begins in the lent sound, in ms. Pure."""
    places: list[Ms] = []
    at = 0
    for cut in cuts:
        places.append(Ms(at))
        at = (at + cut.length + _SECOND - 1) // _SECOND * _SECOND + _SECOND
    return tuple(places)


def make_loan(
    story: Row, cuts: Sequence[Cut], words: Sequence[Word], by: str, master: BinaryIO, box: bytes, folder: Path
) -> tuple[Made, Path, bytes]:
    """Cut, seal and wrap; return what was made, the sealed sound as a file in ``folder``, and the sealed card.

    ``words`` are the story's, in its own time; ``box`` is the public key the loan is for. The caller has asked the
    gate. Raises `BadSound` where the master does not decode or ends before a cut does, `OSError`.
    """
    take = TakeId(str(story["id"]))
    key = new_content_key()
    places = places_of(cuts)
    with tempfile.TemporaryFile(dir=folder) as whole:
        while block := master.read(_PIECE):
            whole.write(block)
        whole.seek(0)
        told = _Cuts(whole, cuts, places)
        target = folder / f"{take}.loan"
        encode(told, target, key, take)
        card = _card(story, told, _lent_words(words, cuts, places), by)
    sealed = seal_card(card, key)
    made = Made(wrap_for_public(key, take, PublicKey(box)), _blob_of(target), Blob(_sum(sealed), len(sealed)), places)
    return made, target, sealed


def words_of(tx: Tx, story: str) -> tuple[list[Word], str]:
    """The words of a story as they stand now, and who wrote them: machines and, where one did, a person."""
    words: list[Word] = []
    by: set[str] = set()
    for row in tx.all("SELECT words, by, checked_by FROM passages WHERE story = ? ORDER BY number", story):
        by.add(f"{row['by']}, checked" if row["checked_by"] else str(row["by"]))
        words += [Word(text, Ms(start), Ms(end), sure, bool(doubt)) for start, end, sure, doubt, text in _listed(row)]
    return words, "; ".join(sorted(by))[:400]


def _listed(row: Row) -> list[tuple[int, int, float, int, str]]:
    return [(int(one[0]), int(one[1]), float(one[2]), int(one[3]), str(one[4])) for one in json.loads(row["words"])]


class _Cuts:
    """The cuts of a master as `archive.flac.encode` reads them, as often as it likes."""

    def __init__(self, whole: IO[bytes], cuts: Sequence[Cut], places: Sequence[Ms]) -> None:
        """Look at the master. Raises `BadSound`."""
        self._whole = whole
        self._cuts = list(zip(cuts, places, strict=True))
        try:
            with soundfile.SoundFile(whole) as file:
                self.format = AudioFormat(file.samplerate, file.channels, _WIDTHS[file.subtype])
                frames = file.frames
        except (soundfile.LibsndfileError, KeyError) as error:
            raise BadSound("This story's sound file cannot be decoded.", "Restore it from a backup.") from error
        if any(self._frames(Ms(cut.end)) > frames for cut in cuts):
            raise BadSound("This story's sound ends before an excerpt of it does.", "Cut the excerpt anew.")

    def _frames(self, at: Ms) -> int:
        return self.format.rate * at // 1000

    def chunks(self) -> Iterator[bytes]:
        """Yield all PCM: each cut at its place, silence between them."""
        written = 0
        width, channels = self.format.width, self.format.channels
        self._whole.seek(0)
        with soundfile.SoundFile(self._whole) as file:
            for cut, place in self._cuts:
                quiet = self._frames(place) - written
                yield bytes(quiet * channels * width)
                file.seek(self._frames(Ms(cut.start)))
                left = self._frames(Ms(cut.end)) - self._frames(Ms(cut.start))
                written += quiet + left
                while left:
                    wide = file.read(min(left, _PIECE), dtype="int32", always_2d=True)
                    if not len(wide):
                        raise BadSound("This story's sound file is damaged.", "Restore it from a backup.")
                    left -= len(wide)
                    yield to_bytes((wide >> (32 - 8 * width)).astype(np.int32), width)


def _card(story: Row, told: _Cuts, words: tuple[Word, ...], by: str) -> Card:
    digest, size = hashlib.sha256(), 0
    pcm = io.BytesIO()
    for chunk in told.chunks():
        digest.update(chunk)
        size += len(chunk)
        pcm.write(chunk)
    shape = told.format
    frames = size // (shape.channels * shape.width)
    lufs = loudness(to_floats(pcm.getvalue(), shape), shape.rate)
    return Card(
        TakeId(str(story["id"])), Kind(story["kind"]), str(story["language"]), str(story["prompt"])[:400],
        datetime.fromisoformat(story["recorded_at"]), bool(story["clock_trusted"]), shape,
        Ms(frames * 1000 // shape.rate), Sha256(digest.hexdigest()), lufs if math.isfinite(lufs) else _SOFTEST, words,
        by,
    )  # fmt: skip


def _lent_words(words: Sequence[Word], cuts: Sequence[Cut], places: Sequence[Ms]) -> tuple[Word, ...]:
    """The words inside the cuts, in the time of the lent sound; a word a cut divides is left out."""
    lent = []
    for cut, place in zip(cuts, places, strict=True):
        for word in words:
            if cut.start <= word.start and word.end <= cut.end:
                start, end = Ms(word.start - cut.start + place), Ms(word.end - cut.start + place)
                lent.append(Word(word.text[:500], start, end, word.probability, word.unclear))
    return tuple(lent)


def _blob_of(path: Path) -> Blob:
    with path.open("rb") as file:
        return Blob(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
