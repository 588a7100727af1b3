"""Briefings at the desk: sentences, quotes, and a check of each against its sound by the one who is signed in."""

from __future__ import annotations

from starlette.responses import Response

from archive.patterns import briefings
from archive.patterns.briefings import BadBriefing
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post
from archive.portal.community.words import parse_clock

LINKS = (Link("/briefings", "Briefings", Permission.CODE),)


def routes(desk: Desk) -> list[Page]:
    """The pages of this module. The folder that goes out is written by `hearth archive briefing write`."""
    permission, one = Permission.CODE, "/briefings/{briefing}"
    return [
        get(desk, "/briefings", permission, _list),
        post(desk, "/briefings", permission, _make, "/briefings"),
        get(desk, one, permission, _one),
        post(desk, f"{one}/point", permission, _point, one),
        post(desk, f"{one}/quote", permission, _quote, one),
        post(desk, f"{one}/check", permission, _check, one),
        post(desk, f"{one}/remove", permission, _remove, one),
    ]


def _list(ask: Ask) -> Response:
    with ask.reading() as tx:
        known = [(one, briefings.withdrawn_since(tx, one.id, ask.now)) for one in briefings.briefings(tx)]
    return ask.page("briefings", briefings=known, cannot=briefings.CANNOT)


def _make(ask: Ask) -> Response:
    with ask.writing() as tx:
        title, audience = ask.form.get("title", ""), ask.form.get("audience", "")
        cannot = ask.form.get("cannot", "")
        ident = briefings.make_briefing(tx, title, audience, ask.who, ask.now, cannot=cannot)
    return go(f"/briefings/{ident}")


def _one(ask: Ask) -> Response:
    with ask.reading() as tx:
        found = briefings.briefing_of(tx, ask.part("briefing"))
        states = {one.id: briefings.state_of(tx, one, ask.now) for one in found.quotes}
        since = briefings.withdrawn_since(tx, found.id, ask.now)
        issues = briefings.issues_of(tx, found.id)
        # A quote its teller allows no more says nothing here either.
        shown = {one.id for one in found.quotes if briefings.may_be_seen(tx, one, ask.now)}
    return ask.page("briefing", briefing=found, states=states, since=since, issues=issues, shown=shown)


def _point(ask: Ask) -> Response:
    with ask.writing() as tx:
        briefings.add_point(tx, ask.part("briefing"), ask.form.get("sentence", ""), ask.who, ask.now)
    return _back(ask)


def _quote(ask: Ask) -> Response:
    start, end = parse_clock(ask.form.get("from", "")), parse_clock(ask.form.get("until", ""))
    if start is None or end is None:
        raise BadBriefing("This is no time in a story.", "Write it as 0:12 or 1:02.5.")
    with ask.writing() as tx:
        point, story = ask.form.get("point", ""), ask.form.get("story", "").strip()
        briefings.add_quote(tx, point, story, start, end, ask.who, ask.now)
    return _back(ask)


def _check(ask: Ask) -> Response:
    if ask.form.get("heard") != "yes":
        raise BadBriefing("Listen to the quote before you check it.", "Words on a page do not tell what was said.")
    with ask.writing() as tx:
        briefings.check_quote(tx, ask.form.get("quote", ""), ask.form.get("text", ""), ask.who, ask.now)
    return _back(ask)


def _remove(ask: Ask) -> Response:
    with ask.writing() as tx:
        briefings.remove_quote(tx, ask.form.get("quote", ""), ask.who, ask.now)
    return _back(ask)


def _back(ask: Ask) -> Response:
    return go(f"/briefings/{ask.part('briefing')}")
