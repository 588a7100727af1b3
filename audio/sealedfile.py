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
import os
import secrets
from typing import TYPE_CHECKING

from audio.errors import DamagedTake
from audio.sealedreader import SealedReader
from audio.sealing import (
    CHUNK_BYTES,
    HEADER,
    KEEP_IT,
    KEY_BYTES,
    LAST,
    MAGIC,
    MAX_CHUNK_BYTES,
    NONCE_BYTES,
    RECORD,
    TAG_BYTES,
    disk_trouble,
    new_key,
    read_meta,
    record_aad,
    seal,
    sync_folder,
    unseal,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CHUNK_BYTES",
    "KEY_BYTES",
    "MAX_CHUNK_BYTES",
    "NONCE_BYTES",
    "TAG_BYTES",
    "SealedReader",
    "SealedWriter",
    "new_key",
    "read_meta",
    "seal",
    "sync_folder",
    "unseal",
]


class SealedWriter:
    """Append plain bytes to a sealed file.

    What `sync` returned for is on the disk. Until `close` the file has no end mark. After a `DiskTrouble` the writer
    can be used again: the next record goes where the failed one would have stood.
    """

    def __init__(self, path: Path, key: bytes, label: bytes, *, meta: bytes = b"", chunk: int = CHUNK_BYTES) -> None:
        """Create ``path``, which must not exist; the header reaches the disk with the first record.

        Raises:
            DiskTrouble: it cannot be created.
        """
        header = HEADER.pack(MAGIC, secrets.token_bytes(16), len(meta)) + meta
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise disk_trouble(error) from error
        self._begin(path, key, label, fd=fd, header=header, chunk=chunk)
        self._unwritten_header = header
        self._created = True

    def _begin(self, path: Path, key: bytes, label: bytes, *, fd: int, header: bytes, chunk: int) -> None:
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
    def resume(
        cls, path: Path, key: bytes, label: bytes, *, chunk: int = CHUNK_BYTES, reopen: bool = False
    ) -> SealedWriter:
        """Go on with a file whose writer was killed: what follows its last whole record is cut off.

        With ``reopen`` also one that was closed: its last record is taken back and written anew without the end mark
        (a power cut in that instant loses this one record).

        Raises:
            DamagedTake: it does not open with this key, or was closed already.
            DiskTrouble: it cannot be written.
        """
        with SealedReader(path, key, label, open_ok=True) as reader:
            if reader.complete and not reopen:
                msg = "This recording is closed already; nothing can be added to it."
                raise DamagedTake(msg, KEEP_IT)
            # What the kernel shows may not be on the disk yet: read all of it, then sync below.
            reader.check()
            whole, seq, size, header = reader.whole_bytes, reader.records, reader.size, reader.header
            again = b""
            if reader.complete:
                whole, again = reader.take_back()
                seq, size = seq - 1, size - len(again)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            os.ftruncate(fd, whole)
            os.fsync(fd)
        except OSError as error:
            raise disk_trouble(error) from error
        writer = cls.__new__(cls)
        writer._begin(path, key, label, fd=fd, header=header, chunk=chunk)  # noqa: SLF001 - a second constructor of this class
        writer._seq, writer._offset, writer.stored = seq, whole, size  # noqa: SLF001 - as above
        if again:
            writer.write(again)
            writer.sync()
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
            self._append(bytes(self._buffer), LAST)
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
            raise disk_trouble(error) from error

    def _append(self, plain: bytes, flag: int) -> None:
        box = seal(self._key, plain, record_aad(self._header, self._label, self._seq, flag))
        raw = self._unwritten_header + RECORD.pack(len(box) - NONCE_BYTES, flag) + box
        view = memoryview(raw)
        done = 0
        try:
            while done < len(view):
                done += os.pwrite(self._fd, view[done:], self._offset + done)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._offset)
            raise disk_trouble(error) from error
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
            raise disk_trouble(error) from error
