"""The archive's web app: the desk's pages, what boxes call below ``/box``, the public door, one guard before all.

Page modules stand in `MODULES`; each has ``LINKS`` for the navigation and ``routes(desk)``. A route without a
permission cannot be made (`desk.get`, `desk.post`), so adding a module is one line here, one template, one test.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from archive.errors import CatalogueTrouble
from archive.keycode import Cost
from archive.portal.app import static_routes
from archive.portal.community import (
    arranging,
    asiding,
    boxing,
    briefing,
    codes,
    coding,
    comparing,
    cueing,
    cutting,
    deposit,
    enter,
    erasing,
    finding,
    front,
    governing,
    meaning,
    medleying,
    partnerdoor,
    partnering,
    people,
    placing,
    prompting,
    review,
    story,
    telling,
    theming,
    timeline,
)
from archive.portal.community.desk import Desk, Page
from archive.portal.guard import Guard
from archive.server.place import ArchiveHome

MODULES: tuple[ModuleType, ...] = (
    front, review, finding, meaning, story, timeline, coding, codes, comparing, theming, cutting, erasing, asiding,
    cueing, placing, medleying, arranging, briefing, prompting, telling, partnering, boxing, governing, people, enter,
)  # fmt: skip
MOST_BODY = 256 * 1024
"""The longest form: a moderation policy, a set of questions."""
MOST_SOUND = 40 * 1024 * 1024
"""A form with a recording: some minutes of WAV."""
BOX = "/box"
PARTNER = "/partner"
PUBLIC = "/public"
BARE = (f"{BOX}/", f"{PARTNER}/", f"{PUBLIC}/", "/healthz")
"""Below these paths nobody gets a cookie: boxes call there, and visitors."""


def make_community(
    place: ArchiveHome,
    hosts: frozenset[str],
    cost: Cost | None = None,
    *,
    public: tuple[BaseRoute, ...] = (),
    secure: bool = False,
) -> Guard:
    """Put the pages of the archive at ``place`` together.

    ``hosts`` are the names it answers to, ``public`` the routes of the public door (below ``/public``), ``secure``
    whether it stands behind https, so that cookies travel by it alone.
    """
    desk = make_desk(place, cost)
    routes: list[BaseRoute] = [
        *pages(desk),
        *static_routes(),
        Route("/healthz", _healthz(desk), methods=["GET"]),
        Mount(BOX, deposit.box_app(place, place.clock)),
        Mount(PARTNER, partnerdoor.partner_app(place)),
        *public,
    ]
    app = Starlette(
        routes=routes, exception_handlers={404: _missing(desk), 405: _missing(desk), 500: _broken(desk)}
    )  # fmt: skip
    return Guard(app, hosts, MOST_BODY, BARE, larger={arranging.RECORDED: MOST_SOUND}, secure=secure)


def make_desk(place: ArchiveHome, cost: Cost | None = None) -> Desk:
    """What the pages share, with the navigation of every module."""
    links = tuple(link for module in MODULES for link in module.LINKS)
    return Desk(place, cost or Cost(), links)


def pages(desk: Desk) -> list[Page]:
    """Every page and action of the desk, each with its permission."""
    return [page for module in MODULES for page in module.routes(desk)]


def _healthz(desk: Desk) -> Callable[[Request], Response]:
    def answer(_: Request) -> Response:
        try:
            with desk.catalogue() as catalogue, catalogue.read() as tx:
                tx.one("SELECT 1")
        except CatalogueTrouble as error:
            return JSONResponse({"ok": False, "say": error.say}, 503)
        return JSONResponse({"ok": True})

    return answer


def _missing(desk: Desk) -> Callable[[Request, Exception], Response]:
    return lambda _, __: _plain(
        desk, 404, "There is no page here.", "The address may be mistyped, or the page is gone."
    )


def _broken(desk: Desk) -> Callable[[Request, Exception], Response]:
    say = "Something went wrong here that should not. Nothing was half changed."
    return lambda _, __: _plain(desk, 500, say, "Try again; if it stays, tell whoever keeps this archive's machine.")


def _plain(desk: Desk, status: int, say: str, do: str) -> Response:
    """A page that needs no catalogue and knows nobody."""
    html = desk.templates.get_template("community/closed.html").render(archive=desk.place.name, say=say, do=do)
    return HTMLResponse(html, status)
