"""Marking a part: one's own as a waveform; what would go lies in the dark, and the end in question has a mark."""

from __future__ import annotations

from collections.abc import Hashable

import pygame

from kiosk.fonts import Face
from kiosk.screens.model import View
from kiosk.screens.page import PITCH, Page
from kiosk.screens.parts import Part, caption_height, captions
from kiosk.theme import Colour, mix

NOW = 1.6
"""So many bars around what sounds now are lit."""


class PartWave:
    """The take between two ends. What stays is lit and taller than what goes, so that colour is not the only sign."""

    def __init__(self, rect: pygame.Rect, tones: tuple[Colour, Colour, Colour, Colour], *, mirrored: bool) -> None:
        """``tones``: what stays, what sounds now, what goes, the mark. ``mirrored`` runs from right to left."""
        self.rect = rect
        self._stays, self._heard, self._goes, self._mark = tones
        self._mirrored = mirrored

    def step(self, view: View, now: float) -> Hashable:
        """Everything it is drawn from, in px."""
        del now
        width = self.rect.width
        part = view.part or (0.0, 1.0)
        return round((view.played or 0.0) * width), round(part[0] * width), round(part[1] * width), view.closing

    def paint(self, surface: pygame.Surface, view: View, now: float) -> None:
        """Bars resampled to the width, and the mark."""
        del now
        start, end = view.part or (0.0, 1.0)
        pitch = max(6, self.rect.height // 12)
        bars = self.rect.width // pitch
        wave = view.waveform or (0.0,)
        thin = max(3, round(pitch * 0.5))
        for bar in range(bars):
            share = (bar + 0.5) / bars
            level = max(wave[bar * len(wave) // bars : max(bar * len(wave) // bars + 1, (bar + 1) * len(wave) // bars)])
            stays = (start <= share <= end) is not view.goes
            height = max(thin, round(min(1.0, level) * self.rect.height * (0.86 if stays else 0.4)))
            # A taste is a few seconds: what sounds now is lit, not everything before it.
            heard = view.played is not None and abs(share - view.played) * bars < NOW
            shade = self._heard if heard else self._stays if stays else self._goes
            rect = pygame.Rect(self._at(share) - thin // 2, self.rect.centery - height // 2, thin, height)
            pygame.draw.rect(surface, shade, rect, border_radius=thin // 2)
        self._flag(surface, end if view.closing else start)

    def _at(self, share: float) -> int:
        across = round(share * self.rect.width)
        return self.rect.right - across if self._mirrored else self.rect.left + across

    def _flag(self, surface: pygame.Surface, share: float) -> None:
        """A post with a knob at both ends: found at once, whatever the bars around it do."""
        wide = max(4, self.rect.height // 28)
        x = min(max(self._at(share), self.rect.left + 2 * wide), self.rect.right - 2 * wide)
        post = pygame.Rect(x - wide // 2, self.rect.top, wide, self.rect.height)
        pygame.draw.rect(surface, self._mark, post, border_radius=wide // 2)
        for y in (self.rect.top + 2 * wide, self.rect.bottom - 2 * wide):
            pygame.draw.circle(surface, self._mark, (x, y), 2 * wide)


def lay(page: Page, view: View) -> tuple[Part, ...]:
    """What is asked, the waveform, what would stay, and while it is heard its words."""
    page.dusk(strength=0.6)
    area, sizes, theme = page.area, page.sizes, page.theme
    note = round(sizes.note * PITCH)
    first = pygame.Rect(area.left, area.top, area.width, round(sizes.decide * PITCH))
    head = page.write(view.headline, first, Face.BOLD, sizes.decide, theme.paper)
    foot = pygame.Rect(area.left, area.bottom - note, area.width, note)
    words = caption_height(page, 2)
    said = pygame.Rect(area.left, foot.top - words, area.width, words)
    if view.captions:
        captions(page, view.captions, said, theme.ember)
        page.note(view.captions_note, foot)
    else:
        # The same place, so that the waveform stays where it is when words come and go.
        page.write(view.time_words, said, Face.SERIF, (sizes.prompt, sizes.decide), theme.paper, middle=True)
        for below in view.notes[:1]:
            page.note(below, foot)
    top = head.bottom + sizes.gap // 2
    high = min(round(sizes.prompt * 3.2), said.top - sizes.gap // 2 - top)
    wave = pygame.Rect(area.left, top + (said.top - top - high) // 2, area.width, high)
    tones = (theme.ember, theme.paper, mix(theme.note, theme.dusk, 0.6), theme.paper)
    page.track = page.mirror(wave)
    return (PartWave(page.track, tones, mirrored=page.right_to_left),)
