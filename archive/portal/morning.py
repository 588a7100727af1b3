"""The morning page: how the box is, at a glance, with what to do, and which stories wait for a decision.

For whoever looks after it; nothing told is in it. What is decided there is in `archive.portal.stewarding`.

It is there on this machine itself, and for a paired phone; a visitor's phone in reach of the access point sees it not.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from starlette.responses import Response
from starlette.routing import Route

from archive.phones import is_phone, may_set
from archive.portal.desk import Ask, Desk, get, go
from archive.stewards import card, to_decide


def routes(desk: Desk, lending: Callable[[], bool] = lambda: False, *, papers: bool = False) -> list[Route]:
    """The one address, where there is somebody to ask how the box is.

    ``lending`` says whether the box is lent, ``papers`` whether there are pages of papers to print and of settings.
    """

    def shown(ask: Ask) -> Response:
        return show(ask, lending=lending(), papers=papers)

    return [get(desk, "/remote/morning", shown)] if desk.health is not None else []


def may_look(ask: Ask) -> bool:
    """Whether this browser may see how the box is."""
    return ask.desk.health is not None and looks_after(ask)


def looks_after(ask: Ask) -> bool:
    """Whether this is somebody at the machine itself, or the paired phone."""
    if _on_this_machine(ask):
        return True
    with ask.desk.store() as store:
        return is_phone(store, ask.phone)


def show(ask: Ask, *, lending: bool, papers: bool) -> Response:
    """What wants a look first and large, the rest below; who may not see it is led to the pairing."""
    if not may_look(ask) or ask.desk.health is None:
        return go("/remote")
    with ask.desk.store() as store:
        lines = ask.desk.health(store)
        waiting = [(card(store, one.take), one) for one in to_decide(store)]
        settings = papers and may_set(store, ask.phone)
    look, rest = [line for line in lines if not line.ok], [line for line in lines if line.ok]
    return ask.page("morning", look=look, rest=rest, waiting=waiting, lending=lending, papers=papers,
                    settings=settings)  # fmt: skip


def _on_this_machine(ask: Ask) -> bool:
    asker = ask.request.client
    try:
        return asker is not None and ipaddress.ip_address(asker.host).is_loopback
    except ValueError:
        return False
