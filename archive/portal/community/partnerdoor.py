"""The door for partner archives: no credential, no answer; behind it is what that partner is lent."""

from __future__ import annotations

import base64
import json
from typing import Any, BinaryIO

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from archive.errors import ArchiveError, CatalogueTrouble, NoSuchObject, StoreTrouble
from archive.partners.giving import blob_for, bundle_for
from archive.partners.known import Partner, partner_with
from archive.portal.community.boxdoor import MARK, answer
from archive.portal.community.feeds import held, the_rest
from archive.server.place import ArchiveHome

_HEADERS = {MARK: "1", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_MOST_BODY = 256 * 1024
_MOST_VOLUMES = 4096


def partner_app(place: ArchiveHome) -> Starlette:
    """Everything below ``/partner``."""

    def known(request: Request) -> Partner | None:
        kind, _, credential = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        with place.catalogue() as catalogue, catalogue.read() as tx:
            return partner_with(tx, credential.strip()[:200])

    async def feed(request: Request) -> Response:
        partner = await run_in_threadpool(known, request)
        if partner is None:
            return _refused()
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _MOST_BODY:
                return _marked(answer(ArchiveError("This is too much."), 413))
        try:
            applied = _applied(json.loads(body))
            made = await run_in_threadpool(bundle_for, place, partner, applied)
        except (ValueError, TypeError, AttributeError, RecursionError):
            return _marked(answer(ArchiveError("This is not how a partner asks."), 400))
        except ArchiveError as error:
            return _marked(answer(error, 503))
        told = {"feeds": [base64.b64encode(one).decode() for one in made]}
        return Response(json.dumps(told), media_type="application/json", headers=_HEADERS)

    async def blob(request: Request) -> Response:
        partner = await run_in_threadpool(known, request)
        if partner is None:
            return _refused()
        start = held(request)

        def opened() -> tuple[BinaryIO, int]:
            key = blob_for(place, partner, str(request.path_params["sha256"]))
            return place.objects.open(key, start), place.objects.size(key)

        try:
            source, size = await run_in_threadpool(opened)
        except NoSuchObject as error:
            return _marked(answer(error, 404))
        except (StoreTrouble, CatalogueTrouble) as error:
            return _marked(answer(error, 503))
        except ArchiveError as error:
            return _marked(answer(error, 403))
        return _marked(the_rest(source, start, size))

    def unknown(_: Request, __: Exception) -> Response:
        return _marked(answer(ArchiveError("There is nothing here for a partner."), 404))

    routes = [Route("/feed", feed, methods=["POST"]), Route("/blob/{sha256}", blob, methods=["GET"])]
    return Starlette(routes=routes, exception_handlers={404: unknown, 405: unknown})


def _applied(plain: Any) -> dict[int, int]:
    told = plain["applied"].items()
    found = {int(volume): int(sequence) for volume, sequence in told}
    if len(found) > _MOST_VOLUMES or any(not 0 <= one < 1 << 53 for pair in found.items() for one in pair):
        raise ValueError
    return found


def _refused() -> Response:
    refused = answer(ArchiveError("This archive does not know this credential, or has revoked it."), 401)
    refused.headers["WWW-Authenticate"] = "Bearer"
    refused.headers["Connection"] = "close"
    return _marked(refused)


def _marked(made: Response) -> Response:
    made.headers.update(_HEADERS)
    return made
