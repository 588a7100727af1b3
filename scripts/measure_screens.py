"""Measures every screen in every language, size and theme: letters, contrast, targets, fit."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict

# Else the library greets first, and what reads --json stumbles.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import pygame

from kiosk.screens.measure import Measured, measure
from kiosk.screens.renderer import Renderer
from kiosk.screens.samples import sample_views
from kiosk.texts import load, shipped_languages
from kiosk.theme import PANEL_WIDTHS_MM, THEMES, make_theme

FIGURES = ("main_degrees", "note_degrees", "main_contrast", "note_contrast", "target_mm")


def main() -> int:
    """Measure, print the worst of each language and size, and every screen that falls short."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object with every figure of every screen")
    parser.add_argument("--lang", choices=shipped_languages(), help="this language alone")
    parser.add_argument("--theme", choices=sorted(THEMES), help="these colours alone")
    given = parser.parse_args()
    pygame.font.init()
    rows: list[dict[str, object]] = []
    short = 0
    for theme in [given.theme] if given.theme else sorted(THEMES):
        for size in PANEL_WIDTHS_MM:
            renderer = Renderer(make_theme(theme), size)
            for language in [given.lang] if given.lang else shipped_languages():
                found = {name: measure(renderer, view) for name, view in sample_views(load(language)).items()}
                where: dict[str, object] = {"theme": theme, "size": f"{size[0]}x{size[1]}", "language": language}
                rows += [where | {"screen": name} | _figures(one) for name, one in found.items()]
                short += sum(bool(one.faults) for one in found.values())
                if not given.json:
                    _tell(where, found)
    if given.json:
        sys.stdout.write(json.dumps({"screens": rows, "short": short}, ensure_ascii=False) + "\n")
    return 1 if short else 0


def _figures(one: Measured) -> dict[str, object]:
    plain = asdict(one) | {"faults": list(one.faults), "misfits": list(one.misfits)}
    return {name: None if value == float("inf") else value for name, value in plain.items()}


def _tell(where: dict[str, object], found: dict[str, Measured]) -> None:
    worst = {figure: min(found, key=lambda name: getattr(found[name], figure)) for figure in FIGURES}
    told = "  ".join(f"{figure} {getattr(found[name], figure):.2f} ({name})" for figure, name in worst.items())
    sys.stdout.write(f"{where['theme']} {where['size']} {where['language']}: {told}\n")
    for name, one in found.items():
        for fault in one.faults:
            sys.stdout.write(f"  {name}: {fault}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
