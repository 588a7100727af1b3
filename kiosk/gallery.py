"""Pictures of every screen, for the README, the docs, and anyone who works on them."""

from __future__ import annotations

from pathlib import Path

import pygame

from kiosk.screens.renderer import Renderer
from kiosk.screens.samples import contact_sheet, sample_views, warm_picture
from kiosk.texts import load
from kiosk.theme import make_theme


def save_gallery(out: Path, language: str, size: tuple[int, int], theme: str) -> list[Path]:
    """Save one PNG a screen and ``contact-sheet.png`` into ``out``; return the paths. Needs no display."""
    pygame.font.init()
    out.mkdir(parents=True, exist_ok=True)
    views = sample_views(load(language))
    renderer = Renderer(make_theme(theme), size)
    saved = []
    for number, (name, view) in enumerate(views.items(), start=1):
        path = out / f"{number:02d}-{name}.png"
        pygame.image.save(warm_picture(renderer, view), str(path))
        saved.append(path)
    sheet = out / "contact-sheet.png"
    pygame.image.save(contact_sheet(views, size, theme=make_theme(theme)), str(sheet))
    return [*saved, sheet]
