"""A box being set up: what to do on the phone with a code to photograph, or a picture and a sentence."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens import thanks
from kiosk.screens.model import View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Part


def lay(page: Page, view: View) -> tuple[Part, ...]:
    """Lay out one step."""
    if view.qr:
        return thanks.lay(page, view)
    page.dusk(strength=0.55)
    area, sizes, theme = page.area, page.sizes, page.theme
    side = round(min(area.height * 0.5, area.width * 0.2))
    if view.picture is not None:
        page.put(page.ink.icon(view.picture, side, theme.ember), (area.left, area.top + (area.height - side) // 2))
    room = pygame.Rect(area.left + side + sizes.gap * 4, area.top, area.width - side - sizes.gap * 4, area.height)
    first = pygame.Rect(room.left, room.top, room.width, round(sizes.decide * PITCH) * 2)
    block = page.height(view.headline, first, Face.BOLD, sizes.decide) + sizes.gap
    block += page.height(view.body, room, Face.SANS, sizes.decide)
    first.top += max(0, (room.height - block) // 2)
    head = page.write(view.headline, first, Face.BOLD, sizes.decide, theme.paper)
    top = head.bottom + sizes.gap
    rest = pygame.Rect(room.left, top, room.width, room.bottom - top)
    page.write(view.body, rest, Face.SANS, sizes.decide, theme.paper)
    return ()
