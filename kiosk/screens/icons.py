"""The drawn icons: strokes on a 24-unit grid, drawn eight times too large and shrunk, so that edges are soft."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from itertools import pairwise

import pygame

from kiosk.theme import Colour

GRID = 24
OVER = 8
"""How many times larger than wanted an icon is drawn before it is shrunk."""
STROKE = 2.6

Point = tuple[float, float]


class Icon(StrEnum):
    """Every icon there is.

    An icon stands with its word; alone only where a busy screen repeats a key that has its word everywhere else.
    """

    CHECK = "check"
    CROSS = "cross"
    ARROW = "arrow"
    MIC = "mic"
    HEADPHONES = "headphones"
    PAUSE = "pause"
    PLAY = "play"
    STOP = "stop"
    REDO = "redo"
    BACK = "back"
    PLUS = "plus"
    WARNING = "warning"
    LANGUAGE = "language"
    SPEAK = "speak"
    QUIET = "quiet"
    LOUDER = "louder"
    SOFTER = "softer"
    CAPTIONS = "captions"
    SCISSORS = "scissors"
    PHONE = "phone"
    PEOPLE = "people"
    FLAG = "flag"


DIRECTED = frozenset({Icon.ARROW, Icon.BACK})
"""Icons that point forward or back, and so the other way where lines run from right to left."""


class _Pen:
    """Draws round strokes on an oversized sheet."""

    def __init__(self, size: int, colour: Colour) -> None:
        self.sheet = pygame.Surface((size * OVER, size * OVER), pygame.SRCALPHA)
        self.sheet.fill((*colour, 0))
        self._scale = size * OVER / GRID
        self._colour = colour

    def stroke(self, points: list[Point], width: float = STROKE) -> None:
        radius = width / 2 * self._scale
        for (x0, y0), (x1, y1) in pairwise(points):
            steps = max(2, int(math.hypot(x1 - x0, y1 - y0) * self._scale / (radius / 4)))
            for step in range(steps + 1):
                share = step / steps
                centre = ((x0 + (x1 - x0) * share) * self._scale, (y0 + (y1 - y0) * share) * self._scale)
                pygame.draw.circle(self.sheet, self._colour, centre, radius)

    def arc(self, centre: Point, radius: float, start: float, end: float) -> list[Point]:
        """Points from ``start`` to ``end`` degrees, 0 to the right, growing clockwise."""
        return [
            (
                centre[0] + radius * math.cos(math.radians(start + (end - start) * step / 40)),
                centre[1] + radius * math.sin(math.radians(start + (end - start) * step / 40)),
            )
            for step in range(41)
        ]

    def box(self, left: float, top: float, width: float, height: float, radius: float) -> None:
        scale = self._scale
        rect = pygame.Rect(round(left * scale), round(top * scale), round(width * scale), round(height * scale))
        pygame.draw.rect(self.sheet, self._colour, rect, border_radius=round(radius * scale))

    def shape(self, points: list[Point]) -> None:
        pygame.draw.polygon(self.sheet, self._colour, [(x * self._scale, y * self._scale) for x, y in points])
        self.stroke([*points, points[0]], 1.6)


def _check(pen: _Pen) -> None:
    pen.stroke([(4, 12.8), (9.4, 18.2), (20, 6.4)], 3)


def _cross(pen: _Pen) -> None:
    pen.stroke([(5.6, 5.6), (18.4, 18.4)], 3)
    pen.stroke([(18.4, 5.6), (5.6, 18.4)], 3)


def _arrow(pen: _Pen) -> None:
    pen.stroke([(3.6, 12), (20, 12)], 2.8)
    pen.stroke([(13.6, 5.6), (20.2, 12), (13.6, 18.4)], 2.8)


def _back(pen: _Pen) -> None:
    pen.stroke([(20.4, 12), (4, 12)], 2.8)
    pen.stroke([(10.4, 5.6), (3.8, 12), (10.4, 18.4)], 2.8)


def _mic(pen: _Pen) -> None:
    pen.box(8.2, 1.8, 7.6, 13, 3.8)
    pen.stroke(pen.arc((12, 11), 7.2, 0, 180), 2.2)
    pen.stroke([(12, 18.4), (12, 22)], 2.2)


def _headphones(pen: _Pen) -> None:
    pen.stroke([(3.4, 17), *pen.arc((12, 12.2), 8.6, 180, 360), (20.6, 17)], 2.4)
    pen.box(2.2, 13, 5.4, 8.6, 2.2)
    pen.box(16.4, 13, 5.4, 8.6, 2.2)


def _pause(pen: _Pen) -> None:
    pen.box(5.6, 4.4, 4.4, 15.2, 1.4)
    pen.box(14, 4.4, 4.4, 15.2, 1.4)


def _play(pen: _Pen) -> None:
    pen.shape([(7.4, 4.6), (19.6, 12), (7.4, 19.4)])


def _stop(pen: _Pen) -> None:
    pen.box(5, 5, 14, 14, 2.6)


def _redo(pen: _Pen) -> None:
    pen.stroke([*pen.arc((12.4, 12.2), 8.4, 176, -140), (3.6, 8.8)], 2.6)
    pen.stroke([(3.6, 2.8), (3.6, 8.8), (9.6, 8.8)], 2.6)


def _plus(pen: _Pen) -> None:
    pen.stroke([(12, 4.4), (12, 19.6)], 3)
    pen.stroke([(4.4, 12), (19.6, 12)], 3)


def _warning(pen: _Pen) -> None:
    pen.stroke([(12, 3.4), (21.6, 20.2), (2.4, 20.2), (12, 3.4)], 2.4)
    pen.stroke([(12, 10), (12, 14)], 2.4)
    pen.stroke([(12, 17), (12, 17.1)], 2.6)


def _language(pen: _Pen) -> None:
    pen.stroke([(4, 4.6), (20, 4.6), (20, 15.6), (12.6, 15.6), (8, 20), (8, 15.6), (4, 15.6), (4, 4.6)], 2.2)
    pen.stroke([(8.2, 10.1), (8.3, 10.1)], 2.4)
    pen.stroke([(12, 10.1), (12.1, 10.1)], 2.4)
    pen.stroke([(15.8, 10.1), (15.9, 10.1)], 2.4)


def _loudspeaker(pen: _Pen) -> None:
    pen.shape([(3.2, 9.4), (7, 9.4), (11.6, 5.2), (11.6, 18.8), (7, 14.6), (3.2, 14.6)])


def _speak(pen: _Pen) -> None:
    _loudspeaker(pen)
    pen.stroke(pen.arc((11.6, 12), 4.2, -48, 48), 2.2)
    pen.stroke(pen.arc((11.6, 12), 8.4, -48, 48), 2.2)


def _quiet(pen: _Pen) -> None:
    _loudspeaker(pen)
    pen.stroke([(15.2, 9), (21, 15)], 2.2)
    pen.stroke([(21, 9), (15.2, 15)], 2.2)


def _louder(pen: _Pen) -> None:
    _loudspeaker(pen)
    pen.stroke([(18.2, 8.4), (18.2, 15.6)], 2.4)
    pen.stroke([(14.6, 12), (21.8, 12)], 2.4)


def _softer(pen: _Pen) -> None:
    _loudspeaker(pen)
    pen.stroke([(14.6, 12), (21.8, 12)], 2.4)


def _captions(pen: _Pen) -> None:
    pen.stroke([(3.4, 5), (20.6, 5), (20.6, 19), (3.4, 19), (3.4, 5)], 2.2)
    pen.stroke([(7, 11), (17, 11)], 2.2)
    pen.stroke([(7, 15), (13, 15)], 2.2)


def _scissors(pen: _Pen) -> None:
    pen.stroke(pen.arc((6, 17.4), 3, 0, 360), 2.2)
    pen.stroke(pen.arc((18, 17.4), 3, 0, 360), 2.2)
    pen.stroke([(7.8, 14.8), (16.4, 3.4)], 2.4)
    pen.stroke([(16.2, 14.8), (7.6, 3.4)], 2.4)


def _phone(pen: _Pen) -> None:
    pen.stroke([(7, 2.6), (17, 2.6), (17, 21.4), (7, 21.4), (7, 2.6)], 2.4)
    pen.stroke([(11.2, 18), (12.8, 18)], 2.2)


def _people(pen: _Pen) -> None:
    pen.stroke(pen.arc((8.6, 7.4), 3.2, 0, 360), 2.4)
    pen.stroke(pen.arc((8.6, 19.6), 6.4, -180, 0), 2.4)
    pen.stroke(pen.arc((16, 7.4), 3.2, -90, 90), 2.4)
    pen.stroke(pen.arc((15.6, 19.6), 6.4, -62, 0), 2.4)


def _flag(pen: _Pen) -> None:
    pen.stroke([(6, 2.8), (6, 21.4)], 2.4)
    pen.shape([(6.4, 4.2), (18.4, 4.2), (15.2, 8.6), (18.4, 13), (6.4, 13)])


_DRAW: dict[Icon, Callable[[_Pen], None]] = {
    Icon.CHECK: _check,
    Icon.CROSS: _cross,
    Icon.ARROW: _arrow,
    Icon.BACK: _back,
    Icon.MIC: _mic,
    Icon.HEADPHONES: _headphones,
    Icon.PAUSE: _pause,
    Icon.PLAY: _play,
    Icon.STOP: _stop,
    Icon.REDO: _redo,
    Icon.PLUS: _plus,
    Icon.WARNING: _warning,
    Icon.LANGUAGE: _language,
    Icon.SPEAK: _speak,
    Icon.QUIET: _quiet,
    Icon.LOUDER: _louder,
    Icon.SOFTER: _softer,
    Icon.CAPTIONS: _captions,
    Icon.SCISSORS: _scissors,
    Icon.PHONE: _phone,
    Icon.PEOPLE: _people,
    Icon.FLAG: _flag,
}


def draw_icon(icon: Icon, size: int, colour: Colour) -> pygame.Surface:
    """The icon as a square surface of ``size`` px with soft edges and a clear background."""
    pen = _Pen(size, colour)
    _DRAW[icon](pen)
    return pygame.transform.smoothscale(pen.sheet, (size, size))


def rounded(size: tuple[int, int], radius: int, colour: Colour, alpha: int = 255) -> pygame.Surface:
    """A panel with soft round corners."""
    width, height = size
    sheet = pygame.Surface((width * 4, height * 4), pygame.SRCALPHA)
    sheet.fill((*colour, 0))
    pygame.draw.rect(sheet, (*colour, alpha), sheet.get_rect(), border_radius=radius * 4)
    return pygame.transform.smoothscale(sheet, size)
