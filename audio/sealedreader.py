"""Reading sealed files: any part, while they grow, or whole. `audio.sealedfile` describes the format."""

from __future__ import annotations

import contextlib
import io
import os
from bisect import bisect_right
from typing import TYPE_CHECKING

from audio.errors import DamagedTake
from audio.sealing import (
    KEEP_IT,
    LAST,
    LEAD,
    MAX_CHUNK_BYTES,
    NONCE_BYTES,
    RECORD,
    TAG_BYTES,
    Record,
    read_header,
    record_aad,
    unseal,
)

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer


class SealedReader(io.RawIOBase):
    """Random read access to the plain bytes of a sealed file, as a binary file object.

    A file that was closed must be whole. With ``open_ok`` a file which is being written, or whose writer was killed,
    is read up to its last whole record; `refresh` looks again. Each record is authenticated when it is read, so damage
    in the middle shows when it is reached (`check` reads everything).
    """

    def __init__(self, path: Path, key: bytes, label: bytes, *, open_ok: bool = False) -> None:
        """Open and index; the first and the last record are authenticated at once.

        Raises:
            DamagedTake: wrong key or label, not a sealed file, altered, or not closed although it should be.
            OSError: the file cannot be opened.
        """
        super().__init__()
        self.path = path
        self._key = key
        self._label = label
        self._open_ok = open_ok
        self._records: list[Record] = []
        self._starts: list[int] = []
        self._position = 0
        self._cached: tuple[int, bytes] = (-1, b"")
        self._fd = os.open(path, os.O_RDONLY)
        try:
            self.header, self.meta = read_header(self._fd)
            self.refresh()
        except BaseException:  # whatever stopped it, the file does not stay open
            self.close()
            raise

    @property
    def complete(self) -> bool:
        """Whether the last-record mark is there."""
        return bool(self._records) and self._records[-1].flag == LAST

    @property
    def size(self) -> int:
        """How many plain bytes can be read."""
        return self._records[-1].end if self._records else 0

    @property
    def whole_bytes(self) -> int:
        """How many bytes of the file on disk belong to the header and to whole records."""
        return self._records[-1].next_offset if self._records else len(self.header)

    @property
    def records(self) -> int:
        """How many whole records there are."""
        return len(self._records)

    def refresh(self) -> int:
        """Look for records appended since; return the new `size`."""
        before = len(self._records)
        self._scan(os.fstat(self._fd).st_size)
        if before == 0 and self._records:
            self._load(0)
        if len(self._records) > before:
            self._drop_torn_end()
        if not self.complete and not self._open_ok:
            msg = "This recording was cut short: its end is missing."
            raise DamagedTake(msg, KEEP_IT)
        return self.size

    def _scan(self, file_size: int) -> None:
        offset = self.whole_bytes
        while not self.complete and file_size - offset >= LEAD:
            length, flag = RECORD.unpack(os.pread(self._fd, RECORD.size, offset))
            if not TAG_BYTES <= length <= MAX_CHUNK_BYTES + TAG_BYTES or flag > LAST:
                # At most one record is ever unsynced: a longer rest is damage, not the trace of a power cut.
                if file_size - offset > MAX_CHUNK_BYTES + LEAD + TAG_BYTES:
                    raise self._altered()
                return
            record = Record(len(self._records), flag, offset, length, self.size)
            if record.next_offset > file_size:
                return
            self._records.append(record)
            self._starts.append(record.start)
            offset = record.next_offset
        if self.complete and offset < file_size:
            raise self._altered()

    def _drop_torn_end(self) -> None:
        """Leave out a last record that a power cut left with the right length and the wrong bytes."""
        try:
            self._load(len(self._records) - 1)
        except DamagedTake:
            if not self._open_ok or len(self._records) == 1 or self.complete:
                raise
            self._records.pop()
            self._starts.pop()
            self._load(len(self._records) - 1)

    def _altered(self) -> DamagedTake:
        return DamagedTake("This recording was altered, or the key is another one.", KEEP_IT)

    def _load(self, index: int) -> bytes:
        if self._cached[0] == index:
            return self._cached[1]
        record = self._records[index]
        raw = os.pread(self._fd, NONCE_BYTES + record.length, record.offset + RECORD.size)
        aad = record_aad(self.header, self._label, record.seq, record.flag)
        try:
            plain = unseal(self._key, raw, aad)
        except DamagedTake as error:
            raise self._altered() from error
        self._cached = (index, plain)
        return plain

    def read_at(self, start: int, size: int) -> bytes:
        """Return up to ``size`` plain bytes from ``start``; fewer only at the end."""
        end = min(start + size, self.size)
        parts = []
        while start < end:
            index = bisect_right(self._starts, start) - 1
            # Empty records share their start with a neighbour: step back to the one that holds the byte.
            while self._records[index].plain == 0:
                index -= 1
            inside = start - self._records[index].start
            part = self._load(index)[inside : inside + end - start]
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def check(self) -> int:
        """Authenticate every record; return how many there are. Raises `DamagedTake`."""
        for index in range(len(self._records)):
            self._load(index)
        return len(self._records)

    def take_back(self) -> tuple[int, bytes]:
        """Return where the last record starts in the file and the plain bytes in it: a writer may write it anew."""
        last = self._records[-1]
        return last.offset, self._load(last.seq)

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill ``buffer``; shorter only at the end (libsndfile takes a short read for the end)."""
        view = memoryview(buffer).cast("B")
        data = self.read_at(self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be sought."""
        return True

    def tell(self) -> int:
        """Return the position in plain bytes."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move in plain bytes; return the new position."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            msg = "negative seek position"
            raise ValueError(msg)
        self._position = base + offset
        return self._position

    def forget_cache(self) -> None:
        """Ask the kernel to drop its copy, so that the next read comes from the disk. Best effort."""
        self._cached = (-1, b"")
        with contextlib.suppress(OSError):
            os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def close(self) -> None:
        """Let go of the file."""
        if not self.closed:
            self._cached = (-1, b"")
            fd = getattr(self, "_fd", -1)
            if fd >= 0:
                os.close(fd)
        super().close()
