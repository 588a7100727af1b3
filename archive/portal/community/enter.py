"""The way in and out: name and password, one-time codes, one's own account, the password again before what is final."""

from __future__ import annotations

from starlette.responses import Response

from archive.errors import ArchiveError
from archive.people.passwords import SHORTEST
from archive.people.roles import Permission
from archive.people.sessions import NotYou, end_session, end_session_of_token, sessions_of
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post, safe_path, with_token
from archive.portal.guard import new_token

LINKS: tuple[Link, ...] = ()
_DEVICES = (("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
            ("Macintosh", "Mac"), ("Linux", "Linux"))  # fmt: skip
_BROWSERS = (("Firefox", "Firefox"), ("Edg", "Edge"), ("Chrom", "Chromium"), ("Safari", "Safari"))


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    anybody, own = Permission.ANYBODY, Permission.OWN
    return [
        get(desk, "/enter", anybody, _enter),
        post(desk, "/enter", anybody, _come_in, "/enter"),
        get(desk, "/code", anybody, _code),
        post(desk, "/code", anybody, _use_code, "/code"),
        post(desk, "/leave", anybody, _leave),
        get(desk, "/account", own, _account),
        post(desk, "/account/password", own, _password, "/account"),
        post(desk, "/account/end", own, _end, "/account"),
        get(desk, "/again", own, _again),
        post(desk, "/again", own, _prove, "/again"),
    ]


def again(to: str) -> Response:
    """Ask for the password before something that cannot be undone; then lead to ``to``."""
    return go("/again", to=to)


def _enter(ask: Ask) -> Response:
    return _way_in(ask)


def _way_in(ask: Ask, status: int = 200, wrong: ArchiveError | None = None, name: str = "") -> Response:
    """The fields to come in; who came to listen is shown the public door, where it is open."""
    return ask.page("enter", status, to=_wanted(ask), wrong=wrong, name=name, public=ask.desk.place.settings.public)


def _come_in(ask: Ask) -> Response:
    name = ask.form.get("name", "")
    try:
        token = ask.door.enter(name, ask.form.get("password", ""), ask.address, device_of(ask))
    except ArchiveError as error:
        # Said beside the fields, so that nobody has to find the way back.
        status = 403 if isinstance(error, NotYou) else 429
        return _way_in(ask, status, error, name)
    return with_token(go(_wanted(ask)), token)


def _code(ask: Ask) -> Response:
    return ask.page("code", shortest=SHORTEST, wrong=None, name="", code="")


def _use_code(ask: Ask) -> Response:
    code, name = ask.form.get("code", ""), ask.form.get("name", "")
    first, second = ask.form.get("password", ""), ask.form.get("password2", "")
    try:
        if first != second:
            raise NotYou("The two passwords are not the same.", "Write the same one twice.")
        token = ask.door.enter_with_code(code, name, first, ask.address, device_of(ask))
    except ArchiveError as error:
        return ask.page("code", 403, shortest=SHORTEST, wrong=error, name=name, code=code)
    return with_token(go("/"), token)


def _leave(ask: Ask) -> Response:
    with ask.writing() as tx:
        end_session_of_token(tx, ask.token, ask.now)
    return with_token(go("/enter"), new_token())


def _account(ask: Ask) -> Response:
    with ask.reading() as tx:
        sessions = sessions_of(tx, ask.me.person, ask.now)
    return ask.page("account", sessions=sessions, mine=ask.me.id, shortest=SHORTEST)


def _password(ask: Ask) -> Response:
    new = ask.form.get("new", "")
    if new != ask.form.get("new2", ""):
        raise NotYou("The two new passwords are not the same.", "Write the same one twice.")
    ask.door.change_password(ask.me, ask.form.get("old", ""), new, ask.address)
    token = ask.door.enter(ask.who, new, ask.address, device_of(ask))
    return with_token(go("/account"), token)


def _end(ask: Ask) -> Response:
    with ask.writing() as tx:
        end_session(tx, ask.form.get("session", ""), ask.me.person, ask.who, ask.now)
    return go("/account")


def _again(ask: Ask) -> Response:
    return ask.page("again", to=_wanted(ask), wrong=None)


def _prove(ask: Ask) -> Response:
    try:
        ask.door.prove(ask.me, ask.form.get("password", ""), ask.address)
    except ArchiveError as error:
        return ask.page("again", 403, to=_wanted(ask), wrong=error)
    return go(_wanted(ask))


def device_of(ask: Ask) -> str:
    """What a person would call the device, from what the browser says of itself; nothing finer is kept."""
    line = ask.request.headers.get("user-agent", "")
    browser = next((name for mark, name in _BROWSERS if mark in line), "A browser")
    device = next((name for mark, name in _DEVICES if mark in line), "")
    return f"{browser} on {device}" if device else browser


def _wanted(ask: Ask) -> str:
    return safe_path(ask.form.get("to", "") or ask.request.query_params.get("to", "") or "/")
