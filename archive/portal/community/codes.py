"""The codebook: every code with its definition, place and history; merging; and how far coders agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.responses import Response

from archive.catalogue import Tx
from archive.patterns import codebook
from archive.patterns.across import Moment, moments
from archive.patterns.agreement import agreement
from archive.patterns.codebook import BadCode, Code, Level
from archive.patterns.highlights import all_highlights
from archive.patterns.snippets import sources
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post

LINKS: tuple[Link, ...] = ()
_BOOK = "/patterns/codebook"
_CODE = f"{_BOOK}/{{code}}"


@dataclass(frozen=True, slots=True)
class Branch:
    """A code and what stands under it."""

    code: Code
    below: tuple[Branch, ...]


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    code = Permission.CODE
    return [
        get(desk, _BOOK, code, _book),
        post(desk, f"{_BOOK}/make", code, _make_book, _BOOK),
        post(desk, f"{_BOOK}/add", code, _add, _BOOK),
        get(desk, _CODE, code, _one),
        post(desk, f"{_CODE}/change", code, _change, _CODE),
        post(desk, f"{_CODE}/merge", code, _merge, _CODE),
        post(desk, f"{_CODE}/split", code, _split, _CODE),
        get(desk, "/patterns/agreement", code, _agreement),
    ]


def _book(ask: Ask) -> Response:
    with ask.reading() as tx:
        books = codebook.codebooks(tx)
        trees = [(book, branches(codebook.codes_of(tx, book.id))) for book in books]
    return ask.page("codebook", trees=trees, levels=list(Level), longest=codebook.LONGEST_NAME)


def branches(codes: Iterable[Code]) -> tuple[Branch, ...]:
    """Codes as they stand under each other, by name. Pure."""
    by_parent: dict[str, list[Code]] = {}
    there = {code.id: code for code in codes}
    for code in sorted(there.values(), key=lambda one: one.name.casefold()):
        by_parent.setdefault(code.parent if code.parent in there else "", []).append(code)

    def grow(parent: str) -> tuple[Branch, ...]:
        return tuple(Branch(code, grow(code.id)) for code in by_parent.get(parent, ()))

    return grow("")


def _make_book(ask: Ask) -> Response:
    with ask.writing() as tx:
        codebook.make_codebook(tx, ask.form.get("name", ""), ask.who, ask.now)
    return go(_BOOK)


def _add(ask: Ask) -> Response:
    with ask.writing() as tx:
        book = ask.form.get("codebook", "") or codebook.first_codebook(tx, ask.who, ask.now)
        ident = codebook.make_code(
            tx, book, ask.form.get("name", ""), _level(ask), ask.form.get("definition", ""), ask.who, ask.now
        )
    return go(_CODE.format(code=ident))


def _one(ask: Ask) -> Response:
    ident = ask.part("code")
    with ask.reading() as tx:
        code = codebook.code_of(tx, ident)
        others = [one for one in codebook.codes_of(tx, code.codebook) if one.id != ident]
        into = codebook.code_of(tx, codebook.resolved(tx)[ident])
        merged = [one for one in codebook.codes_of(tx, code.codebook, merged=True) if one.merged_into == ident]
        history = codebook.history_of(tx, ident)
        heard = _moments(ask, tx, ident)
    return ask.page(
        "code_one", code=code, others=others, into=into, merged=merged, history=history, moments=heard,
        levels=list(Level), longest=codebook.LONGEST_DEFINITION,
    )  # fmt: skip


def _moments(ask: Ask, tx: Tx, code: str) -> tuple[Moment, ...]:
    there = sources(tx, ask.now)
    return moments(one for one in all_highlights(tx, there) if code in one.codes)


def _change(ask: Ask) -> Response:
    ident = ask.part("code")
    with ask.writing() as tx:
        codebook.change_code(
            tx, ident, ask.who, ask.now, name=ask.form.get("name", ""), definition=ask.form.get("definition", ""),
            level=_level(ask), parent=ask.form.get("parent", ""),
        )  # fmt: skip
    return go(_CODE.format(code=ident))


def _merge(ask: Ask) -> Response:
    into = ask.form.get("into", "")
    with ask.writing() as tx:
        codebook.merge(tx, ask.part("code"), into, ask.who, ask.now)
    return go(_CODE.format(code=into))


def _split(ask: Ask) -> Response:
    with ask.writing() as tx:
        codebook.split(tx, ask.part("code"), ask.who, ask.now)
    return go(_CODE.format(code=ask.part("code")))


def _agreement(ask: Ask) -> Response:
    with ask.reading() as tx:
        found = agreement(tx, ask.now)
        headlines = {ident: one.headline for ident, one in sources(tx, ask.now).items()}
    return ask.page("agreement", found=found, headlines=headlines)


def _level(ask: Ask) -> Level:
    try:
        return Level(ask.form.get("level", ""))
    except ValueError as error:
        raise BadCode("A code is concrete, middle or conceptual.", "Choose one of the three.") from error
