"""Attract: the question, as large as it can be, over the breathing coals."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.model import View
from kiosk.screens.page import Page
from kiosk.screens.parts import Coals, Part


def lay(page: Page, view: View) -> tuple[Part, ...]:
    """Set the prompt above the coals."""
    page.dusk(strength=0.8)
    coals = Coals(page.sky)
    area = page.area
    crown = coals.rect.top + round(coals.rect.height * 0.08)
    room = pygame.Rect(area.left, area.top, area.width, crown - area.top)
    if view.notes:
        used = page.note(view.notes[0], pygame.Rect(area.left, area.top, area.width, round(page.sizes.note * 2.4)))
        room = pygame.Rect(room.left, used.bottom, room.width, room.bottom - used.bottom)
    page.write(
        view.body, room, Face.SERIF, (page.sizes.largest, page.sizes.prompt), page.theme.paper, middle=True, pitch=1.16
    )
    return (coals,)
