"""Pictures of every screen, for the README, the docs, and anyone who works on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pygame

from kiosk.prompts import PromptSet
from kiosk.screens.renderer import Renderer
from kiosk.screens.samples import contact_sheet, sample_views, warm_picture
from kiosk.texts import load, shipped_languages
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


def save_prompts(out: Path, one: PromptSet, size: tuple[int, int]) -> list[Path]:
    """Save every prompt as attract will show it, in each language it has that the box speaks; return the paths."""
    pygame.font.init()
    out.mkdir(parents=True, exist_ok=True)
    renderer = Renderer(make_theme("dusk"), size)
    saved = []
    for language in shipped_languages():
        attract = sample_views(load(language))["attract"]
        for prompt in one.prompts:
            if language in prompt.text:
                path = out / f"{prompt.id}-{language}.png"
                pygame.image.save(renderer.picture(replace(attract, body=prompt.text[language])), str(path))
                saved.append(path)
    return saved
