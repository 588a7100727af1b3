"""The two faces of the box: a serif for what people say and are asked, a sans for what the box says and for keys.

Debian's Noto faces (package ``fonts-noto-core``) cover every language alike. Where they are missing the font that
comes with pygame stands in for both, and `Fonts.notice` says so in one sentence; nothing else changes.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import pygame

FOLDERS: tuple[Path, ...] = (
    Path("/usr/share/fonts/truetype/noto"),
    Path("/usr/share/fonts/noto"),
    Path("/usr/share/fonts/google-noto"),
)


class Face(StrEnum):
    """Who is speaking: people (serif) or the box (sans, and bold for its headlines and keys)."""

    SERIF = "serif"
    SANS = "sans"
    BOLD = "bold"


SCRIPTS: dict[str, tuple[str, bool]] = {"en": ("Latn", False), "es": ("Latn", False), "ar": ("Arab", True)}
"""Language to ISO 15924 script and whether it is written from right to left."""

FILES: dict[str, dict[Face, str]] = {
    "Latn": {Face.SERIF: "NotoSerif-Regular.ttf", Face.SANS: "NotoSans-Regular.ttf", Face.BOLD: "NotoSans-Bold.ttf"},
    "Arab": {
        Face.SERIF: "NotoNaskhArabic-Regular.ttf",
        Face.SANS: "NotoSansArabic-Regular.ttf",
        Face.BOLD: "NotoSansArabic-Bold.ttf",
    },
}


class Fonts:
    """The faces of one language at any size, opened once each."""

    def __init__(self, language: str = "en", folders: tuple[Path, ...] = FOLDERS) -> None:
        """Find the files; a missing one is answered by pygame's own font and told in ``notice``."""
        if not pygame.font.get_init():
            pygame.font.init()
        self._script, self._right_to_left = SCRIPTS.get(language, ("Latn", False))
        self._paths: dict[Face, Path | None] = {
            face: next((folder / name for folder in folders if (folder / name).is_file()), None)
            for face, name in FILES[self._script].items()
        }
        self._open: dict[tuple[Face, int], pygame.font.Font] = {}
        missing = [face for face, path in self._paths.items() if path is None]
        self.notice = (
            "The Noto fonts are not on this machine (Debian package fonts-noto-core); a plainer font stands in."
            if missing
            else ""
        )

    def at(self, face: Face, size: int) -> pygame.font.Font:
        """That face with ``size`` px to the em, shaped for the language's script."""
        key = (face, size)
        if key not in self._open:
            path = self._paths[face]
            font = pygame.font.Font(str(path) if path else None, size)
            font.set_script(self._script)
            font.set_direction(pygame.DIRECTION_RTL if self._right_to_left else pygame.DIRECTION_LTR)
            self._open[key] = font
        return self._open[key]

    def width(self, face: Face, size: int, text: str) -> int:
        """How wide ``text`` is on one line, px."""
        return self.at(face, size).size(text)[0]
