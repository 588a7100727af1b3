"""Thanks: the story is safe, and the words that open it again, to be written down or photographed."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.model import View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Part, qr


def lay(page: Page, view: View) -> tuple[Part, ...]:
    """Words at the left, the code to photograph at the right."""
    page.dusk(strength=0.7)
    area, sizes, theme = page.area, page.sizes, page.theme
    side = round(min(area.height * 0.62, area.width * 0.30))
    room = pygame.Rect(area.left, area.top, area.width, area.height)
    head = page.write(
        view.headline,
        pygame.Rect(room.left, room.top, room.width, round(sizes.decide * PITCH)),
        Face.BOLD,
        sizes.decide,
        theme.paper,
    )
    top = head.bottom
    left_width = area.width - side - sizes.gap * 3 if view.qr else area.width
    note = page.note(view.body, pygame.Rect(room.left, top, room.width, round(sizes.note * PITCH * 2)))
    top = note.bottom + sizes.gap
    rest = pygame.Rect(room.left, top, left_width, area.bottom - top)
    if view.code:
        page.write(view.code, rest, Face.SERIF, page.grown(1.2), theme.code, middle=True)
    if view.qr:
        qr(page, view.qr, pygame.Rect(area.right - side, top, side, area.bottom - top))
    return ()
