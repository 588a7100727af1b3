"""Facilitator: the first question, the cue sheet as it lies on the cue buttons, and the words of a cue that plays."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.icons import rounded
from kiosk.screens.model import CueTile, View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Part, caption_height, caption_lines, captions
from kiosk.theme import Colour, mix


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
    if view.captions:
        return hearing(page, view, room)
    if view.lines:
        room = _question(page, view.lines[0], room)
    if not view.tiles:
        page.write(view.body, room, Face.SANS, (sizes.prompt, sizes.decide), theme.paper, middle=True)
        return ()
    rows = max(2, -(-len(view.tiles) // COLUMNS))
    gap = round(sizes.gap * 0.7)
    width, height = (room.width - gap) // COLUMNS, (room.height - gap * (rows - 1)) // rows
    for index, shown in enumerate(view.tiles):
        row, column = divmod(index, COLUMNS)
        rect = pygame.Rect(room.left + column * (width + gap), room.top + row * (height + gap), width, height)
        if rows > ROOMY_ROWS:
            flat_tile(page, shown, rect)
        else:
            tile(page, shown, rect)
    return ()


def _question(page: Page, text: str, room: pygame.Rect) -> pygame.Rect:
    """What the group is asked first; a finger takes another. Returns the room that is left."""
    high = page.height(text, room, Face.SERIF, page.sizes.note)
    rect = pygame.Rect(room.left, room.top, room.width, high)
    page.write(text, rect, Face.SERIF, page.sizes.note, page.theme.paper, main=False)
    page.choices.append(page.mirror(rect))
    top = rect.bottom + page.sizes.gap // 2
    return pygame.Rect(room.left, top, room.width, room.bottom - top)


COLUMNS = 2
ROOMY_ROWS = 2
"""More rows of buttons than these are flat: number and title side by side."""


def hearing(page: Page, view: View, room: pygame.Rect) -> tuple[Part, ...]:
    """The cue that plays, so that its button is known, and its words as they are said."""
    sizes, theme = page.sizes, page.theme
    note = round(sizes.note * PITCH)
    on = next((shown for shown in view.tiles if shown.playing), None)
    if on is not None:
        bar = pygame.Rect(room.left, room.top, room.width, round(note * 1.4))
        flat_tile(page, on, bar)
        room = pygame.Rect(room.left, bar.bottom + sizes.gap, room.width, room.bottom - bar.bottom - sizes.gap)
    foot = pygame.Rect(room.left, room.bottom - note, room.width, note)
    high = caption_height(page, caption_lines(page, foot.top - room.top, 6))
    said = pygame.Rect(room.left, room.top + max(0, (foot.top - room.top - high) // 2), room.width, high)
    captions(page, view.captions, said, theme.moon)
    page.note(view.captions_note, foot)
    return ()


def flat_tile(page: Page, shown: CueTile, rect: pygame.Rect) -> None:
    """One cue button in a row of its own: its number, and its title on as many lines as there is room for."""
    sizes = page.sizes
    strong = _back(page, shown, rect)
    edge = sizes.gap
    number = pygame.Rect(rect.left + edge, rect.top, page.ink.width("8", Face.BOLD, sizes.decide), rect.height)
    if rect.height >= round(sizes.decide * PITCH):
        page.write(str(shown.number), number, Face.BOLD, sizes.decide, strong, middle=True)
    else:
        page.write(str(shown.number), number, Face.BOLD, sizes.note, strong, middle=True, main=False)
    left = number.right + edge
    room = pygame.Rect(left, rect.top, rect.right - edge // 2 - left, rect.height)
    text = page.shortened(shown.title, room, Face.SANS, sizes.note, FLAT_PITCH)
    if text:
        page.write(text, room, Face.SANS, sizes.note, strong, middle=True, main=False, pitch=FLAT_PITCH)


FLAT_PITCH = 1.02


def _back(page: Page, shown: CueTile, rect: pygame.Rect) -> Colour:
    """The tile behind the words; returns the colour of what has to be read on it."""
    theme = page.theme
    back = theme.moon if shown.playing else mix(theme.tile, theme.dusk, 0.6) if shown.dark else theme.tile
    page.put(rounded(rect.size, max(8, page.sizes.gap), back), rect.topleft)
    return theme.ink if shown.playing else theme.note if shown.dark else theme.paper


def tile(page: Page, shown: CueTile, rect: pygame.Rect) -> None:
    """One cue button: its number, its note, its title. A title of a person's that is too long ends after a word."""
    sizes, theme = page.sizes, page.theme
    strong = _back(page, shown, rect)
    quiet = theme.ink if shown.playing else theme.note
    inner = rect.inflate(-sizes.gap * 3, -(sizes.gap // 2))
    line = round(sizes.note * PITCH)
    note = pygame.Rect(inner.left, inner.top, inner.width, line)
    page.write(f"{shown.number}  ·  {shown.note}", note, Face.SANS, sizes.note, quiet, main=False)
    room = pygame.Rect(inner.left, inner.top + line, inner.width, inner.height - line)
    text = page.shortened(shown.title, room, Face.SERIF, sizes.decide, 1.05)
    page.write(text, room, Face.SERIF, (sizes.prompt, sizes.decide), strong, middle=True, pitch=1.05, few=1)
