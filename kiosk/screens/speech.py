"""Screens that say one thing: consent, starting, closing, out of service, and what is asked over them."""

from __future__ import annotations

import pygame

from kiosk.fonts import Face
from kiosk.screens.icons import Icon
from kiosk.screens.light import ember
from kiosk.screens.model import Kind, View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import (
    Coals,
    Orb,
    Part,
    caption_height,
    caption_lines,
    captions,
    time_bar,
    time_bar_height,
)


def consent(page: Page, view: View) -> tuple[Part, ...]:
    """Three short sentences, nothing else."""
    page.dusk(strength=0.55)
    sizes = page.sizes
    size = (page.grown()[0], sizes.decide)
    page.write(view.body, page.area, Face.SANS, size, page.theme.paper, middle=True, pitch=1.22)
    return ()


def waiting(page: Page, view: View) -> tuple[Part, ...]:
    """The box is busy for a moment: starting, closing. The coals breathe."""
    page.dusk(strength=0.8)
    coals = Coals(page.sky)
    crown = coals.rect.top + round(page.panel.height * 0.02)
    area = page.area
    _said(page, view, pygame.Rect(area.left, area.top, area.width, crown - area.top))
    return (coals,)


def plain(page: Page, view: View) -> tuple[Part, ...]:
    """A headline and a sentence. While sound is being kept, the ember stays in sight; with no key to press, coals."""
    if view.kind is Kind.PLAIN and not view.keys and not view.listening:
        return waiting(page, view)
    page.dusk(strength=0.3 if view.kind is Kind.OUT_OF_SERVICE else 0.55)
    if view.captions:
        return _heard(page, view)
    area = page.area
    parts: tuple[Part, ...] = ()
    room = area.copy()
    if view.listening:
        radius = round(page.sizes.decide * 0.5)
        parts = (Orb(ember, (page.mirror_x(area.right - radius), area.top + round(radius * 1.3)), radius),)
        room.width -= radius * 3
    if view.time_fraction is not None:
        # So long the question stands.
        note, bar = round(page.sizes.note * PITCH), time_bar_height(page)
        top = area.bottom - bar - page.sizes.gap
        parts += (time_bar(page, area.left, top, area.width),)
        page.note(view.time_words, pygame.Rect(area.left, top - note - page.sizes.gap // 2, area.width, note))
        room.height = top - note - page.sizes.gap - room.top
    trouble = view.kind is Kind.OUT_OF_SERVICE
    size = round(page.sizes.decide * 1.1)
    if trouble:
        room.left += size + page.sizes.gap * 2
        room.width = area.right - room.left
    top = _said(page, view, room, main=not trouble)
    if trouble:
        page.put(page.ink.icon(Icon.WARNING, size, page.theme.alert), (area.left, top + 2))
    return parts


def _heard(page: Page, view: View) -> tuple[Part, ...]:
    """What is asked, smaller while that sounds which it is about, and the words of it."""
    area, sizes, theme = page.area, page.sizes, page.theme
    line, note = round(sizes.decide * PITCH), round(sizes.note * PITCH)
    head = page.write(view.headline, pygame.Rect(area.left, area.top, area.width, line), Face.BOLD, sizes.decide,
                      theme.paper)  # fmt: skip
    body = page.note(view.body, pygame.Rect(area.left, head.bottom, area.width, round(note * 2.6)))
    foot = pygame.Rect(area.left, area.bottom - note, area.width, note)
    free = foot.top - body.bottom - sizes.gap
    high = caption_height(page, caption_lines(page, free, 5))
    captions(page, view.captions, pygame.Rect(area.left, foot.top - min(high, free), area.width, high), theme.ember)
    page.note(view.captions_note, foot)
    return ()


RISE = 0.38
"""Of the free height above a block of words: a little more below looks like the middle."""


def _said(page: Page, view: View, room: pygame.Rect, *, main: bool = True) -> int:
    """Headline, body, notes under each other, as a block in the middle of what is left. Returns where it begins."""
    sizes, theme = page.sizes, page.theme
    face, size = (Face.SERIF, page.grown(1.15)) if main else (Face.BOLD, (sizes.decide, sizes.decide))
    headline = pygame.Rect(room.left, room.top, room.width, round(page.grown(1.15)[0] * PITCH * 2))
    below = sum(page.height(note, room, Face.SANS, sizes.note) + sizes.gap for note in view.notes)
    block = page.height(view.headline, headline, face, size) + below
    if view.body:
        rest = pygame.Rect(room.left, 0, room.width, room.height - block - sizes.gap)
        block += sizes.gap + page.height(view.body, rest, Face.SANS, (page.grown()[0], sizes.decide))
    start = headline.top = room.top + max(0, round((room.height - block) * RISE))
    used = page.write(view.headline, headline, face, size, theme.paper)
    top = used.bottom + sizes.gap
    if view.body:
        rest = pygame.Rect(room.left, top, room.width, room.bottom - top - below)
        body = page.write(view.body, rest, Face.SANS, (page.grown()[0], sizes.decide), theme.paper)
        top = body.bottom + sizes.gap
    for note in view.notes:
        used = page.note(note, pygame.Rect(room.left, top, room.width, room.bottom - top))
        top = used.bottom + sizes.gap
    return start
