"""The loop closes: what became of people's words, tied by an organizer to a question or a theme.

One line by language goes to every box, for its thanks screen and its idle screen; a text goes to the keep-code's page
of each teller who answered that question, or who stands behind that theme. Nobody is named in either, and who reads
them is not known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from archive.catalogue import Row, Tx
from archive.catalogue.changes import note_change, stamp
from archive.errors import ArchiveError
from archive.feed.manifest import LARGEST_TEXT, LONGEST_LINE, line_width
from archive.takes import fresh_take


class BadOutcome(ArchiveError):
    """Something that cannot be told like that."""

    code = "bad-outcome"


@dataclass(frozen=True, slots=True)
class ToldOutcome:
    """What became of the answers to ``prompt``, or of what ``theme`` says; one of both is empty."""

    id: str
    prompt: str
    theme: str
    lines: Mapping[str, str]
    text: str
    at: str
    who: str


def tell(
    tx: Tx, lines: Mapping[str, str], text: str, who: str, now: datetime, *, prompt: str = "", theme: str = ""
) -> str:
    """Tell what became of words; returns the identifier. Raises `BadOutcome`, saying what is wrong."""
    if bool(prompt) == bool(theme):
        raise BadOutcome("Tie it to a question or to a theme.", "People want to know which of their words it was.")
    if theme and tx.one("SELECT 1 FROM themes WHERE id = ?", theme) is None:
        raise BadOutcome("There is no such theme here.", "Load the page again.")
    if (
        prompt
        and tx.one("SELECT 1 FROM stories WHERE prompt = ? UNION SELECT 1 FROM prompts WHERE id = ?", prompt, prompt)
        is None
    ):
        raise BadOutcome(f"Nobody was asked {prompt[:60]!r}.", "Give the identifier of a question.")
    told = {language: " ".join(line.split()) for language, line in lines.items() if line.strip()}
    plain = " ".join(text.split())
    if not told and not plain:
        raise BadOutcome("Say what became of these words.", "In one line for the boxes, or a text for the tellers.")
    for language, line in told.items():
        if not (language.isascii() and language.isalpha() and len(language) in {2, 3}):
            raise BadOutcome(f"{language[:20]!r} is no language.", "Write two or three letters: en, es, ar.")
        if line_width(line) > LONGEST_LINE:
            raise BadOutcome(
                f"The line in '{language}' is too long for a box's screen.",
                f"At most {LONGEST_LINE} letters fit; a Chinese sign counts as two.",
            )
    if len(plain) > LARGEST_TEXT:
        raise BadOutcome(f"The text has more than {LARGEST_TEXT} signs.", "Say it shorter.")
    ident = str(fresh_take(now))
    tx.run(
        "INSERT INTO told_outcomes (id, prompt, theme, lines, text, at, who, ended_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, '')",
        ident, prompt, theme, json.dumps(told, ensure_ascii=False, sort_keys=True), plain, stamp(now), who,
    )  # fmt: skip
    note_change(tx, who, "outcome told", prompt or theme, ident, now)
    return ident


def end(tx: Tx, ident: str, who: str, now: datetime) -> None:
    """Tell it no longer; boxes stop with their next feed. Raises `BadOutcome`."""
    if tx.run("UPDATE told_outcomes SET ended_at = ? WHERE id = ? AND ended_at = ''", stamp(now), ident) == 0:
        raise BadOutcome("This is not told any more.", "Load the page again.")
    note_change(tx, who, "outcome ended", ident, "", now)


def outcomes(tx: Tx) -> list[ToldOutcome]:
    """Everything that is told, the newest first."""
    return [_told(row) for row in tx.all("SELECT * FROM told_outcomes WHERE ended_at = '' ORDER BY at DESC, id")]


def lines_for_boxes(tx: Tx, most: int) -> tuple[Mapping[str, str], ...]:
    """The newest ``most`` lines by language, for the screens of every box."""
    return tuple(one.lines for one in outcomes(tx) if one.lines)[:most]


def texts_for_tellers(tx: Tx, box: str) -> list[tuple[str, str, str]]:
    """Story, time and text for the tellers of stories that came from ``box``, oldest first.

    Through a theme it reaches those whose words stand for it, and those whose words stand against it alike; a
    highlight that was taken away stands for nothing.
    """
    rows = tx.all(
        "SELECT s.id AS story, o.at, o.text FROM told_outcomes o JOIN stories s ON s.prompt = o.prompt "
        "WHERE o.prompt <> '' AND o.text <> '' AND o.ended_at = '' AND s.box = ? "
        "UNION SELECT s.id AS story, o.at, o.text FROM told_outcomes o JOIN theme_voices v ON v.theme = o.theme "
        "JOIN highlights h ON h.id = v.highlight AND h.removed_at = '' JOIN stories s ON s.id = v.story "
        "WHERE o.text <> '' AND o.ended_at = '' AND s.box = ? ORDER BY 2, 1",
        box, box,
    )  # fmt: skip
    return [(str(row["story"]), str(row["at"]), str(row["text"])) for row in rows]


def _told(row: Row) -> ToldOutcome:
    return ToldOutcome(
        str(row["id"]), str(row["prompt"]), str(row["theme"]), json.loads(row["lines"]), str(row["text"]),
        str(row["at"]), str(row["who"]),
    )  # fmt: skip
