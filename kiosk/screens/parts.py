"""Drawn parts that several screens share: captions, waveform, time bar, QR code, and the parts that move.

A moving part tells in `Part.step` what it would look like now; only when that changes is its small rectangle drawn
again. Nothing moves faster than ten times a second and nothing flashes.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Hashable
from typing import Protocol

import pygame
import segno

from kiosk.fonts import Face
from kiosk.screens import light
from kiosk.screens.icons import rounded
from kiosk.screens.model import CaptionWord, View
from kiosk.screens.page import PITCH, Page, TextBox
from kiosk.theme import Colour, mix

BREATH_S = 4.0
"""The coals breathe once in this many seconds."""
CAPTION_PITCH = 1.14
"""Captions are set a little tighter than other text, so that three lines find room."""
QUIET = 0.03
STEPS = 16
"""Brightnesses kept of the coals and the ember."""


class Part(Protocol):
    """Something that moves on an otherwise still page."""

    rect: pygame.Rect

    def step(self, view: View, now: float) -> Hashable:
        """What it looks like now; equal steps look alike."""
        ...

    def paint(self, surface: pygame.Surface, view: View, now: float) -> None:
        """Draw it over the still page."""
        ...


def breath(now: float) -> float:
    """0 (out) to 1 (in), once in `BREATH_S` seconds."""
    return 0.5 - 0.5 * math.cos(2 * math.pi * (now % BREATH_S) / BREATH_S)


class Coals:
    """The bed of coals on the horizon; breathes."""

    def __init__(self, sky: light.Sky, sunk: float = 0.0) -> None:
        """Make nothing yet: each brightness is made when first shown. ``sunk`` as in `light.Sky.coals_rect`."""
        self.rect = sky.coals_rect(sunk)
        self._sky, self._sunk = sky, sunk
        self._sheets: dict[int, pygame.Surface] = {}

    def step(self, view: View, now: float) -> int:
        """The brightness, in whole steps."""
        del view
        return round(breath(now) * (STEPS - 1))

    def paint(self, surface: pygame.Surface, view: View, now: float) -> None:
        """Copy the sheet of that brightness."""
        index = self.step(view, now)
        if index not in self._sheets:
            self._sheets[index] = self._sky.coals(index / (STEPS - 1), self._sunk)
        surface.blit(self._sheets[index], self.rect)


class Orb:
    """The ember (swells with the voice) or the moon, as a row of surfaces made once."""

    def __init__(
        self,
        make: Callable[[int, float], pygame.Surface],
        centre: tuple[int, int],
        radius: int,
        floor: int | None = None,
    ) -> None:
        """``make(radius, swell)`` draws one; ``centre`` and ``radius`` in px. Nothing is drawn below ``floor``."""
        whole = pygame.Rect(0, 0, radius * 4, radius * 4)
        whole.center = centre
        self._place = whole.topleft
        self.rect = whole.clip(pygame.Rect(0, 0, whole.right, whole.bottom if floor is None else floor))
        self._make, self._radius = make, radius
        self._sheets: dict[int, pygame.Surface] = {}

    def step(self, view: View, now: float) -> int:
        """With a voice its loudness, without one a quiet breath."""
        swell = max(view.level, 0.22 * breath(now))
        return round(min(1.0, swell) * (STEPS - 1))

    def paint(self, surface: pygame.Surface, view: View, now: float) -> None:
        """Draw the kept surface."""
        index = self.step(view, now)
        if index not in self._sheets:
            self._sheets[index] = self._make(self._radius, index / (STEPS - 1))
        part = self.rect.move(-self._place[0], -self._place[1])
        surface.blit(self._sheets[index], self.rect, part)


class LiveWave:
    """The last seconds of the voice as soft bars, newest at the right."""

    RATE = 8

    def __init__(self, rect: pygame.Rect, colour: Colour, rest: Colour) -> None:
        """``rest`` is the colour of silence."""
        self.rect = rect
        self._colour, self._rest = colour, rest
        self.pitch = max(6, rect.width // 100)
        self._levels: deque[float] = deque(maxlen=rect.width // self.pitch)
        self._last = -1

    def step(self, view: View, now: float) -> int:
        """Take the level in and move on, at most `RATE` times a second."""
        tick = int(now * self.RATE)
        if tick != self._last:
            self._last = tick
            self._levels.append(min(1.0, max(0.0, view.level)))
        return tick

    def paint(self, surface: pygame.Surface, view: View, now: float) -> None:
        """One rounded bar a level."""
        del view, now
        width = max(3, self.pitch // 2)
        right = self.rect.right
        for age, level in enumerate(reversed(self._levels)):
            height = max(width, round(level * self.rect.height))
            bar = pygame.Rect(right - (age + 1) * self.pitch, self.rect.centery - height // 2, width, height)
            share = min(1.0, age / max(1, self._levels.maxlen or 1))
            shade = mix(self._colour, self._rest, 0.85 * share if level > QUIET else 0.9)
            pygame.draw.rect(surface, shade, bar, border_radius=width // 2)


class TimeBar:
    """A calm bar of the time used."""

    def __init__(self, rect: pygame.Rect, colour: Colour, empty: Colour) -> None:
        """``rect`` is the whole bar."""
        self.rect = rect
        self._colour, self._empty = colour, empty

    def step(self, view: View, now: float) -> int:
        """Filled px."""
        del now
        return round((view.time_fraction or 0.0) * self.rect.width)

    def paint(self, surface: pygame.Surface, view: View, now: float) -> None:
        """The empty bar and the used part over it."""
        radius = self.rect.height // 2
        surface.blit(rounded(self.rect.size, radius, self._empty), self.rect)
        filled = max(self.rect.height, self.step(view, now))
        surface.blit(rounded((filled, self.rect.height), radius, self._colour), self.rect)


class TakeWave:
    """The teller's own take as a waveform; what has been heard is lit."""

    def __init__(self, rect: pygame.Rect, colour: Colour, rest: Colour) -> None:
        """``rest`` is the colour of what is still to be heard."""
        self.rect = rect
        self._colour, self._rest = colour, rest

    def step(self, view: View, now: float) -> Hashable:
        """Heard px and the wave itself."""
        del now
        return round((view.played or 0.0) * self.rect.width), view.waveform

    def paint(self, surface: pygame.Surface, view: View, now: float) -> None:
        """Bars resampled to the width: the loudest of each stretch."""
        del now
        pitch = max(6, self.rect.height // 10)
        bars = self.rect.width // pitch
        wave = view.waveform or (0.0,)
        width = max(3, round(pitch * 0.55))
        for bar in range(bars):
            start = bar * len(wave) // bars
            level = max(wave[start : max(start + 1, (bar + 1) * len(wave) // bars)])
            height = max(width, round(min(1.0, level) * self.rect.height))
            left = self.rect.left + bar * pitch
            shade = self._colour if (view.played is None or bar / bars < view.played) else self._rest
            rect = pygame.Rect(left, self.rect.centery - height // 2, width, height)
            pygame.draw.rect(surface, shade, rect, border_radius=width // 2)


def caption_lines(size: int, room: int, most: int) -> int:
    """How many lines of captions fit into ``room`` px: two at least, ``most`` at most."""
    return next((lines for lines in range(most, 2, -1) if caption_height(size, lines) <= room), 2)


def caption_height(size: int, lines: int) -> int:
    """The height ``lines`` lines of captions need, px."""
    return round(size * CAPTION_PITCH) * lines + round(size * (PITCH - CAPTION_PITCH)) + 1


def captions(page: Page, words: tuple[CaptionWord, ...], room: pygame.Rect, tint: Colour) -> None:
    """The last lines of what is said, as many as fit; earlier lines have scrolled away above."""
    size, face = page.caption, Face.SERIF
    pitch = round(size * CAPTION_PITCH)
    lines = _caption_lines(page, words, room.width)
    shown = lines[-max(1, (room.height - round(size * (PITCH - CAPTION_PITCH))) // pitch) :]
    space = page.ink.width(" ", face, size)
    for number, line in enumerate(shown):
        left, top = room.left, room.top + number * pitch
        for word in line:
            colour = tint if word.voiced else page.theme.paper if word.settled else page.theme.note
            width = page.ink.width(word.text, face, size)
            box = pygame.Rect(left, top, width, round(size * PITCH))
            page.ink.put(page.surface, page.ink.word(word.text, face, size, colour), box, face, size)
            if word.unclear:
                _dots(page, box, size)
            page.boxes.append(TextBox(word.text, box, room, size, colour, face, main=True, fits=room.contains(box)))
            left += width + space


def _caption_lines(page: Page, words: tuple[CaptionWord, ...], width: int) -> list[list[CaptionWord]]:
    """Set from the first word on, so that a line once broken stays as it is while words are added."""
    face, size = Face.SERIF, page.caption
    space = page.ink.width(" ", face, size)
    lines: list[list[CaptionWord]] = []
    left = 0
    for word in words:
        wide = page.ink.width(word.text, face, size)
        if not lines or left + wide > width:
            lines.append([])
            left = 0
        lines[-1].append(word)
        left += wide + space
    return lines


def _dots(page: Page, box: pygame.Rect, size: int) -> None:
    radius = max(2, size // 24)
    y = box.top + round(size * 1.09)
    for x in range(box.left + radius, box.right - radius + 1, radius * 4):
        pygame.draw.circle(page.surface, page.theme.note, (x, y), radius)


def qr(page: Page, payload: str, room: pygame.Rect) -> None:
    """The code as dark squares on paper, whole pixels, with the quiet zone the standard asks for."""
    code = segno.make(payload, micro=False, error="m")
    rows = [bytes(row) for row in code.matrix]
    modules = len(rows) + 8
    scale = max(1, min(room.width, room.height) // modules)
    side = modules * scale
    sheet = rounded((side, side), max(4, scale * 2), page.theme.paper)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                sheet.fill(page.theme.ink, ((x + 4) * scale, (y + 4) * scale, scale, scale))
    page.surface.blit(sheet, (room.right - side, room.top + (room.height - side) // 2))
