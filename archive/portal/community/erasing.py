"""Erase a story for good, on the archive's own decision: asked twice, with the password given again moments before."""

from __future__ import annotations

from starlette.responses import Response

from archive.catalogue.consents import ask as ask_gate
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, need_tick, post
from archive.portal.community.enter import again
from archive.reviewing.told import facts_of
from archive.server.erase import withdraw
from archive.tombstones import Tombstone
from archive.types import Reader

LINKS: tuple[Link, ...] = ()
_PATH = "/story/{story}/erase"


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    return [
        get(desk, _PATH, Permission.ERASE, _sure),
        post(desk, _PATH, Permission.ERASE, _erase, "/story/{story}"),
    ]


def _sure(ask: Ask) -> Response:
    if not ask.me.proved(ask.now):
        return again(f"/story/{ask.part('story')}/erase")
    with ask.reading() as tx:
        facts = facts_of(tx, ask.part("story"))
        # What the desk may not open shows no word here either, also not its question.
        named = ask_gate(tx, facts.id, Reader.DESK, ask.now).allowed
    return ask.page("erase", story=facts, named=named)


def _erase(ask: Ask) -> Response:
    story = ask.part("story")
    if not ask.me.proved(ask.now):
        return again(f"/story/{story}/erase")
    need_tick(ask, "sure", "Nothing was erased.")
    with ask.reading() as tx:
        facts = facts_of(tx, story)
    withdraw(ask.desk.place, Tombstone(facts.id, ask.now), ask.who)
    return go("/", erased="yes")
