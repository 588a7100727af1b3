"""Sending a story's sound by ranges out of the object store, the gate asked again for each piece."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from archive.objects import Objects
from archive.portal.sound import PIECE, span_asked

KIND = "audio/flac"


def sound_by_range(
    objects: Objects,
    gated_key: Callable[[], str],
    asked: str | None,
    extra: Mapping[str, str] | None = None,
    kind: str = KIND,
) -> Response:
    """Answer a request for a sound with the Range header ``asked``; at most `PIECE` bytes of it, players ask again.

    ``gated_key`` asks the gate and names the object; it is called for every piece, and what it raises ends the sound.
    """
    key = gated_key()
    size = objects.size(key)
    headers = {"Accept-Ranges": "bytes", **(extra or {})}
    try:
        span = span_asked(asked, size)
    except ValueError:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})

    def read(first: int, last: int) -> bytes:
        with objects.open(gated_key(), first, last + 1 - first) as stream:
            return stream.read()

    if span is not None:
        first, last = span[0], min(span[1], span[0] + PIECE - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return Response(read(first, last), 206, headers, kind)

    async def pieces() -> AsyncIterator[bytes]:
        for first in range(0, size, PIECE):
            yield await run_in_threadpool(read, first, min(size, first + PIECE) - 1)

    return StreamingResponse(pieces(), 200, headers | {"Content-Length": str(size)}, kind)
