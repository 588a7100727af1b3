"""Serving an archive: on this machine alone, by one process, with patience for slow lines and none for dead ones.

A proxy that speaks https stands before it where others shall reach it (docs/archive.md). No log says who looked.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from archive.errors import HomeTrouble
from archive.portal.binding import BadBinding, Binding
from archive.server.erase import sweep
from archive.server.place import ArchiveHome

DEFAULT = "127.0.0.1:8490"
HEADER_S = 20.0
"""So long the head of a request may take; who sends it a letter at a time holds a connection no longer than that."""
_CONNECTIONS = 256
_HIGHEST_PORT = 65_535


def loopback(text: str) -> Binding:
    """Check ``HOST:PORT``: an address of this machine itself. Pure; raises `BadBinding`."""
    host, _, port = text.rpartition(":")
    try:
        number = int(port) if port.isascii() and port.isdigit() else _HIGHEST_PORT + 1
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError:
        raise BadBinding(f"'{text}' is no address.", f"Write it as {DEFAULT}.") from None
    if number > _HIGHEST_PORT:
        raise BadBinding(f"'{text}' is no address.", f"Write it as {DEFAULT}.")
    if not address.is_loopback:
        say = f"{address} is not this machine itself: what people and boxes send would be unprotected on the way."
        raise BadBinding(say, f"Use {DEFAULT}, and a proxy before it that speaks https.")
    return Binding(str(address), number)


def outside_names(more: Mapping[str, Any]) -> frozenset[str]:
    """The names by which a proxy's visitors ask: ``[serve] names = [...]`` of the settings. Raises `HomeTrouble`."""
    table = more.get("serve", {})
    names = table.get("names", []) if isinstance(table, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise HomeTrouble(
            "The setting 'names' in [serve] is not of the right kind.", 'Write names = ["a.example.org"].'
        )
    return frozenset(name.lower() for name in names)


def trusted_proxies(more: Mapping[str, Any]) -> tuple[str, ...]:
    """The proxies whose word counts: ``[serve] proxies = [...]`` of the settings. Raises `HomeTrouble`.

    What they say in X-Forwarded-For is then the visitor's address, and in X-Forwarded-Proto how the visitor came; of
    anybody else, and without the setting of everybody, both are passed over. "*" is no address.
    """
    table = more.get("serve", {})
    told = table.get("proxies", []) if isinstance(table, dict) else None
    if isinstance(told, list) and all(isinstance(one, str) for one in told):
        try:
            return tuple(str(ipaddress.ip_network(one)) for one in told)
        except ValueError:
            pass
    raise HomeTrouble("The setting 'proxies' in [serve] is no list of addresses.", 'Write proxies = ["127.0.0.1"].')


def serve(
    app: ASGIApp,
    place: ArchiveHome,
    where: Binding,
    ready: Callable[[str], None],
    stop: threading.Event,
    proxies: tuple[str, ...] = (),
) -> None:
    """Serve ``app`` until ``stop`` is set; ``ready`` gets the address once it is open.

    ``proxies`` are the networks whose X-Forwarded-For is believed. Raises `BadBinding` where the address is taken.
    """
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((where.host, where.port))
        except OSError as error:
            say = f"The archive cannot be reached at {where.host}:{where.port}: {error.strerror or error}."
            do = "Is another program there already? Choose another port with --bind."
            raise BadBinding(say, do) from error
        config = uvicorn.Config(
            app, http=PatientProtocol, log_config=None, access_log=False, server_header=False,
            # Never by its own default, which an environment variable may widen to everybody.
            proxy_headers=bool(proxies), forwarded_allow_ips=list(proxies),
            lifespan="off", ws="none", timeout_keep_alive=30, timeout_graceful_shutdown=3,
            limit_concurrency=_CONNECTIONS,
        )  # fmt: skip
        server = uvicorn.Server(config)
        ended = threading.Event()
        watch = threading.Thread(target=_watch, args=(server, stop, ended), daemon=True)
        watch.start()
        sweep(place)
        # From here on whoever asks is kept waiting, not turned away.
        listening.listen(64)
        ready(where.url(listening.getsockname()[1]))
        try:
            server.run(sockets=[listening])
        finally:
            ended.set()
            watch.join()


def _watch(server: uvicorn.Server, stop: threading.Event, ended: threading.Event) -> None:
    while not ended.is_set():
        if stop.wait(0.2):
            server.should_exit = True
            return


class PatientProtocol(H11Protocol):
    """Ends a connection whose request does not get to the end of its head in `HEADER_S`."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent has it
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Take what came; wait for the rest of the head, where one has begun."""
        super().data_received(data)
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy:
            self._forget()
        elif self._head_timer is None:
            self._expect()

    def on_response_complete(self) -> None:
        """A quiet connection is the keep-alive timer's; the next head begins with its first byte."""
        self._forget()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._forget()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._head_timer = self.loop.call_later(HEADER_S, self._give_up)

    def _forget(self) -> None:
        timer, self._head_timer = self._head_timer, None
        if timer is not None:
            timer.cancel()

    def _give_up(self) -> None:
        self._head_timer = None
        with contextlib.suppress(Exception):  # it may be going by itself in this very moment
            self.transport.abort()
