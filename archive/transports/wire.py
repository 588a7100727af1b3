"""Requests to an archive's server that end: each has a limit for the whole of it, and is tried again with patience.

What is fetched into a file may be long and the line slow: there the limit is for every `LEAST_MOVED` bytes of it, so
that a line that moves arrives, and one that gives a byte now and then does not hold a night's run.

Only one thing is believed without a check: that an answer with the archive's mark came from what stands at the
address. Certificates make that so; over plain http, which is taken for this machine itself alone, nothing has to.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from archive.transports.networds import KEPT, Lasting, Passing, in_words, refused_answer
from archive.transports.way import CredentialRefused, OutOfTime, Pace, Patience, Way
from audio.clock import Clock

MARK = "Hearth-Archive"
"""The header every answer of an archive carries."""
CONNECT_S = 20.0
SILENT_S = 45.0
REQUEST_S = 120.0
SLOW_REQUEST_S = 900.0
"""For what an archive may take its time over: it looks at every byte of a story before it signs."""
LEAST_MOVED = 1 << 16
"""Bytes of a file within one limit: about four kilobits a second are a line that moves."""
_MOST_ANSWER = 64 << 20
_MOST_FILE = 512 << 20
_LONGEST_ASKED_WAIT_S = 120.0

Result = TypeVar("Result")
Body = Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Said:
    """An archive's answer: status, headers (names in lower case), and the whole body."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    def json(self) -> dict[str, Any]:
        """Return the body as an object. Raises `TransportTrouble` where it is none."""
        try:
            plain = json.loads(self.data)
        except ValueError:
            plain = None
        if not isinstance(plain, dict):
            raise Lasting(f"The archive's answer cannot be read. {KEPT}", "Is the archive of the same version?")
        return plain

    def told(self) -> str:
        """Return the sentence of a refusal, or a plain one where the archive gave none."""
        try:
            error = json.loads(self.data)["error"]
            return f"{error['say']} {error.get('do', '')}".strip()[:500]
        except (ValueError, KeyError, TypeError, AttributeError):
            return f"The archive refused this ({self.status})."


def address(target: str) -> str:
    """Check and tidy an archive's address: no slash at the end, names in lower case.

    Raises `TransportTrouble` for one that cannot be used; plain http is for this machine itself alone.
    """
    parts = urlsplit(target)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment or parts.username:
        raise Lasting(f"{target} is not the address of an archive.", "Write it as https://archive.example.org.")
    if parts.scheme == "http" and not _loopback(host):
        say = f"{target} would send stories and the box's credential unprotected through the network."
        raise Lasting(say, "Use https. Plain http is only for an archive on this machine itself.")
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Wire:
    """The way to one archive, for one run. Closing it ends its connections."""

    def __init__(self, base: str, clock: Clock, way: Way) -> None:
        """``base`` as `address` gives it; the run's window begins now."""
        self.base = base
        self.host = urlsplit(base).netloc
        self.clock = clock
        self.until = clock.monotonic() + way.window_s
        self.pace = Pace(clock, way.kbit_s)
        self._way = way
        self._proxy = _proxy_of(way, base)
        self._client: httpx.Client | None = None

    def close(self) -> None:
        """Let go of the connections."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def patience(self) -> Patience:
        """Return a fresh count of tries inside the run's window."""
        return Patience(self.clock, self.until, self._way.told)

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        plain: Mapping[str, Any] | None = None,
        into: BinaryIO | None = None,
        limit_s: float = REQUEST_S,
    ) -> Said:
        """Ask something that may be asked twice, until it is answered. ``plain`` goes as JSON; the body of a good
        answer into the file ``into``, where one is given: in place of what it holds, or behind it where a Range was
        asked for and given (206).

        Raises `CredentialRefused`, `OutOfTime`, or another `TransportTrouble` when patience is at its end.
        """
        body = None if plain is None else partial(_whole, json.dumps(plain).encode())
        patience = self.patience()
        while True:
            try:
                return self.once(method, path, headers=headers, body=body, into=into, limit_s=limit_s)
            except Passing as trouble:
                patience.wait(trouble, trouble.wait_s)

    def once(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        into: BinaryIO | None = None,
        limit_s: float = REQUEST_S,
    ) -> Said:
        """Ask once. Raises as `ask`, and `Passing` for what may be over in a moment."""
        left = self.until - self.clock.monotonic()
        if left <= 0:
            raise OutOfTime(f"The time for this run is over. {KEPT}", "Raise sync.window_minutes if that is too soon.")
        silent = max(SILENT_S, limit_s) if limit_s > REQUEST_S else SILENT_S
        stop, moved = threading.Event(), _Moved()
        client = self._open()
        request = client.build_request(
            method,
            self.base + path,
            headers={"Authorization": f"Bearer {self._way.credential}", "Accept-Encoding": "gzip", **(headers or {})},
            content=None if body is None else _until(body(), stop),
            timeout=httpx.Timeout(silent, connect=CONNECT_S),
        )
        try:
            said = _within(limit_s, left, moved, lambda: self._answer(client, request, into, moved))
        except (httpx.HTTPError, OSError, TimeoutError, RuntimeError) as error:
            # A request given up on may still hold its connection: the next one gets fresh ones.
            stop.set()
            with contextlib.suppress(Exception):  # whatever it was doing, nobody waits for it any more
                self.close()
            raise in_words(error, self.host, self.clock.wall(), self._proxy) from error
        return self._checked(said)

    def _answer(self, client: httpx.Client, request: httpx.Request, into: BinaryIO | None, moved: _Moved) -> Said:
        answer = client.send(request, stream=True)
        kept = bytearray()
        file = into if answer.status_code in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT} else None
        most = _MOST_FILE if file is not None else _MOST_ANSWER
        try:
            if file is not None:
                most -= _begin(file, answer)
            for block in answer.iter_bytes():
                most -= len(block)
                if most < 0:
                    raise httpx.ReadError("The answer does not end.", request=request)
                if file is not None:
                    file.write(block)
                    moved.bytes += len(block)
                else:
                    kept += block
        finally:
            answer.close()
        return Said(answer.status_code, dict(answer.headers), bytes(kept))

    def _checked(self, said: Said) -> Said:
        kind = said.headers.get("content-type", "")
        ours = MARK.lower() in said.headers
        trouble = refused_answer(said.status, kind, self.host, ours=ours)
        if trouble is None and said.status in {401, 403} and ours:
            raise CredentialRefused(said.told(), "Ask the archive for a new credential for this box.")
        if trouble is None and said.status in {423, 429}:
            trouble = Passing(said.told(), "")
        if isinstance(trouble, Passing):
            asked = said.headers.get("retry-after", "")
            trouble.wait_s = min(float(asked), _LONGEST_ASKED_WAIT_S) if asked.isdecimal() else 0.0
        if trouble is not None:
            raise trouble
        return said

    def _open(self) -> httpx.Client:
        if self._client is None:
            try:
                self._client = httpx.Client(
                    # The system's own list of authorities: it is kept up to date with the box.
                    verify=ssl.create_default_context(),
                    proxy=self._way.proxy or None,
                    trust_env=not self._way.proxy and not self.base.startswith("http:"),
                    follow_redirects=False,
                )
            except (ValueError, httpx.InvalidURL, ImportError) as error:
                raise Lasting(
                    f"The proxy {self._way.proxy} cannot be used.", "Write sync.proxy as http://HOST:PORT."
                ) from error
        return self._client


def _proxy_of(way: Way, base: str) -> str:
    """Name the proxy the way to ``base`` leads through, without its password; "" for none."""
    parts = urlsplit(base)
    around = "" if parts.scheme == "http" or proxy_bypass(parts.netloc) else getproxies().get("https", "")
    try:
        return urlsplit(way.proxy or around).netloc.rpartition("@")[2]
    except ValueError:
        return ""  # it cannot be used, and is said to


def _begin(file: BinaryIO, answer: httpx.Response) -> int:
    """Put the file where the answer goes on: at its end for the rest that was asked for, else at an empty beginning.

    Returns the bytes it holds before that.
    """
    held = file.seek(0, os.SEEK_END)
    if answer.status_code == httpx.codes.OK:
        file.seek(0)
        file.truncate()
        return 0
    if not answer.headers.get("content-range", "").startswith(f"bytes {held}-"):
        raise httpx.ReadError("This is not the part that was asked for.", request=answer.request)
    return held


def _whole(content: bytes) -> Iterator[bytes]:
    yield content


def _until(parts: Iterator[bytes], stop: threading.Event) -> Iterator[bytes]:
    for part in parts:
        if stop.is_set():
            return
        yield part


class _Moved:
    """How many bytes of a file have come."""

    bytes = 0


def _within(limit_s: float, left_s: float, moved: _Moved, call: Callable[[], Result]) -> Result:
    """Call in a thread and wait for ``limit_s``, again for each `LEAST_MOVED` bytes, and ``left_s`` in all.

    Raises what it raises, or `TimeoutError`. A limit for each read does not end an answer that comes a byte at a time,
    and none at all ends a name look-up that hangs. A thread left behind holds nothing but its socket, and ends with the
    program.
    """
    answers: queue.SimpleQueue[tuple[Result | None, Exception | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put((call(), None))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to whoever waits
            answers.put((None, error))

    threading.Thread(target=work, daemon=True).start()
    while True:
        before, turn = moved.bytes, min(limit_s, left_s)
        try:
            result, error = answers.get(timeout=turn)
            break
        except queue.Empty:
            left_s -= turn
            if left_s <= 0 or moved.bytes - before < LEAST_MOVED:
                raise TimeoutError from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # None only where an error stands
