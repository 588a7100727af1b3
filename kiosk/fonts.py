"""The two faces of the box: a serif for what people say and are asked, a sans for what the box says and for keys.

Debian's Noto faces (packages ``fonts-noto-core`` and ``fonts-noto-cjk``) cover every language alike. Where they are
missing the font that comes with pygame stands in, and `Fonts.notice` says so in one sentence; nothing else changes.

No Noto face holds every script, so a line is cut into runs (`kiosk.runs`), each shaped by the font of its script and
set on one base line. A size always means the same height to the reader: the fonts of a script whose tall letters are
lower than a Latin capital are opened a little larger.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pygame

from archive.typefaces import FOLDERS
from kiosk.runs import Script, runs, script_in
from kiosk.theme import CAPITAL_RATIO


class Face(StrEnum):
    """Who is speaking: people (serif) or the box (sans, and bold for its headlines and keys)."""

    SERIF = "serif"
    SANS = "sans"
    BOLD = "bold"


@dataclass(frozen=True, slots=True)
class Cut:
    """How one script is set. ``files`` by face; ``tall`` is the height of its tall letter (H, alef, ka) over the em.

    ``leading`` widens the space between lines for marks above and below; ``rise`` lifts letters in their line, in
    shares of the size, where more of them hangs below the base line than stands above; ``index`` picks a face of a
    collection (the third of Noto's CJK collections holds the simplified forms).
    """

    files: dict[Face, str] = field(hash=False)
    tall: float = CAPITAL_RATIO
    leading: float = 1.0
    rise: float = 0.0
    index: int = 0

    @property
    def grown(self) -> float:
        """How much larger its fonts are opened, so that its tall letters are as tall as capitals."""
        return max(1.0, CAPITAL_RATIO / self.tall)


CUTS: dict[Script, Cut] = {
    Script.LATIN: Cut(
        {Face.SERIF: "NotoSerif-Regular.ttf", Face.SANS: "NotoSans-Regular.ttf", Face.BOLD: "NotoSans-Bold.ttf"}
    ),
    Script.ARABIC: Cut(
        {
            Face.SERIF: "NotoNaskhArabic-Regular.ttf",
            Face.SANS: "NotoSansArabic-Regular.ttf",
            Face.BOLD: "NotoSansArabic-Bold.ttf",
        },
        tall=0.67,
        leading=1.08,
        rise=0.1,
    ),
    Script.DEVANAGARI: Cut(
        {
            Face.SERIF: "NotoSerifDevanagari-Regular.ttf",
            Face.SANS: "NotoSansDevanagari-Regular.ttf",
            Face.BOLD: "NotoSansDevanagari-Bold.ttf",
        },
        tall=0.62,
        leading=1.12,
    ),
    Script.HAN: Cut(
        {
            Face.SERIF: "NotoSerifCJK-Regular.ttc",
            Face.SANS: "NotoSansCJK-Regular.ttc",
            Face.BOLD: "NotoSansCJK-Bold.ttc",
        },
        tall=0.74,
        leading=1.05,
        index=2,
    ),
}


class _Member(io.FileIO):
    """A font collection that says its face ``index`` is its first: the only one pygame can open."""

    def __init__(self, path: Path, index: int) -> None:
        super().__init__(path)
        head = super().read(16 + 4 * index)
        self._first = head[12 + 4 * index : 16 + 4 * index] if head[:4] == b"ttcf" else b""
        super().seek(0)

    def read(self, size: int | None = -1, /) -> bytes:
        at = self.tell()
        found = super().read(-1 if size is None else size) or b""
        if not self._first or at >= 16:  # noqa: PLR2004 (end of the first entry, below)
            return found
        patched = bytearray(found)
        for place in range(max(12, at), min(16, at + len(found))):
            patched[place - at] = self._first[place - 12]
        return bytes(patched)


class Fonts:
    """The faces of one language at any size, opened once each."""

    def __init__(self, language: str = "en", folders: tuple[Path, ...] = FOLDERS) -> None:
        """Find the files; a missing one is answered by pygame's own font and told in ``notice``."""
        if not pygame.font.get_init():
            pygame.font.init()
        self.script = script_in(language)
        self._folders = folders
        self._paths: dict[tuple[Script, Face], Path | None] = {}
        self._open: dict[tuple[Script, Face, int], pygame.font.Font] = {}
        missing = [face for face in Face if self._path(self.script, face) is None]
        self.notice = (
            "The Noto fonts are not on this machine (Debian packages fonts-noto-core and fonts-noto-cjk);"
            " a plainer font stands in."
            if missing
            else ""
        )

    @property
    def right_to_left(self) -> bool:
        """Whether lines begin at the right."""
        return self.script.right_to_left

    @property
    def leading(self) -> float:
        """How much more space between lines the script wants than Latin does, 1 or more."""
        return CUTS[self.script].leading

    @property
    def rise(self) -> float:
        """How far letters are lifted in their line, in shares of the size."""
        return CUTS[self.script].rise

    def _path(self, script: Script, face: Face) -> Path | None:
        key = (script, face)
        if key not in self._paths:
            name = CUTS[script].files[face]
            found = (folder / name for folder in self._folders if (folder / name).is_file())
            self._paths[key] = next(found, None)
        return self._paths[key]

    def at(self, face: Face, size: int, script: Script | None = None) -> pygame.font.Font:
        """That face for letters as tall as Latin capitals of ``size`` px to the em, shaped for the script."""
        script = script or self.script
        key = (script, face, size)
        if key not in self._open:
            path, cut = self._path(script, face), CUTS[script]
            file = _Member(path, cut.index) if path and cut.index else str(path) if path else None
            font = pygame.font.Font(file, round(size * cut.grown) if path else size)
            font.set_script(script.value)
            font.set_direction(pygame.DIRECTION_RTL if script.right_to_left else pygame.DIRECTION_LTR)
            self._open[key] = font
        return self._open[key]

    def ascent(self, face: Face, size: int) -> int:
        """From the top of what `render` gives to its base line, px."""
        return max(self.at(face, size, script).get_ascent() for script in {self.script, Script.LATIN})

    def width(self, face: Face, size: int, text: str) -> int:
        """How wide ``text`` is on one line, px."""
        return sum(self.at(face, size, run.script).size(run.text)[0] for run in runs(text, self.script))

    def render(self, face: Face, size: int, text: str, colour: tuple[int, int, int]) -> pygame.Surface:
        """``text`` on one line, clear behind, its base line `ascent` px below the top."""
        parts = [
            (font, font.render(run.text, True, colour))
            for run in runs(text, self.script)
            for font in (self.at(face, size, run.script),)
        ]
        top = self.ascent(face, size)
        if len(parts) == 1 and parts[0][0].get_ascent() == top:
            return parts[0][1]
        below = max((-font.get_descent() for font, _ in parts), default=0)
        sheet = pygame.Surface((sum(part.get_width() for _, part in parts), top + below), pygame.SRCALPHA)
        left = 0
        for font, part in parts:
            sheet.blit(part, (left, top - font.get_ascent()))
            left += part.get_width()
        return sheet
