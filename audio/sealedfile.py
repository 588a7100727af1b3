"""Sealed boxes and sealed files: what lies on the disk can be read with its key only, and not be altered unseen.

XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha, through libsodium) with a random 24-byte nonce for every box, so that
a take which goes on after a power cut never uses a nonce twice. A file is a header and records::

    header   magic(8)  file id(16)  meta length(2)  meta
    record   length(4)  flag(1)  nonce(24)  ciphertext and tag(length)

Every record authenticates the header, the label its reader must know, its own sequence number and whether it is
the last one: a record altered, moved, left out or taken from another file does not open. ``meta`` is readable
without the key, and authenticated.

Not promised: that a file which was never closed still has every record it once had. Such a file has no last-record
mark, so its end can be cut off unnoticed; `SealedReader` opens it only when told that this is expected.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import secrets
import struct
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nacl import bindings
from nacl.exceptions import CryptoError

from audio.errors import DamagedTake, DiskTrouble

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer

KEY_BYTES = 32
NONCE_BYTES = 24
TAG_BYTES = 16
CHUNK_BYTES = 64 * 1024
"""How much a `SealedWriter` collects before it makes a record of it."""
MAX_CHUNK_BYTES = 4 * 1024 * 1024
"""No record holds more than this; a longer length field is damage, not a reason to allocate memory."""

_MAGIC = b"HEARTH\x00\x01"
_HEADER = struct.Struct("<8s16sH")
_RECORD = struct.Struct("<IB")
_LEAD = _RECORD.size + NONCE_BYTES
_LAST = 1
_OPEN_DO = "Keep the file and ask the steward of the box; nothing was deleted."


def new_key() -> bytes:
    """Make a content key: 32 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def seal(key: bytes, data: bytes, aad: bytes) -> bytes:
    """Encrypt ``data`` and bind it to ``aad`` (which is not stored). The box is 40 bytes longer than the data."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(data, aad, nonce, key)


def unseal(key: bytes, box: bytes, aad: bytes) -> bytes:
    """Open what `seal` made.

    Raises:
        DamagedTake: wrong key, wrong ``aad``, altered or cut.
    """
    if len(box) < NONCE_BYTES + TAG_BYTES:
        msg = "Something that was stored here is too short to be whole."
        raise DamagedTake(msg, _OPEN_DO)
    try:
        return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(box[NONCE_BYTES:], aad, box[:NONCE_BYTES], key)
    except CryptoError as error:
        msg = "Something that was stored here does not open: it was altered, or the key is another one."
        raise DamagedTake(msg, _OPEN_DO) from error


def sync_folder(folder: Path) -> None:
    """Make a creation, renaming or removal in ``folder`` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _aad(header: bytes, label: bytes, seq: int, flag: int) -> bytes:
    return hashlib.sha256(header).digest() + struct.pack("<QB", seq, flag) + label


def _disk_trouble(error: OSError) -> DiskTrouble:
    why = error.strerror or str(error)
    return DiskTrouble(
        f"The disk did not take what was recorded ({why}).",
        "Make room on the disk or replace it; what was stored before is kept.",
    )


@dataclass(frozen=True, slots=True)
class _Record:
    """Where one record lies, and which stretch of the plain bytes it holds."""

    seq: int
    flag: int
    offset: int
    length: int
    start: int

    @property
    def plain(self) -> int:
        return self.length - TAG_BYTES

    @property
    def end(self) -> int:
        return self.start + self.plain

    @property
    def next_offset(self) -> int:
        return self.offset + _LEAD + self.length


def _read_header(fd: int) -> tuple[bytes, bytes]:
    """Return the whole header and the meta inside it."""
    fixed = os.pread(fd, _HEADER.size, 0)
    if len(fixed) < _HEADER.size:
        msg = "This recording holds nothing yet."
        raise DamagedTake(msg, "Nothing was stored in it; it can be removed.")
    magic, _, meta_length = _HEADER.unpack(fixed)
    if magic != _MAGIC:
        msg = "This is not one of the box's own recordings."
        raise DamagedTake(msg, _OPEN_DO)
    meta = os.pread(fd, meta_length, _HEADER.size)
    if len(meta) < meta_length:
        msg = "This recording holds nothing yet."
        raise DamagedTake(msg, "Nothing was stored in it; it can be removed.")
    return fixed + meta, meta


def read_meta(path: Path) -> bytes:
    """Return a file's meta without its key. It is authenticated only once a record was opened.

    Raises:
        DamagedTake: not a sealed file.
        OSError: it cannot be read.
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        return _read_header(fd)[1]
    finally:
        os.close(fd)


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
        self._records: list[_Record] = []
        self._starts: list[int] = []
        self._position = 0
        self._cached: tuple[int, bytes] = (-1, b"")
        self._fd = os.open(path, os.O_RDONLY)
        try:
            self.header, self.meta = _read_header(self._fd)
            self.refresh()
        except BaseException:
            self.close()
            raise

    @property
    def complete(self) -> bool:
        """Whether the last-record mark is there."""
        return bool(self._records) and self._records[-1].flag == _LAST

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
            raise DamagedTake(msg, _OPEN_DO)
        return self.size

    def _scan(self, file_size: int) -> None:
        offset = self.whole_bytes
        while not self.complete and file_size - offset >= _LEAD:
            length, flag = _RECORD.unpack(os.pread(self._fd, _RECORD.size, offset))
            if not TAG_BYTES <= length <= MAX_CHUNK_BYTES + TAG_BYTES or flag > _LAST:
                # At most one record is ever unsynced: a longer rest is damage, not the trace of a power cut.
                if file_size - offset > MAX_CHUNK_BYTES + _LEAD + TAG_BYTES:
                    raise self._altered()
                return
            record = _Record(len(self._records), flag, offset, length, self.size)
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
        return DamagedTake("This recording was altered, or the key is another one.", _OPEN_DO)

    def _load(self, index: int) -> bytes:
        if self._cached[0] == index:
            return self._cached[1]
        record = self._records[index]
        raw = os.pread(self._fd, NONCE_BYTES + record.length, record.offset + _RECORD.size)
        aad = _aad(self.header, self._label, record.seq, record.flag)
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


class SealedWriter:
    """Append plain bytes to a sealed file.

    What `sync` returned for is on the disk. Until `close` the file has no end mark. After a `DiskTrouble` the writer can
    be used again: the next record goes where the failed one would have stood.
    """

    def __init__(self, path: Path, key: bytes, label: bytes, *, meta: bytes = b"", chunk: int = CHUNK_BYTES) -> None:
        """Create ``path``, which must not exist; the header reaches the disk with the first record.

        Raises:
            DiskTrouble: it cannot be created.
        """
        header = _HEADER.pack(_MAGIC, secrets.token_bytes(16), len(meta)) + meta
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _disk_trouble(error) from error
        self._begin(path, key, label, fd, header, chunk)
        self._unwritten_header = header
        self._created = True

    def _begin(self, path: Path, key: bytes, label: bytes, fd: int, header: bytes, chunk: int) -> None:
        self.path = path
        self._key = key
        self._label = label
        self._fd = fd
        self._header = header
        self._chunk = min(chunk, MAX_CHUNK_BYTES)
        self._buffer = bytearray()
        self._seq = 0
        self._offset = 0
        self._unwritten_header = b""
        self._created = False
        self._ended = False
        self.stored = 0

    @classmethod
    def resume(cls, path: Path, key: bytes, label: bytes, *, chunk: int = CHUNK_BYTES) -> SealedWriter:
        """Go on with a file whose writer was killed: what follows its last whole record is cut off.

        Raises:
            DamagedTake: it does not open with this key, or was closed already.
            DiskTrouble: it cannot be written.
        """
        with SealedReader(path, key, label, open_ok=True) as reader:
            if reader.complete:
                msg = "This recording is closed already; nothing can be added to it."
                raise DamagedTake(msg, _OPEN_DO)
            # What the kernel shows may not be on the disk yet: read all of it, then sync below.
            reader.check()
            whole, seq, size, header = reader.whole_bytes, reader.records, reader.size, reader.header
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            os.ftruncate(fd, whole)
            os.fsync(fd)
        except OSError as error:
            raise _disk_trouble(error) from error
        writer = cls.__new__(cls)
        writer._begin(path, key, label, fd, header, chunk)  # noqa: SLF001 - a second constructor of this class
        writer._seq, writer._offset, writer.stored = seq, whole, size  # noqa: SLF001 - as above
        return writer

    @property
    def buffered(self) -> int:
        """Plain bytes taken in and not yet written."""
        return len(self._buffer)

    def write(self, data: bytes) -> None:
        """Take ``data`` in; whole chunks are written, but synced by `sync` or `close` only."""
        self._buffer += data
        while len(self._buffer) >= self._chunk:
            self._append(bytes(self._buffer[: self._chunk]), 0)
            del self._buffer[: self._chunk]

    def sync(self) -> None:
        """Write what is buffered as one record and wait until the disk has it. Raises `DiskTrouble`."""
        if self._buffer:
            self._append(bytes(self._buffer), 0)
            self._buffer.clear()
        self._fsync()

    def close(self) -> None:
        """Write the rest with the end mark, sync file and folder. Raises `DiskTrouble`; call again."""
        if self._fd < 0:
            return
        if not self._ended:
            self._append(bytes(self._buffer), _LAST)
            self._buffer.clear()
            self._ended = True
        self._fsync()
        os.close(self._fd)
        self._fd = -1

    def leave(self) -> None:
        """Let go without an end mark: the file stays as a killed writer would leave it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def abandon(self) -> None:
        """Destroy the file. Bytes on flash may outlive this; without the key they say nothing."""
        self.leave()
        self._buffer.clear()
        try:
            self.path.unlink(missing_ok=True)
            sync_folder(self.path.parent)
        except OSError as error:
            raise _disk_trouble(error) from error

    def _append(self, plain: bytes, flag: int) -> None:
        box = seal(self._key, plain, _aad(self._header, self._label, self._seq, flag))
        raw = self._unwritten_header + _RECORD.pack(len(box) - NONCE_BYTES, flag) + box
        view = memoryview(raw)
        done = 0
        try:
            while done < len(view):
                done += os.pwrite(self._fd, view[done:], self._offset + done)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._offset)
            raise _disk_trouble(error) from error
        self._unwritten_header = b""
        self._offset += len(raw)
        self._seq += 1
        self.stored += len(plain)

    def _fsync(self) -> None:
        try:
            os.fdatasync(self._fd)
            if self._created:
                sync_folder(self.path.parent)
                self._created = False
        except OSError as error:
            raise _disk_trouble(error) from error
