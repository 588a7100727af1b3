"""Sharing: one plain question a screen, and how many are left as quiet dots."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.icons import rounded
from kiosk.screens.model import View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Part


def lay(page: Page, view: View) -> tuple[Part, ...]:
    """Which question, the question, the keep-code."""
    page.dusk(strength=0.6)
    area, sizes, theme = page.area, page.sizes, page.theme
    line = round(sizes.note * PITCH)
    page.note(view.headline, pygame.Rect(area.left, area.top, round(area.width * 0.6), line))
    if view.progress is not None:
        _dots(page, view.progress, area.top + line // 2)
    foot = area.bottom
    if view.notes:
        foot -= line
        page.write(
            view.notes[0], pygame.Rect(area.left, foot, area.width, line), Face.SANS, sizes.note, theme.code, main=False
        )
    top = area.top + line + sizes.gap
    room = pygame.Rect(area.left, top, area.width, foot - sizes.gap - top)
    page.write(view.body, room, Face.SERIF, page.grown(1.3), theme.paper, middle=True, pitch=1.16)
    return ()


def _dots(page: Page, progress: tuple[int, int], middle: int) -> None:
    number, count = progress
    side = max(8, round(page.sizes.note * 0.42))
    for index in range(count):
        left = page.area.right - (count - index) * side * 2 + side
        colour = page.theme.ember if index < number else page.theme.coal
        page.put(rounded((side, side), side // 2, colour), (left, middle - side // 2))
