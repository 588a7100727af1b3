"""Facilitator: the cue sheet as it lies on the cue buttons; the one that plays is moonlit."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.icons import rounded
from kiosk.screens.model import CueTile, View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Part
from kiosk.theme import mix


def lay(page: Page, view: View) -> tuple[Part, ...]:
    """Tiles in two columns, in the order of the buttons."""
    page.dusk(strength=0.45)
    area, sizes, theme = page.area, page.sizes, page.theme
    line = round(sizes.decide * PITCH)
    page.write(
        view.headline, pygame.Rect(area.left, area.top, area.width // 3, line), Face.BOLD, sizes.decide, theme.paper
    )
    right = area.right
    if view.corner is not None:
        height = round(sizes.note * PITCH)
        right = page.side_key(view.corner, right, area.top, height) - sizes.gap
    if view.notes:
        left = area.left + area.width // 3
        page.note(
            view.notes[0],
            pygame.Rect(left, area.top, right - left, round(sizes.note * PITCH * 2.2)),
            align="right",
        )
    top = area.top + line + sizes.gap // 2
    room = pygame.Rect(area.left, top, area.width, area.bottom - top)
    if not view.tiles:
        page.write(view.body, room, Face.SANS, (sizes.prompt, sizes.decide), theme.paper, middle=True)
        return ()
    columns = 2
    rows = max(2, -(-len(view.tiles) // columns))
    gap = round(sizes.gap * 0.7)
    width, height = (room.width - gap) // columns, (room.height - gap * (rows - 1)) // rows
    for index, shown in enumerate(view.tiles):
        row, column = divmod(index, columns)
        tile(
            page, shown, pygame.Rect(room.left + column * (width + gap), room.top + row * (height + gap), width, height)
        )
    return ()


def tile(page: Page, shown: CueTile, rect: pygame.Rect, *, small: bool = False) -> None:
    """One cue button: its number, its note, its title; ``small`` keeps all of it on one line."""
    sizes, theme = page.sizes, page.theme
    back = theme.moon if shown.playing else mix(theme.tile, theme.dusk, 0.6) if shown.dark else theme.tile
    page.put(rounded(rect.size, max(8, sizes.gap), back), rect.topleft)
    inner = rect.inflate(-sizes.gap * 3, -(sizes.gap // 2))
    strong, quiet = (theme.ink, theme.ink) if shown.playing else (theme.note if shown.dark else theme.paper, theme.note)
    if small:
        page.write(f"{shown.number}  {shown.title}", inner, Face.SANS, sizes.note, strong, middle=True, main=False)
        return
    line = round(sizes.note * PITCH)
    note = pygame.Rect(inner.left, inner.top, inner.width, line)
    page.write(f"{shown.number}  ·  {shown.note}", note, Face.SANS, sizes.note, quiet, main=False)
    room = pygame.Rect(inner.left, inner.top + line, inner.width, inner.height - line)
    page.write(shown.title, room, Face.SERIF, (sizes.prompt, sizes.decide), strong, middle=True, pitch=1.05)
