"""What every page of the desk is made with: who asks, the catalogue of this request, the templates, the permission.

A page module has ``routes(desk)``, and each of its routes names a permission (`get`, `post`); nothing is answered
before the permission was asked, and no form is carried out that this browser was not given. The words stand in the
templates, in English: these are pages for the people of one archive, not for visitors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlencode

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from archive.catalogue import Catalogue, Tx
from archive.errors import (
    ArchiveError,
    CatalogueTrouble,
    NoSuchObject,
    NoSuchStory,
    Refused,
    StoreTrouble,
    TooManyTries,
    WrongCode,
)
from archive.keycode import Cost
from archive.people.roles import Permission, roles_for
from archive.people.sessions import Door, NotYou, Session
from archive.portal.community import words
from archive.portal.forms import form_of
from archive.portal.guard import COOKIE, cookie_line, form_is_ours, form_token
from archive.reviewing.decisions import BadDecision
from archive.reviewing.versions import Overtaken
from archive.server.place import ArchiveHome
from audio.errors import AudioError

MOST_FIELDS = 260
"""A medley of as many parts as there may be, each with its number, its words and two ticks."""
_STATUS: Mapping[type[ArchiveError], int] = {
    Refused: 403, WrongCode: 403, NotYou: 403, NoSuchStory: 404, NoSuchObject: 404, Overtaken: 409, TooManyTries: 429,
    CatalogueTrouble: 503, StoreTrouble: 503,
}  # fmt: skip


def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("archive.portal"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {one.__name__: one for one in (words.clock, words.day, words.moment, words.short, words.tongue)}
    return made


@dataclass(frozen=True, slots=True)
class Link:
    """A page in the navigation, for those who have ``permission``."""

    path: str
    name: str
    permission: Permission


@dataclass(frozen=True)
class Desk:
    """What the pages of one archive share. ``links`` are in the order of the navigation."""

    place: ArchiveHome
    cost: Cost
    links: tuple[Link, ...] = ()
    templates: jinja2.Environment = field(default_factory=_templates)

    def catalogue(self) -> Catalogue:
        """Open the catalogue for this thread; use it as a context."""
        return self.place.catalogue()


@dataclass(frozen=True)
class Ask:
    """One request: its form read and checked, its person known, its permission given."""

    desk: Desk
    request: Request
    form: Mapping[str, str]
    catalogue: Catalogue
    session: Session | None = None
    file: bytes = b""
    """What came along with an `upload`."""

    @property
    def token(self) -> str:
        """This browser's token."""
        return str(self.request.state.token)

    @property
    def me(self) -> Session:
        """The session of whoever asks. Only for pages with a permission."""
        assert self.session is not None
        return self.session

    @property
    def who(self) -> str:
        """Whose name a change carries."""
        return self.me.person.name

    @property
    def address(self) -> str:
        """Where the request came from, to slow down wrong tries; never stored with anything else."""
        return self.request.client.host if self.request.client else ""

    @property
    def door(self) -> Door:
        """The way in."""
        return Door(self.catalogue, self.desk.place.clock, self.desk.cost)

    @property
    def now(self) -> datetime:
        """The time, UTC, for what is written down and for the gate."""
        return self.desk.place.now()

    @property
    def inline(self) -> bool:
        """Whether a part of a page was asked for, to stand in the page that is open."""
        return self.request.headers.get("hx-request") == "true"

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """See the catalogue in one consistent state."""
        with self.catalogue.read() as tx:
            yield tx

    @contextmanager
    def writing(self) -> Iterator[Tx]:
        """Change the catalogue, all or nothing."""
        with self.catalogue.write() as tx:
            yield tx

    def may(self, permission: Permission) -> bool:
        """Whether whoever asks has ``permission``, to show only what can be done."""
        return self.session is not None and self.session.person.may(permission)

    def part(self, name: str) -> str:
        """Return what stands in the path under ``name``."""
        return str(self.request.path_params[name])

    def page(self, template: str, status: int = 200, /, **values: object) -> HTMLResponse:
        """Fill the template ``community/<template>.html``."""
        links = [link for link in self.desk.links if self.may(link.permission)]
        here = self.request.url.path
        open_link = max((link.path for link in links if _under(here, link.path)), key=len, default="")
        html = self.desk.templates.get_template(f"community/{template}.html").render(
            archive=self.desk.place.name, me=self.session, links=links, here=open_link, may=self.may, P=Permission,
            form_token=form_token(self.token), **values,
        )  # fmt: skip
        return HTMLResponse(html, status)

    def message(self, error: ArchiveError | AudioError, back: str) -> HTMLResponse:
        """Say what went wrong, in plain words."""
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
        if isinstance(error, Overtaken):
            return self.page("overtaken_part" if self.inline else "overtaken", status, error=error, back=back)
        if self.inline:
            return self.page("trouble", status, say=error.say, do=error.do)
        return self.page("message", status, say=error.say, do=error.do, back=back)


Handler = Callable[[Ask], Response]


class Page(Route):
    """A route with the permission it needs; the test of every route by every role reads it here."""

    permission: Permission


def need_tick(ask: Ask, name: str, nothing: str, do: str = "Tick the box if you are sure.") -> None:
    """Insist on the tick ``name`` also where no browser did. Raises `BadDecision` with ``nothing`` as its sentence."""
    if ask.form.get(name) != "yes":
        raise BadDecision(nothing, do)


def go(path: str, **query: str) -> Response:
    """Lead the browser to a page."""
    return RedirectResponse(f"{path}?{urlencode(query)}" if query else path, 303)


def with_token(answer: Response, token: str) -> Response:
    """Give the browser a new token: the one before knew nothing of what was just opened."""
    answer.headers.append("set-cookie", cookie_line(COOKIE, token))
    return answer


def get(desk: Desk, path: str, permission: Permission, handler: Handler) -> Page:
    """A page to look at."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(_answer, desk, permission, handler, request, None, "/")

    return _page(Page(path, endpoint, methods=["GET"], name=path), permission)


def post(desk: Desk, path: str, permission: Permission, handler: Handler, back: str = "/") -> Page:
    """An action: only from a form of ours. ``back`` is where a message leads; ``{...}`` in it are parts of the path."""

    async def endpoint(request: Request) -> Response:
        async with form_of(request, MOST_FIELDS) as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            # A tick list sends one name several times.
            fields |= {f"{name}[]": "\n".join(str(one) for one in form.getlist(name)) for name in fields}
        return await run_in_threadpool(_answer, desk, permission, handler, request, fields, back)

    return _page(Page(path, endpoint, methods=["POST"], name=f"post {path}"), permission)


def upload(desk: Desk, path: str, permission: Permission, handler: Handler, back: str = "/") -> Page:
    """An action with a file in the field ``file``, of which nothing is read before its sender is known.

    How large it may be says the guard, by the path (`archive.portal.community.app`).
    """

    async def endpoint(request: Request) -> Response:
        known = await run_in_threadpool(_answer, desk, permission, lambda _: Response(), request, None, "/")
        if known.status_code == 303:  # noqa: PLR2004 (led to the way in: nobody, and nothing of it is read)
            over = {"token": form_token(str(request.state.token))} if COOKIE in request.cookies else {}
            return await run_in_threadpool(_answer, desk, permission, handler, request, over, back)
        if known.status_code != 200:  # noqa: PLR2004 (OK)
            return known
        async with form_of(request, MOST_FIELDS, file=True) as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            sent = form.get("file")
            data = b"" if sent is None or isinstance(sent, str) else await sent.read()
        return await run_in_threadpool(_answer, desk, permission, handler, request, fields, back, data)

    return _page(Page(path, endpoint, methods=["POST"], name=f"post {path}"), permission)


def _page(page: Page, permission: Permission) -> Page:
    page.permission = permission
    return page


def _answer(
    desk: Desk, permission: Permission, handler: Handler, request: Request, form: Mapping[str, str] | None, back: str,
    file: bytes = b"",
) -> Response:  # fmt: skip
    back = back.format(**{name: quote(str(value)) for name, value in request.path_params.items()})
    try:
        with desk.catalogue() as catalogue:
            ask = Ask(desk, request, form or {}, catalogue)
            ask = Ask(desk, request, form or {}, catalogue, ask.door.session_of(ask.token), file)
            refusal = _refusal(ask, permission, form, back)
            if refusal is not None:
                return refusal
            try:
                return handler(ask)
            except (ArchiveError, AudioError) as error:
                return ask.message(error, back)
    except CatalogueTrouble as error:
        html = desk.templates.get_template("community/closed.html").render(
            archive=desk.place.name, say=error.say, do=error.do
        )
        return HTMLResponse(html, 503)


def _refusal(ask: Ask, permission: Permission, form: Mapping[str, str] | None, back: str) -> Response | None:
    """Answer instead of the page: a strange form, nobody, somebody without the permission."""
    if form is not None and not form_is_ours(ask.token, form.get("token", "")):
        say = "This page was open for too long, or it was not made for this browser. Nothing was changed."
        return ask.message(Refused(say, "Go back, load the page again, and try once more."), back)
    if permission is Permission.ANYBODY:
        return None
    if ask.session is None:
        if form is None and not ask.inline:
            path = ask.request.url.path
            return go("/enter", **({"to": path} if path != "/" else {}))
        say = "Your session is over. Nothing was changed."
        return ask.page("trouble" if ask.inline else "message", 401, say=say, do="Come in again.", back="/enter")
    if not ask.may(permission):
        names = " or ".join(role.words for role in roles_for(permission))
        say = f"This needs the role of {names}."
        return ask.message(Refused(say, "An organizer or a sysadmin says who has which role."), "/")
    return None


def safe_path(path: str) -> str:
    """Return ``path`` if it is a page of ours, else the front page: no link may lead elsewhere after coming in."""
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if plain else "/"


def _under(here: str, path: str) -> bool:
    return here == path or (path != "/" and here.startswith(f"{path}/"))
