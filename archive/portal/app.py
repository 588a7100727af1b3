"""The web app of the box, and how it is served: no logs of who looked, no word to anyone about what serves it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from importlib import resources
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from archive.home import Home
from archive.keycode import Cost
from archive.phones import digits_open, phone_paired
from archive.portal import lending, morning, remote, setup, stewarding, teller
from archive.portal.binding import Binding
from archive.portal.desk import LANGUAGE_COOKIE, Ask, Desk, Health, get, go, make_desk
from archive.portal.guard import Guard, cookie_line
from archive.portal.texts import LANGUAGES
from archive.store import Store
from audio.clock import Clock

_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_LOOK_S = 5.0


def make_app(
    home: Home,
    clock: Clock,
    hosts: frozenset[str],
    cost: Cost | None = None,
    ending: threading.Event | None = None,
    health: Health | None = None,
    set_up: setup.SetUp | None = None,
    lend: lending.Lending | None = None,
) -> Guard:
    """Put the pages of ``home`` together. ``hosts`` are the names it answers to; ``ending`` closes open streams.

    With ``health`` there is a morning page for stewards, with ``set_up`` a page of settings while the box is not live,
    and at any time one of papers to print; with ``lend`` a page for a box that is lent.

    Raises `BadPageText`.
    """
    desk = make_desk(home, clock, cost, ending, health)
    routes = [
        get(desk, "/", _welcome),
        get(desk, "/language/{code}", _language),
        *static_routes(),
        *teller.routes(desk),
        *remote.routes(desk),
        *morning.routes(desk, lend.offered if lend is not None else lambda: False, papers=set_up is not None),
        *stewarding.routes(desk),
        *([] if lend is None else lending.routes(desk, lend)),
        *([] if set_up is None else setup.routes(desk, set_up)),
    ]
    return Guard(Starlette(routes=routes, exception_handlers={404: _missing(desk), 405: _missing(desk)}), hosts)


def serve(
    home: Home,
    clock: Clock,
    where: Binding,
    ready: Callable[[str], None],
    stop: threading.Event | None = None,
    health: Health | None = None,
    set_up: setup.SetUp | None = None,
    lend: lending.Lending | None = None,
) -> None:
    """Serve until told to stop; on the access point only as long as that is open, or a phone is paired or being paired.

    ``ready`` gets the address once it is open. Raises `BadBinding` where the address is taken.
    """
    ending = threading.Event()
    app = make_app(home, clock, where.hosts, ending=ending, health=health, set_up=set_up, lend=lend)
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        where.listen(listening)
        server = _Server(
            uvicorn.Config(
                app, log_config=None, access_log=False, server_header=False, lifespan="off", ws="none",
                proxy_headers=False, timeout_keep_alive=20, timeout_graceful_shutdown=1, limit_concurrency=64,
            ),
            ending,
        )  # fmt: skip
        watch = threading.Thread(target=_watch, args=(server, home, clock, where, stop, ending), daemon=True)
        watch.start()
        # From here on whoever asks is kept waiting, not turned away.
        listening.listen(64)
        ready(where.url(listening.getsockname()[1]))
        try:
            server.run(sockets=[listening])
        finally:
            ending.set()
            watch.join()


class _Server(uvicorn.Server):
    """Closes open streams first: else they would hold the end up."""

    def __init__(self, config: uvicorn.Config, ending: threading.Event) -> None:
        super().__init__(config)
        self._ending = ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.leave()
        super().handle_exit(sig, frame)

    def leave(self) -> None:
        self._ending.set()
        self.should_exit = True


def _watch(
    server: _Server,
    home: Home,
    clock: Clock,
    where: Binding,
    stop: threading.Event | None,
    ending: threading.Event,
) -> None:
    """End the serving when told to, or when no phone is there any more."""
    quick, passed = 0.05, 0.0
    while not ending.wait(quick if stop is not None else _LOOK_S):
        if stop is not None and stop.is_set():
            server.leave()
        passed += quick if stop is not None else _LOOK_S
        if where.access_point and passed >= _LOOK_S:
            passed = 0.0
            if where.stands is not None:
                if not where.stands():
                    server.leave()
                continue
            with Store(home, clock) as store:
                if not (phone_paired(store) or digits_open(store)):
                    server.leave()


def _welcome(ask: Ask) -> Response:
    return ask.page("welcome", morning=morning.may_look(ask))


def _language(ask: Ask) -> Response:
    answer = go("/")
    code = ask.request.path_params["code"]
    if code in LANGUAGES:
        answer.headers.append("set-cookie", cookie_line(LANGUAGE_COOKIE, code))
    return answer


def static_routes() -> list[Route]:
    """Our own few files, read once; no folder is open."""
    folder = resources.files("archive.portal").joinpath("static")
    routes = []
    for file in folder.iterdir():
        kind = _KINDS.get(file.name.rpartition(".")[2])
        if kind is not None:
            routes.append(Route(f"/static/{file.name}", _file(file.read_bytes(), kind), methods=["GET"]))
    return routes


def _file(content: bytes, kind: str) -> Callable[[Request], Response]:
    def endpoint(_: Request) -> Response:
        return Response(content, media_type=kind)

    return endpoint


def _missing(desk: Desk) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, _: Exception) -> Response:
        ask = Ask(desk, request, {})
        return ask.page("message", 404, say=ask.texts.get("message.missing"), do="", back="/")

    return answer
