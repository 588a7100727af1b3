"""A facilitator's phone as the box's remote: pairing, one page of calm buttons, and the box's state as it changes.

A press becomes a row the box reads within a frame; what the box is doing comes back as a row and goes to the phone as
a server-sent event. The box never waits for a phone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from archive.desk import cue_sheet
from archive.phones import (
    CUES,
    SETTING_UP,
    Face,
    ask_for_digits,
    is_phone,
    pair,
    press,
    read_face,
    unpair,
)
from archive.portal.desk import Ask, Desk, get, go, post, with_phone
from archive.store import Store

LOOK_S = 0.04
"""How often the stream looks whether the box has changed: a question of microseconds to the database."""
AGAIN_S = 5.0
"""The state is sent at least so often: time goes by, and a phone that is gone is noticed."""


def routes(desk: Desk) -> list[Route]:
    """Every address of the remote."""

    async def events(request: Request) -> Response:
        return await _events(desk, request)

    return [
        get(desk, "/remote", show),
        post(desk, "/remote/digits", digits, "/remote"),
        post(desk, "/remote/pair", take, "/remote"),
        post(desk, "/remote/press", push, "/remote"),
        post(desk, "/remote/leave", leave, "/remote"),
        Route("/remote/events", events, methods=["GET"]),
    ]


def show(ask: Ask) -> Response:
    """The remote of a paired phone, else how to pair one."""
    with ask.desk.store() as store:
        paired, face = is_phone(store, ask.phone), read_face(store)
        if paired and face is not None and face.state == SETTING_UP:
            return go("/remote/setup")
        if not paired or face is None:
            return ask.page("pair", asked="asked" in ask.request.query_params, was_paired=bool(ask.phone) and paired)
        titles = {f"cue{number}": cue.title for number, cue in cue_sheet(store).cues.items()}
        told = state_json(face, store)
    return ask.page("remote", face=told, titles=titles, cues=[cue for cue in CUES if cue in titles],
                    morning=ask.desk.health is not None)  # fmt: skip


def digits(ask: Ask) -> Response:
    """Ask the box to show digits."""
    with ask.desk.store() as store:
        ask_for_digits(store)
    return go("/remote?asked")


def take(ask: Ask) -> Response:
    """Pair this phone."""
    with ask.desk.store() as store:
        return with_phone(go("/remote"), pair(store, ask.form.get("digits", "")))


def push(ask: Ask) -> Response:
    """Press for this phone; answers the number of the command, for a script, or leads back to the page."""
    with ask.desk.store() as store:
        if not is_phone(store, ask.phone):
            return _gone(ask)
        number = press(store, ask.form.get("press", ""))
    return JSONResponse({"pressed": number}) if _script(ask.request) else go("/remote")


def leave(ask: Ask) -> Response:
    """Let this phone go."""
    with ask.desk.store() as store:
        unpair(store, ask.phone)
    return with_phone(go("/remote"), "")


def state_json(face: Face, store: Store) -> dict[str, Any]:
    """What a phone is told, as plain data: the face, and seconds left by now."""
    left = face.left(store.clock.monotonic())
    told = asdict(face) | {"left": None if left is None else round(left)}
    del told["limit_at"], told["paused_at"]
    return told | {"paused": face.paused_at is not None}


async def _events(desk: Desk, request: Request) -> Response:
    phone = str(request.state.phone)

    def allowed() -> bool:
        with desk.store() as store:
            return is_phone(store, phone)

    if not await run_in_threadpool(allowed):
        return Response(status_code=403)
    return StreamingResponse(_stream(desk, phone, request), media_type="text/event-stream")


async def _stream(desk: Desk, phone: str, request: Request) -> AsyncIterator[str]:
    """Send the state whenever it changed. The connection lives in the loop's own thread."""
    with desk.store() as store:
        version, sent, due = -1, "", 0.0
        while not (desk.ending.is_set() or await request.is_disconnected()):
            now, seen = desk.clock.monotonic(), store.version()
            if seen != version or now >= due:
                version = seen
                face = read_face(store) if is_phone(store, phone) else None
                if face is None:
                    yield "event: ended\ndata: {}\n\n"
                    return
                told = json.dumps(state_json(face, store))
                if told != sent or now >= due:
                    sent, due = told, now + AGAIN_S
                    yield f"data: {told}\n\n"
            await asyncio.sleep(LOOK_S)


def _gone(ask: Ask) -> Response:
    if _script(ask.request):
        return JSONResponse({"error": {"say": ask.texts.get("pair.gone")}}, 403)
    return go("/remote")


def _script(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")
