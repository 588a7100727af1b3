"""Listening: an earlier voice. The moon is up, and its words come as they are said."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.light import moon
from kiosk.screens.model import View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Orb, Part, caption_height, caption_lines, captions


def lay(page: Page, view: View) -> tuple[Part, ...]:
    """Where the voice is from, the moon, the words."""
    page.dusk(tint=page.theme.moon, strength=0.42)
    area, sizes, theme = page.area, page.sizes, page.theme
    radius = round(sizes.decide * 0.72)
    centre = (area.right - radius, area.top + round(radius * 1.3))
    note_height = round(sizes.note * PITCH)
    origin = pygame.Rect(area.left, area.top, centre[0] - radius - sizes.gap * 2 - area.left, note_height * 2)
    used = page.note((view.notes or (view.headline,))[0], origin)
    top = max(used.bottom, centre[1] + radius) + sizes.gap
    if view.captions:
        note = pygame.Rect(area.left, area.bottom - note_height, area.width, note_height)
        lines = caption_lines(page, note.top - top, 7)
        said = pygame.Rect(area.left, top, area.width, caption_height(page, lines))
        said.top += max(0, (note.top - said.bottom) // 2)
        captions(page, view.captions, said, theme.moon)
        page.note(view.captions_note, note)
    elif view.body:
        room = pygame.Rect(area.left, top, area.width, area.bottom - top)
        page.write(view.body, room, Face.SERIF, page.grown(1.2), theme.paper, middle=True)
    return (Orb(moon, (page.mirror_x(centre[0]), centre[1]), radius),)
