"""Attract: the question, as large as it can be, over the breathing coals."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.model import View
from kiosk.screens.page import PITCH as LINE
from kiosk.screens.page import Page
from kiosk.screens.parts import Coals, Part, caption_height, caption_lines, captions

SUNK = (0.0, 0.05, 0.1)
"""A long question pushes the coals down by so much of the height."""
PITCH = 1.14


def lay(page: Page, view: View) -> tuple[Part, ...]:
    """Set the prompt above the coals."""
    page.dusk(strength=0.8)
    if view.captions:
        return _with_a_voice(page, view)
    area, sizes = page.area, page.sizes
    top = area.top + sizes.gap // 2
    if view.notes:
        top = page.note(view.notes[0], pygame.Rect(area.left, top, area.width, round(sizes.note * 2.4))).bottom
    for sunk in SUNK:
        coals = Coals(page.sky, sunk)
        crown = coals.rect.top + round(page.panel.height * 0.02)
        room = pygame.Rect(area.left, top, area.width, crown - top)
        if page.fits(view.body, Face.SERIF, sizes.prompt, room, PITCH):
            break
    page.write(view.body, room, Face.SERIF, (sizes.largest, sizes.prompt), page.theme.paper, middle=True, pitch=PITCH)
    return (coals,)


def _with_a_voice(page: Page, view: View) -> tuple[Part, ...]:
    """The question, and in moonlight what an earlier voice is saying."""
    area, sizes, theme = page.area, page.sizes, page.theme
    note = round(sizes.note * LINE)
    foot = pygame.Rect(area.left, area.bottom - note, area.width, note)
    lines = caption_lines(page, foot.top - area.top - round(sizes.prompt * 3), 3)
    said = pygame.Rect(area.left, foot.top - caption_height(page, lines), area.width, caption_height(page, lines))
    captions(page, view.captions, said, theme.moon)
    page.note(view.captions_note, foot)
    room = pygame.Rect(area.left, area.top, area.width, said.top - sizes.gap // 2 - area.top)
    page.write(view.body, room, Face.SERIF, (sizes.prompt, sizes.decide), theme.paper, middle=True, pitch=PITCH)
    return ()
