"""Measures every screen in every language, size and theme: letters, contrast, targets, fit."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

# Else the library greets first, and what reads --json stumbles.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import pygame

from kiosk.screens.measure import Measured, measure
from kiosk.screens.renderer import Renderer
from kiosk.screens.samples import sample_views
from kiosk.texts import load, shipped_languages
from kiosk.theme import PANEL_WIDTHS_MM, THEMES, make_theme

PAGE = Path(__file__).resolve().parent.parent / "docs" / "screens-measured.md"
FIGURES = ("main_degrees", "note_degrees", "main_contrast", "note_contrast", "target_mm")


def main() -> int:
    """Measure, print the worst of each language and size, and every screen that falls short."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object with every figure of every screen")
    parser.add_argument("--lang", choices=shipped_languages(), help="this language alone")
    parser.add_argument("--theme", choices=sorted(THEMES), help="these colours alone")
    parser.add_argument("--page", action="store_true", help="write docs/screens-measured.md")
    given = parser.parse_args()
    if given.page and (given.lang or given.theme):
        parser.error("the page holds every language and theme")
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
    if given.page:
        PAGE.write_text(page(rows), encoding="utf-8")
    return 1 if short else 0


def page(rows: Sequence[dict[str, object]]) -> str:
    """Every screen in every language, the least of each figure over all sizes and themes, as a page of the docs."""
    languages = shipped_languages()
    least: dict[tuple[object, object], list[float | None]] = {}
    for row in rows:
        known = least.setdefault((row["screen"], row["language"]), [None] * len(FIGURES))
        for place, figure in enumerate(FIGURES):
            found = row[figure]
            if isinstance(found, float) and (known[place] is None or found < known[place]):  # type: ignore[operator]  # just asked
                known[place] = found
    screens = dict.fromkeys(row["screen"] for row in rows)
    lines = [
        "# Every screen, measured",
        "",
        "Written by `scripts/measure-screens --page`: every screen in every language, the least over all sizes and themes. In each",
        "cell, in this order: degrees of what has to be read (at least 0.7) and of notes (0.45), contrast of what has to be read",
        f"(7) and of notes (4.5), millimetres a finger finds (15); a dash where a screen has none. {len(screens)} screens, {len(rows)} pictures.",
        "",
        f"| screen | {' | '.join(languages)} |",
        "|---" * (len(languages) + 1) + "|",
    ]
    for screen in screens:
        cells = [_cell(least[screen, language]) for language in languages]
        lines.append(f"| {str(screen).replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(figures: Sequence[float | None]) -> str:
    digits = (2, 2, 1, 1, 1)
    told = ["-" if one is None else f"{one:.{places}f}" for one, places in zip(figures, digits, strict=True)]
    return " ".join(told)


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
