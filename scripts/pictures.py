"""Draws the pictures of the README and of docs/screens.md: a visit in fifteen screens, in every language.

Each screen is drawn at 800x480, the panel's own size, and shown at half of it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import pygame

from kiosk.screens.renderer import Renderer
from kiosk.screens.samples import sample_views, warm_picture
from kiosk.texts import load, shipped_languages
from kiosk.theme import DUSK, LIGHT, Theme

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "screens.jpg"
SCREENS = (
    "attract", "languages", "consent", "ready", "recording", "review", "trim_begin", "sharing", "thanks", "listening",
    "listening_more", "my_story", "facilitator", "conversation", "conversation_hearing",
)  # fmt: skip
"""In the order in which they are met."""
SIZE = (800, 480)
SMALL = (400, 240)
ACROSS = 3
GAP = 12


def draw(language: str = "en", theme: Theme = DUSK) -> pygame.Surface:
    """Return the screens side by side."""
    pygame.font.init()
    views = sample_views(load(language))
    renderer = Renderer(theme, SIZE)
    rows = -(-len(SCREENS) // ACROSS)
    sheet = pygame.Surface((ACROSS * (SMALL[0] + GAP) + GAP, rows * (SMALL[1] + GAP) + GAP))
    sheet.fill((18, 14, 12))
    for number, name in enumerate(SCREENS):
        small = pygame.transform.smoothscale(warm_picture(renderer, views[name]), SMALL)
        across, down = number % ACROSS, number // ACROSS
        sheet.blit(small, (GAP + across * (SMALL[0] + GAP), GAP + down * (SMALL[1] + GAP)))
    return sheet


def main() -> int:
    """Write the picture of the README, or to the path given; without one also those of the other languages."""
    sheets = {Path(sys.argv[1]): draw()} if len(sys.argv) > 1 else _every()
    for out, sheet in sheets.items():
        out.parent.mkdir(parents=True, exist_ok=True)
        pygame.image.save(sheet, str(out))
        print(f"{out}: {out.stat().st_size // 1000} kB")
    return 0


def _every() -> dict[Path, pygame.Surface]:
    sheets = {PICTURE: draw(), PICTURE.with_name("screens-light.jpg"): draw(theme=LIGHT)}
    others = [language for language in shipped_languages() if language != "en"]
    return sheets | {PICTURE.with_name(f"screens-{language}.jpg"): draw(language) for language in others}


if __name__ == "__main__":
    sys.exit(main())
