"""Partner archives at the desk: who they are, what they lend, and a player; the gate is asked at each playing."""

from __future__ import annotations

from starlette.responses import Response

from archive.partners import known, taking
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get
from archive.portal.community.ranges import KIND
from archive.portal.sound import span_asked

LINKS = (Link("/partners", "Partners", Permission.EXCERPT),)


def routes(desk: Desk) -> list[Page]:
    """The pages of this module. Partners are added by `hearth archive partner add`."""
    return [
        get(desk, "/partners", Permission.EXCERPT, _list),
        get(desk, "/partners/{partner}/{story}/sound.flac", Permission.EXCERPT, _sound),
    ]


def _list(ask: Ask) -> Response:
    with ask.reading() as tx:
        every = known.partners(tx)
        lent = taking.guests(tx, ask.desk.place)
        asked = taking.texts_of(tx, "prompts")
    return ask.page("partners", partners=every, lent=lent, asked=asked)


def _sound(ask: Ask) -> Response:
    """The sound as it is lent, opened in memory for this one answer."""
    data, _ = taking.open_guest(ask.desk.place, ask.part("partner"), ask.part("story"))
    try:
        span = span_asked(ask.request.headers.get("range"), len(data))
    except ValueError:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{len(data)}"})
    if span is None:
        return Response(data, media_type=KIND, headers={"Accept-Ranges": "bytes"})
    first, last = span
    headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {first}-{last}/{len(data)}"}
    return Response(data[first : last + 1], 206, headers, KIND)
