"""A bag sealed to an archive's key: what leaves the box for a stick or a server can be opened there alone.

An archive shows its two public keys in `archive-key.json`: ``{"name", "seal", "sign"}``, the keys in hexadecimal.
``seal`` (X25519) is what bags are sealed to, ``sign`` (Ed25519) what its receipts verify with. The bag travels as a
tar stream in the chunked container of `audio.sealedfile`, under a fresh content key that lies, itself sealed with
libsodium's sealed box, in the container's readable meta. Nothing is padded: the size of a sealed bag tells about how
long its story is.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nacl.encoding import RawEncoder
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.signing import VerifyKey

from archive.bag import PAYLOAD, SOUND, TAGS, Bag, is_bag_id, write_tar
from archive.bagcheck import Limits
from archive.durable import PART, copy_synced, move, remove, sync_folder
from archive.errors import BadBag
from audio.errors import AudioError
from audio.sealedfile import SealedReader, SealedWriter, new_key, read_meta

KEY_FILE = "archive-key.json"
SUFFIX = ".sealed"
_KEY_BYTES = 32
_MOST_BYTES = 4096
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class ArchiveKey:
    """The public keys of an archive: ``seal`` (X25519) and ``sign`` (Ed25519), 32 bytes each, and its name."""

    name: str
    seal: bytes
    sign: bytes

    @property
    def fingerprint(self) -> str:
        """Eight groups of four, for two people to compare by reading aloud."""
        digest = hashlib.sha256(self.seal + self.sign).hexdigest()[:32]
        return " ".join(digest[at : at + 4] for at in range(0, 32, 4))

    def to_json(self) -> dict[str, str]:
        """Return plain data for `json`."""
        return {"name": self.name, "seal": self.seal.hex(), "sign": self.sign.hex()}


def read_archive_key(data: bytes | dict[str, Any]) -> ArchiveKey | None:
    """Read `archive-key.json`, None for anything else."""
    try:
        if isinstance(data, bytes):
            if len(data) > _MOST_BYTES:
                return None
            plain: Any = json.loads(data)
        else:
            plain = data
        key = ArchiveKey(str(plain["name"]), bytes.fromhex(plain["seal"]), bytes.fromhex(plain["sign"]))
        PublicKey(key.seal, RawEncoder)
        VerifyKey(key.sign)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, CryptoError):
        return None
    return key


def seal_bag(bag: Bag, key: ArchiveKey, target: Path) -> None:
    """Write ``bag`` sealed to ``key`` as the file ``target``: whole or absent, synced.

    Raises `OSError` or `audio.errors.DiskTrouble` where the disk fails; nothing half is left then.
    """
    part = target.with_name(target.name + PART)
    remove(part)
    content = new_key()
    wrapped = SealedBox(PublicKey(key.seal)).encrypt(content)
    meta = json.dumps({"bag": bag.id, "key": wrapped.hex()}).encode()
    writer = SealedWriter(part, content, _label(bag.id), meta=meta, chunk=_CHUNK)
    try:
        write_tar(bag, _Sink(writer))
        writer.close()
        move(part, target)
    except BaseException:  # whatever stopped it, nothing half stays
        writer.abandon()
        raise


def open_sealed_bag(source: Path, key: PrivateKey, folder: Path, limits: Limits | None = None) -> Path:
    """Unpack a sealed bag under ``folder`` and return the bag's own folder; the archive's side of `seal_bag`.

    Only the files of a story's bag are ever written, each once and of bounded size; the bag still has to pass
    `archive.bagcheck.check_bag`. Raises `BadBag` for anything not sealed to ``key`` or not a story's bag, `OSError`
    where the disk fails.
    """
    try:
        plain = json.loads(read_meta(source))
        bag_id = str(plain["bag"])
        content = SealedBox(key).decrypt(bytes.fromhex(plain["key"]))
        if not is_bag_id(bag_id):
            raise BadBag(_NOT_OURS)
        with SealedReader(source, content, _label(bag_id)) as reader:
            return _unpack(reader, bag_id, folder, limits or Limits())
    except (AudioError, CryptoError, tarfile.TarError, KeyError, TypeError, ValueError) as error:
        raise BadBag(_NOT_OURS) from error


_NOT_OURS = "This sealed bag was altered, or it is sealed to another archive's key."


class _Sink:
    """Let a tar stream be written into a sealed file."""

    def __init__(self, writer: SealedWriter) -> None:
        self._writer = writer

    def write(self, data: bytes) -> int:
        self._writer.write(bytes(data))
        return len(data)


def _label(bag_id: str) -> bytes:
    return f"hearth-bag-1 {bag_id}".encode()


def _take(source: IO[bytes] | None, target: Path | None) -> None:
    if source is None or target is None:
        raise BadBag("This sealed bag holds something that does not belong in a story's bag.")
    copy_synced(source, target)


def _unpack(reader: SealedReader, bag_id: str, folder: Path, limits: Limits) -> Path:
    target = folder / bag_id
    part = target.with_name(target.name + PART)
    remove(part)
    (part / "data").mkdir(parents=True)
    wanted = {f"{bag_id}/{path}": path for path in (*PAYLOAD, *TAGS)}
    try:
        stream: Any = reader
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for entry in tar:
                path = wanted.pop(entry.name, None)
                source: IO[bytes] | None = tar.extractfile(entry) if entry.isreg() else None
                too_large = entry.size > (limits.sound if path == SOUND else limits.text)
                _take(source, None if path is None or too_large else part / path)
        sync_folder(part / "data")
        sync_folder(part)
        remove(target)
        move(part, target)
    except BaseException:  # nothing half unpacked stays, whatever stopped us
        remove(part)
        raise
    return target
