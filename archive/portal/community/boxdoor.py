"""The door for boxes: no credential, no answer. It is asked before anything of a request's body is even received.

A person's session opens nothing here, and a box's credential nothing elsewhere. Everything below the door knows which
box it speaks to, and speaks of that box's own things alone.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from archive.boxes import Box, box_with
from archive.errors import ArchiveError
from archive.server.place import ArchiveHome

MARK = "Hearth-Archive"
"""Every answer carries this header: by it a box tells the archive from a network's sign-in page."""
_LONGEST_CREDENTIAL = 200
_HEARD_OUT, _HEARD_OUT_S = 1 << 16, 1.0
"""Bytes and seconds of an unwanted request that are let in, unseen."""


class BoxDoor:
    """ASGI middleware around what boxes may call; puts the box into the request's state as ``box``."""

    def __init__(self, app: ASGIApp, place: ArchiveHome) -> None:
        """Ask the catalogue of ``place``."""
        self._app = app
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or let the request through."""
        if scope["type"] != "http":
            return

        async def out(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[MARK] = "1"
                headers["Cache-Control"] = "no-store"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        try:
            box = await run_in_threadpool(self._box, Headers(scope=scope).get("authorization", ""))
        except ArchiveError as error:
            await answer(error, 503)(scope, receive, out)
            return
        if box is None:
            refused = answer(ArchiveError("The archive does not know this credential, or has revoked it."), 401)
            refused.headers["WWW-Authenticate"] = "Bearer"
            refused.headers["Connection"] = "close"
            await _refuse(refused, receive, out)
            return
        scope.setdefault("state", {})["box"] = box
        await self._app(scope, receive, out)

    def _box(self, line: str) -> Box | None:
        kind, _, credential = line.partition(" ")
        if kind.lower() != "bearer" or len(credential) > _LONGEST_CREDENTIAL:
            return None
        with self._place.catalogue() as catalogue:
            return box_with(catalogue, credential.strip())


async def _refuse(refused: Response, receive: Receive, send: Send) -> None:
    """Answer at once; what was on its way already is dropped before the line closes.

    A line closed upon unread bytes is reset, and the answer may be lost with it.
    """
    await send({"type": "http.response.start", "status": refused.status_code, "headers": refused.raw_headers})
    await send({"type": "http.response.body", "body": bytes(refused.body), "more_body": True})
    dropped = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_HEARD_OUT_S):
            while dropped <= _HEARD_OUT:
                message = await receive()
                dropped += len(message.get("body", b""))
                if not message.get("more_body", False):
                    break
    await send({"type": "http.response.body", "body": b""})


def answer(error: ArchiveError, status: int) -> JSONResponse:
    """Say what went wrong, for a program that tells a librarian."""
    return JSONResponse({"error": {"code": error.code, "say": error.say, "do": error.do}}, status)


def box_of(request: Request) -> Box:
    """The box that asks."""
    box = request.state.box
    assert isinstance(box, Box)
    return box


def unknown(_: Request, __: Exception) -> Response:
    """Answer for every path and method there is none for."""
    return answer(ArchiveError("There is nothing here for a box."), 404)
