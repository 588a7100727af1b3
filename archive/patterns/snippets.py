"""What may be read of what was told, a passage each, with where it comes from. The gate is asked at each look.

Everything across stories (words, proposals, suggestions, the matrix) reads through here, so that one place decides
what is looked at: stories the desk may open now (`Reader.DESK`), without blanked words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from archive.catalogue import Row, Tx
from archive.catalogue.consents import asks
from archive.reviewing.words import BLANK
from archive.types import Reader

_MANY = 500
_STORY = "id, kind, prompt, prompt_text, language, site, recorded_at, length_ms, title"


@dataclass(frozen=True, slots=True)
class Source:
    """A story as patterns see it: one voice, whoever told it. ``recorded_at`` is ISO 8601 (UTC), ``length`` is ms."""

    id: str
    kind: str
    prompt: str
    prompt_text: str
    language: str
    site: str
    recorded_at: str
    length: int
    title: str

    @property
    def headline(self) -> str:
        """What a list shows."""
        return self.prompt_text or self.title or "A story"


@dataclass(frozen=True, slots=True)
class Snippet:
    """A passage: [start, end) in ms of its story, and its words as they stand now."""

    story: str
    number: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What was asked for: empty means all."""

    prompt: str = ""
    site: str = ""
    language: str = ""

    @property
    def narrow(self) -> bool:
        """Whether less than everything was asked for."""
        return bool(self.prompt or self.site or self.language)

    def fits(self, source: Source) -> bool:
        """Whether a story is in it."""
        wanted = ((self.prompt, source.prompt), (self.site, source.site), (self.language, source.language))
        return all(not asked or asked == told for asked, told in wanted)


def sources(tx: Tx, now: datetime, looked: Looked | None = None) -> dict[str, Source]:
    """Every story the desk may open at ``now``, by identifier, the oldest first."""
    rows = tx.all(f"SELECT {_STORY} FROM stories ORDER BY id")  # noqa: S608 - constants
    found = {str(row["id"]): source_of(row) for row in rows}
    wanted = {ident: one for ident, one in found.items() if looked is None or looked.fits(one)}
    allowed = asks(tx, wanted, Reader.DESK, now)
    return {ident: one for ident, one in wanted.items() if allowed[ident].allowed}


def snippets(tx: Tx, stories: Iterable[str]) -> list[Snippet]:
    """The snippets of ``stories``, which the caller had from `sources`; passages of blanks alone are left out."""
    found: list[Snippet] = []
    wanted = sorted(set(stories))
    for first in range(0, len(wanted), _MANY):
        some = wanted[first : first + _MANY]
        marks = ", ".join("?" * len(some))
        rows = tx.all(
            f"SELECT story, number, start_ms, end_ms, text FROM passages WHERE story IN ({marks}) "  # noqa: S608
            "ORDER BY story, number",
            *some,
        )
        for row in rows:
            text = " ".join(str(row["text"]).replace(BLANK, " ").split())
            if text:
                found.append(Snippet(row["story"], row["number"], row["start_ms"], row["end_ms"], text))
    return found


def names_of(tx: Tx, now: datetime) -> Mapping[str, list[str]]:
    """The prompts, places and languages there are among what may be read, for choosing from."""
    there = sources(tx, now).values()
    return {
        "prompts": sorted({one.prompt for one in there if one.prompt}),
        "sites": sorted({one.site for one in there if one.site}),
        "languages": sorted({one.language for one in there if one.language}),
    }


def source_of(row: Row) -> Source:
    """Read a row of ``stories`` that names these columns."""
    return Source(
        str(row["id"]), str(row["kind"]), str(row["prompt"]), str(row["prompt_text"]), str(row["language"]),
        str(row["site"]), str(row["recorded_at"]), int(row["length_ms"]), str(row["title"]),
    )  # fmt: skip
