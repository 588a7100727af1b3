"""A group and its conversation: the agreement, one press a person; then the question, the cues, the ember."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.facilitator import flat_tile, hearing
from kiosk.screens.light import ash, ember
from kiosk.screens.model import View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Orb, Part


def agreement(page: Page, view: View) -> tuple[Part, ...]:
    """What everybody agrees to, and how many have."""
    page.dusk(strength=0.55)
    area, sizes, theme = page.area, page.sizes, page.theme
    line = round(sizes.decide * PITCH)
    head = pygame.Rect(area.left, area.top, area.width, line)
    head.width = page.beside(view.side, head) - area.left
    page.write(view.headline, head, Face.BOLD, sizes.decide, theme.paper)
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
    head = pygame.Rect(left, area.top, area.right - left, line)
    right = page.beside(view.side, head)
    if view.corner is not None:
        height = round(sizes.note * PITCH)
        right = page.side_key(view.corner, right, area.top + (line - height) // 2, height) - sizes.gap
    head.width = right - left
    page.write(view.headline, head, Face.BOLD, sizes.decide, page.theme.paper)
    top = area.top + line + sizes.gap
    if view.time_words:
        top = page.note(view.time_words, pygame.Rect(left, top - sizes.gap, area.right - left, line)).bottom + sizes.gap
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

    The buttons stand in one row, and lose their titles, before the question loses a line; a finger finds each.
    """
    gap, high = page.sizes.gap, page.finger
    count = len(view.tiles)
    room, tiles = rest, []
    # Two rows, then one.
    for a_row in (max(2, -(-count // 2)), count):
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
