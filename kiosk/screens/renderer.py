"""Draws views, and only what changed of them.

A view that differs from the last one only in motion (a level, a breath, the time bar) costs a few small rectangles; a
new one is laid out once and kept until it changes. Works on any pygame surface, so a picture needs no window.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from copy import copy

import pygame

from hardware.types import Control
from kiosk.fonts import Fonts
from kiosk.screens import (
    attract,
    choice,
    conversation,
    facilitator,
    listening,
    ready,
    recording,
    review,
    setup,
    sharing,
    speech,
    thanks,
    trim,
)
from kiosk.screens.light import Sky
from kiosk.screens.model import Kind, View
from kiosk.screens.page import KEYS, Ink, Page, TextBox, key_band, key_rect
from kiosk.screens.parts import Coals, Part
from kiosk.theme import Panel, Theme, panel_of

Lay = Callable[[Page, View], tuple[Part, ...]]

SCREENS: dict[Kind, Lay] = {
    Kind.STARTING: speech.waiting,
    Kind.ATTRACT: attract.lay,
    Kind.LANGUAGES: choice.lay,
    Kind.CHOOSING: choice.choosing,
    Kind.CONSENT: speech.consent,
    Kind.READY: ready.lay,
    Kind.RECORDING: recording.lay,
    Kind.PAUSED: recording.paused,
    Kind.CLOSING: speech.waiting,
    Kind.REVIEW: review.lay,
    Kind.TRIM: trim.lay,
    Kind.SHARING: sharing.lay,
    Kind.THANKS: thanks.lay,
    Kind.LISTENING: listening.lay,
    Kind.VOICES: choice.lay,
    Kind.FACILITATOR: facilitator.lay,
    Kind.AGREEMENT: conversation.agreement,
    Kind.CONVERSATION: conversation.conversation,
    Kind.CODE_ENTRY: choice.lay,
    Kind.MY_STORY: choice.lay,
    Kind.RECOVERED: speech.plain,
    Kind.OUT_OF_SERVICE: speech.plain,
    Kind.SET_UP: setup.lay,
    Kind.PLAIN: speech.plain,
    Kind.ASK_AGAIN: speech.plain,
    Kind.STILL_THERE: speech.plain,
}


BUSY = frozenset({Kind.RECORDING, Kind.CONVERSATION, Kind.AGREEMENT, Kind.FACILITATOR, Kind.CODE_ENTRY})
"""Screens that need their top line themselves: the keys that are the same everywhere stand in it by their icons."""


class Renderer:
    """Draws the views of one panel in one theme. Holds no state of the conversation."""

    def __init__(
        self, theme: Theme, size: tuple[int, int], *, width_mm: float | None = None, fonts: Fonts | None = None
    ) -> None:
        """``size`` in px, ``width_mm`` of the lit panel (the usual one of that size when not told)."""
        self.theme = theme
        self.panel: Panel = panel_of(size, width_mm)
        self._given = fonts
        self._inks: dict[str, Ink] = {}
        self._sky = Sky(theme, size, self.panel.height - key_band(self.panel))
        self._page: Page | None = None
        self._still: View | None = None
        self._parts: tuple[Part, ...] = ()
        self._steps: list[Hashable] = []
        self._target: pygame.Surface | None = None

    @property
    def boxes(self) -> tuple[TextBox, ...]:
        """Every text of the screen last drawn, with its place, size and whether it fitted."""
        return tuple(self._page.boxes) if self._page else ()

    @property
    def sides(self) -> tuple[tuple[Control, pygame.Rect], ...]:
        """Where a finger finds the keys beside the three and the cue buttons, on the screen last drawn."""
        return tuple(self._page.sides) if self._page else ()

    @property
    def lines(self) -> tuple[pygame.Rect, ...]:
        """Where a finger finds the lines of a list, on the screen last drawn."""
        return tuple(self._page.choices) if self._page else ()

    @property
    def notice(self) -> str:
        """A sentence about fonts that are missing, or nothing."""
        return next((ink.fonts.notice for ink in self._inks.values()), "")

    def fonts(self, language: str) -> Fonts:
        """The faces of that language."""
        return self._ink(language).fonts

    def _ink(self, language: str) -> Ink:
        if language not in self._inks:
            self._inks[language] = Ink(self._given or Fonts(language))
        return self._inks[language]

    def control_at(self, place: tuple[int, int]) -> Control | None:
        """The key a finger or the mouse at ``place`` means, or ``None``."""
        for control, rect in self._page.sides if self._page else ():
            if rect.collidepoint(place):
                return control
        return next((control for control in KEYS if key_rect(self.panel, control).collidepoint(place)), None)

    def line_at(self, place: tuple[int, int]) -> int | None:
        """The line of a list at ``place``, counted from 0, or ``None``."""
        rects = self._page.choices if self._page else []
        return next((number for number, rect in enumerate(rects) if rect.collidepoint(place)), None)

    def on_track(self, place: tuple[int, int]) -> bool:
        """Whether ``place`` lies on a waveform with marks."""
        return self._page is not None and self._page.track is not None and self._page.track.collidepoint(place)

    def share_at(self, place: tuple[int, int]) -> float | None:
        """The share of the story, 0 to 1, that ``place`` stands for on a waveform with marks; ``None`` without one."""
        if self._page is None or self._page.track is None:
            return None
        track = self._page.track
        share = min(1.0, max(0.0, (place[0] - track.left) / track.width))
        return 1 - share if self._page.right_to_left else share

    def draw(self, surface: pygame.Surface, view: View, now: float) -> list[pygame.Rect]:
        """Bring ``surface`` up to ``view`` at monotonic second ``now``; returns the rectangles that changed.

        ``surface`` has the size of the panel and must be the one of the last call, untouched since; a new one is
        drawn whole.
        """
        still = view.still()
        if still != self._still or self._target is not surface:
            self._lay(still, view, now)
            self._target = surface
            surface.blit(self._ground(), (0, 0))
            for part in self._parts:
                part.paint(surface, view, now)
            return [surface.get_rect()]
        changed: list[pygame.Rect] = []
        for index, part in enumerate(self._parts):
            step = part.step(view, now)
            if step != self._steps[index]:
                self._steps[index] = step
                surface.blit(self._ground(), part.rect, part.rect)
                part.paint(surface, view, now)
                changed.append(part.rect)
        return changed

    def picture(self, view: View, now: float = 0.0) -> pygame.Surface:
        """The view as a picture of its own."""
        surface = pygame.Surface((self.panel.width, self.panel.height))
        self.draw(surface, view, now)
        return surface

    def rehearse(self, view: View) -> None:
        """Draw ``view`` beside what is shown: the letters and lights that it is made of are kept for when it comes."""
        beside = copy(self)
        beside._still = None  # noqa: SLF001 (a twin of its own class: it shares what is kept, not what is shown)
        beside.picture(view)

    def _ground(self) -> pygame.Surface:
        if self._page is None:
            message = "nothing was laid out yet"
            raise RuntimeError(message)
        return self._page.surface

    def _lay(self, still: View, view: View, now: float) -> None:
        before = self._still
        ink = self._ink(still.language)
        ground = pygame.Surface((self.panel.width, self.panel.height))
        page = Page(ground, self.theme, self.panel, ink, self._sky, strip=bool(still.side) and still.kind not in BUSY)
        parts = SCREENS[still.kind](page, still)
        page.keys(still)
        if page.strip:
            page.side(still)
        if before is not None and before.kind is still.kind:
            parts = tuple(_kept(part, self._parts) for part in parts)
        self._page, self._still, self._parts = page, still, parts
        self._steps = [part.step(view, now) for part in parts]


def _kept(part: Part, before: tuple[Part, ...]) -> Part:
    """The moving part of the same kind and place that was there before: it remembers levels and made surfaces.

    Not the coals: their sheets hold the page below, and the feet of its letters reach into them.
    """
    if isinstance(part, Coals):
        return part
    return next((old for old in before if type(old) is type(part) and old.rect == part.rect), part)
