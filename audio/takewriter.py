"""The take on disk: encrypted while it is told, safe against a kill at any instant, read back before it counts.

What `TakeWriter.write` took in is on the disk at the latest when half a second more of it has come (a kill or a power
cut loses that and what was in flight), and every chunk is read back from the disk and compared right after it was
synced. So closing a two-hour take waits for its last chunk only. Not promised: that the disk keeps what it once gave
back; chunks are not read a second time at the end.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from audio.errors import DamagedTake, DiskTrouble
from audio.sealedfile import SealedReader, SealedWriter, read_meta
from audio.types import AudioFormat, Ms, Sha256, Take, TakeId

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

HALF_SECOND = Ms(500)
_VERSION = 1
_BEGIN = _NONE = Ms(0)
_PIECE = Ms(10_000)


@dataclass(frozen=True, slots=True)
class TakeHead:
    """What a take's file says of itself without its key."""

    take: TakeId
    format: AudioFormat


def read_head(path: Path) -> TakeHead:
    """Return whose file this is, without the key; it is not authenticated before the take was opened with it.

    Raises:
        DamagedTake: not a take.
        OSError: it cannot be read.
    """
    return _head(read_meta(path))


def _head(meta: bytes) -> TakeHead:
    try:
        said = json.loads(meta)
        if said["version"] != _VERSION:
            msg = "This recording was made by a newer program."
            raise DamagedTake(msg, "Update the program.")
        head = TakeHead(TakeId(said["take"]), AudioFormat(said["rate"], said["channels"], said["width"]))
    except (ValueError, KeyError, TypeError) as error:
        msg = "This recording's first bytes make no sense."
        raise DamagedTake(msg, "Keep the file and ask the steward of the box.") from error
    return head


def _label(take: TakeId) -> bytes:
    return b"take/" + take.encode()


class TakeReader:
    """Reads a take, closed or not; of an open one, what is on the disk in whole chunks."""

    def __init__(self, path: Path, key: bytes, *, take: TakeId | None = None) -> None:
        """Open ``path``; with ``take`` it must be that one.

        Raises:
            DamagedTake: wrong key, wrong take, altered, or nothing whole in it.
            OSError: it cannot be read.
        """
        head = read_head(path)
        if take is not None and head.take != take:
            msg = "This recording is another one than was asked for."
            raise DamagedTake(msg, "Keep the file and ask the steward of the box.")
        self.take = head.take
        self.format = head.format
        self._file = SealedReader(path, key, _label(head.take), open_ok=True)

    @property
    def complete(self) -> bool:
        """Whether the take was closed; if not, it may still grow."""
        return self._file.complete

    @property
    def size(self) -> int:
        """PCM bytes that can be read: whole sample frames."""
        return self._file.size - self._file.size % self.format.frame_bytes

    @property
    def length(self) -> Ms:
        """How much can be played."""
        return self.format.ms_of(self.size)

    def refresh(self) -> Ms:
        """Look for what was stored since; return the new `length`."""
        self._file.refresh()
        return self.length

    def read(self, start: Ms = _BEGIN, end: Ms | None = None) -> bytes:
        """Return the PCM of [start, end); less where the take ends earlier. Raises `DamagedTake`."""
        first = self.format.bytes_of(start)
        last = self.size if end is None or end >= self.length else self.format.bytes_of(end)
        return self._file.read_at(first, max(0, last - first))

    def chunks(self, length: Ms = _PIECE) -> Iterator[bytes]:
        """Yield the whole take's PCM in pieces of ``length``, so that two hours need no memory."""
        step = self.format.bytes_of(length)
        for first in range(0, self.size, step):
            yield self._file.read_at(first, min(step, self.size - first))

    def sha256(self) -> Sha256:
        """Read everything and return the hash of the PCM. Raises `DamagedTake`."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return Sha256(digest.hexdigest())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Be closed at the end of the block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close."""
        self.close()


class TakeWriter:
    """Writes one take. For one thread; others read the file."""

    def __init__(self, path: Path, take: TakeId, format: AudioFormat, key: bytes) -> None:  # noqa: A002 - the field's word
        """Prepare; the file appears with the first stored sample and must not exist before."""
        self.path = path
        self.take = take
        self.format = format
        self._key = key
        self._limit = max(format.frame_bytes, format.bytes_of(HALF_SECOND))
        self._writer: SealedWriter | None = None
        self._reader: SealedReader | None = None
        self._heard = hashlib.sha256()
        self._read_back = hashlib.sha256()
        self._read_to = 0

    @classmethod
    def resume(cls, path: Path, key: bytes, *, reopen: bool = False) -> TakeWriter:
        """Go on after the last whole chunk of a take whose writer died; a torn end is cut off.

        With ``reopen`` also after the end of one that was just closed: its teller wants to go on. Reads the whole take
        (its hash goes on too). Raises `DamagedTake` (also when it was closed, without ``reopen``) and `DiskTrouble`.
        """
        with TakeReader(path, key) as reader:
            writer = cls(path, reader.take, reader.format, key)
            for chunk in reader.chunks():
                writer._heard.update(chunk)
                writer._read_back.update(chunk)
            writer._read_to = reader.size
        writer._writer = SealedWriter.resume(path, key, _label(writer.take), chunk=writer._limit, reopen=reopen)
        return writer

    @property
    def length(self) -> Ms:
        """What was taken in so far, on the disk or not yet."""
        return self.format.ms_of(self._writer.stored + self._writer.buffered if self._writer else 0)

    @property
    def safe_length(self) -> Ms:
        """What is on the disk and was read back."""
        return self.format.ms_of(self._read_to)

    def write(self, pcm: bytes) -> None:
        """Take in whole sample frames. The first are stored at once, later ones half a second at a time.

        Raises:
            DiskTrouble: the disk refused; what it did not take is kept in memory, and tried again with the next call.
        """
        if not pcm:
            return
        first = self._writer is None
        if self._writer is None:
            self._writer = SealedWriter(self.path, self._key, _label(self.take), meta=self._meta(), chunk=self._limit)
        self._heard.update(pcm)
        self._writer.write(pcm)
        if first or self._writer.stored > self._read_to:
            self.flush()

    def flush(self) -> None:
        """Put everything on the disk now; readable by others when it returns. Raises `DiskTrouble`."""
        if self._writer is not None:
            self._writer.sync()
            self._verify()

    def close(self, *, speech: Ms = _NONE, overflows: int = 0, clipped: int = 0) -> Take:
        """Store the end with its mark, sync file and folder, read back, compare; return the take.

        The counts are what capture measured; they go into the value as they are.

        Raises:
            DiskTrouble: the disk refused or gave back something else; what it took stays, and closing may be retried.
        """
        if self._writer is None:
            msg = "Nothing was recorded."
            raise DiskTrouble(msg, "Check the microphone.")
        self._writer.close()
        self._verify()
        length = self.format.ms_of(self._writer.stored)
        self._let_go()
        if self._read_back.digest() != self._heard.digest():
            raise self._not_the_same()
        digest = Sha256(self._heard.hexdigest())
        return Take(self.take, self.path, self.format, length, speech, overflows, clipped, digest)

    def leave(self) -> None:
        """Let go of an open take without closing it; it can be resumed. What was not flushed is lost."""
        if self._writer is not None:
            self._writer.leave()
        self._let_go()

    def abandon(self) -> None:
        """Destroy the take. Raises `DiskTrouble` if the file cannot be removed."""
        self._let_go()
        if self._writer is not None:
            self._writer.abandon()

    def _meta(self) -> bytes:
        said = {"version": _VERSION, "take": self.take, "rate": self.format.rate}
        return json.dumps(said | {"channels": self.format.channels, "width": self.format.width}).encode()

    def _verify(self) -> None:
        """Read from the disk what was synced since the last time."""
        try:
            if self._reader is None:
                self._reader = SealedReader(self.path, self._key, _label(self.take), open_ok=True)
            # Without this the kernel would answer from memory, and a disk that lies would not be found out.
            self._reader.forget_cache()
            size = self._reader.refresh()
            self._read_back.update(self._reader.read_at(self._read_to, size - self._read_to))
        except (OSError, DamagedTake) as error:
            raise self._not_the_same() from error
        self._read_to = size
        if self._writer is not None and size != self._writer.stored:
            raise self._not_the_same()

    def _not_the_same(self) -> DiskTrouble:
        return DiskTrouble(
            "The disk gave back something else than what was recorded.", "Replace the disk; the file is kept as it is."
        )

    def _let_go(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def recover(path: Path, key: bytes) -> Ms:
    """Return how much of a take can be played, after authenticating all of it. Changes nothing.

    To close what a killed writer left: ``TakeWriter.resume(path, key).close()``.

    Raises:
        DamagedTake: wrong key, altered, or nothing in it.
        OSError: it cannot be read.
    """
    with TakeReader(path, key) as reader:
        for _ in reader.chunks():
            pass
        return reader.length
