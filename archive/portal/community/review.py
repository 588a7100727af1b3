"""The review queue: what nobody has decided about, oldest first, and what is held back."""

from __future__ import annotations

from starlette.responses import Response

from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get
from archive.reviewing.waiting import held, how_many_wait, queue

LINKS = (Link("/review", "Review", Permission.REVIEW),)


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    return [get(desk, "/review", Permission.REVIEW, _queue)]


def _queue(ask: Ask) -> Response:
    with ask.reading() as tx:
        waiting, number, kept_back = queue(tx, ask.now), how_many_wait(tx), held(tx, ask.now)
    kept = ask.request.query_params.get("kept", "") == "yes"
    return ask.page("review", waiting=waiting, number=number, held=kept_back, kept=kept)
