"""Thanks: the story is safe, and the words that open it again, to be written down or photographed."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.model import View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Part, qr

PITCH_OF_CODE = 1.05
SHARES = (0.30, 0.25, 0.21)
"""Of the width: how wide the code to photograph is, and how far it shrinks for long words."""


def lay(page: Page, view: View) -> tuple[Part, ...]:
    """Words at the left, the code to photograph at the right."""
    page.dusk(strength=0.7)
    area, sizes, theme = page.area, page.sizes, page.theme
    head = page.write(
        view.headline,
        pygame.Rect(area.left, area.top, area.width, round(sizes.decide * PITCH)),
        Face.BOLD,
        sizes.decide,
        theme.paper,
    )
    note = page.note(view.body, pygame.Rect(area.left, head.bottom, area.width, round(sizes.note * PITCH * 2.2)))
    whole = pygame.Rect(area.left, note.bottom + sizes.gap, area.width, area.bottom - note.bottom - sizes.gap)
    line = round(sizes.note * PITCH)
    room, side, told = _room(page, view, whole, line)
    if view.code:
        page.write(view.code, room, Face.SERIF, page.grown(1.2), theme.code, middle=True, pitch=PITCH_OF_CODE,
                   few=2)  # fmt: skip
    if view.qr:
        qr(page, view.qr, pygame.Rect(area.right - side, room.top, side, room.height))
    if told:
        page.note(view.notes[0], pygame.Rect(area.left, area.bottom - line, area.width, line))
    return ()


def _room(page: Page, view: View, whole: pygame.Rect, line: int) -> tuple[pygame.Rect, int, bool]:
    """Where the words of the code go, how wide the code to photograph is, and whether a line below has room.

    The words come first: for long ones the picture shrinks, then the line about other stories is left out.
    """
    tried: list[tuple[pygame.Rect, int, bool]] = []
    for told in (True, False) if view.notes else (False,):
        for share in SHARES:
            side = round(min(page.area.height * 0.62, whole.width * share)) if view.qr else 0
            width = whole.width - (side + page.sizes.gap * 3 if view.qr else 0)
            tried.append((pygame.Rect(whole.left, whole.top, width, whole.height - told * line), side, told))
    fitting = (one for one in tried if page.fits(view.code, Face.SERIF, page.sizes.prompt, one[0], PITCH_OF_CODE))
    return next(fitting, tried[-1])
