"""Recording: "We are listening", a live voice, a calm bar of time, and words that arrive like speech."""

from __future__ import annotations

import pygame

from hardware.types import Control
from kiosk.fonts import Face
from kiosk.screens.light import ash, ember
from kiosk.screens.model import View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import (
    CAPTION_PITCH,
    LiveWave,
    Orb,
    Part,
    caption_height,
    caption_lines,
    captions,
    time_bar,
    time_bar_height,
)


def lay(page: Page, view: View) -> tuple[Part, ...]:
    """Header, live bars, captions, the line that says who wrote them."""
    page.dusk(strength=0.75)
    area, sizes, theme = page.area, page.sizes, page.theme
    parts: list[Part] = []
    radius = round(sizes.decide * 0.44)
    line = round(sizes.decide * PITCH)
    bar_top = area.top + line + round(sizes.gap * 0.7)
    if view.listening:
        parts.append(
            Orb(ember, (page.mirror_x(area.left + radius), area.top + round(line * 0.53)), radius, floor=bar_top - 1)
        )
    _header(page, view, radius, line)
    bar_height = time_bar_height(page)
    if view.time_fraction is not None:
        parts.append(time_bar(page, area.left, bar_top, area.width))
    note_height = round(sizes.note * PITCH)
    # A long note takes a line of the words: what is asked of the teller now comes before what was said a while ago.
    long_note = bool(view.notes) and page.ink.width(view.notes[0], Face.SANS, sizes.note) > area.width
    words = caption_height(page, _lines(page) - int(long_note))
    note = pygame.Rect(area.left, area.bottom - note_height, area.width, note_height)
    said = pygame.Rect(area.left, note.top - words - sizes.gap // 2, area.width, words)
    wave_top = bar_top + bar_height + sizes.gap
    wave = pygame.Rect(area.left, wave_top, area.width, said.top - wave_top - sizes.gap // 2)
    wave.height = min(wave.height, round(sizes.prompt * 1.6))
    if view.notes:
        page.write(view.notes[0], wave, Face.SANS, sizes.note, theme.note, middle=True, main=False)
    elif view.listening:
        parts.append(LiveWave(page.mirror(wave), theme.ember, theme.coal, mirrored=page.right_to_left))
    if view.captions:
        captions(page, view.captions, said, theme.ember)
    elif view.body:
        page.write(view.body, said, Face.SERIF, page.grown(), theme.note, pitch=CAPTION_PITCH)
    note.width = _foot_keys(page, view, note) - note.left
    if view.captions_note:
        page.note(view.captions_note, note)
    return tuple(parts)


def _foot_keys(page: Page, view: View, foot: pygame.Rect) -> int:
    """Hide the words, and beside it what a facilitator asks next; returns where they begin.

    Beside a facilitator's own key that of the words is its icon alone, and the facilitator's too where even then the
    note on who wrote them would lack room.
    """
    words = tuple(face for face in view.side if face.control is Control.LANGUAGE)
    if view.corner is None:
        right = foot.right
        for face in words:
            right = page.side_key(face, right, foot.top, foot.height) - page.sizes.gap
        return right
    right = page.beside(words, foot)
    note = page.ink.width(view.captions_note, Face.SANS, page.sizes.note)
    worded = right - foot.left - page.side_width(view.corner) - page.sizes.gap >= note
    return page.side_key(view.corner, right, foot.top, foot.height, worded=worded) - page.sizes.gap


def _lines(page: Page) -> int:
    """Caption lines: three, and one more where the panel is tall for its letters."""
    sizes = page.sizes
    spare = page.area.height - round((sizes.decide + sizes.note) * PITCH) - round(sizes.note * PITCH) - 3 * sizes.gap
    return caption_lines(page, spare, 5)


def _header(page: Page, view: View, radius: int, line: int) -> None:
    area, sizes = page.area, page.sizes
    left = area.left + radius * 2 + sizes.gap * 2
    volume = tuple(face for face in view.side if face.control is Control.VOLUME)
    right = page.beside(volume, pygame.Rect(area.left, area.top, area.width, line))
    time_width = page.ink.width(view.time_words, Face.SANS, sizes.note) if view.time_words else 0
    room = pygame.Rect(left, area.top, right - time_width - sizes.gap - left, line)
    page.write(view.headline, room, Face.BOLD, sizes.decide, page.theme.paper)
    if view.time_words:
        rise = round((sizes.decide - sizes.note) * 0.94)
        page.note(view.time_words, pygame.Rect(right - time_width, area.top + rise, time_width, line - rise))


def paused(page: Page, view: View) -> tuple[Part, ...]:
    """The ember is out, and the words say so."""
    page.dusk(tint=page.theme.coal, strength=0.2)
    area, sizes, theme = page.area, page.sizes, page.theme
    radius = round(area.height * 0.19)
    centre = (area.right - round(radius * 1.25), area.top + area.height // 2)
    sheet = ash(radius)
    page.put(sheet, sheet.get_rect(center=centre).topleft)
    room = pygame.Rect(area.left, area.top, centre[0] - round(radius * 1.2) - area.left, area.height)
    large, normal = page.grown(1.2), (page.grown(0.86)[0], sizes.decide)
    first = pygame.Rect(room.left, room.top, room.width, round(large[0] * PITCH * 2))
    high = page.height(view.headline, first, Face.SERIF, large)
    below = page.height(view.notes[0], room, Face.SANS, sizes.note) + sizes.gap if view.notes else 0
    rest = pygame.Rect(room.left, 0, room.width, room.height - high - below - sizes.gap)
    block = high + sizes.gap + page.height(view.body, rest, Face.SANS, normal) + below
    first.top += max(0, (room.height - block) // 2)
    head = page.write(view.headline, first, Face.SERIF, large, theme.paper)
    rest.top = head.bottom + sizes.gap
    body = page.write(view.body, rest, Face.SANS, normal, theme.paper)
    if view.notes:
        top = body.bottom + sizes.gap
        page.note(view.notes[0], pygame.Rect(room.left, top, room.width, room.bottom - top))
    return ()
