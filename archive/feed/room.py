"""How the room of one feed is shared out: a feed that is too large reaches nobody, and what was taken back with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from archive.feed.manifest import MOST_BYTES, Manifest

SEAL: Final = 1024
"""Bytes the signature, the seal and the names of a feed's parts take."""

_T = TypeVar("_T")


def bytes_of(plain: Any) -> int:
    """How many bytes ``plain`` takes in a feed, with the comma behind it. Pure."""
    return len(json.dumps(plain, ensure_ascii=False).encode()) + 2


class Room:
    """What is left of a feed's bytes, given to its parts in the order in which they are asked for."""

    def __init__(self, manifest: Manifest) -> None:
        """Begin with what ``manifest`` leaves of the largest feed a box takes."""
        self.left = MOST_BYTES - SEAL - bytes_of(manifest.to_json())

    def take(self, items: Iterable[_T], plain: Callable[[_T], Any], most: int | None = None) -> tuple[_T, ...]:
        """Return those of ``items`` that fit, looked at in their order, within at most ``most`` bytes.

        One that does not fit keeps no later one out.
        """
        left = self.left if most is None else min(self.left, most)
        kept: list[_T] = []
        for item in items:
            size = bytes_of(plain(item))
            if size <= left:
                kept.append(item)
                left -= size
                self.left -= size
        return tuple(kept)
