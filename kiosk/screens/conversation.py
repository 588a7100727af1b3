"""A group and its conversation: the agreement, one press a person; then the question, the cues, the ember."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.facilitator import flat_tile, hearing
from kiosk.screens.light import ash, ember
from kiosk.screens.model import View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Orb, Part

TILES_A_ROW = 2


def agreement(page: Page, view: View) -> tuple[Part, ...]:
    """What everybody agrees to, and how many have."""
    page.dusk(strength=0.55)
    area, sizes, theme = page.area, page.sizes, page.theme
    line = round(sizes.decide * PITCH)
    page.write(view.headline, pygame.Rect(area.left, area.top, area.width, line), Face.BOLD, sizes.decide, theme.paper)
    foot = round(sizes.decide * PITCH)
    room = pygame.Rect(area.left, area.top + line + sizes.gap, area.width, area.height - line - foot - 2 * sizes.gap)
    page.write(view.body, room, Face.SANS, (page.grown()[0], sizes.decide), theme.paper, middle=True)
    count = pygame.Rect(area.left, area.bottom - foot, area.width, foot)
    page.write(view.notes[0] if view.notes else "", count, Face.BOLD, sizes.decide, theme.code)
    return ()


def conversation(page: Page, view: View) -> tuple[Part, ...]:
    """Who listens and how long, the question, and what lies on the cue buttons; off the record the ember is out."""
    page.dusk(strength=0.6 if view.listening else 0.25)
    area, sizes = page.area, page.sizes
    line = round(sizes.decide * PITCH)
    radius = round(sizes.decide * 0.42)
    parts: list[Part] = []
    centre = (page.mirror_x(area.left + radius), area.top + round(line * 0.53))
    if view.listening:
        parts.append(Orb(ember, centre, radius, floor=area.top + line))
    else:
        sheet = ash(radius)
        page.surface.blit(sheet, sheet.get_rect(center=centre))
    left = area.left + radius * 2 + sizes.gap * 2
    note_width = page.ink.width(view.time_words, Face.SANS, sizes.note) if view.time_words else 0
    head = pygame.Rect(left, area.top, area.right - left - note_width - sizes.gap, line)
    page.write(view.headline, head, Face.BOLD, sizes.decide, page.theme.paper)
    if view.time_words:
        rise = round((sizes.decide - sizes.note) * 0.94)
        page.note(view.time_words, pygame.Rect(area.right - note_width, area.top + rise, note_width, line - rise))
    top = area.top + line + sizes.gap
    rest = pygame.Rect(area.left, top, area.width, area.bottom - top)
    if view.captions:
        return (*parts, *hearing(page, view, rest))
    room, tiles = _shared(page, view, rest)
    page.write(view.body, room, Face.SERIF, (page.grown(1.1)[0], sizes.decide), page.theme.paper, middle=True)
    for shown, rect in zip(view.tiles, tiles, strict=True):
        flat_tile(page, shown, rect)
    return tuple(parts)


def _shared(page: Page, view: View, rest: pygame.Rect) -> tuple[pygame.Rect, list[pygame.Rect]]:
    """Where the question and the cue buttons go.

    The buttons get flatter, and then lose their titles, before the question loses a line.
    """
    gap, note = page.sizes.gap, round(page.sizes.note * PITCH)
    count = len(view.tiles)
    room, tiles = rest, []
    # Wide tiles, flat ones, and one row of numbers.
    for a_row, high in ((TILES_A_ROW, round(note * 1.6)), (TILES_A_ROW, round(note * 1.05)), (count, note * 2)):
        if not count:
            break
        between = gap // 2
        rows = -(-count // a_row)
        tall = rows * high + (rows - 1) * between
        width = (rest.width - between * (a_row - 1)) // a_row
        tiles = [
            pygame.Rect(
                rest.left + index % a_row * (width + between),
                rest.bottom - tall + index // a_row * (high + between),
                width,
                high,
            )
            for index in range(count)
        ]
        room = pygame.Rect(rest.left, rest.top, rest.width, rest.height - tall - gap)
        if page.fits(view.body, Face.SERIF, page.sizes.decide, room):
            break
    return room, tiles
