"""Ready: the mic check. The ember answers the voice, and the box says what it hears. Nothing is kept."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.light import ember
from kiosk.screens.model import View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Orb, Part


def lay(page: Page, view: View) -> tuple[Part, ...]:
    """The ember at the right, words at the left."""
    page.dusk(strength=0.6)
    area, sizes, theme = page.area, page.sizes, page.theme
    radius = round(area.height * 0.21)
    centre = (area.right - round(radius * 1.25), area.top + area.height // 2)
    room = pygame.Rect(area.left, area.top, centre[0] - round(radius * 1.35) - area.left, area.height)
    head = page.write(
        view.headline, pygame.Rect(room.left, room.top, room.width, round(sizes.prompt * 2.1)), Face.SERIF,
        page.grown(1.2), theme.paper,
    )  # fmt: skip
    note_height = round(sizes.note * PITCH)
    top = head.bottom + sizes.gap
    hint = pygame.Rect(room.left, top, room.width, room.bottom - note_height - sizes.gap - top)
    page.write(view.body, hint, Face.SANS, (page.grown(0.86)[0], sizes.decide), theme.paper)
    for note in view.notes:
        page.note(note, pygame.Rect(room.left, room.bottom - note_height, room.width, note_height))
    return (Orb(ember, (page.mirror_x(centre[0]), centre[1]), radius),)
