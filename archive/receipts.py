"""Receipts: what an archive signs after it has checked a bag in full. Nothing else counts as archived.

A receipt is Ed25519 over the plain lines `hearth-receipt-1`, bag id, SHA-256 of the tag manifest, time. The tag
manifest covers every other file, so the receipt does. A folder archive without a key of its own is the box's:
its receipts are signed by a key that lies in the box's key folder, never in the folder itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from archive.bag import is_bag_id
from archive.durable import write_file
from archive.errors import NoKey

SENT = "sent"
BAG = "bag"
RECALL = "recall"
TOMBSTONE = "tombstone"
"""The kinds of what a box remembers of a place it hands on to: a bag it left there, one that was signed for, a copy it
took back, a withdrawal that is known there.
"""
TELL = "tell"
"""A withdrawal a person brought in a file, of no place: the ledger here does not tell of it, and it has to go on."""
_KEY_FILE = "folder-archive.key"
_SEED = 32
_MOST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Receipt:
    """A signed statement: the bag ``bag`` with tag manifest ``sha256`` was checked in full and kept at ``at``."""

    bag: str
    sha256: str
    at: datetime
    signer: bytes
    signature: bytes

    def verified(self, signer: bytes) -> bool:
        """Tell whether ``signer`` (32 bytes, Ed25519 public) and nobody else made this receipt."""
        if self.signer != signer:
            return False
        try:
            VerifyKey(signer).verify(_message(self.bag, self.sha256, self.at), self.signature)
        except (BadSignatureError, ValueError, TypeError):
            return False
        return True

    def to_json(self) -> dict[str, str]:
        """Return plain data for `json`; `read_receipt` is the way back."""
        return {
            "bag": self.bag,
            "sha256": self.sha256,
            "time": self.at.isoformat(),
            "signer": self.signer.hex(),
            "signature": self.signature.hex(),
        }

    def to_bytes(self) -> bytes:
        """Return the receipt as a file holds it."""
        return (json.dumps(self.to_json(), indent=1, sort_keys=True) + "\n").encode()


class Signer:
    """The side of an archive that writes receipts."""

    def __init__(self, key: SigningKey) -> None:
        """Sign with ``key`` from now on."""
        self._key = key
        self.public = bytes(key.verify_key)

    def sign(self, bag: str, sha256: str, at: datetime) -> Receipt:
        """Sign that ``bag`` was checked in full. The caller has done the checking."""
        return Receipt(bag, sha256, at, self.public, self._key.sign(_message(bag, sha256, at)).signature)


def read_receipt(data: bytes | Mapping[str, Any]) -> Receipt | None:
    """Read a receipt, None for anything that is not one. Reading does not verify: see `Receipt.verified`."""
    try:
        if isinstance(data, bytes):
            if len(data) > _MOST_BYTES:
                return None
            plain: Any = json.loads(data)
        else:
            plain = data
        receipt = Receipt(
            str(plain["bag"]),
            str(plain["sha256"]),
            datetime.fromisoformat(plain["time"]),
            bytes.fromhex(plain["signer"]),
            bytes.fromhex(plain["signature"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None
    return receipt if is_bag_id(receipt.bag) and receipt.at.tzinfo else None


def folder_signer(keys: Path) -> Signer:
    """Open the key that signs for folder archives without their own, making it on first use.

    Raises `NoKey` when the key folder cannot be read or written, or the key file is damaged.
    """
    path = keys / _KEY_FILE
    try:
        if not path.exists():
            # The folder itself is never made here: where it is missing, the key medium is out.
            write_file(path, bytes(SigningKey.generate()), mode=0o600)
        seed = path.read_bytes()
    except OSError as error:
        say = "The key folder cannot be read or written, so no receipt can be signed."
        raise NoKey(say, "Put the key folder back, or check that this program may write to it.") from error
    if len(seed) != _SEED:
        say = "The key that signs receipts is damaged."
        raise NoKey(say, f"Put {_KEY_FILE} back from a copy, or remove it to begin with a new one.")
    return Signer(SigningKey(seed))


def _message(bag: str, sha256: str, at: datetime) -> bytes:
    return f"hearth-receipt-1\n{bag}\n{sha256}\n{at.isoformat()}".encode()
