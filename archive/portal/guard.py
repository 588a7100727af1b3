"""What stands before every page: whose name was asked for, who may post, what a browser may load and keep.

No page loads anything from elsewhere or is kept by a browser, no form can be posted from another page (a token of
this browser is in each), and only the host names of this box are answered, so that a name on the internet that
points here opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from types import MappingProxyType

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "hearth"
PHONE_COOKIE = "hearth_phone"
MOST_BODY = 8192
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
_OWN_WORD = {"Cross-Origin-Resource-Policy"}
"""What an answer may say otherwise of itself: sound and captions that are public may be played by other sites."""


def new_token() -> str:
    """Make a browser's token."""
    return secrets.token_urlsafe(32)


def form_token(token: str) -> str:
    """What every form of this browser carries; nothing else can know it."""
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


def form_is_ours(token: str, given: str) -> bool:
    """Whether a form came from a page given to this browser."""
    return hmac.compare_digest(form_token(token).encode(), given.encode())


def cookie_line(name: str, value: str, path: str = "/") -> str:
    """A cookie no script can read and no other site's page can send along; it ends with the browser."""
    return f"{name}={value}; Path={path}; HttpOnly; SameSite=Strict"


class Guard:
    """ASGI middleware around the whole app."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: frozenset[str],
        most_body: int = MOST_BODY,
        bare: tuple[str, ...] = (),
        *,
        larger: Mapping[str, int] = MappingProxyType({}),
        secure: bool = False,
    ) -> None:
        """``hosts`` are the names and addresses answered to; a form has at most ``most_body`` bytes, or as many as
        ``larger`` says of what its path begins with.

        Below the paths ``bare`` nobody gets a cookie, and bodies are for the page itself to bound: programs call
        there, or visitors nobody wants to know again. ``secure`` cookies travel over https alone.
        """
        self._app = app
        self._hosts = hosts
        self._most_body = most_body
        self._bare = bare
        self._larger = larger
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or give the browser a token and let the request through with every header set."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        bare = scope["path"].startswith(self._bare) if self._bare else False
        token = _cookie(headers.get("cookie", ""), COOKIE)
        fresh = None if token or bare else new_token()
        scope.setdefault("state", {})["token"] = token or fresh or ""
        scope["state"]["phone"] = _cookie(headers.get("cookie", ""), PHONE_COOKIE)

        async def out(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    if name not in _OWN_WORD or name not in answer:
                        answer[name] = value
                if fresh and not any(line.startswith(f"{COOKIE}=") for line in answer.getlist("set-cookie")):
                    answer.append("set-cookie", cookie_line(COOKIE, fresh))
                if self._secure:
                    _over_https_alone(answer)
            await send(message)

        refused = self._refusal(scope, headers, bare=bare)
        if refused is not None:
            await refused(scope, receive, out)
        else:
            await self._app(scope, receive, out)

    def _refusal(self, scope: Scope, headers: Headers, *, bare: bool) -> PlainTextResponse | None:
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if name.strip("[]") not in self._hosts:
            return PlainTextResponse("This is not the name of this box.", 421)
        if scope["method"] == "POST" and not bare:
            length = headers.get("content-length", "")
            most = next(
                (size for path, size in self._larger.items() if scope["path"].startswith(path)), self._most_body
            )
            if not length.isdecimal() or int(length) > most:
                return PlainTextResponse("This is too much.", 413)
        return None


def _over_https_alone(answer: MutableHeaders) -> None:
    lines = answer.getlist("set-cookie")
    del answer["set-cookie"]
    for line in lines:
        answer.append("set-cookie", line if line.endswith("; Secure") else f"{line}; Secure")


def _cookie(line: str, name: str) -> str:
    try:
        found = SimpleCookie(line).get(name)
    except CookieError:
        return ""
    return found.value if found is not None and len(found.value) <= MOST_BODY else ""
