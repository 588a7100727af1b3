"""What was wrong with the sound of a take, and where: facts that stay with it when the screen has moved on. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from archive.spans import Mark, Stretch
from audio.levels import Hint
from audio.types import Ms

SAME_WITHIN = Ms(3000)
"""The same trouble again within this time is one stretch."""
MOST = 200
"""Stretches and gaps kept of one take: a cable that crackles for an hour must not fill the database."""


@dataclass(slots=True)
class SoundFacts:
    """Gathers stretches of one take; `stretches` gives them for storing."""

    _done: list[Stretch] = field(default_factory=list)
    _hint: Hint | None = None
    _start: Ms = Ms(0)
    _end: Ms = Ms(0)
    gaps: int = 0
    """How many gaps were told of; more than `MOST` are only counted."""

    def hear(self, hint: Hint | None, at: Ms) -> None:
        """Note what was said of the sound that ended ``at``; what was good, or a pause, leaves no trace."""
        bad = None if hint is Hint.GOOD else hint
        if bad is self._hint:
            self._end = at
            return
        self._finish()
        self._hint, self._start, self._end = bad, at, at

    def _finish(self) -> None:
        if self._hint is None:
            return
        last = self._done[-1] if self._done else None
        if last is not None and last.ref == self._hint.value and self._start - last.end <= SAME_WITHIN:
            self._done[-1] = Stretch(Mark.SOUND, last.start, self._end, last.ref)
        elif len(self._done) < MOST:
            self._done.append(Stretch(Mark.SOUND, self._start, self._end, self._hint.value))

    def stretches(self, length: Ms) -> list[Stretch]:
        """Everything noted of a take that is ``length`` long, in order; what was noted after its end is left out."""
        self._finish()
        self._hint = None
        within = [one for one in self._done if one.start < length]
        return [Stretch(one.mark, one.start, Ms(min(one.end, length)), one.ref) for one in within]
