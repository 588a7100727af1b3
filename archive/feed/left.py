"""What a box says it left on a stick or a remote: the digests of its bags and withdrawals, signed by it.

It lies beside the box's hello as `<name>.left`. A stick shows no credential, so without it nobody could tell whose a
bag is, and anybody who holds the stick could take a story back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from archive.bag import is_bag_id
from archive.home import Keys
from archive.tombstones import Tombstone, signed_part

SUFFIX: Final = ".left"
MOST_BYTES: Final = 2 << 20
MOST: Final = 8000
"""Bags, and as many withdrawals, that one box names: more than a stick sees in years; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Left:
    """``bags`` is story to tag manifest digest of its bag, ``stones`` story to digest of its tombstone; in order."""

    bags: Mapping[str, str] = field(default_factory=dict)
    stones: Mapping[str, str] = field(default_factory=dict)

    def with_bag(self, story: str, sha256: str) -> Left:
        """The same, with this bag as the last one."""
        return Left(_with(self.bags, story, sha256), self.stones)

    def with_stone(self, stone: Tombstone) -> Left:
        """The same, with this withdrawal as the last one and no bag of its story."""
        bags = {story: sha256 for story, sha256 in self.bags.items() if story != stone.story}
        return Left(bags, _with(self.stones, stone.story, _digest(stone)))

    def took_back(self, stone: Tombstone) -> bool:
        """Whether the box itself wrote this very withdrawal."""
        return self.stones.get(stone.story) == _digest(stone)


def make_left(keys: Keys, left: Left) -> bytes:
    """Return the file in which the box that holds ``keys`` says ``left``."""
    told = json.dumps({"bags": list(left.bags.items()), "stones": list(left.stones.items())})
    signature = keys.signing.sign(_message(told)).signature.hex()
    return (json.dumps({"left": told, "signature": signature}, indent=1, sort_keys=True) + "\n").encode()


def read_left(data: bytes, sign: bytes) -> Left | None:
    """Read what the box whose public key is ``sign`` left; None for anything else."""
    try:
        plain: Any = json.loads(data) if len(data) <= MOST_BYTES else None
        told, signature = plain["left"], bytes.fromhex(plain["signature"])
        VerifyKey(sign).verify(_message(told), signature)
        found = json.loads(told)
        bags, stones = (
            {story: digest for story, digest in found[name] if is_bag_id(story) and isinstance(digest, str)}
            for name in ("bags", "stones")
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, BadSignatureError):
        return None
    return Left(bags, stones)


def _with(known: Mapping[str, str], story: str, digest: str) -> dict[str, str]:
    rest = {one: value for one, value in known.items() if one != story}
    return dict(list({**rest, story: digest}.items())[-MOST:])


def _digest(stone: Tombstone) -> str:
    return hashlib.sha256(signed_part(stone)).hexdigest()


def _message(told: str) -> bytes:
    return f"hearth-left-1\n{told}".encode()
