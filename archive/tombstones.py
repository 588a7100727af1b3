"""Tombstones: what is left when a story is taken back. No word of it, only its identifier and when.

A *withdrawal* is final: wherever it is found, on the box or in the archive, every copy of that story goes and none
comes back. A *recall* is what the box leaves when a teller who stays on the box says no to the archive alone: the
archive's copy goes, the box's stays, and a newer yes (a consent record that goes on from the one the recall names)
lifts it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from archive.bag import is_bag_id
from audio.types import TakeId

_MOST_BYTES = 4096


class Reach(StrEnum):
    """How far a tombstone reaches."""

    WITHDRAWAL = "withdrawal"
    RECALL = "recall"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """``story`` was taken back at ``at``. ``events`` and ``head`` name the consent record of a recall."""

    story: TakeId
    at: datetime
    reach: Reach = Reach.WITHDRAWAL
    events: int = 0
    head: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        plain: dict[str, Any] = {"id": self.story, "time": self.at.isoformat(), "reach": self.reach.value}
        if self.reach is Reach.RECALL:
            plain |= {"events": self.events, "head": self.head}
        return plain

    def to_bytes(self) -> bytes:
        """Return the tombstone as a file holds it."""
        return (json.dumps(self.to_json(), indent=1, sort_keys=True) + "\n").encode()


def signed_part(stone: Tombstone) -> bytes:
    """Return what a box signs when it takes a story back over a network."""
    return b"hearth-tombstone-1\n" + stone.to_bytes()


def read_tombstone(data: bytes) -> Tombstone | None:
    """Read a tombstone, None for anything that is not one."""
    try:
        plain: Any = json.loads(data) if len(data) <= _MOST_BYTES else None
        stone = Tombstone(
            TakeId(str(plain["id"])),
            datetime.fromisoformat(plain["time"]),
            Reach(plain.get("reach", Reach.WITHDRAWAL)),
            int(plain.get("events", 0)),
            str(plain.get("head", "")),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError):
        return None
    if not 0 <= stone.events < 1 << 31 or not 1900 <= stone.at.year <= 2900:  # noqa: PLR2004 - what a database holds
        return None
    return stone if is_bag_id(stone.story) and stone.at.tzinfo else None
