"""What a box may do at the archive: say how it is, leave withdrawals and bags, fetch its receipts and its own feed.

Uploads speak the core of the tus protocol 1.0 with creation; any tus client can bring one. `tussi` speaks it
too, and was tried: it holds each piece in memory and writes it when all of it came, so that a line that breaks loses
the whole piece, and its uploads belong to nobody. Here every byte that came is kept, and an upload is its box's own.
There is no way to delete and none to read what came in: not for a box.
"""

from __future__ import annotations

import binascii
import errno
import json
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from archive.boxes import Box, OtherBox, greet, note_handed
from archive.errors import (
    ArchiveError,
    BadBag,
    CatalogueTrouble,
    Conflict,
    NoKey,
    Refused,
    StoreTrouble,
    TakenBack,
)
from archive.feed.hello import read_hello
from archive.portal.community import feeds, fleet
from archive.portal.community.boxdesk import BoxDesk
from archive.portal.community.boxdoor import BoxDoor, answer, box_of, unknown
from archive.portal.community.turns import Busy, Turn
from archive.server import custody
from archive.server.deposits import accept
from archive.server.place import ArchiveHome
from archive.server.uploads import Appending, NoRoom, TooLarge, TooMany, Upload
from archive.tombstones import read_tombstone, signed_part
from audio.clock import Clock

VERSION = {"Tus-Resumable": "1.0.0"}
_MOST_BODY = 16_384
_MOST_METADATA = 2048
_PATCH_KIND = "application/offset+octet-stream"


class NoUpload(ArchiveError):
    """This upload is not here, or another box's."""

    code = "no-upload"


class AlteredOnTheWay(ArchiveError):
    """What arrived is not what was sent; it was removed, to be sent again."""

    code = "altered-on-the-way"


_STATUS: Mapping[type[ArchiveError], int] = {
    OtherBox: 403, Refused: 403, NoUpload: 404, Conflict: 409, TakenBack: 410, TooLarge: 413, BadBag: 422, Busy: 423,
    TooMany: 429, AlteredOnTheWay: 460, CatalogueTrouble: 503, NoKey: 503, StoreTrouble: 503, NoRoom: 507,
}  # fmt: skip

Handler = Callable[[BoxDesk, Request], Awaitable[Response]]


def box_app(place: ArchiveHome, clock: Clock) -> BoxDoor:
    """Everything boxes may call, behind their door; mounted at ``/box``."""
    desk = BoxDesk(place, clock)
    routes = [
        _route(desk, "/pulse", "POST", pulse),
        _route(desk, "/tombstones", "GET", stones),
        _route(desk, "/tombstones", "POST", take_back),
        _route(desk, "/held", "GET", held),
        _route(desk, "/receipts/{story}", "GET", receipt),
        _route(desk, "/uploads", "OPTIONS", abilities),
        _route(desk, "/uploads", "POST", create),
        _route(desk, "/uploads/{name}", "HEAD", offset),
        _route(desk, "/uploads/{name}", "PATCH", append),
        _route(desk, "/deposits", "POST", deposit),
        _route(desk, "/feed", "POST", feed),
        _route(desk, "/feed/blobs/{sha256}", "GET", feeds.blob),
        _route(desk, "/release", "GET", fleet.release),
        _route(desk, "/release/{sha256}", "GET", fleet.bundle),
    ]
    return BoxDoor(Starlette(routes=routes, exception_handlers={404: unknown, 405: unknown}), place)


def _route(desk: BoxDesk, path: str, method: str, handler: Handler) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(desk, request)
        except ArchiveError as error:
            status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
            return answer(error, status)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                return answer(NoRoom("The archive's disk is full.", "The story stays on the box."), 507)
            raise

    route = Route(path, endpoint, methods=[method], name=f"{method} {path}")
    # A way to look is not a way to look twice: what is not named here is not answered.
    route.methods = {method}
    return route


async def pulse(desk: BoxDesk, request: Request) -> Response:
    """Take a box's keys and how its machine is; answer with the archive's own keys and the time here."""
    plain = await _plain(request)
    hello = read_hello(json.dumps(plain.get("hello")).encode())
    if hello is None:
        raise ArchiveError("This is not how a box makes itself known.")
    now, told = desk.clock.wall(), plain.get("pulse")

    def work() -> None:
        with desk.place.catalogue() as catalogue:
            greet(catalogue, box_of(request), hello.seal, hello.sign, told if isinstance(told, dict) else {}, now)

    await desk.run(work)
    return JSONResponse({"box": box_of(request).name, "time": now.isoformat(), "key": desk.place.public_key.to_json()})


async def stones(desk: BoxDesk, request: Request) -> Response:
    """Every withdrawal the archive knows, and this box's recalls: identifiers and times."""
    found = await desk.run(custody.tombstones, desk.place, box_of(request).name)
    return JSONResponse({"tombstones": [stone.to_json() for stone in found]})


async def take_back(desk: BoxDesk, request: Request) -> Response:
    """Carry out a withdrawal or recall of a story that came from this box, signed by this box."""
    plain = await _plain(request)
    stone = read_tombstone(json.dumps(plain.get("tombstone")).encode())
    if stone is None:
        raise ArchiveError("This is not a tombstone.")
    if not _signed(box_of(request), signed_part(stone), str(plain.get("signature", ""))):
        raise Refused("Only the box a story came from can take it back: this is not its signature.")
    await desk.run(custody.take_back, desk.place, box_of(request).name, stone)
    await desk.run(desk.uploads.remove_story, stone.story)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _signed(box: Box, message: bytes, signature: str) -> bool:
    if box.sign is None:
        return False
    try:
        VerifyKey(box.sign).verify(message, bytes.fromhex(signature))
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True


async def held(desk: BoxDesk, request: Request) -> Response:
    """Name the stories of this box that are kept here, so that it sends again what is not; 304 when nothing changed."""
    ids, tag = await desk.run(custody.held, desk.place, box_of(request).name)
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    return JSONResponse({"stories": ids}, headers={"ETag": tag})


async def receipt(desk: BoxDesk, request: Request) -> Response:
    """The receipt for a story of this box, as it was signed."""
    found = await desk.run(custody.receipt, desk.place, box_of(request).name, request.path_params["story"])
    if found is None:
        return answer(ArchiveError("There is no receipt for this."), 404)
    return JSONResponse({"receipt": found.to_json()})


async def feed(desk: BoxDesk, request: Request) -> Response:
    """The feed of this box, sealed to its own key."""
    return await feeds.feed(desk, request, await _plain(request))


async def abilities(desk: BoxDesk, _: Request) -> Response:
    """Say what this server can do, as tus asks for it."""
    told = {"Tus-Version": "1.0.0", "Tus-Extension": "creation", "Tus-Max-Size": str(desk.uploads.most)}
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={**VERSION, **told})


async def create(desk: BoxDesk, request: Request) -> Response:
    """Begin an upload, or name the one that was begun for the same bytes."""
    length = request.headers.get("upload-length", "")
    facts = _metadata(request.headers.get("upload-metadata", ""))
    if not _number(length):
        raise BadBag("It is not said how large the upload will be.")
    story, box = facts.get("story", ""), box_of(request).name
    # Judged before: sending it all again would end the same way.
    await desk.run(custody.refuse_early, desk.place, story, facts.get("bag", ""))
    upload = await desk.run(desk.uploads.create, box, int(length), facts.get("content", ""), story)
    where = f"{request.url.path.rstrip('/')}/{upload.name}"
    return Response(status_code=HTTPStatus.CREATED, headers={**VERSION, "Location": where})


async def offset(desk: BoxDesk, request: Request) -> Response:
    """Say how much of an upload has arrived."""
    upload = _upload(desk, request.path_params["name"], box_of(request))
    return Response(status_code=HTTPStatus.OK, headers=_progress(desk, upload))


async def append(desk: BoxDesk, request: Request) -> Response:
    """Add what comes to the end of an upload. What came before a break stays."""
    upload = _upload(desk, request.path_params["name"], box_of(request))
    at = request.headers.get("upload-offset", "")
    if request.headers.get("content-type", "").lower() != _PATCH_KIND or not _number(at):
        return answer(ArchiveError("This is not a piece of an upload."), 415)
    try:
        async with desk.turns.take(upload.name) as turn:
            if int(at) != desk.uploads.arrived(upload):
                headers = _progress(desk, upload)
                return Response(status_code=HTTPStatus.CONFLICT, headers=headers)
            if not await _receive(desk, request, upload, turn, upload.size - int(at)):
                return answer(TooLarge("More came than was announced."), 413)
    except (TimeoutError, ClientDisconnect):
        return answer(Busy("The line went dead."), 408)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=_progress(desk, upload))


async def _receive(desk: BoxDesk, request: Request, upload: Upload, turn: Turn, room: int) -> bool:
    """Write what comes, up to ``room`` bytes; False where more came."""
    announced = request.headers.get("content-length", "0")
    if not _number(announced) or int(announced) > room:
        return False
    out = Appending(desk.uploads.path(upload))
    closed = False
    try:
        async for part in request.stream():
            turn.heard()
            room -= len(part)
            if room < 0:
                return False
            # Straight into the system's memory: quick, and no thread that could still write when the turn is over.
            out.write(part)
        closed = True
        await desk.run(out.close)
    finally:
        if not closed:
            out.close()
    return True


async def deposit(desk: BoxDesk, request: Request) -> Response:
    """Look at an upload in full and sign for it; the same again is signed for as before."""
    plain = await _plain(request)
    box = box_of(request)
    upload = _upload(desk, str(plain.get("upload", "")), box)
    async with desk.turns.take(upload.name) as turn:
        # Checking takes as long as it takes, and so does waiting until it begins: neither is a silence of the box's.
        turn.working()
        async with desk.checking:
            signed = await desk.run(_check, desk, upload)
    return JSONResponse({"receipt": signed})


def _check(desk: BoxDesk, upload: Upload) -> dict[str, Any]:
    if desk.uploads.arrived(upload) < upload.size:
        raise Busy("This upload is not complete yet.", "Send the rest first.")
    if not desk.uploads.whole(upload):
        desk.uploads.remove(upload)
        raise AlteredOnTheWay("What arrived is not what was sent.", "The box sends it again.")
    try:
        signed = accept(desk.place, desk.uploads.path(upload), upload.box)
    except BadBag:
        # Judged: coming again with the very same bytes would end the same way.
        desk.uploads.remove(upload)
        raise
    desk.uploads.remove(upload)
    with desk.place.catalogue() as catalogue:
        note_handed(catalogue, upload.box, desk.clock.wall())
    return signed.to_json()


def _upload(desk: BoxDesk, name: str, box: Box) -> Upload:
    found = desk.uploads.find(box.name, name)
    if found is None:
        raise NoUpload("There is no such upload of this box.")
    return found


def _progress(desk: BoxDesk, upload: Upload) -> dict[str, str]:
    told = {"Upload-Offset": str(desk.uploads.arrived(upload)), "Upload-Length": str(upload.size)}
    return {**VERSION, **told, "Cache-Control": "no-store"}


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15  # noqa: PLR2004 - more bytes than any disk has


def _metadata(line: str) -> dict[str, str]:
    """Read tus metadata: ``name base64, name base64``; what is not that is left out."""
    found = {}
    for pair in line[:_MOST_METADATA].split(","):
        name, _, value = pair.strip().partition(" ")
        try:
            found[name] = b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found


async def _plain(request: Request) -> dict[str, Any]:
    """Read a small JSON object from the body. Raises `ArchiveError` for anything else."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > _MOST_BODY:
            raise TooLarge("This is more than a box has to say.")
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):
        plain = None
    if not isinstance(plain, dict):
        raise ArchiveError("This cannot be read.")
    return plain
