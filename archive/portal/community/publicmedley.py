"""Medleys at the public door: what a person put there, as everybody may hear it at this moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from archive.export.places import ROOT
from archive.patterns.medleys import BadMedley, Medley, Purpose, heard_now, medley_of, medleys
from archive.patterns.rendering import Rendition, recipe_now, rendition_of
from archive.portal.community.ranges import sound_by_range
from archive.server.place import ArchiveHome
from archive.vtt import SpokenCue, read_vtt

Answer = Callable[[Request, Callable[[Request], Response]], Response]
Show = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class Part:
    """A voice or a bridge: ``credit`` is empty for a bridge, ``begins`` is ms of the medley, -1 for a bridge."""

    credit: str
    begins: int
    cues: list[SpokenCue]


def routes(place: ArchiveHome, answer: Answer, page: Show, headers: dict[str, str]) -> list[Route]:
    """The routes; ``answer`` turns refusals into the door's own page, ``page`` fills its templates."""

    def one(request: Request) -> Response:
        def told(asked: Request) -> Response:
            made = public_rendition(place, _ident(asked))
            return page("medley", 200, one=made, parts=parts_of(made))

        return answer(request, told)

    def captions(request: Request) -> Response:
        def told(asked: Request) -> Response:
            made = public_rendition(place, _ident(asked))
            return Response(made.captions, 200, headers, "text/vtt; charset=utf-8")

        return answer(request, told)

    def sound(request: Request) -> Response:
        return answer(request, lambda asked: _sound(place, asked, headers))

    here = f"{ROOT}/medley/{{medley:str}}"
    return [Route(here, one), Route(f"{here}/sound.flac", sound), Route(f"{here}/captions.vtt", captions)]


def parts_of(made: Rendition) -> list[Part]:
    """The words of a medley in the order heard: each voice with its credit, each bridge with none. Pure."""
    parts: list[Part] = []
    for cue in read_vtt(made.captions):
        middle = (cue.start + cue.end) // 2
        voice = next((one for one in made.voices if one.start <= middle < one.end), None)
        credit, begins = (voice.credit, voice.start) if voice else ("", -1)
        if not parts or parts[-1].begins != begins:
            parts.append(Part(credit, begins, []))
        parts[-1].cues.append(cue)
    return parts


def public_rendition(place: ArchiveHome, medley: str) -> Rendition:
    """Return a medley that stands at the public door. Raises `BadMedley` for any other, and where no voice is left."""
    with place.catalogue() as catalogue, catalogue.read() as tx:
        if not medley_of(tx, medley).public:
            raise BadMedley("There is no such medley here.")
    return rendition_of(place, medley, Purpose.PUBLIC)


def listed(place: ArchiveHome) -> list[Medley]:
    """The medleys a person put at the public door, the newest first, of which everybody may hear a voice now."""
    now = place.now()
    with place.catalogue() as catalogue, catalogue.read() as tx:
        return [one for one in medleys(tx) if one.public and heard_now(tx, one, Purpose.PUBLIC, now)]


def _sound(place: ArchiveHome, request: Request, headers: dict[str, str]) -> Response:
    ident = _ident(request)
    made = public_rendition(place, ident)

    def gated() -> str:
        if recipe_now(place, ident, Purpose.PUBLIC) != made.recipe:
            raise BadMedley("This medley has changed.")
        return made.key

    return sound_by_range(place.objects, gated, request.headers.get("range"), headers)


def _ident(request: Request) -> str:
    found: Any = request.path_params["medley"]
    return str(found)
