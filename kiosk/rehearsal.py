"""Draws the first screens of a telling once before anybody comes, so that the first visitor does not wait for letters.

What a screen is made of (letters, lights, icons) is kept once it was drawn; the first time takes five to ten times as
long, half a second on a small board. A box at rest has that time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kiosk.extras import Extras
from kiosk.keys import keys
from kiosk.screens.model import View
from kiosk.texts import Texts
from kiosk.types import Mic, Session, State
from kiosk.view import view
from kiosk.window import Screen

REST_S = 1.0
"""So long nobody is at the box before a screen is drawn ahead, and so far these are apart."""
_STORY_S = 120.0


def coming(session: Session) -> tuple[Session, ...]:
    """The first moments of a telling, as they would come after ``session``; those after them are quickly made."""
    return (
        replace(session, state=State.CONSENT),
        replace(session, state=State.READY, mic=Mic.OPEN),
        replace(session, state=State.RECORDING, mic=Mic.OPEN, started=0.0, limit_at=_STORY_S),
    )


class Rehearsal:
    """Draws one screen after the other while the box is at rest; each language once."""

    def __init__(self, screen: Screen, texts: Mapping[str, Texts]) -> None:
        """``texts`` by language. Nothing is drawn before `beat`."""
        self._screen = screen
        self._texts = texts
        self._left: dict[str, list[Session]] = {}
        self._due: float | None = None

    def beat(self, session: Session, shown: View | None, now: float) -> None:
        """Draw the next screen ahead, if there is one and the box rests at monotonic second ``now``.

        ``shown`` is what stands on the screen; its question stands on those that are drawn ahead too.
        """
        if session.state is not State.ATTRACT or session.playing is not None or shown is None:
            self._due = None
            return
        if session.language not in self._left:
            self._left[session.language] = list(coming(session))
        left = self._left[session.language]
        if not left:
            return
        if self._due is not None and now < self._due:
            return
        begun, self._due = self._due is not None, now + REST_S
        if not begun:
            return
        ahead = left.pop(0)
        extras = Extras(prompt=shown.body, time_left=_STORY_S)
        self._screen.rehearse(view(ahead, extras, self._texts[ahead.language], keys(ahead)))
