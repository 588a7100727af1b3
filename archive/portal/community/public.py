"""The public door: pages, a feed, manifests and a harvester's door for what tellers made public, and for nothing else.

It does not exist until ``public = true`` stands in the settings. Nobody who comes is known again: no cookie, no mark
in an address, no count, nothing loaded from elsewhere. The gate is asked for each story at each request, for each
piece of sound too. Pages are kept by no browser and listed by no search engine, so that a withdrawal reaches them.

In the settings, ``[door]`` may name the ``address`` by which the outside comes here and the mail address
``contact`` that harvesters are told.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import resources
from typing import Any, Final
from urllib.parse import urlsplit

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from archive.bag import SOUND
from archive.catalogue import Tx
from archive.errors import ArchiveError, CatalogueTrouble, NoSuchObject, NoSuchStory, StoreTrouble
from archive.export import oai
from archive.export.iiif import collection, manifest
from archive.export.places import ROOT, Places
from archive.export.publishing import newest, refresh
from archive.export.rss import feed
from archive.export.telling import Telling, read_telling, read_tellings, webvtt
from archive.portal.community import publicmedley, words
from archive.portal.community.ranges import sound_by_range
from archive.portal.forms import form_of
from archive.reviewing import podcast
from archive.reviewing.podcast import mp3_key
from archive.reviewing.rendition import blanked_spans, master_key, sound_key
from archive.reviewing.words import paragraphs
from archive.server.place import ArchiveHome
from archive.types import Reader
from audio.errors import AudioError

PAGE: Final = 24
FEED: Final = 100
RENEW_S: Final = 60.0
"""How late a story that became public may appear in lists; what is public no more disappears at once."""
_CONTACT = "archive@example.org"
_FILES: Final = {
    "desk.css": "text/css",
    "public.css": "text/css",
    "public.js": "text/javascript",
    "ember.svg": "image/svg+xml",
}
# Viewers and players on other sites may fetch what is public; pages themselves stay in no frame.
_OPEN: Final = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_ROBOTS: Final = {"X-Robots-Tag": "noindex, noarchive, noai"}
_MOST_PAGES = 1_000_000
_MOST_FIELDS = 20


def routes(place: ArchiveHome) -> list[Route]:
    """Every route of the public door; none while it is switched off."""
    if not place.settings.public:
        return []
    door = _Door(place)
    here = f"{ROOT}/{{story:str}}"
    files = resources.files("archive.portal").joinpath("static")
    made = [
        Route(f"{ROOT}/static/{name}", _file(files.joinpath(name).read_bytes(), kind)) for name, kind in _FILES.items()
    ]
    made += [
        Route(f"{ROOT}/", door.shelf),
        Route(f"{ROOT}/feed.xml", door.feed),
        Route(f"{ROOT}/collection.json", door.collection),
        Route(f"{ROOT}/oai", door.oai, methods=["GET", "POST"]),
        Route(here, door.story),
        Route(f"{here}/sound.flac", door.sound),
        Route(f"{here}/sound.mp3", door.mp3),
        Route(f"{here}/captions.vtt", door.captions),
        Route(f"{here}/manifest.json", door.manifest),
    ]
    return [*made, *publicmedley.routes(place, door.answer, door.page, {**_OPEN, **_ROBOTS})]


class _Door:
    """The answers, over one archive."""

    def __init__(self, place: ArchiveHome) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._ever = False
        self._renewed = -RENEW_S
        table = place.settings.more.get("door", {})
        told = table if isinstance(table, dict) else {}
        self._address = Places.told(place.settings.more).base
        self._contact = str(told.get("contact", _CONTACT))
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("archive.portal"), autoescape=True, undefined=jinja2.StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._templates.filters |= {"clock": words.clock, "day": lambda at: words.day(at.isoformat())}

    def shelf(self, request: Request) -> Response:
        """The newest stories, a page at a time; before the first of them the medleys that stand here."""
        return self.answer(request, self._shelf)

    def story(self, request: Request) -> Response:
        """The page to listen at, with captions word by word."""
        return self.answer(request, lambda asked: self._one(asked, self._story))

    def captions(self, request: Request) -> Response:
        """The captions as WebVTT."""
        return self.answer(request, lambda asked: self._one(asked, _captions))

    def manifest(self, request: Request) -> Response:
        """The IIIF manifest."""
        return self.answer(request, lambda asked: self._one(asked, self._manifest))

    def collection(self, request: Request) -> Response:
        """The list of manifests."""
        return self.answer(request, self._collection)

    def feed(self, request: Request) -> Response:
        """The RSS feed."""
        return self.answer(request, self._feed)

    def sound(self, request: Request) -> Response:
        """The sound, by ranges."""
        return self.answer(request, self._sound)

    def mp3(self, request: Request) -> Response:
        """The sound for players that know nothing but MP3, by ranges."""
        return self.answer(request, self._mp3)

    async def oai(self, request: Request) -> Response:
        """The harvesters' door; they may also ask by form."""
        given = request.query_params.multi_items()
        if request.method == "POST":
            async with form_of(request, _MOST_FIELDS) as form:
                given = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        return await run_in_threadpool(lambda: self.answer(request, lambda asked: self._oai(asked, given)))

    def answer(self, request: Request, make: Callable[[Request], Response]) -> Response:
        """Make an answer, or a plain page for whatever is not there."""
        try:
            return make(request)
        except (NoSuchStory, NoSuchObject):
            return self._missing()
        except (CatalogueTrouble, StoreTrouble):
            return self.page("closed", 503, say="The archive cannot be reached at the moment.")
        except AudioError:
            return self.page("closed", 503, say="This cannot be heard at the moment.")
        except ArchiveError:
            return self._missing()

    def _shelf(self, request: Request) -> Response:
        tellings, page, last = self._newest(request, PAGE)
        medleys = publicmedley.listed(self._place) if page == 1 else []
        return self.page("list", 200, tellings=tellings, medleys=medleys, page=page, last=last)

    def _feed(self, request: Request) -> Response:
        tellings, page, last = self._newest(request, FEED)
        sizes: dict[str, int] = {}
        with self._place.catalogue() as catalogue, catalogue.read() as tx:
            for telling in tellings:
                if telling.voice:
                    sizes[telling.id] = self._size(tx, telling.id)
        body = feed(tellings, sizes, self._places(request), self._place.name, page=page, last=last)
        return Response(body, 200, {**_OPEN, **_ROBOTS}, "application/rss+xml; charset=utf-8")

    def _size(self, tx: Tx, story: str) -> int:
        """Bytes of the master; a rendition with blanked spans has another size, which players only plan with."""
        row = tx.one("SELECT size FROM files WHERE story = ? AND path = ?", story, SOUND)
        return int(row["size"]) if row else 0

    def _collection(self, request: Request) -> Response:
        tellings, page, last = self._newest(request, FEED)
        body = collection(tellings, self._places(request), self._place.name, page, last)
        return Response(body, 200, {**_OPEN, **_ROBOTS}, _IIIF)

    def _story(self, _: Request, telling: Telling) -> Response:
        return self.page("story", 200, one=telling, paragraphs=paragraphs(telling.passages))

    def _manifest(self, request: Request, telling: Telling) -> Response:
        body = manifest(telling, self._places(request), self._place.name)
        return Response(body, 200, {**_OPEN, **_ROBOTS}, _IIIF)

    def _sound(self, request: Request) -> Response:
        story = request.path_params["story"]
        return sound_by_range(
            self._place.objects, lambda: self._open(story)[1], request.headers.get("range"), {**_OPEN, **_ROBOTS}
        )

    def _mp3(self, request: Request) -> Response:
        story, place = request.path_params["story"], self._place

        def gated() -> str:
            master, heard = self._open(story)
            return mp3_key(place.objects, place.work, story, master, heard)

        return sound_by_range(place.objects, gated, request.headers.get("range"), {**_OPEN, **_ROBOTS}, podcast.KIND)

    def _oai(self, request: Request, given: list[tuple[str, str]]) -> Response:
        self._renew()
        with self._place.catalogue() as catalogue:
            body = oai.answer(
                catalogue, given, self._places(request), self._place.name, self._contact, self._place.now()
            )
        return Response(body, 200, {**_OPEN, **_ROBOTS}, "text/xml; charset=utf-8")

    def _open(self, story: str) -> tuple[str, str]:
        """Ask the gate, and name the master and the object that everybody may hear now. Raises `NoSuchStory`."""
        with self._place.catalogue() as catalogue, catalogue.read() as tx:
            telling = read_tellings(tx, [story], Reader.PUBLISH, self._place.now(), words=False).get(story)
            if telling is None or not telling.voice:
                raise NoSuchStory("There is nothing to hear here.")
            master, spans = master_key(tx, story), blanked_spans(tx, story)
        return master, sound_key(self._place.objects, self._place.work, story, master, spans)

    def _one(self, request: Request, make: Callable[[Request, Telling], Response]) -> Response:
        with self._place.catalogue() as catalogue, catalogue.read() as tx:
            telling = read_telling(tx, request.path_params["story"], Reader.PUBLISH, self._place.now())
        if telling is None:
            raise NoSuchStory("There is no such story here.")
        return make(request, telling)

    def _newest(self, request: Request, size: int) -> tuple[list[Telling], int, int]:
        """Read one page of stories, each asked about; returns them, the page and the number of pages."""
        self._renew()
        asked = request.query_params.get("page", "1")
        told = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= len(str(_MOST_PAGES)) else 1
        page = told if 0 < told < _MOST_PAGES else 1
        with self._place.catalogue() as catalogue, catalogue.read() as tx:
            stories, last = newest(tx, page, size)
            tellings = read_tellings(tx, stories, Reader.PUBLISH, self._place.now(), words=False)
        return list(tellings.values()), min(page, last), last

    def _renew(self) -> None:
        """Bring the list up to date if it is old: the first visitor waits for it, later ones do not."""
        if self._place.clock.monotonic() - self._renewed < RENEW_S or not self._lock.acquire(blocking=False):
            return
        if self._ever:
            threading.Thread(target=self._bring_up_to_date, daemon=True).start()
        else:
            self._bring_up_to_date()
            self._ever = True

    def _bring_up_to_date(self) -> None:
        try:
            with self._place.catalogue() as catalogue:
                refresh(catalogue, self._place.now())
            self._renewed = self._place.clock.monotonic()
        finally:
            self._lock.release()

    def _places(self, request: Request) -> Places:
        if self._address:
            return Places(self._address)
        split = urlsplit(str(request.base_url))
        return Places(f"{split.scheme}://{split.netloc}")

    def page(self, name: str, status: int, **values: Any) -> Response:
        """Fill one of the door's templates."""
        html = self._templates.get_template(f"public/{name}.html").render(
            archive=self._place.name, places=Places(), **values
        )
        return HTMLResponse(html, status, _ROBOTS)

    def _missing(self) -> Response:
        return self.page("closed", 404, say="There is no such story here, or its teller took it back.")


_IIIF = 'application/ld+json;profile="http://iiif.io/api/presentation/3/context.json"'


def _captions(_: Request, telling: Telling) -> Response:
    return Response(webvtt(telling), 200, {**_OPEN, **_ROBOTS}, "text/vtt; charset=utf-8")


def _file(content: bytes, kind: str) -> Callable[[Request], Response]:
    return lambda _: Response(content, media_type=kind)
