"""A bag put aside beside the kept one: what differs, and throwing the other away."""

from __future__ import annotations

from starlette.responses import Response

from archive.catalogue.consents import ask as ask_gate
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, need_tick, post
from archive.reviewing.told import facts_of
from archive.server.asides import aside_of, drop
from archive.types import Reader

LINKS: tuple[Link, ...] = ()
_HERE = "/aside/{aside}"


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    return [get(desk, _HERE, Permission.ERASE, _look), post(desk, _HERE, Permission.ERASE, _drop, "/")]


def _look(ask: Ask) -> Response:
    with ask.reading() as tx:
        found = aside_of(ask.desk.place, tx, ask.part("aside"))
        facts = facts_of(tx, found.story)
        # What the desk may not open shows no word here either, also not its question.
        named = ask_gate(tx, facts.id, Reader.DESK, ask.now).allowed
    return ask.page("aside", aside=found, story=facts, named=named)


def _drop(ask: Ask) -> Response:
    need_tick(ask, "sure", "Nothing was thrown away.")
    drop(ask.desk.place, ask.part("aside"), ask.who, ask.now)
    return go("/")
