"""How a box makes itself known to an archive, so that the archive can seal a feed to it.

At every visit the box hands over its *hello*: the library's name, its two public keys, and the number of the last
feed it applied, signed with its own key. It holds nothing secret. The archive keeps the first keys a box's credential
came with; other keys under the same credential are not answered until one of its people has looked
(`archive.feed.boxkeys`). The number tells the archive which copies are gone from the box.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from nacl.exceptions import BadSignatureError, CryptoError
from nacl.public import PublicKey
from nacl.signing import VerifyKey

from archive.home import Keys

MOST_BYTES = 4096
_KEY_BYTES = 32
_LONGEST_SITE = 200
_MOST_APPLIED = 1 << 53
"""No feed has a number like this: `archive.feed.manifest` refuses them."""


def box_letters(seal: bytes, sign: bytes) -> str:
    """Name a box by its two public keys: 32 hexadecimal figures."""
    return hashlib.sha256(seal + sign).hexdigest()[:32]


def fingerprint_of(keys: Keys) -> str:
    """What the box of these keys is known by, as `Hello.fingerprint` has it: for whoever stands at the box."""
    return _in_fours(box_letters(bytes(keys.box.public_key), bytes(keys.signing.verify_key)))


def _in_fours(letters: str) -> str:
    return " ".join(letters[at : at + 4] for at in range(0, len(letters), 4))


@dataclass(frozen=True, slots=True)
class Hello:
    """``seal`` (X25519) is what a feed is sealed to, ``sign`` (Ed25519) who says so; ``applied`` is 0 at first."""

    site: str
    seal: bytes
    sign: bytes
    applied: int
    signature: bytes

    @property
    def fingerprint(self) -> str:
        """Eight groups of four, for two people to compare by reading aloud."""
        return _in_fours(box_letters(self.seal, self.sign))

    @property
    def name(self) -> str:
        """The name of this box's files on a stick: 32 hexadecimal figures, the same at every visit."""
        return box_letters(self.seal, self.sign)

    def to_bytes(self) -> bytes:
        """Return the hello as a file or a request holds it."""
        plain = {
            "site": self.site,
            "seal": self.seal.hex(),
            "sign": self.sign.hex(),
            "applied": self.applied,
            "signature": self.signature.hex(),
        }
        return (json.dumps(plain, indent=1, sort_keys=True) + "\n").encode()


def make_hello(keys: Keys, site: str, applied: int) -> Hello:
    """Make the hello of the box that holds ``keys``."""
    seal, sign = bytes(keys.box.public_key), bytes(keys.signing.verify_key)
    name = site[:_LONGEST_SITE]
    return Hello(name, seal, sign, applied, keys.signing.sign(_message(name, seal, sign, applied)).signature)


def read_hello(data: bytes) -> Hello | None:
    """Read a hello and verify that the holder of its own key made it; None for anything else."""
    try:
        plain: Any = json.loads(data) if len(data) <= MOST_BYTES else None
        site, applied = plain["site"], plain["applied"]
        if not isinstance(site, str) or len(site) > _LONGEST_SITE:
            return None
        if not isinstance(applied, int) or isinstance(applied, bool) or not 0 <= applied < _MOST_APPLIED:
            return None
        hello = Hello(
            site, bytes.fromhex(plain["seal"]), bytes.fromhex(plain["sign"]), applied, bytes.fromhex(plain["signature"])
        )
        if len(hello.seal) != _KEY_BYTES:
            return None
        PublicKey(hello.seal)
        VerifyKey(hello.sign).verify(_message(site, hello.seal, hello.sign, applied), hello.signature)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, CryptoError, BadSignatureError):
        return None
    return hello


def _message(site: str, seal: bytes, sign: bytes, applied: int) -> bytes:
    return f"hearth-box-1\n{json.dumps(site)}\n{seal.hex()}\n{sign.hex()}\n{applied}".encode()
