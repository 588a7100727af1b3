"""A group and its conversation: the agreement, one press a person; then the question, the cues, the ember."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.facilitator import tile
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
    page.write(view.body, room, Face.SANS, (sizes.prompt, sizes.decide), theme.paper, middle=True)
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
    tiles = _tiles_height(page, len(view.tiles))
    room = pygame.Rect(area.left, top, area.width, area.bottom - top - tiles - (sizes.gap if tiles else 0))
    page.write(view.body, room, Face.SERIF, (page.grown(1.1)[0], sizes.decide), page.theme.paper, middle=True)
    _tiles(page, view, pygame.Rect(area.left, area.bottom - tiles, area.width, tiles))
    return tuple(parts)


def _tile_height(page: Page) -> int:
    return round(page.sizes.note * PITCH * 1.6)


def _tiles_height(page: Page, count: int) -> int:
    rows = -(-count // TILES_A_ROW)
    return rows * _tile_height(page) + max(0, rows - 1) * (page.sizes.gap // 2)


def _tiles(page: Page, view: View, room: pygame.Rect) -> None:
    gap = page.sizes.gap // 2
    width = (room.width - gap) // TILES_A_ROW
    for index, shown in enumerate(view.tiles):
        row, column = divmod(index, TILES_A_ROW)
        place = (room.left + column * (width + gap), room.top + row * (_tile_height(page) + gap))
        tile(page, shown, pygame.Rect(place, (width, _tile_height(page))), small=True)
