"""Hours a library sets: when it is open, and when the box keeps quiet. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def is_clock(text: str) -> bool:
    """Whether ``text`` is a time of day, ``HH:MM``."""
    return _CLOCK.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Span:
    """From ``begins`` up to ``ends`` (``HH:MM``), over midnight too; both empty, or both the same, is never."""

    begins: str = ""
    ends: str = ""

    def holds(self, now: time) -> bool:
        """Whether ``now`` lies in it."""
        if not self.begins or not self.ends or self.begins == self.ends:
            return False
        begins, ends = (time.fromisoformat(text) for text in (self.begins, self.ends))
        if begins < ends:
            return begins <= now < ends
        return now >= begins or now < ends
