"""What every page is made with: the store of this request, the words of this browser, the templates."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from archive.errors import ArchiveError, NoSuchStory, Refused, TooManyTries, WrongCode
from archive.home import Home
from archive.keycode import Cost
from archive.portal.forms import form_of
from archive.portal.guard import COOKIE, PHONE_COOKIE, cookie_line, form_is_ours, form_token
from archive.portal.texts import LANGUAGES, Texts, load
from archive.portal.visits import Seat, Visits
from archive.store import Store
from audio.clock import Clock
from audio.errors import AudioError

LANGUAGE_COOKIE = "hearth_language"
_MOST_FIELDS = 40
_STATUS: Mapping[type[ArchiveError], int] = {Refused: 403, WrongCode: 403, NoSuchStory: 404, TooManyTries: 429}


class Line(Protocol):
    """One line of a check-up, as `hardware.findings.Finding` has it."""

    @property
    def ok(self) -> bool:
        """Whether all is well with it."""
        ...

    @property
    def say(self) -> str:
        """What is so."""
        ...

    @property
    def do(self) -> str:
        """What to do; empty where nothing is to be done."""
        ...


Health = Callable[[Store], Sequence[Line]]
"""Checks the box; given by whoever serves the pages, because this package knows nothing of the machine."""


@dataclass(frozen=True)
class Desk:
    """What the pages of one box share."""

    home: Home
    clock: Clock
    cost: Cost | None
    texts: Mapping[str, Texts]
    visits: Visits
    templates: jinja2.Environment
    ending: threading.Event
    """Set when the serving ends: open streams close."""
    health: Health | None = None

    def store(self) -> Store:
        """Open the store for this thread; use it as a context."""
        return Store(self.home, self.clock, self.cost)


def make_desk(
    home: Home,
    clock: Clock,
    cost: Cost | None = None,
    ending: threading.Event | None = None,
    health: Health | None = None,
) -> Desk:
    """Read words and templates. Raises `BadPageText`."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("archive.portal"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    words = {language: load(language, home.texts) for language in LANGUAGES}
    return Desk(home, clock, cost, words, Visits(clock), templates, ending or threading.Event(), health)


@dataclass(frozen=True)
class Ask:
    """One request, its form read and checked."""

    desk: Desk
    request: Request
    form: Mapping[str, str]

    @property
    def token(self) -> str:
        """This browser's token."""
        return str(self.request.state.token)

    @property
    def phone(self) -> str:
        """The token of a paired phone, or nothing."""
        return str(self.request.state.phone)

    @property
    def seat(self) -> Seat | None:
        """The story this browser has open."""
        return self.desk.visits.get(self.token)

    @property
    def texts(self) -> Texts:
        """The words this browser asks for: its own choice, else what it prefers, else English."""
        chosen = self.request.cookies.get(LANGUAGE_COOKIE, "")
        preferred = self.request.headers.get("accept-language", "").split(",")
        wanted = [chosen, *(part.strip()[:2].lower() for part in preferred)]
        return self.desk.texts[next((code for code in wanted if code in self.desk.texts), LANGUAGES[0])]

    def page(self, name: str, status: int = 200, **values: object) -> HTMLResponse:
        """Fill a template."""
        texts = self.texts
        names = [(code, self.desk.texts[code].get("language.name")) for code in LANGUAGES]
        html = self.desk.templates.get_template(f"{name}.html").render(
            t=texts.get, language=texts.language, languages=names, form_token=form_token(self.token), **values
        )  # fmt: skip
        return HTMLResponse(html, status)

    def message(self, error: ArchiveError | AudioError, back: str) -> HTMLResponse:
        """Say what went wrong, in plain words."""
        say, do = self.texts.trouble(error.code, error.say, error.do)
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
        return self.page("message", status, say=say, do=do, back=back)


Handler = Callable[[Ask], Response]


def go(path: str) -> Response:
    """Lead the browser to a page."""
    return RedirectResponse(path, 303)


def with_token(answer: Response, token: str) -> Response:
    """Give the browser a new token: the one before knew nothing of what was just opened."""
    answer.headers.append("set-cookie", cookie_line(COOKIE, token))
    return answer


def with_phone(answer: Response, token: str) -> Response:
    """Make this browser the box's phone, or with an empty token no longer."""
    answer.headers.append("set-cookie", cookie_line(PHONE_COOKIE, token, "/remote"))
    return answer


def get(desk: Desk, path: str, handler: Handler) -> Route:
    """A page to look at."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(_answer, handler, Ask(desk, request, {}), "/")

    return Route(path, endpoint, methods=["GET"], name=path)


def post(desk: Desk, path: str, handler: Handler, back: str = "/") -> Route:
    """An action: only from a form of ours. ``back`` is where a message leads."""

    async def endpoint(request: Request) -> Response:
        async with form_of(request, _MOST_FIELDS) as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
        ask = Ask(desk, request, fields)
        if not form_is_ours(ask.token, fields.get("token", "")):
            stale = Refused(ask.texts.get("message.stale"), ask.texts.get("message.stale_do"))
            return ask.page("message", 403, say=stale.say, do=stale.do, back=back)
        return await run_in_threadpool(_answer, handler, ask, back)

    return Route(path, endpoint, methods=["POST"], name=f"post {path}")


def _answer(handler: Handler, ask: Ask, back: str) -> Response:
    try:
        return handler(ask)
    except (ArchiveError, AudioError) as error:
        return ask.message(error, back)
