"""Cut an excerpt: both ends snap into pauses, ten seconds around it are shown, and it is heard before it is saved."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from archive.catalogue import Tx
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post
from archive.portal.community.listening import check_gate
from archive.reviewing import excerpts
from archive.reviewing.excerpts import CONTEXT_MS, BadExcerpt, snap, suggest
from archive.reviewing.told import StoryFacts, facts_of
from archive.reviewing.words import DeskWord, passages_of

LINKS: tuple[Link, ...] = ()
_MOST_MS = 10**9


@dataclass(frozen=True, slots=True)
class Shown:
    """The words around a cut: before it, in it, after it."""

    before: tuple[DeskWord, ...]
    inside: tuple[DeskWord, ...]
    after: tuple[DeskWord, ...]


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    return [
        get(desk, "/story/{story}/cut", Permission.EXCERPT, _cut),
        post(desk, "/story/{story}/cut", Permission.EXCERPT, _save, "/story/{story}/cut"),
    ]


def _cut(ask: Ask) -> Response:
    return _form(ask, _asked(ask, "from"), _asked(ask, "until"))


def _form(ask: Ask, start: int | None, end: int | None, wrong: BadExcerpt | None = None) -> Response:
    story = ask.part("story")
    with ask.reading() as tx:
        facts, words = _opened(ask, tx, story)
        rough = any(passage.approximate for passage in passages_of(tx, story))
    if start is None:
        start, end = suggest(words, facts.length, 0)
    snapped = snap(words, facts.length, start, end if end is not None else suggest(words, facts.length, start)[1])
    shown = around(words, snapped.start, snapped.end)
    return ask.page(
        "cut", 422 if wrong else 200, story=facts, cut=snapped, shown=shown, wrong=wrong, context=CONTEXT_MS,
        title=ask.form.get("title", ""), note=ask.form.get("note", ""), rough=rough,
        shortest=excerpts.SHORTEST_MS, longest=excerpts.LONGEST_MS, longest_title=excerpts.LONGEST_TITLE,
    )  # fmt: skip


def _save(ask: Ask) -> Response:
    story, start, end = ask.part("story"), _asked(ask, "from"), _asked(ask, "until")
    moved = ask.form.get("move", "").partition("-")
    if moved[1]:
        # The ends are moved in the same form, so that a title already written goes along.
        return _form(ask, _number(moved[0]), _number(moved[2]))
    try:
        _keep(ask, story, start, end)
    except BadExcerpt as error:
        return _form(ask, start, end, error)
    return go(f"/story/{story}#excerpts")


def _keep(ask: Ask, story: str, start: int | None, end: int | None) -> None:
    if start is None or end is None:
        raise BadExcerpt("This form is not complete. Nothing was saved.", "Load the page again.")
    if ask.form.get("heard") != "yes":
        raise BadExcerpt("Listen to the excerpt before you save it.", "Words on a page do not tell how it sounds.")
    with ask.writing() as tx:
        facts, words = _opened(ask, tx, story)
        snapped = snap(words, facts.length, start, end)
        title, note = ask.form.get("title", ""), ask.form.get("note", "")
        excerpts.cut(tx, story, snapped.start, snapped.end, title, note, ask.who, ask.now)


def _opened(ask: Ask, tx: Tx, story: str) -> tuple[StoryFacts, list[DeskWord]]:
    """Ask the gate, then read facts and words. Raises `Refused`, `NoSuchStory`."""
    facts = facts_of(tx, story)
    check_gate(ask.desk, tx, story)
    return facts, [word for passage in passages_of(tx, story) for word in passage.words]


def around(words: list[DeskWord], start: int, end: int) -> Shown:
    """The words of a cut and of `CONTEXT_MS` before and after it. Pure."""
    return Shown(
        tuple(word for word in words if start - CONTEXT_MS <= word.start < start),
        tuple(word for word in words if start <= word.start < end),
        tuple(word for word in words if end <= word.start < end + CONTEXT_MS),
    )


def _asked(ask: Ask, name: str) -> int | None:
    return _number(ask.form.get(name) or ask.request.query_params.get(name, ""))


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= len(str(_MOST_MS)) and int(text) < _MOST_MS else None
