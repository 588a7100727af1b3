"""A story's page: listen beside the words, decide, correct, blank out, note; what was allowed, where it comes from."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from archive import askedback
from archive.catalogue import Tx
from archive.catalogue.changes import changes_of
from archive.catalogue.consents import ask as ask_gate
from archive.errors import Refused
from archive.people.roles import Permission
from archive.portal.community import listening
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, need_tick, post
from archive.portal.community.words import parse_clock
from archive.reviewing import decisions
from archive.reviewing.decisions import BadDecision, Verdict, decisions_of
from archive.reviewing.excerpts import end_excerpt, excerpts_of
from archive.reviewing.told import allowed_of, facts_of
from archive.reviewing.words import (
    Passage,
    check_words,
    correct_word,
    paragraphs,
    passages_of,
    words_version,
)
from archive.types import Reader

LINKS: tuple[Link, ...] = ()
_HERE = "/story/{story}"


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    stories, review = Permission.STORIES, Permission.REVIEW
    return [
        get(desk, _HERE, stories, _story),
        get(desk, f"{_HERE}/sound.flac", stories, listening.sound),
        get(desk, f"{_HERE}/wave.svg", stories, listening.wave),
        post(desk, f"{_HERE}/decide", review, _decide, _HERE),
        post(desk, f"{_HERE}/redact", review, _redact, _HERE),
        post(desk, f"{_HERE}/lift", review, _lift, _HERE),
        post(desk, f"{_HERE}/note", review, _note, _HERE),
        post(desk, f"{_HERE}/word", review, _word, _HERE),
        post(desk, f"{_HERE}/checked", review, _checked, _HERE),
        get(desk, f"{_HERE}/back", Permission.WITHDRAW, _back_form),
        post(desk, f"{_HERE}/back", Permission.WITHDRAW, _take_back, f"{_HERE}/back"),
        post(desk, f"{_HERE}/excerpt/end", Permission.EXCERPT, _end_excerpt, _HERE),
    ]


def _story(ask: Ask) -> Response:
    story = ask.part("story")
    with ask.reading() as tx:
        facts = facts_of(tx, story)
        answer = ask_gate(tx, story, Reader.DESK, ask.now)
        uses, standing = allowed_of(tx, story, ask.now)
        # What the desk may not open is not even read: the page then says why, and whom to ask.
        passages = passages_of(tx, story) if answer.allowed else []
        decided = decisions_of(tx, story) if answer.allowed else None
        excerpts = excerpts_of(tx, story) if answer.allowed else []
        changes = changes_of(tx, story)
    return ask.page(
        "story", story=facts, answer=answer, uses=uses, standing=standing, decided=decided, passages=passages,
        paragraphs=paragraphs(passages),
        excerpts=excerpts, changes=changes, words_version=words_version(passages),
        machines=sorted({passage.by for passage in passages}), checked=_checkers(passages),
        doubts=sum(word.doubtful for passage in passages for word in passage.words),
    )  # fmt: skip


def _decide(ask: Ask) -> Response:
    story = ask.part("story")
    try:
        verdict = Verdict(ask.form.get("verdict", ""))
    except ValueError as error:
        raise BadDecision("This is no decision that can be made.", "Load the page again.") from error
    note = ask.form.get("why", "") if verdict is Verdict.HOLD else ask.form.get("note", "")
    _change(ask, lambda tx, seen: decisions.decide(tx, story, verdict, note, ask.who, seen, ask.now))
    return go("/review", kept="yes") if verdict is Verdict.KEEP else _back(ask)


def _redact(ask: Ask) -> Response:
    story = ask.part("story")
    start, end = parse_clock(ask.form.get("from", "")), parse_clock(ask.form.get("until", ""))
    if start is None or end is None:
        raise BadDecision("These times are not understood.", "Write minutes and seconds, as in 0:12 or 1:03.5.")
    why = ask.form.get("why", "")
    _change(ask, lambda tx, seen: decisions.redact(tx, story, start, end, why, ask.who, seen, ask.now))
    with ask.reading() as tx:
        answer = ask_gate(tx, story, Reader.DESK, ask.now)
    if answer.allowed and answer.voice:
        # Made now, so that the next listener does not wait for it.
        listening.gated_key(ask.desk, story)
    return _back(ask)


def _lift(ask: Ask) -> Response:
    story, ident = ask.part("story"), ask.form.get("redaction", "")
    _change(ask, lambda tx, seen: decisions.lift(tx, story, ident, ask.who, seen, ask.now))
    return _back(ask)


def _note(ask: Ask) -> Response:
    story, text = ask.part("story"), ask.form.get("text", "")
    _change(ask, lambda tx, seen: decisions.note_content(tx, story, text, ask.who, seen, ask.now))
    return _back(ask)


def _word(ask: Ask) -> Response:
    """Correct one word; answers with its passage alone where the page asks for that."""
    story = ask.part("story")
    number, seen, index = (_number(ask, name) for name in ("passage", "version", "index"))
    with ask.writing() as tx:
        _check_open(ask, tx)
        passage = correct_word(tx, story, number, index, ask.form.get("text", ""), ask.who, seen, ask.now)
    if ask.inline:
        return ask.page("passage", passage=passage)
    return _back(ask)


def _checked(ask: Ask) -> Response:
    need_tick(ask, "sure", "Nothing was noted as checked.", "Listen to all of it beside the words, and tick the box.")
    with ask.writing() as tx:
        _check_open(ask, tx)
        check_words(tx, ask.part("story"), ask.form.get("words", ""), ask.who, ask.now)
    return _back(ask)


def _back_form(ask: Ask) -> Response:
    with ask.reading() as tx:
        facts = facts_of(tx, ask.part("story"))
        named = ask_gate(tx, facts.id, Reader.DESK, ask.now).allowed
        asked = askedback.asked_of(tx, facts.id)
    return ask.page("take_back", story=facts, named=named, asked=asked)


def _take_back(ask: Ask) -> Response:
    story = ask.part("story")
    with ask.writing() as tx:
        facts_of(tx, story)
        askedback.take_back(tx, story, ask.form.get("code", ""), ask.who, ask.now)
    return go(f"/story/{story}/back")


def _end_excerpt(ask: Ask) -> Response:
    with ask.writing() as tx:
        end_excerpt(tx, ask.part("story"), ask.form.get("excerpt", ""), ask.who, ask.now)
    return go(f"/story/{ask.part('story')}#excerpts")


def _change(ask: Ask, how: Callable[[Tx, int], object]) -> None:
    """Carry out a decision made on the version the page had, on a story that may still be opened."""
    with ask.writing() as tx:
        _check_open(ask, tx)
        how(tx, _number(ask, "seen"))


def _check_open(ask: Ask, tx: Tx) -> None:
    answer = ask_gate(tx, ask.part("story"), Reader.DESK, ask.now)
    if not answer.allowed:
        raise Refused(answer.why, "Nobody here may open it, and so nobody decides about it.")


def _number(ask: Ask, name: str) -> int:
    text = ask.form.get(name, "")
    if not text.isdecimal() or len(text) > 9:  # noqa: PLR2004 (more digits than any count has)
        raise BadDecision("This form is not complete. Nothing was changed.", "Load the page again.")
    return int(text)


def _back(ask: Ask) -> Response:
    return go(f"/story/{ask.part('story')}")


def _checkers(passages: list[Passage]) -> list[str]:
    """Who checked the words; empty as long as one passage is a machine's alone."""
    names = {passage.checked_by for passage in passages}
    return [] if None in names else sorted(name for name in names if name)
