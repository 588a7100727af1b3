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
    """Tiles in two rows, in the order of the buttons."""
    page.dusk(strength=0.45)
    area, sizes, theme = page.area, page.sizes, page.theme
    line = round(sizes.decide * PITCH)
    head = pygame.Rect(area.left, area.top, area.width, line)
    right = page.beside(view.side, head)
    if view.corner is not None:
        height = round(sizes.note * PITCH)
        right = page.side_key(view.corner, right, area.top + (line - height) // 2, height) - sizes.gap
    head.width = right - area.left
    page.write(view.headline, head, Face.BOLD, sizes.decide, theme.paper)
    top = area.top + line + sizes.gap // 2
    room = pygame.Rect(area.left, top, area.width, area.bottom - top)
    if view.captions:
        return hearing(page, view, room)
    if view.notes:
        # What has just been told, a refusal above all, comes before what the group is asked first.
        used = page.note(view.notes[0], room)
        room = pygame.Rect(room.left, used.bottom + sizes.gap // 2, room.width, room.bottom - used.bottom)
    elif view.lines:
        room = _question(page, view.lines[0], room, head)
    if not view.tiles:
        page.write(view.body, room, Face.SANS, (sizes.prompt, sizes.decide), theme.paper, middle=True)
        return ()
    columns = max(COLUMNS, -(-len(view.tiles) // ROWS))
    gap = sizes.gap // 2 if columns > COLUMNS else round(sizes.gap * 0.7)
    width, height = (room.width - gap * (columns - 1)) // columns, (room.height - gap * (ROWS - 1)) // ROWS
    for index, shown in enumerate(view.tiles):
        row, column = divmod(index, columns)
        rect = pygame.Rect(room.left + column * (width + gap), room.top + row * (height + gap), width, height)
        if columns > COLUMNS:
            flat_tile(page, shown, rect)
        else:
            tile(page, shown, rect)
    return ()


def _question(page: Page, text: str, room: pygame.Rect, head: pygame.Rect) -> pygame.Rect:
    """What the group is asked first; a finger takes another. Returns the room that is left."""
    high = page.height(text, room, Face.SERIF, page.sizes.note)
    rect = pygame.Rect(room.left, room.top, room.width, high)
    page.write(text, rect, Face.SERIF, page.sizes.note, page.theme.paper, main=False)
    # The headline above it belongs to it: one line alone is not high enough for a finger.
    page.choices.append(page.mirror(pygame.Rect(rect.left, head.top, rect.width, rect.bottom - head.top)))
    top = rect.bottom + page.sizes.gap // 2
    return pygame.Rect(room.left, top, room.width, room.bottom - top)


ROWS = 2
COLUMNS = 2
"""More columns of buttons than these are flat: number and title side by side."""


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
    """One cue button: its number, and beside it its title on as many lines as there is room for."""
    sizes = page.sizes
    strong = _back(page, shown, rect)
    page.cue(shown.number, rect)
    edge = sizes.gap if rect.width > sizes.note * ROOMY else sizes.gap // 2
    if rect.width < sizes.note * NARROW:
        page.write(
            str(shown.number), rect, Face.BOLD, sizes.decide, strong, align="centre", middle=True, pitch=FLAT_PITCH
        )
        return
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
ROOMY, NARROW = 7, 4
"""A button narrower than so many letters has a smaller edge, or shows its number alone."""


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
    page.cue(shown.number, rect)
    quiet = theme.ink if shown.playing else theme.note
    line = round(sizes.note * PITCH)
    spare = rect.height - line - round(sizes.decide * PITCH)
    inner = rect.inflate(-sizes.gap * 3, -max(sizes.gap // 2, min(spare, sizes.gap * 2)))
    note = pygame.Rect(inner.left, inner.top, inner.width, line)
    page.write(f"{shown.number}  ·  {shown.note}", note, Face.SANS, sizes.note, quiet, main=False)
    room = pygame.Rect(inner.left, inner.top + line, inner.width, inner.height - line)
    text = page.shortened(shown.title, room, Face.SERIF, sizes.decide, 1.05)
    page.write(text, room, Face.SERIF, (sizes.prompt, sizes.decide), strong, middle=True, pitch=1.05, few=1)
