"""The papers a library hangs up beside its box: a poster about what recording means, and a sign.

Made from the texts of the box itself, so that the wall never says something else than the screen; and read out of
``HOME/texts`` where the library changed them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from archive.patterns.paper import Paper
from kiosk.texts import Texts

_ON_A_WALL = 1.5
"""Letters of 16 points, and one page in every language."""
_USES = ("play_here", "archive", "partners", "public", "quote")


def make_poster(texts: Texts, name: str, contact: str, folder: Path | None = None) -> bytes:
    """The papers in the language of ``texts`` as one PDF (A4). ``contact`` may be empty. Raises `NoFaces`.

    The first page is the poster: what recording means, every question that is asked about a story, and whom to ask.
    The second is the sign.
    """
    title = texts.get("poster.title")
    paper = Paper(title, name, texts.language, _ON_A_WALL)
    paper.headline(title)
    paper.heading(name)
    paper.text(texts.get("consent.record"))
    paper.heading(texts.get("poster.asked"))
    for use in _USES:
        paper.text(texts.get(f"consent.{use}"))
    paper.text(texts.get("poster.no"))
    paper.heading(texts.get("poster.back"))
    paper.text(texts.get("poster.back_body"))
    if contact:
        paper.heading(texts.get("poster.ask"))
        paper.text(contact)
    paper.page()
    paper.sign(texts.get("poster.sign"), texts.get("poster.sign_body"))
    with tempfile.TemporaryDirectory(dir=folder) as place:
        file = Path(place) / "papers.pdf"
        paper.save(file)
        return file.read_bytes()
