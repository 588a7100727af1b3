"""Draws the picture of the README: a visit in nine screens, by the program's own renderer.

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
from kiosk.texts import load
from kiosk.theme import DUSK

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "screens.png"
SCREENS = (
    "attract", "consent", "ready", "recording", "review", "sharing", "thanks", "listening", "facilitator",
)  # fmt: skip
"""In the order in which they are met."""
SIZE = (800, 480)
SMALL = (400, 240)
ACROSS = 3
GAP = 12


def draw() -> pygame.Surface:
    """Return the screens side by side."""
    pygame.font.init()
    views = sample_views(load("en"))
    renderer = Renderer(DUSK, SIZE)
    rows = -(-len(SCREENS) // ACROSS)
    sheet = pygame.Surface((ACROSS * (SMALL[0] + GAP) + GAP, rows * (SMALL[1] + GAP) + GAP))
    sheet.fill((18, 14, 12))
    for number, name in enumerate(SCREENS):
        small = pygame.transform.smoothscale(warm_picture(renderer, views[name]), SMALL)
        across, down = number % ACROSS, number // ACROSS
        sheet.blit(small, (GAP + across * (SMALL[0] + GAP), GAP + down * (SMALL[1] + GAP)))
    return sheet


def main() -> int:
    """Write the picture."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    out.parent.mkdir(parents=True, exist_ok=True)
    pygame.image.save(draw(), str(out))
    print(f"{out}: {out.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
