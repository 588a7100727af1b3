"""What a box asks about releases: which one is offered to its ring, and the bundle of that one. No other is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from archive.errors import NoSuchObject
from archive.fleet import Release, offered, open_offered
from archive.portal.community.boxdoor import answer, box_of
from archive.portal.community.feeds import held, the_rest

if TYPE_CHECKING:
    from archive.portal.community.boxdesk import BoxDesk


async def release(desk: BoxDesk, request: Request) -> Response:
    """Name the release offered to this box, or nothing (204)."""

    def work() -> Release | None:
        with desk.place.catalogue() as catalogue:
            return offered(catalogue, box_of(request).name)

    found = await desk.run(work)
    if found is None:
        return Response(status_code=204)
    return JSONResponse({"version": found.version, "sha256": found.sha256, "size": found.size})


async def bundle(desk: BoxDesk, request: Request) -> Response:
    """Give the offered bundle, piece by piece; to a box that holds its beginning, the rest (``Range: bytes=N-``)."""
    sha256, start = str(request.path_params["sha256"]), held(request)
    try:
        source, size = await desk.run(open_offered, desk.place, box_of(request).name, sha256, start)
    except NoSuchObject as error:
        return answer(error, 404)
    return the_rest(source, start, size)
