"""The sound of a closed or growing take, in memory only, for a reader the gate allows."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
import soundfile

from archive.database import checkpoint, transaction
from archive.durable import remove
from archive.envelope import UNCUT, ContentKey, open_content, recipients
from archive.errors import ArchiveError, NoSuchStory, Refused
from archive.guests import lent_sound
from archive.home import Home
from archive.shelf import Shelf
from archive.stories import Visit
from archive.types import Act, Reader
from audio.errors import AudioError, BadSound
from audio.pcm import Samples, to_bytes, to_floats
from audio.sealedfile import SealedReader
from audio.takewriter import TakeReader
from audio.types import AudioFormat, Ms, TakeId

if TYPE_CHECKING:
    from typing_extensions import Buffer

START = Ms(0)
_PIECE = Ms(10_000)
_WIDTHS = {"PCM_16": 2, "PCM_24": 3}


class _Pcm(Protocol):
    """What holds the samples: a take's own file or a sealed FLAC."""

    format: AudioFormat

    @property
    def length(self) -> Ms: ...

    def read(self, start: Ms = ..., end: Ms | None = ...) -> bytes: ...

    def close(self) -> None: ...


class _Source(io.RawIOBase):
    """What the decoder reads. It is no Python and lets nothing through that is raised here: ``failed`` keeps it."""

    def __init__(self, sealed: SealedReader) -> None:
        super().__init__()
        self.failed: Exception | None = None
        self._sealed = sealed

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._sealed.tell()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._sealed.seek(offset, whence)

    def readinto(self, buffer: Buffer, /) -> int:
        try:
            return self._sealed.readinto(buffer)
        except (AudioError, OSError) as error:
            self.failed = self.failed or error
            return 0


class FlacReader:
    """A sealed FLAC, read like a take: nothing decoded or decrypted touches the disk."""

    def __init__(self, path: Path, key: bytes, take: TakeId) -> None:
        """Open ``path``. Raises `DamagedTake`, `BadSound`, `OSError`."""
        self._sealed = SealedReader(path, key, flac_label(take))
        self._source = _Source(self._sealed)
        try:
            self._file = soundfile.SoundFile(self._source)
        except soundfile.LibsndfileError as error:
            self._sealed.close()
            raise BadSound("This story's sound file cannot be decoded.", "Restore it from a backup.") from error
        self.format = AudioFormat(self._file.samplerate, self._file.channels, _WIDTHS[self._file.subtype])

    @property
    def length(self) -> Ms:
        """How much can be played."""
        return Ms(self._file.frames * 1000 // self.format.rate)

    def read(self, start: Ms = START, end: Ms | None = None) -> bytes:
        """Return the PCM of [start, end), in the width it was recorded in; less where it ends earlier."""
        first = min(self.format.rate * start // 1000, self._file.frames)
        last = self._file.frames if end is None or end >= self.length else self.format.rate * end // 1000
        try:
            self._file.seek(first)
            # libsndfile scales to the full 32 bits; down again to the numbers that were recorded.
            wide = self._file.read(max(0, last - first), dtype="int32", always_2d=True)
            damaged = self._source.failed
        except soundfile.LibsndfileError as error:
            damaged = self._source.failed or error
        if damaged is not None:
            raise BadSound("This story's sound file is damaged.", "Restore it from a backup.") from damaged
        return to_bytes((wide >> (32 - 8 * self.format.width)).astype(np.int32), self.format.width)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        self._sealed.close()


class Master:
    """The sound of one take. ``format`` is the microphone's own; close it after use, or use it as a context."""

    def __init__(self, pcm: _Pcm) -> None:
        """Wrap what `open_master` found."""
        self._pcm = pcm
        self.format = pcm.format

    @property
    def length(self) -> Ms:
        """How much can be played."""
        return self._pcm.length

    def read(self, start: Ms = START, end: Ms | None = None) -> bytes:
        """Return the interleaved PCM of [start, end). Raises `DamagedTake` or `BadSound`."""
        return self._pcm.read(start, end)

    def samples(self, start: Ms = START, end: Ms | None = None) -> Samples:
        """Return [start, end) as mono float32 at the format's rate, full scale 1.0."""
        return to_floats(self.read(start, end), self.format)

    def pieces(self) -> Iterator[bytes]:
        """Yield all PCM in pieces of ten seconds."""
        return self.chunks(_PIECE)

    def chunks(self, length: Ms) -> Iterator[bytes]:
        """Yield all PCM in pieces of ``length``."""
        for start in range(0, self.length, length):
            # The last piece must not lose the samples of a part of a millisecond.
            end = None if start + length >= self.length else Ms(start + length)
            yield self.read(Ms(start), end)

    def close(self) -> None:
        """Let go of the file."""
        self._pcm.close()

    def __enter__(self) -> Self:
        """Be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


def open_master(
    store: Shelf, take: TakeId, reader: Reader, now: datetime | None, *, visit: Visit | None = None
) -> Master:
    """Open the sound of ``take`` for ``reader``: FLAC, raw master or growing take, whichever there is.

    Raises `Refused`, `NoKey`, `NoSuchStory`, `DamagedTake`, `BadSound`. What was opened may be read on until it is
    closed: who plays for long asks the gate again while playing.
    """
    key = open_content(store, take, reader, now, derived=None if visit is None else visit.derived)
    return open_files(store, take, key)


def later_master(store: Shelf, take: TakeId, reader: Reader, now: datetime | None) -> Callable[[], Master]:
    """Ask the gate and open the key now; what is returned opens the sound itself, once, later and in any thread.

    Raises `Refused`, `NoKey`, `NoSuchStory` now; `NoSuchStory`, `DamagedTake`, `BadSound`, `OSError` then.
    """
    return _opener(store, take, open_content(store, take, reader, now))


def open_files(store: Shelf, take: TakeId, key: ContentKey) -> Master:
    """Open whichever file of ``take`` there is with a key the gate has given out."""
    return _opener(store, take, key)()


def open_uncut_files(store: Shelf, take: TakeId, key: ContentKey) -> Master:
    """Open the sound of a story whose last cut waits for room, as it was before that cut. Raises as `open_files`."""
    return _opener(store, take, key, uncut=True)()


def waits_for_room(conn: sqlite3.Connection, take: TakeId) -> bool:
    """Whether a span of ``take`` was taken back and the sound without it is not written yet."""
    return UNCUT in recipients(conn, take)


def _opener(store: Shelf, take: TakeId, key: ContentKey, *, uncut: bool = False) -> Callable[[], Master]:
    """Look where the sound of ``take`` lies; what is returned opens it without another look at the database."""
    home = store.home
    lent = lent_sound(store, take)
    cuts = cuts_of(store.db.conn, take) - uncut
    cut = cut_flac(home, take, cuts) if lent is None and cuts else lent
    waits = not uncut and waits_for_room(store.db.conn, take)

    def find() -> Master:
        if waits:
            raise CutWaits(
                "A part of this story was taken out, and there is no room yet to write the rest.",
                "Nobody hears it until there is; then it is back by itself, without the part.",
            )
        if cut is not None:
            return Master(FlacReader(cut, key, take))
        # Twice: a take may move from one place to the next between two looks.
        for _ in range(2):
            for path in (home.flac_master(take), home.raw_master(take), home.take_file(take)):
                try:
                    if path == home.flac_master(take):
                        return Master(FlacReader(path, key, take))
                    return Master(TakeReader(path, key, take=take))
                except FileNotFoundError:
                    continue
        raise NoSuchStory("The sound of this story is not here.")

    return find


def cuts_of(conn: sqlite3.Connection, take: TakeId) -> int:
    """Count the spans its teller took back; each made a new file under a new key (`archive.cutting`)."""
    query = "SELECT COUNT(*) FROM ledger WHERE subject = ? AND act = ?"
    return int(conn.execute(query, (take, str(Act.CUT))).fetchone()[0])


class CutMeanwhile(ArchiveError):
    """A part of the story was taken out while a machine worked on the whole of it."""

    code = "cut-meanwhile"


class CutWaits(Refused):
    """A part of the story was taken out, and there is no room yet to write what is left."""

    code = "cut-waits"


def must_have_cuts(conn: sqlite3.Connection, take: TakeId, cuts: int) -> None:
    """Raise `CutMeanwhile` unless ``take`` has been cut so often: what was heard before must not be stored after.

    Inside the transaction that stores it; ``cuts`` was counted before the key was opened.
    """
    if cuts_of(conn, take) != cuts:
        raise CutMeanwhile("A part of this story was taken out this very moment.", "It is done again.")


def cut_flac(home: Home, take: TakeId, number: int) -> Path:
    """Name the sealed FLAC a story goes on with after so many cuts."""
    return home.story_folder(take) / f"cut{number}.flac"


def flac_in_use(store: Shelf, take: TakeId) -> Path:
    """Name the sealed FLAC every reader is given: the master, or what is left of it after cuts."""
    cuts = cuts_of(store.db.conn, take)
    return cut_flac(store.home, take, cuts) if cuts else store.home.flac_master(take)


def finish_cuts(store: Shelf, only: str = "*") -> None:
    """Clear away what a crash left of a span's going: a file nobody reads yet, or one nobody reads any more.

    For a start of the box, or of one take before its waiting cut is written; safe to repeat. Another process that is
    taking a span out at this moment is refused by `archive.cutting.finish_cut` and its teller is asked to look again.
    """
    gone = False
    with transaction(store.db.conn) as conn:
        for path in store.home.stories.glob(f"{only}/cut*.flac"):
            take = TakeId(path.parent.name)
            # While a cut waits for room, the file before it is what it will be made of.
            if path != cut_flac(store.home, take, cuts_of(conn, take) - waits_for_room(conn, take)):
                remove(path)
                gone = True
    if gone:
        checkpoint(store.db.conn)


def flac_label(take: TakeId) -> bytes:
    """Name what a sealed FLAC is bound to."""
    return b"flac/" + take.encode("ascii")
