"""What an S3 store adds to the contract: addresses, keys to it, and bad days."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from archive.errors import NoSuchObject, StoreTrouble
from archive.objects import open_objects
from archive.objects.s3 import read_address

KEY = "bags/a/data/story.flac"


def test_an_address_is_read() -> None:
    found = read_address("s3://voices?endpoint=https://store.example/&region=eu-1&prefix=north/archive&anonymous=yes")
    assert (found.bucket, found.endpoint, found.region) == ("voices", "https://store.example", "eu-1")
    assert (found.prefix, found.anonymous) == ("north/archive", True)
    assert not read_address("s3://voices?endpoint=http://127.0.0.1:8333").anonymous


@pytest.mark.parametrize(
    "url",
    [
        "s3://voices",
        "s3://voices?endpoint=",
        "s3://voices?endpoint=store.example",
        "s3://voices?endpoint=ftp://store.example",
        "s3://voices?endpoint=http://store.example",
        "s3://voices?endpoint=https://key:word@store.example",
        "s3://key:word@voices?endpoint=https://store.example",
        "s3://voices/folder?endpoint=https://store.example",
        "s3://voices?endpoint=https://store.example&secret=word",
        "s3://?endpoint=https://store.example",
    ],
)
def test_an_address_that_cannot_work_is_said_and_keeps_its_secrets(url: str) -> None:
    with pytest.raises(StoreTrouble) as told:
        read_address(url)
    assert told.value.do
    assert "word" not in told.value.say.partition("secret=")[0]


def test_no_key_is_looked_for_anywhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StoreTrouble, match="key"):
        open_objects("s3://voices?endpoint=https://store.example")


def test_two_places_in_one_bucket_do_not_meet(s3_url: str) -> None:
    other = s3_url + "x"
    one, two = open_objects(s3_url), open_objects(other)
    one.put(KEY, io.BytesIO(b"one"))
    two.put(KEY, io.BytesIO(b"two"))
    assert two.delete(KEY)
    assert list(one.keys()) == [KEY]
    assert list(two.keys()) == []
    prefix = one.place.partition(" ")[0].rpartition("/")[2]
    bucket = open_objects(s3_url.replace("&prefix=" + prefix, ""))
    assert bucket.size(f"{prefix}/{KEY}") == 3


def test_a_wrong_key_and_a_missing_bucket_are_said(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    store = open_objects(s3_url)
    for call in (lambda: store.put(KEY, io.BytesIO(b"x")), lambda: store.open(KEY), lambda: list(store.keys())):
        with pytest.raises(StoreTrouble) as told:
            call()
        assert "refuses" in told.value.say
        assert "secret" not in told.value.say.lower()


class _Sick(BaseHTTPRequestHandler):
    """A store with a bad day: pages of HTML where XML was asked for, and errors of its own."""

    status = 200

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        page = b"<html><body>Please log in to the guest network</body></html>"
        self.send_response(self.status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 (names the server asks for)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("status", [200, 400, 404])
def test_a_place_that_is_no_store_is_said(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    handler = type("Sick", (_Sick,), {"status": status})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            store = open_objects(f"s3://voices?endpoint=http://127.0.0.1:{server.server_port}")
            with pytest.raises((StoreTrouble, NoSuchObject)):
                store.put(KEY, io.BytesIO(b"x"))
            with pytest.raises((StoreTrouble, NoSuchObject)):
                store.open(KEY)
        finally:
            server.shutdown()
            thread.join()


def test_nobody_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        store = open_objects(f"s3://voices?endpoint=http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(StoreTrouble, match="does not answer"):
            store.exists(KEY)


class Line:
    """A line to a server that can be cut while something is on its way."""

    def __init__(self, port: int) -> None:
        self._there = port
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._door.accept()
                far = socket.create_connection(("127.0.0.1", self._there))
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """Cut it for good: what is on its way is lost, and nobody answers any more."""
        for one in (self._door, *self._ends):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class Cutting(io.BytesIO):
    """A source in the middle of which the line is cut."""

    def __init__(self, data: bytes, line: Line) -> None:
        super().__init__(data)
        self._line = line

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= len(self.getbuffer()) // 2:
            self._line.cut()
        return super().read(size)


@pytest.mark.parametrize("size", [3_000_000, 40_000_000])
def test_a_line_cut_in_the_middle_leaves_nothing(s3_url: str, size: int) -> None:
    whole = open_objects(s3_url)
    port = int(s3_url.partition("127.0.0.1:")[2].partition("&")[0])
    line = Line(port)
    far = open_objects(s3_url.replace(f":{port}", f":{line.port}"))
    far.put("bags/before", io.BytesIO(b"small"))
    data = bytes(size)
    with pytest.raises(StoreTrouble):
        far.put("bags/cut", Cutting(data, line))
    assert list(whole.keys()) == ["bags/before"]
    assert whole.put("bags/cut", io.BytesIO(data)).size == size
    assert sorted(whole.keys()) == ["bags/before", "bags/cut"]


def test_a_line_cut_while_reading_is_said(s3_url: str) -> None:
    whole = open_objects(s3_url)
    whole.put(KEY, io.BytesIO(bytes(20_000_000)))
    port = int(s3_url.partition("127.0.0.1:")[2].partition("&")[0])
    line = Line(port)
    far = open_objects(s3_url.replace(f":{port}", f":{line.port}"))
    with far.open(KEY) as source:
        assert source.read(1_000) == bytes(1_000)
        line.cut()
        with pytest.raises(StoreTrouble):
            source.read()
