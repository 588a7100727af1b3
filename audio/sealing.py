"""How sealed bytes are laid out, and the ciphers over them. `audio.sealedfile` describes what is promised."""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nacl import bindings
from nacl.exceptions import CryptoError

from audio.errors import DamagedTake, DiskTrouble

if TYPE_CHECKING:
    from pathlib import Path

KEY_BYTES = 32
NONCE_BYTES = 24
TAG_BYTES = 16
CHUNK_BYTES = 64 * 1024
"""How much a `SealedWriter` collects before it makes a record of it."""
MAX_CHUNK_BYTES = 4 * 1024 * 1024
"""No record holds more than this; a longer length field is damage, not a reason to allocate memory."""

MAGIC = b"HEARTH\x00\x01"
HEADER = struct.Struct("<8s16sH")
RECORD = struct.Struct("<IB")
LEAD = RECORD.size + NONCE_BYTES
LAST = 1
KEEP_IT = "Keep the file and ask the steward of the box; nothing was deleted."


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
        raise DamagedTake(msg, KEEP_IT)
    try:
        return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(box[NONCE_BYTES:], aad, box[:NONCE_BYTES], key)
    except CryptoError as error:
        msg = "Something that was stored here does not open: it was altered, or the key is another one."
        raise DamagedTake(msg, KEEP_IT) from error


def sync_folder(folder: Path) -> None:
    """Make a creation, renaming or removal in ``folder`` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def record_aad(header: bytes, label: bytes, seq: int, flag: int) -> bytes:
    """Return what a record authenticates beside its own bytes."""
    return hashlib.sha256(header).digest() + struct.pack("<QB", seq, flag) + label


def disk_trouble(error: OSError) -> DiskTrouble:
    """Turn the kernel's refusal into a sentence."""
    why = error.strerror or str(error)
    return DiskTrouble(
        f"The disk did not take what was recorded ({why}).",
        "Make room on the disk or replace it; what was stored before is kept.",
    )


@dataclass(frozen=True, slots=True)
class Record:
    """Where one record lies, and which stretch of the plain bytes it holds."""

    seq: int
    flag: int
    offset: int
    length: int
    start: int

    @property
    def plain(self) -> int:
        """How many plain bytes it holds."""
        return self.length - TAG_BYTES

    @property
    def end(self) -> int:
        """Where the plain bytes after it start."""
        return self.start + self.plain

    @property
    def next_offset(self) -> int:
        """Where the next record starts in the file."""
        return self.offset + LEAD + self.length


def read_header(fd: int) -> tuple[bytes, bytes]:
    """Return the whole header and the meta inside it."""
    fixed = os.pread(fd, HEADER.size, 0)
    if len(fixed) < HEADER.size:
        msg = "This recording holds nothing yet."
        raise DamagedTake(msg, "Nothing was stored in it; it can be removed.")
    magic, _, meta_length = HEADER.unpack(fixed)
    if magic != MAGIC:
        msg = "This is not one of the box's own recordings."
        raise DamagedTake(msg, KEEP_IT)
    meta = os.pread(fd, meta_length, HEADER.size)
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
        return read_header(fd)[1]
    finally:
        os.close(fd)
