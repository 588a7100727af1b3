"""A list to choose from: the entering of a keep-code and the own story. The middle key moves, the left one takes."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.icons import rounded
from kiosk.screens.model import View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Part
from kiosk.theme import mix

MOST = 5
"""Rows there is room for."""
QUESTION_PITCH = 1.08
COLUMNS = 2
"""Beside a question what can be done stands in so many columns."""


def lay(page: Page, view: View) -> tuple[Part, ...]:
    """What is asked, what was chosen so far, and the choices; the marked one is lit and has a bar at its side."""
    page.dusk(strength=0.45)
    area, sizes, theme = page.area, page.sizes, page.theme
    note = round(sizes.note * PITCH)
    decide = round(sizes.decide * PITCH)
    if view.body:
        page.note(view.headline, pygame.Rect(area.left, area.top, area.width, note))
        chosen = pygame.Rect(area.left, area.top + note, area.width, decide)
        page.write(view.body, chosen, Face.SERIF, sizes.decide, theme.code)
        top = chosen.bottom
    else:
        head = pygame.Rect(area.left, area.top, area.width, decide)
        page.write(view.headline, head, Face.BOLD, sizes.decide, theme.paper)
        top = head.bottom
    room = pygame.Rect(area.left, top + sizes.gap // 2, area.width, area.bottom - top - sizes.gap // 2)
    if view.strip:
        _strip(page, view, room)
    else:
        _rows(page, view, room)
    return ()


def choosing(page: Page, view: View) -> tuple[Part, ...]:
    """A question, as large as it can be, and what can be done: in two columns, read line by line."""
    page.dusk(strength=0.55)
    area, sizes = page.area, page.sizes
    rows = -(-len(view.lines) // COLUMNS)
    high = round(sizes.decide * PITCH)
    foot = area.bottom - rows * high
    head = pygame.Rect(area.left, area.top, area.width, round(sizes.note * PITCH))
    room = pygame.Rect(area.left, head.bottom, area.width, foot - sizes.gap // 2 - head.bottom)
    if page.fits(view.body, Face.SERIF, sizes.prompt, room, QUESTION_PITCH):
        page.note(view.headline, head)
    else:
        # The first line says the same, and the question needs the room.
        room = pygame.Rect(area.left, area.top, area.width, foot - area.top)
    # Only a library's own question of 90 letters needs less; then it is read like the keys, with a hand on them.
    size = (page.grown(1.2)[0], sizes.decide)
    page.write(view.body, room, Face.SERIF, size, page.theme.paper, middle=True, pitch=QUESTION_PITCH)
    width = area.width // COLUMNS
    for index, text in enumerate(view.lines):
        row, column = divmod(index, COLUMNS)
        _row(page, text, pygame.Rect(area.left + column * width, foot + row * high, width, high), index == view.line)
    return ()


def _rows(page: Page, view: View, room: pygame.Rect) -> None:
    least = round(page.sizes.decide * PITCH)
    height = max(least, min(round(page.sizes.decide * 1.7), room.height // max(MOST, len(view.lines))))
    for index, text in enumerate(view.lines):
        rect = pygame.Rect(room.left, room.top + index * height, room.width, height)
        _row(page, text, rect, index == view.line)


def _row(page: Page, text: str, rect: pygame.Rect, marked: bool) -> None:
    height = rect.height
    if marked:
        page.put(rounded(rect.size, height // 4, page.theme.tile), rect.topleft)
        bar = pygame.Rect(rect.left, rect.top, max(6, height // 6), height)
        page.put(rounded(bar.size, bar.width // 2, page.theme.ember), bar.topleft)
    inner = pygame.Rect(rect.left + height // 2, rect.top, rect.width - height // 2, height)
    colour = page.theme.paper if marked else mix(page.theme.paper, page.theme.dusk, 0.12)
    page.write(text, inner, Face.SANS, page.sizes.decide, colour, middle=True)
    page.choices.append(page.mirror(rect))


def _strip(page: Page, view: View, room: pygame.Rect) -> None:
    """Figures in one row, as large as they fit."""
    count = max(1, len(view.lines))
    width = room.width // count
    height = min(room.height, max(round(page.sizes.prompt * 1.5), width))
    top = room.top + (room.height - height) // 2
    for index, text in enumerate(view.lines):
        rect = pygame.Rect(room.left + index * width, top, width, height)
        marked = index == view.line
        if marked:
            lit = rounded((width - 4, height), min(width, height) // 4, page.theme.ember)
            page.put(lit, (rect.left + 2, rect.top))
        colour = page.theme.ink if marked else page.theme.paper
        page.write(text, rect, Face.BOLD, page.sizes.decide, colour, align="centre", middle=True)
        page.choices.append(page.mirror(rect))
