"""Review: the teller's own take, to be heard, kept or thrown away."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.model import View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Part, TakeWave, caption_height, captions
from kiosk.theme import mix


def lay(page: Page, view: View) -> tuple[Part, ...]:
    """The question, the waveform, and while it is heard its words."""
    page.dusk(strength=0.6)
    area, sizes, theme = page.area, page.sizes, page.theme
    note_height = round(sizes.note * PITCH)
    pitch = round(sizes.prompt * PITCH)
    rest = mix(theme.ember, theme.dusk, 0.62)
    if view.captions:
        head = page.write(
            view.headline, pygame.Rect(area.left, area.top, area.width, pitch), Face.BOLD, sizes.decide, theme.paper
        )
        note = pygame.Rect(area.left, area.bottom - note_height, area.width, note_height)
        lines = 3 if note.top - head.bottom - caption_height(page, 3) > sizes.prompt * 1.6 else 2
        words = caption_height(page, lines)
        said = pygame.Rect(area.left, note.top - words, area.width, words)
        captions(page, view.captions, said, theme.ember)
        page.note(view.captions_note, note)
        top = head.bottom + sizes.gap // 2
        wave = pygame.Rect(area.left, top, area.width, min(round(sizes.prompt * 1.5), said.top - sizes.gap // 2 - top))
        return (TakeWave(page.mirror(wave), theme.ember, rest, mirrored=page.right_to_left),)
    head = page.write(
        view.headline, pygame.Rect(area.left, area.top, area.width, pitch * 2), Face.SERIF,
        page.grown(1.2), theme.paper,
    )  # fmt: skip
    lines_below = (view.time_words, *view.notes)
    top = head.bottom + sizes.gap
    foot = area.bottom - note_height * len(lines_below)
    height = min(round(sizes.prompt * 3), foot - top - sizes.gap)
    wave = pygame.Rect(area.left, top + (foot - top - height) // 2, area.width, height)
    for number, said_below in enumerate(lines_below):
        page.note(said_below, pygame.Rect(area.left, foot + number * note_height, area.width, note_height))
    return (TakeWave(page.mirror(wave), theme.ember, rest, mirrored=page.right_to_left),)
