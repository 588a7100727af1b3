"""Search: from words to the moment they were said, each as a line of a concordance, with the gate asked for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from starlette.responses import Response

from archive.catalogue import Tx
from archive.catalogue.search import Filters, Hit, search
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get
from archive.portal.community.words import tongue
from archive.reviewing.told import StoryFacts, facts_of
from archive.types import Reader

LINKS = (Link("/search", "Search", Permission.SEARCH),)
PAGE = 20
_LONGEST = 400
_MOST_CHOICES = 300
_FIELDS = ("q", "prompt", "site", "language", "since", "until", "code")


@dataclass(frozen=True, slots=True)
class Found:
    """A moment, and the story it is in."""

    hit: Hit
    story: StoryFacts


@dataclass(frozen=True, slots=True)
class Choice:
    """What a filter can be set to: its value, and how it is read."""

    value: str
    words: str


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    return [get(desk, "/search", Permission.SEARCH, _search)]


def read_asked(ask: Ask) -> tuple[dict[str, str], Filters]:
    """What the form asked for, field by field, and what it narrows to."""
    asked = {name: _plain(ask.request.query_params.get(name, "")) for name in _FIELDS}
    since, until = _day(asked["since"]), _day(asked["until"])
    return asked, Filters(asked["prompt"], asked["site"], asked["language"], since, until, asked["code"])


def is_narrowed(asked: Mapping[str, str]) -> bool:
    """Whether only some stories were asked for."""
    return any(value for name, value in asked.items() if name != "q")


def choices_of(tx: Tx) -> dict[str, list[Choice]]:
    """What the filters can be set to."""
    return {
        "prompt": _prompts(tx), "site": _values(tx, "site"), "code": _codes(tx),
        "language": [Choice(one.value, tongue(one.value)) for one in _values(tx, "language")],
    }  # fmt: skip


def _search(ask: Ask) -> Response:
    asked, filters = read_asked(ask)
    before = ask.request.query_params.get("before", "")
    after = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None  # noqa: PLR2004 - 2^63
    with ask.reading() as tx:
        hits = search(tx, asked["q"], Reader.DESK, ask.now, filters=filters, limit=PAGE, before=after)
        found = [Found(hit, facts_of(tx, hit.story)) for hit in hits]
        choices = choices_of(tx)
        partners = tx.one("SELECT 1 FROM partner_stories LIMIT 1") is not None
    more = ""
    if len(hits) == PAGE:
        more = urlencode({**{name: value for name, value in asked.items() if value}, "before": hits[-1].number})
    return ask.page(
        "search", asked=asked, found=found, choices=choices, more=more, narrowed=is_narrowed(asked), later=after,
        meaning=ask.desk.place.settings.ai, partners=partners,
    )  # fmt: skip


def _prompts(tx: Tx) -> list[Choice]:
    rows = tx.all(
        "SELECT prompt, MAX(prompt_text) AS words FROM stories WHERE prompt <> '' GROUP BY prompt "
        "ORDER BY prompt LIMIT ?",
        _MOST_CHOICES,
    )
    return [Choice(str(row["prompt"]), str(row["words"] or row["prompt"])) for row in rows]


def _values(tx: Tx, column: str) -> list[Choice]:
    rows = tx.all(
        f"SELECT DISTINCT {column} AS value FROM stories WHERE {column} <> '' ORDER BY {column} LIMIT ?",  # noqa: S608
        _MOST_CHOICES,
    )
    return [Choice(str(row["value"]), str(row["value"])) for row in rows]


def _codes(tx: Tx) -> list[Choice]:
    """Codes that stand: one merged into another is found by that one."""
    rows = tx.all("SELECT id, name FROM codes WHERE merged_into = '' ORDER BY name LIMIT ?", _MOST_CHOICES)
    return [Choice(str(row["id"]), str(row["name"])) for row in rows]


def _plain(text: str) -> str:
    """What was typed without what nobody types: no database has to take a control sign for a word."""
    return "".join(sign for sign in text[:_LONGEST] if sign.isprintable()).strip()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
