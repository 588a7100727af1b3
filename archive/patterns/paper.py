"""A briefing on paper: a PDF with the faces of this machine, letters joined and turned as their scripts want it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from fpdf import FPDF
from fpdf.enums import TextEmphasis, WrapMode, XPos, YPos

from archive.errors import ArchiveError
from archive.typefaces import find_face

_SERIF: Final = "NotoSerif-Regular.ttf"
_SANS: Final = "NotoSans-Regular.ttf"
_BOLD: Final = "NotoSans-Bold.ttf"
_OTHERS: Final = {
    "arabic": "NotoNaskhArabic-Regular.ttf",
    "hebrew": "NotoSerifHebrew-Regular.ttf",
    "devanagari": "NotoSerifDevanagari-Regular.ttf",
    "han": "NotoSerifCJK-Regular.ttc",
}
"""Scripts the serif does not hold; each is used where its letters occur and its file is on the machine."""
_HAN_FACE: Final = 2
_RIGHT_TO_LEFT: Final = {"ar", "fa", "he", "ur"}
_MARGIN: Final = 22
_INK, _QUIET, _EMBER = (32, 30, 28), (105, 98, 92), (180, 83, 31)
_INDENT: Final = 7


class NoFaces(ArchiveError):
    """This machine has no faces to print with."""

    code = "no-faces"


class _Sheets(FPDF):
    """Pages with a line at their foot: what this is, and which page of how many."""

    running = ""

    def set_font(self, family: str | None = None, style: str | TextEmphasis = "", size: float = 0) -> None:
        """Choose a font, and have it stand on the page itself from here on."""
        super().set_font(family, style, size)
        self._lay_font()

    def add_page(self, *given: Any, **named: Any) -> None:
        """Begin a page with the font that is chosen."""
        super().add_page(*given, **named)
        self._lay_font()

    def _lay_font(self) -> None:
        # Left to itself the library writes the font into the first line, where it ends with a line that begins in a
        # face of another script; it counts it as written, and the first sign after that came out of an older face.
        if self.page and self.current_font is not None and not self.current_font_is_set_on_page:
            self._out(self._set_font_for_page(self.current_font, self.font_size_pt))

    def footer(self) -> None:
        """Called at the end of each page; pages of a poster have no running line and stay as they are."""
        if not self.running:
            return
        # A page may end within a line that is read the document's way.
        shaping = self.text_shaping
        self.set_text_shaping(use_shaping_engine=True)
        self.set_y(-_MARGIN + 8)
        self.set_font("sans", "", 8)
        self.set_text_color(*_QUIET)
        self.cell(0, 5, self.running, align="L", new_x=XPos.LMARGIN, new_y=YPos.TOP)
        self.cell(0, 5, f"{self.page_no()} / {{nb}}", align="R")
        self.text_shaping = shaping


class Paper:
    """One document, written from top to bottom."""

    def __init__(self, title: str, author: str, language: str, scale: float = 1.0) -> None:
        """Begin it; ``scale`` enlarges every letter, for a wall. Raises `NoFaces`."""
        self._scale = scale
        faces = {name: find_face(name) for name in (_SERIF, _SANS, _BOLD)}
        if not all(faces.values()):
            raise NoFaces("The faces to print with are not on this machine.", "apt-get install fonts-noto-core")
        self._pdf = pdf = _Sheets(format="A4")
        pdf.set_title(title)
        pdf.set_author(author)
        pdf.set_lang(language)
        pdf.set_margins(_MARGIN, _MARGIN)
        pdf.set_auto_page_break(auto=True, margin=_MARGIN)
        pdf.add_font("serif", "", str(faces[_SERIF]))
        pdf.add_font("sans", "", str(faces[_SANS]))
        pdf.add_font("sans", "B", str(faces[_BOLD]))
        others = []
        for name, file in _OTHERS.items():
            path = find_face(file)
            if path is not None:
                _add(pdf, name, path)
                others.append(name)
        pdf.set_fallback_fonts(others, exact_match=False)
        pdf.set_text_shaping(use_shaping_engine=True)
        self._align = "R" if language in _RIGHT_TO_LEFT else "L"
        self._direction = "rtl" if language in _RIGHT_TO_LEFT else "ltr"
        pdf.add_page()

    def running(self, text: str) -> None:
        """Put ``text`` and the number of the page at the foot of this page and all that follow."""
        self._pdf.running = text

    def headline(self, text: str) -> None:
        """The document's own title."""
        self._pdf.ln(2)
        self._write(text, "serif", 21, 9)
        self._pdf.ln(1)

    def heading(self, text: str) -> None:
        """Begin a section; it does not stand alone at the foot of a page."""
        if self._pdf.will_page_break(32):
            self._pdf.add_page()
        self._pdf.ln(4)
        self._write(text, "sans", 11.5, 6, bold=True)
        self._pdf.ln(1)

    def text(self, text: str) -> None:
        """A paragraph."""
        self._write(text, "serif", 10.5, 5.6, ours=True)
        self._pdf.ln(1.5)

    def small(self, text: str) -> None:
        """Where something comes from."""
        self._write(text, "sans", 8.5, 4.4, color=_QUIET, ours=True)

    def rule(self) -> None:
        """A fine line across: what follows is of another kind."""
        pdf = self._pdf
        pdf.ln(5)
        pdf.set_draw_color(*_QUIET)
        pdf.set_line_width(0.15)
        pdf.line(_MARGIN, pdf.get_y(), pdf.w - _MARGIN, pdf.get_y())
        pdf.ln(1)

    def quote(self, text: str, facts: str) -> None:
        """Words somebody said, and what they lead back to; together on one page where one can hold them."""
        pdf = self._pdf
        pdf.ln(1.5)
        right = self._align == "R"
        (pdf.set_right_margin if right else pdf.set_left_margin)(_MARGIN + _INDENT)
        if pdf.will_page_break(self._height(text, "serif", 12.5, 6.6) + self._height(facts, "sans", 8.5, 4.4)):
            pdf.add_page()
        top, page = pdf.get_y(), pdf.page
        self._write(text, "serif", 12.5, 6.6)
        self.small(facts)
        (pdf.set_right_margin if right else pdf.set_left_margin)(_MARGIN)
        pdf.set_x(_MARGIN)
        if pdf.page == page:
            at = pdf.w - _MARGIN - 2 if right else _MARGIN + 2
            pdf.set_draw_color(*_EMBER)
            pdf.set_line_width(0.8)
            pdf.line(at, top + 1, at, pdf.get_y() - 0.6)
        pdf.ln(3)

    def page(self) -> None:
        """Go on on a new page."""
        self._pdf.add_page()

    def sign(self, text: str, small: str) -> None:
        """A few words as large as they are read across a room, and a sentence below."""
        self._pdf.set_y(70)
        self._write(text, "serif", 48, 21)
        self._pdf.ln(8)
        self._write(small, "serif", 20, 10)

    def save(self, path: Path) -> None:
        """Write the file."""
        self._pdf.output(str(path))

    def _height(self, text: str, face: str, size: float, height: float) -> float:
        """How much of a page ``text`` takes, in mm."""
        self._pdf.set_font(face, "", size * self._scale)
        self._pdf.set_x(self._pdf.l_margin)
        told = self._pdf.multi_cell(
            0, height * self._scale, text, align=self._align, wrapmode=WrapMode.WORD, dry_run=True, output="HEIGHT"
        )
        if not isinstance(told, float):  # what is asked for under "output" comes alone
            msg = f"a height was asked for, {type(told).__name__} came"
            raise TypeError(msg)
        return told

    def _write(
        self, text: str, face: str, size: float, height: float,
        *, bold: bool = False, color: tuple[int, int, int] = _INK, ours: bool = False,
    ) -> None:  # fmt: skip
        # A line of the document itself is read its way though it begin with a number or a foreign name; what somebody
        # wrote or said is read as its own first letters are.
        self._pdf.set_text_shaping(use_shaping_engine=True, direction=self._direction if ours else None)
        self._pdf.set_font(face, "B" if bold else "", size * self._scale)
        self._pdf.set_text_color(*color)
        self._pdf.set_x(self._pdf.l_margin)
        self._pdf.multi_cell(
            0, height * self._scale, text, align=self._align, new_x=XPos.LMARGIN, new_y=YPos.NEXT,
            wrapmode=WrapMode.WORD,
        )  # fmt: skip


def _add(pdf: FPDF, name: str, path: Path) -> None:
    if path.suffix == ".ttc":
        pdf.add_font(name, "", str(path), collection_font_number=_HAN_FACE)
    else:
        pdf.add_font(name, "", str(path))
