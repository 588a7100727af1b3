"""What a steward decides on a page: a story out of use in two presses, back again, or erased after a second look.

For who may see how the box is (`archive.portal.morning`). What was told is on no page: a story is named by its
question, its day, its length and the end of its number. Every act is the one the command line has.
"""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from archive.portal import morning
from archive.portal.desk import Ask, Desk, get, go, post
from archive.stewards import card, erase, find_take, hold, in_use, release

_BACK = "/remote/morning#waiting"
_MOST = 40
"""Stories on the page to choose from; an older one is named by the end of its number."""


def routes(desk: Desk) -> list[Route]:
    """The addresses, where there is a morning page."""
    if desk.health is None:
        return []
    return [
        get(desk, "/remote/stories", choose),
        post(desk, "/remote/hold", take_out, "/remote/stories"),
        post(desk, "/remote/release", put_back, _BACK),
        post(desk, "/remote/erase", erase_it, _BACK),
    ]


def choose(ask: Ask) -> Response:
    """The stories in use, the newest first, each with a button that takes it out."""
    if not morning.may_look(ask):
        return go("/remote")
    with ask.desk.store() as store:
        there = in_use(store)
        return ask.page("stories", cards=[card(store, take) for take in there[:_MOST]], more=len(there) > _MOST)


def take_out(ask: Ask) -> Response:
    """Take a story out of every use, at once."""
    if not morning.may_look(ask):
        return go("/remote")
    with ask.desk.store() as store:
        hold(store, ask.form.get("story", ""))
    return go(_BACK)


def put_back(ask: Ask) -> Response:
    """Put a held story back to where its teller allowed it."""
    if not morning.may_look(ask):
        return go("/remote")
    with ask.desk.store() as store:
        release(store, ask.form.get("story", ""))
    return go(_BACK)


def erase_it(ask: Ask) -> Response:
    """Erase a story for good; asked again before."""
    if not morning.may_look(ask):
        return go("/remote")
    with ask.desk.store() as store:
        take = find_take(store, ask.form.get("story", ""))
        if ask.form.get("sure") != "yes":
            return ask.page("erase", card=card(store, take))
        erase(store, take)
    return go(_BACK)
