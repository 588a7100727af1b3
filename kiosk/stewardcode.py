"""The facilitator's code, typed on the cue keys: lets a steward in where no key-switch is wired. Pure.

A code counts only when it stands alone: a pause before its first figure and after its last. So children who hammer the
keys hardly ever try one, and after some wrong tries none is taken for a while.
"""

from __future__ import annotations

import hmac

FIGURES = "12345678"
SHORTEST, LONGEST = 4, 12
ALONE_S = 1.0
"""So long nothing may be pressed before and after a code."""
APART_S = 4.0
"""A figure that comes later than this begins a new try."""
TRIES = 5
CLOSED_S = 300.0


def is_code(text: str) -> bool:
    """Whether ``text`` can be a facilitator's code: 4 to 12 figures from 1 to 8."""
    return SHORTEST <= len(text) <= LONGEST and set(text) <= set(FIGURES)


class StewardCode:
    """What was typed so far. An empty code is never right."""

    def __init__(self, code: str) -> None:
        """``code`` as the library set it; empty where there is none."""
        self._code = code
        self._typed = ""
        self._last = float("-inf")
        self._clean = True
        self._wrong = 0
        self._closed_until = float("-inf")

    def press(self, figure: int | None, at: float) -> None:
        """Take a press at ``at`` (monotonic seconds): a figure from 1 to 8, or another key (None), which spoils it."""
        if not self._code:
            return
        gap = at - self._last
        self._last = at
        if figure is None:
            self._typed, self._clean = "", False
            return
        if gap >= APART_S or (gap >= ALONE_S and not self._clean):
            self._typed, self._clean = "", True
        if len(self._typed) >= LONGEST:
            self._clean = False
        self._typed += str(figure)

    def right(self, at: float) -> bool:
        """Whether the code stands there, alone, at ``at``. Each try is judged once."""
        if len(self._typed) < SHORTEST or at - self._last < ALONE_S:
            return False
        typed, clean, self._typed = self._typed, self._clean, ""
        if at < self._closed_until:
            return False
        if clean and hmac.compare_digest(typed, self._code):
            self._wrong = 0
            return True
        self._wrong += 1
        if self._wrong >= TRIES:
            self._wrong, self._closed_until = 0, at + CLOSED_S
        return False
