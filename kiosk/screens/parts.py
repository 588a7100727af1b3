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
from kiosk.runs import Script, script_of
from kiosk.screens import light
from kiosk.screens.icons import rounded
from kiosk.screens.model import CaptionWord, View
from kiosk.screens.page import PITCH, Page, TextBox
from kiosk.theme import Colour, luminance, mix

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
        """Copy the sheet of that brightness, laid over the still page once: no other page may keep it."""
        index = self.step(view, now)
        if index in self._sheets:
            surface.blit(self._sheets[index], self.rect)
            return
        surface.blit(self._sky.coals(index / (STEPS - 1), self._sunk), self.rect)
        self._sheets[index] = surface.subsurface(self.rect).copy()


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
    """The last seconds of the voice as soft bars, newest where lines end."""

    RATE = 8

    def __init__(self, rect: pygame.Rect, colour: Colour, rest: Colour, *, mirrored: bool = False) -> None:
        """``rest`` is the colour of silence; ``mirrored`` runs from right to left."""
        self.rect = rect
        self._mirrored = mirrored
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
            left = self.rect.left + age * self.pitch if self._mirrored else right - (age + 1) * self.pitch
            bar = pygame.Rect(left, self.rect.centery - height // 2, width, height)
            share = min(1.0, age / max(1, self._levels.maxlen or 1))
            shade = mix(self._colour, self._rest, 0.85 * share if level > QUIET else 0.9)
            pygame.draw.rect(surface, shade, bar, border_radius=width // 2)


class TimeBar:
    """A calm bar of the time used."""

    def __init__(self, rect: pygame.Rect, colour: Colour, empty: Colour, *, mirrored: bool = False) -> None:
        """``rect`` is the whole bar; ``mirrored`` fills it from right to left."""
        self.rect = rect
        self._mirrored = mirrored
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
        used = pygame.Rect(0, self.rect.top, filled, self.rect.height)
        used.left = self.rect.right - filled if self._mirrored else self.rect.left
        surface.blit(rounded(used.size, radius, self._colour), used)


def time_bar(page: Page, left: int, top: int, width: int) -> TimeBar:
    """The bar of a screen, in the colours of the coals; its top and ends in px as lines run."""
    theme = page.theme
    used, empty = mix(theme.ember, theme.glow, 0.25), mix(theme.coal, theme.dusk, 0.35)
    rect = page.mirror(pygame.Rect(left, top, width, time_bar_height(page)))
    return TimeBar(rect, used, empty, mirrored=page.right_to_left)


def time_bar_height(page: Page) -> int:
    """How high such a bar is, px."""
    return max(5, page.sizes.gap * 2 // 3)


class TakeWave:
    """The teller's own take as a waveform; what has been heard is lit."""

    def __init__(self, rect: pygame.Rect, colour: Colour, rest: Colour, *, mirrored: bool = False) -> None:
        """``rest`` is the colour of what is still to be heard; ``mirrored`` runs from right to left."""
        self.rect = rect
        self._mirrored = mirrored
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
            left = self.rect.right - bar * pitch - width if self._mirrored else self.rect.left + bar * pitch
            shade = self._colour if (view.played is None or bar / bars < view.played) else self._rest
            rect = pygame.Rect(left, self.rect.centery - height // 2, width, height)
            pygame.draw.rect(surface, shade, rect, border_radius=width // 2)


def caption_lines(page: Page, room: int, most: int) -> int:
    """How many lines of captions fit into ``room`` px: two at least, ``most`` at most."""
    return next((lines for lines in range(most, 2, -1) if caption_height(page, lines) <= room), 2)


def caption_height(page: Page, lines: int) -> int:
    """The height ``lines`` lines of captions need, px."""
    return caption_pitch(page) * (lines - 1) + round(page.caption * PITCH) + 1


def caption_pitch(page: Page) -> int:
    """From one line of captions to the next, px."""
    return round(page.caption * CAPTION_PITCH * page.ink.fonts.leading)


def captions(page: Page, words: tuple[CaptionWord, ...], room: pygame.Rect, tint: Colour) -> None:
    """The last lines of what is said, as many as fit; earlier lines have scrolled away above."""
    size, face = page.caption, Face.SERIF
    pitch = caption_pitch(page)
    lines = _caption_lines(page, words, room.width)
    area = page.mirror(room)
    shown = lines[-max(1, (room.height - round(size * PITCH)) // pitch + 1) :]
    for number, line in enumerate(shown):
        left, top = room.left, room.top + number * pitch
        for place, word in enumerate(line):
            left += _space(page, line[place - 1], word) if place else 0
            colour = tint if word.voiced else page.theme.paper if word.settled else page.theme.note
            width = page.ink.width(word.text, face, size)
            box = page.mirror(pygame.Rect(left, top, width, round(size * PITCH)))
            page.ink.put(page.surface, page.ink.word(word.text, face, size, colour), box, face, size)
            if word.unclear:
                _dots(page, box, size)
            page.boxes.append(TextBox(word.text, box, area, size, colour, face, main=True, fits=area.contains(box)))
            left += width


def _caption_lines(page: Page, words: tuple[CaptionWord, ...], width: int) -> list[list[CaptionWord]]:
    """Set from the first word on, so that a line once broken stays as it is while words are added."""
    face, size = Face.SERIF, page.caption
    lines: list[list[CaptionWord]] = []
    left = 0
    for word in words:
        wide = page.ink.width(word.text, face, size)
        space = _space(page, lines[-1][-1], word) if lines else 0
        if not lines or left + space + wide > width:
            lines.append([])
            left = space = 0
        lines[-1].append(word)
        left += space + wide
    return lines


def _space(page: Page, before: CaptionWord, word: CaptionWord) -> int:
    """What stands between two words: nothing beside a Han sign."""
    joined = f"{before.text[-1:]}{word.text[:1]}"
    if any(script_of(letter) is Script.HAN for letter in joined):
        return 0
    return page.ink.width(" ", Face.SERIF, page.caption)


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
    # Readers want dark on light, whatever the theme.
    ink, paper = sorted((page.theme.paper, page.theme.ink), key=luminance)
    sheet = rounded((side, side), max(4, scale * 2), paper)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                sheet.fill(ink, ((x + 4) * scale, (y + 4) * scale, scale, scale))
    page.put(sheet, (room.right - side, room.top + (room.height - side) // 2))
