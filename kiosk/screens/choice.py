"""A list to choose from: the entering of a keep-code and the own story. The middle key moves, the left one takes."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.icons import rounded
from kiosk.screens.model import Kind, View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Part
from kiosk.theme import mix

TAKEN = frozenset({Kind.LANGUAGES, Kind.CODE_ENTRY})
"""Lists whose line a finger takes; in every other it marks one, and the left key says what taking it does."""
QUESTION_PITCH = 1.08
COLUMNS = 2
"""Beside a question what can be done stands in so many columns."""


def lay(page: Page, view: View) -> tuple[Part, ...]:
    """What is asked, what was chosen so far, and the choices; the marked one is lit and has a bar at its side."""
    page.dusk(strength=0.45)
    area, sizes, theme = page.area, page.sizes, page.theme
    note = round(sizes.note * PITCH)
    decide = round(sizes.decide * PITCH)
    right = area.right
    if not page.strip:
        right = page.beside(view.side, pygame.Rect(area.left, area.top, area.width, note if view.body else decide))
    if view.body:
        page.note(view.headline, pygame.Rect(area.left, area.top, right - area.left, note))
        chosen = pygame.Rect(area.left, area.top + note, area.width, decide)
        page.write(view.body, chosen, Face.SERIF, sizes.decide, theme.code)
        top = chosen.bottom
    else:
        head = pygame.Rect(area.left, area.top, right - area.left, decide * 2)
        top = page.write(view.headline, head, Face.BOLD, sizes.decide, theme.paper).bottom
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
    least = round(sizes.decide * PITCH)
    head = pygame.Rect(area.left, area.top, area.width, round(sizes.note * PITCH))
    # What a finger finds, before the headline: the first line says the same. And the question before both.
    heights = (page.finger, page.finger, (page.finger + least) // 2, least)
    for high, headed in zip(heights, (True, False, False, False), strict=True):
        foot = area.bottom - rows * high
        top = head.bottom if headed else area.top
        room = pygame.Rect(area.left, top, area.width, foot - sizes.gap // 2 - top)
        if page.fits(view.body, Face.SERIF, sizes.prompt, room, QUESTION_PITCH):
            break
    else:
        room.height = foot - room.top
    if headed:
        page.note(view.headline, head)
    # Only a library's own question of 90 letters needs less; then it is read like the keys, with a hand on them.
    size = (page.grown(1.2)[0], sizes.decide)
    page.write(view.body, room, Face.SERIF, size, page.theme.paper, middle=True, pitch=QUESTION_PITCH)
    width = area.width // COLUMNS
    for index, text in enumerate(view.lines):
        row, column = divmod(index, COLUMNS)
        _row(page, text, pygame.Rect(area.left + column * width, foot + row * high, width, high), index == view.line)
    return ()


def _rows(page: Page, view: View, room: pygame.Rect) -> None:
    """Lines under each other; where a finger takes one at once, in two columns as soon as it would not find them."""
    count = max(1, len(view.lines))
    columns = COLUMNS if view.kind in TAKEN and count * page.finger > room.height else 1
    rows = -(-count // columns)
    height = min(max(page.finger, round(page.sizes.decide * 1.7)), room.height // rows)
    if columns > 1:
        height = room.height // rows
    height = max(round(page.sizes.decide * PITCH), height)
    width = room.width // columns
    for index, text in enumerate(view.lines):
        row, column = divmod(index, columns)
        rect = pygame.Rect(room.left + column * width, room.top + row * height, width, height)
        _row(page, text, rect, index == view.line)


def _row(page: Page, text: str, rect: pygame.Rect, marked: bool) -> None:
    height = rect.height
    edge = min(height, round(page.sizes.decide * PITCH))
    if marked:
        page.put(rounded(rect.size, edge // 4, page.theme.tile), rect.topleft)
        bar = pygame.Rect(rect.left, rect.top, max(6, edge // 6), height)
        page.put(rounded(bar.size, bar.width // 2, page.theme.ember), bar.topleft)
    inner = pygame.Rect(rect.left + edge // 2, rect.top, rect.width - edge // 2, height)
    colour = page.theme.paper if marked else mix(page.theme.paper, page.theme.dusk, 0.12)
    page.write(text, inner, Face.SANS, page.sizes.decide, colour, middle=True, pitch=QUESTION_PITCH)
    page.choices.append(page.mirror(rect))


def _strip(page: Page, view: View, room: pygame.Rect) -> None:
    """Figures in two rows, as large as they fit."""
    columns = max(1, -(-len(view.lines) // 2))
    width, height = room.width // columns, room.height // 2
    for index, text in enumerate(view.lines):
        row, column = divmod(index, columns)
        rect = pygame.Rect(room.left + column * width, room.top + row * height, width, height)
        marked = index == view.line
        if marked:
            lit = rounded((width - 4, height - 4), min(width, height) // 4, page.theme.ember)
            page.put(lit, (rect.left + 2, rect.top + 2))
        colour = page.theme.ink if marked else page.theme.paper
        page.write(text, rect, Face.BOLD, page.sizes.decide, colour, align="centre", middle=True)
        page.choices.append(page.mirror(rect))
