"""Coding: which story next, and the bench where words are marked beside their sound; keys alone do it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.responses import Response

from archive.catalogue import Tx
from archive.catalogue.consents import ask as ask_gate
from archive.patterns import codebook, highlights, suggesting
from archive.patterns.codebook import Code, Level
from archive.patterns.highlights import BadHighlight, Highlight, words_between
from archive.patterns.suggesting import Suggestion
from archive.patterns.waiting import waiting
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post
from archive.reviewing.told import StoryFacts, facts_of
from archive.reviewing.words import Passage, paragraphs, passages_of
from archive.types import Reader

HOME = "/patterns"
LINKS = (Link(HOME, "Patterns", Permission.CODE),)
_HERE = f"{HOME}/story/{{story}}"
_MOST_MS = 10**9


@dataclass(frozen=True, slots=True)
class Shown:
    """One highlight as the bench lists it: its words as they stand, its codes by name."""

    mark: Highlight
    words: str
    codes: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class Layers:
    """What the list beside the words holds."""

    own: tuple[Shown, ...]
    others: tuple[Shown, ...]
    closed: int
    through: tuple[str, ...]
    proposed: tuple[Suggestion, ...]
    codes: tuple[Code, ...]
    words: Mapping[str, str]


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    code = Permission.CODE
    return [
        get(desk, HOME, code, _list),
        get(desk, _HERE, code, _bench),
        post(desk, f"{_HERE}/mark", code, _mark, _HERE),
        post(desk, f"{_HERE}/code", code, _code, _HERE),
        post(desk, f"{_HERE}/uncode", code, _uncode, _HERE),
        post(desk, f"{_HERE}/memo", code, _memo, _HERE),
        post(desk, f"{_HERE}/remove", code, _remove, _HERE),
        post(desk, f"{_HERE}/through", code, _through, _HERE),
        post(desk, f"{_HERE}/propose", code, _propose, _HERE),
        post(desk, f"{_HERE}/decide", code, _decide, _HERE),
    ]


def _list(ask: Ask) -> Response:
    with ask.reading() as tx:
        found = waiting(tx, ask.who, ask.now)
    return ask.page("coding", waiting=found)


def _bench(ask: Ask) -> Response:
    story = ask.part("story")
    with ask.reading() as tx:
        facts = facts_of(tx, story)
        answer = ask_gate(tx, story, Reader.DESK, ask.now)
        passages = passages_of(tx, story) if answer.allowed else []
        layers = _layers(ask, tx, story, passages) if answer.allowed else None
    return ask.page(
        "coding_bench", story=facts, answer=answer, paragraphs=paragraphs(passages), passages=passages, layers=layers,
        machines=ask.desk.place.settings.ai, at=ask.request.query_params.get("at", ""),
    )  # fmt: skip


def _mark(ask: Ask) -> Response:
    start, end = _number(ask, "start"), _number(ask, "end")

    def mark(tx: Tx, story: str) -> None:
        code = _typed(ask, tx)
        memo = ask.form.get("memo", "")
        if not code and not memo.strip():
            raise BadHighlight("A highlight needs a code or a memo.", "Type one of them.")
        highlights.highlight(tx, story, start, end, [code] if code else [], memo, ask.who, ask.now)

    return _done(ask, mark, start)


def _code(ask: Ask) -> Response:
    def put(tx: Tx, _: str) -> None:
        code = _typed(ask, tx)
        if not code:
            raise BadHighlight("Type a code.", "One that is not in the codebook yet is made.")
        highlights.put_code(tx, ask.form.get("highlight", ""), code, ask.who, ask.now)

    return _done(ask, put)


def _uncode(ask: Ask) -> Response:
    ident, code = ask.form.get("highlight", ""), ask.form.get("code", "")
    return _done(ask, lambda tx, _: highlights.take_code(tx, ident, code, ask.who, ask.now))


def _memo(ask: Ask) -> Response:
    ident, text = ask.form.get("highlight", ""), ask.form.get("memo", "")
    return _done(ask, lambda tx, _: highlights.put_memo(tx, ident, text, ask.who, ask.now))


def _remove(ask: Ask) -> Response:
    ident = ask.form.get("highlight", "")
    return _done(ask, lambda tx, _: highlights.remove(tx, ident, ask.who, ask.now))


def _through(ask: Ask) -> Response:
    return _done(ask, lambda tx, story: highlights.be_through(tx, story, ask.who, ask.now))


def _propose(ask: Ask) -> Response:
    return _done(ask, lambda tx, story: suggesting.suggest(tx, ask.desk.place.settings, story, ask.now))


def _decide(ask: Ask) -> Response:
    ident, accept = ask.form.get("suggestion", ""), ask.form.get("verdict", "") == "accept"
    return _done(ask, lambda tx, _: suggesting.decide(tx, ask.desk.place.settings, ident, accept, ask.who, ask.now))


def _done(ask: Ask, how: Callable[[Tx, str], object], at: int | None = None) -> Response:
    """Carry it out; answer with the list alone where the page asks for that, else with the whole page again."""
    story = ask.part("story")
    with ask.writing() as tx:
        highlights.check_gate(tx, story, ask.now)
        how(tx, story)
    if not ask.inline:
        return go(_HERE.format(story=story), **({} if at is None else {"at": str(at)}))
    with ask.reading() as tx:
        layers = _layers(ask, tx, story, passages_of(tx, story))
        facts: StoryFacts = facts_of(tx, story)
    return ask.page("coding_layers", story=facts, layers=layers, machines=ask.desk.place.settings.ai)


def _typed(ask: Ask, tx: Tx) -> str:
    """The code somebody typed: one of the first codebook by its name, made there where it is not known; else empty."""
    name = ask.form.get("name", "")
    if not name.strip():
        return ""
    book = codebook.first_codebook(tx, ask.who, ask.now)
    known = codebook.code_named(tx, book, name)
    return known.id if known else codebook.make_code(tx, book, name, Level.CONCRETE, "", ask.who, ask.now)


def _layers(ask: Ask, tx: Tx, story: str, passages: list[Passage]) -> Layers:
    own, others, closed = highlights.layers(tx, story, ask.who)
    codes = {code.id: code for code in codebook.codes_of(tx)}

    def shown(mark: Highlight) -> Shown:
        found = tuple(codes[code] for code in mark.codes if code in codes)
        return Shown(mark, words_between(passages, mark.start, mark.end), found)

    proposed = suggesting.suggestions_of(tx, ask.desk.place.settings, story, ask.who, ask.now)
    return Layers(
        tuple(shown(mark) for mark in own), tuple(shown(mark) for mark in others), closed,
        tuple(highlights.been_through(tx, story)), tuple(proposed), tuple(codes.values()),
        {one.id: words_between(passages, one.start, one.end) for one in proposed},
    )  # fmt: skip


def _number(ask: Ask, name: str) -> int:
    text = ask.form.get(name, "")
    if not text.isdecimal() or len(text) > len(str(_MOST_MS)) or int(text) >= _MOST_MS:
        raise BadHighlight("No words were chosen. Nothing was changed.", "Choose words, then type a code.")
    return int(text)
