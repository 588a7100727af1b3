"""What a box fetches: its own feed, and the blobs that belong to it. Another box's are not there for it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from archive.boxes import OtherBox
from archive.errors import ArchiveError, NoSuchObject
from archive.feed.hello import Hello, read_hello
from archive.feed.make import blob_named, feed_for
from archive.objects import BLOCK
from archive.portal.community.boxdoor import answer, box_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from archive.portal.community.boxdesk import BoxDesk

KIND = "application/octet-stream"
_REST = re.compile(r"bytes=(\d{1,12})-", re.ASCII)


async def feed(desk: BoxDesk, request: Request, plain: dict[str, Any]) -> Response:
    """Make the feed of the box that asks, sealed to the keys of its first contact. Raises `OtherBox`."""
    hello, box = read_hello(json.dumps(plain).encode()), box_of(request)
    if hello is None:
        raise ArchiveError("This is not how a box makes itself known.")
    if (box.seal, box.sign) != (hello.seal, hello.sign):
        say = f"The archive knows the box {box.name} with other keys than these."
        raise OtherBox(say, "Was it set up anew? Then let the archive revoke it and add it again.")
    data = await desk.run(_made, desk, box.name, hello)
    return Response(data, media_type=KIND)


def _made(desk: BoxDesk, box: str, hello: Hello) -> bytes:
    return feed_for(desk.place, box, hello)


async def blob(desk: BoxDesk, request: Request) -> Response:
    """Give one blob of this box's feed, piece by piece; to a box that holds its beginning, the rest."""
    start = held(request)

    def opened(box: str, sha256: str) -> tuple[BinaryIO, int]:
        key = blob_named(desk.place, box, sha256)
        return desk.place.objects.open(key, start), desk.place.objects.size(key)

    try:
        source, size = await desk.run(opened, box_of(request).name, str(request.path_params["sha256"]))
    except NoSuchObject as error:
        return answer(error, 404)
    return the_rest(source, start, size)


def held(request: Request) -> int:
    """Return how many bytes the box says it holds already (``Range: bytes=N-``); any other form asks for the whole."""
    asked = _REST.fullmatch(request.headers.get("range", ""))
    return int(asked[1]) if asked else 0


def the_rest(source: BinaryIO, start: int, size: int) -> Response:
    """Answer with a file of ``size`` bytes from byte ``start`` on, where ``source`` stands; closes it."""
    if start == 0:
        return streamed(source, headers={"content-length": str(size)})
    if start >= size:
        source.close()
        return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
    told = {"content-range": f"bytes {start}-{size - 1}/{size}", "content-length": str(size - start)}
    return streamed(source, 206, told)


def streamed(source: BinaryIO, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with everything ``source`` gives, a block at a time; closes it."""

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while piece := await run_in_threadpool(source.read, BLOCK):
                yield piece
        finally:
            source.close()

    return StreamingResponse(pieces(), status, headers, media_type=KIND)
