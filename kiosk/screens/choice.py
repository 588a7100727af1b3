"""A list to choose from: the entering of a keep-code and the own story. The middle key moves, the left one takes."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.icons import rounded
from kiosk.screens.model import View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Part
from kiosk.theme import mix

QUESTION_PITCH = 1.08
COLUMNS = 2
"""Beside a question what can be done stands in so many columns."""
MOST_COLUMNS = 3
"""A list has at most so many: more would leave no room for a name."""


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
        least = 0 if view.strip else -(-len(view.lines) // MOST_COLUMNS) * page.finger
        free = min(head.height, area.height - least - sizes.gap // 2)
        if page.height(view.headline, head, Face.BOLD, sizes.decide) <= free:
            top = page.write(view.headline, head, Face.BOLD, sizes.decide, theme.paper).bottom
        else:
            # A sentence of what went wrong, of which a finger still has to find every line.
            head.height = area.height - least - sizes.gap // 2
            top = page.note(view.headline, head).bottom
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
    head = pygame.Rect(area.left, area.top, area.width, round(sizes.note * PITCH))
    foot = area.bottom - rows * page.finger
    below = pygame.Rect(area.left, head.bottom, area.width, foot - sizes.gap // 2 - head.bottom)
    whole = pygame.Rect(area.left, area.top, area.width, foot - sizes.gap // 2 - area.top)
    # What a finger finds comes before the headline, which the first line repeats, and before the size of the question:
    # it was read from afar before, now a hand is on the keys.
    headed = page.fits(view.body, Face.SERIF, sizes.prompt, below, QUESTION_PITCH)
    if headed:
        page.note(view.headline, head)
    size = (page.grown(1.2)[0], sizes.decide)
    room = below if headed else whole
    page.write(view.body, room, Face.SERIF, size, page.theme.paper, middle=True, pitch=QUESTION_PITCH)
    width = area.width // COLUMNS
    for index, text in enumerate(view.lines):
        row, column = divmod(index, COLUMNS)
        _row(
            page,
            text,
            pygame.Rect(area.left + column * width, foot + row * page.finger, width, page.finger),
            index == view.line,
        )
    return ()


def _rows(page: Page, view: View, room: pygame.Rect) -> None:
    """Lines under each other; in columns, read line by line, as soon as a finger would not find them all."""
    count = max(1, len(view.lines))
    columns = next(
        (one for one in range(1, MOST_COLUMNS) if -(-count // one) * page.finger <= room.height), MOST_COLUMNS
    )
    height = room.height // -(-count // columns)
    if columns == 1:
        height = min(max(page.finger, round(page.sizes.decide * 1.7)), height)
    height = max(round(page.sizes.decide * PITCH), height)
    edges = _edges(page, view.lines, columns, room)
    for index, text in enumerate(view.lines):
        row, column = divmod(index, columns)
        left, right = edges[column : column + 2]
        _row(page, text, pygame.Rect(left, room.top + row * height, right - left, height), index == view.line)


def _edges(page: Page, lines: tuple[str, ...], columns: int, room: pygame.Rect) -> list[int]:
    """Where columns begin and the last one ends, px: all alike, or each as its widest line needs."""
    spare = _indent(page)
    wide = [
        max((page.ink.width(text, Face.SANS, page.sizes.decide) for text in lines[column::columns]), default=0) + spare
        for column in range(columns)
    ]
    if max(wide) <= room.width // columns or sum(wide) > room.width:
        return [room.left + column * room.width // columns for column in range(columns + 1)]
    free = (room.width - sum(wide)) // columns
    starts = [room.left + sum(wide[:column]) + free * column for column in range(columns)]
    return [*starts, room.right]


def _indent(page: Page) -> int:
    """How far a line's letters stand in, px: the bar of the marked one is before them."""
    return round(page.sizes.decide * PITCH) // 2


def _row(page: Page, text: str, rect: pygame.Rect, marked: bool) -> None:
    height = rect.height
    edge = min(height, round(page.sizes.decide * PITCH))
    if marked:
        page.put(rounded(rect.size, edge // 4, page.theme.tile), rect.topleft)
        bar = pygame.Rect(rect.left, rect.top, max(6, edge // 6), height)
        page.put(rounded(bar.size, bar.width // 2, page.theme.ember), bar.topleft)
    indent = _indent(page)
    inner = pygame.Rect(rect.left + indent, rect.top, rect.width - indent, height)
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
