"""Briefings at the desk: sentences, many of them themes, and quotes, each checked against its sound by who is here."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from archive.catalogue import Tx
from archive.catalogue.consents import asks
from archive.patterns import briefings, themes
from archive.patterns.backing import backing_of
from archive.patterns.briefings import BadBriefing, Briefing, NotReady, Point
from archive.patterns.handout import write_briefing
from archive.patterns.phrases import LANGUAGES, phrases
from archive.patterns.themes import Theme, Voice
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post
from archive.portal.community.handout import zipped
from archive.portal.community.words import parse_clock
from archive.types import Reader

LINKS = (Link("/briefings", "Briefings", Permission.STORIES),)

_CAREFUL = ("can", "cannot", "hear")
_OURS = "en"
"""The language these pages are in."""


def routes(desk: Desk) -> list[Page]:
    """The pages of this module. Who writes a briefing need not be who lets it go, and that one reads it first."""
    reads, permission, one = Permission.STORIES, Permission.CODE, "/briefings/{briefing}"
    return [
        get(desk, "/briefings", reads, _list),
        post(desk, "/briefings", permission, _make, "/briefings"),
        get(desk, one, reads, _one),
        post(desk, f"{one}/point", permission, _point, one),
        post(desk, f"{one}/quote", permission, _quote, one),
        post(desk, f"{one}/check", permission, _check, one),
        post(desk, f"{one}/remove", permission, _remove, one),
        post(desk, f"{one}/hand-out", Permission.HAND_OUT, _hand_out, one),
    ]


def _list(ask: Ask) -> Response:
    with ask.reading() as tx:
        known = [(one, briefings.withdrawn_since(tx, one.id, ask.now)) for one in briefings.briefings(tx)]
        offered = themes.themes(tx, ask.now)
    said = {name: phrases(_OURS).get(name) for name in _CAREFUL}
    tongues = [phrases(one) for one in LANGUAGES]
    limits = {"longest_title": briefings.LONGEST_TITLE, "longest_text": briefings.LONGEST_TEXT}
    return ask.page("briefings", briefings=known, themes=offered, tongues=tongues, **said, **limits)


def _make(ask: Ask) -> Response:
    with ask.writing() as tx:
        title, audience = ask.form.get("title", ""), ask.form.get("audience", "")
        # What nobody changed is said in the briefing's own language.
        told = {
            name: text
            for name in _CAREFUL
            if (text := ask.form.get(name)) is not None and " ".join(text.split()) != phrases(_OURS).get(name)
        }
        language = ask.form.get("language", _OURS)
        ident = briefings.make_briefing(tx, title, audience, ask.who, ask.now, language=language, **told)
        for theme in ask.form.get("theme[]", "").split():
            _of_theme(ask, tx, ident, theme)
    return go(f"/briefings/{ident}")


def _one(ask: Ask) -> Response:
    with ask.reading() as tx:
        found = briefings.briefing_of(tx, ask.part("briefing"))
        states = {one.id: briefings.state_of(tx, one, ask.now) for one in found.quotes}
        since = briefings.withdrawn_since(tx, found.id, ask.now)
        issues = briefings.issues_of(tx, found.id)
        # A quote its teller allows no more says nothing here either.
        shown = {one.id for one in found.quotes if briefings.may_be_seen(tx, one, ask.now)}
        every = themes.themes(tx, ask.now)
        behind = {point.id: backing_of(tx, point.theme, ask.now) for point in found.points if point.theme}
        stays = _stays(tx, found, ask.now)
        voices = {point.id: _voices(tx, point, every, ask.now) for point in found.points}
    here = {point.theme for point in found.points}
    return ask.page(
        "briefing", briefing=found, states=states, since=since, issues=issues, shown=shown, voices=voices,
        behind=behind, stays=stays, themes=[one for one in every if one.id not in here],
        longest=briefings.LONGEST_SENTENCE, longest_text=briefings.LONGEST_TEXT,
    )  # fmt: skip


def _stays(tx: Tx, briefing: Briefing, now: datetime) -> str:
    """Why a briefing may not leave now; empty where it may."""
    try:
        briefings.ready(tx, briefing, now)
    except NotReady as error:
        return f"{error.say} {error.do}"
    return ""


def _voices(tx: Tx, point: Point, every: list[Theme], now: datetime) -> list[Voice]:
    """The voices of a point's theme, for it and against it, whose words may be quoted now and are not yet here."""
    theme = next((one for one in every if one.id == point.theme), None)
    if theme is None:
        return []
    quoted = {(quote.story, quote.start, quote.end) for quote in point.quotes}
    there = [voice for voice in theme.voices if (voice.story, voice.start, voice.end) not in quoted]
    answers = asks(tx, [voice.story for voice in there], Reader.QUOTE, now)
    return [voice for voice in there if voice.open and answers[voice.story].allowed]


def _point(ask: Ask) -> Response:
    with ask.writing() as tx:
        if theme := ask.form.get("theme", ""):
            _of_theme(ask, tx, ask.part("briefing"), theme)
        else:
            briefings.add_point(tx, ask.part("briefing"), ask.form.get("sentence", ""), ask.who, ask.now)
    return _back(ask)


def _of_theme(ask: Ask, tx: Tx, briefing: str, theme: str) -> None:
    """Add a theme's sentence as it stands; its voices are then offered below it, none goes along by itself."""
    sentence = themes.theme_of(tx, theme, ask.now).sentence
    briefings.add_point(tx, briefing, sentence, ask.who, ask.now, theme=theme)


def _quote(ask: Ask) -> Response:
    story, start, end = _moment(ask)
    with ask.writing() as tx:
        briefings.add_quote(tx, ask.form.get("point", ""), story, start, end, ask.who, ask.now)
    return _back(ask)


def _moment(ask: Ask) -> tuple[str, int, int]:
    """Where a quote is said: chosen among a theme's voices, or written as a story and two times."""
    story, _, times = ask.form.get("moment", "").partition(":")
    if story:
        first, _, last = times.partition(":")
        if first.isdecimal() and last.isdecimal() and len(times) < 20:  # noqa: PLR2004 (longer than any story)
            return story, int(first), int(last)
    start, end = parse_clock(ask.form.get("from", "")), parse_clock(ask.form.get("until", ""))
    if start is None or end is None:
        raise BadBriefing("This is no time in a story.", "Write it as 0:12 or 1:02.5.")
    return ask.form.get("story", "").strip(), start, end


def _check(ask: Ask) -> Response:
    if ask.form.get("heard") != "yes":
        raise BadBriefing("Listen to the quote before you check it.", "Words on a page do not tell what was said.")
    with ask.writing() as tx:
        briefings.check_quote(tx, ask.form.get("quote", ""), ask.form.get("text", ""), ask.who, ask.now)
    return _back(ask)


def _remove(ask: Ask) -> Response:
    """Take out a quote, or a sentence with its quotes."""
    with ask.writing() as tx:
        if point := ask.form.get("point", ""):
            briefings.remove_point(tx, point, ask.who, ask.now)
        else:
            briefings.remove_quote(tx, ask.form.get("quote", ""), ask.who, ask.now)
    return _back(ask)


def _hand_out(ask: Ask) -> Response:
    """Answer the folder `hearth archive briefing write` makes, as a zip; one quote that may not leave keeps it all."""
    place, ident = ask.desk.place, ask.part("briefing")
    with ask.reading() as tx:
        title = briefings.briefing_of(tx, ident).title
    return zipped(place, title, lambda folder: write_briefing(place, ident, folder, ask.who))


def _back(ask: Ask) -> Response:
    return go(f"/briefings/{ask.part('briefing')}")
