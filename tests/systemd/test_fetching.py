"""A bundle is fetched from an address over a line that breaks: it goes on, and what is not what was signed is refused."""

from __future__ import annotations

import http.server
import shutil
import ssl
import subprocess
import threading

import pytest

from kiosk.appliance.bundle import BadBundle, new_key, unpack, write
from kiosk.appliance.fetching import TRIES, fetch
from kiosk.appliance.places import Places


class Server(http.server.ThreadingHTTPServer):
    """Gives one file over https, in pieces: each of ``limits`` ends an answer after so many bytes of its body."""

    daemon_threads = True

    def __init__(self, certificate) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server_port}/new.hearth"
        self.data, self.marks, self.limits = b"", {"ETag": '"one"'}, []
        self.asked, self.ranges = [], True

    def handle_error(self, *_words) -> None:
        """A line that is cut is the point here."""


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_words) -> None:
        pass

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("Range", "")
        server.asked.append(wanted)
        same = self.headers.get("If-Range") in server.marks.values()
        start = int(wanted[6:-1]) if wanted and same and server.ranges else 0
        if start > len(server.data):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.data) - 1}/{len(server.data)}")
        self.send_header("Content-Length", str(len(server.data) - start))
        for name, value in server.marks.items():
            self.send_header(name, value)
        self.end_headers()
        rest = server.data[start:]
        if server.limits:
            self.wfile.write(rest[: server.limits.pop(0)])
            self.close_connection = True
            return
        self.wfile.write(rest)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl, to make a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    key, cert = folder / "key.pem", folder / "cert.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    names = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        ["openssl", "req", "-x509", *curve, *names, "-keyout", key, "-out", cert], check=True, capture_output=True
    )
    return cert, key


@pytest.fixture
def server(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    made = Server(certificate)
    thread = threading.Thread(target=made.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def key(tmp_path):
    return new_key(tmp_path / "key")


@pytest.fixture
def made(tmp_path, key):
    files = {}
    for name in ("digital_hearth.whl", "run.txt"):
        files[name] = tmp_path / name
        files[name].write_bytes(name.encode() * 3000)
    write(tmp_path / "new.hearth", key, version="9.1", schema=1, oldest_reader=1, files=files)
    return (tmp_path / "new.hearth").read_bytes()


@pytest.fixture
def go(tmp_path):
    """Fetch an address as the command does, on a clock nobody waits for."""
    here = Places(tmp_path / "machine")
    here.prefix.mkdir(parents=True)
    (tmp_path / "room").mkdir()
    waits = []

    def run(where):
        return fetch(where, here, tmp_path / "room", lambda _: None, waits.append)

    run.waits, run.left = waits, lambda: sorted(path.suffix for path in here.fetching.iterdir())
    run.part = lambda: next(here.fetching.glob("*.part"))
    return run


def test_a_line_that_breaks_is_gone_on_with_in_the_same_run(server, go, made):
    server.data, server.limits = made, [5000, 0, 7000]
    assert go(server.url).read_bytes() == made
    assert server.asked == ["", "bytes=5000-", "bytes=5000-", "bytes=12000-"]
    assert len(go.waits) == 3
    assert go.left() == []


def test_what_came_is_kept_for_the_next_run(server, go, made):
    server.data, server.limits = made, [6000, *[0] * TRIES]
    with pytest.raises(BadBundle, match="could not be fetched whole") as told:
        go(server.url)
    assert "goes on with it" in told.value.do
    assert go.part().read_bytes() == made[:6000]
    server.asked, server.limits = [], []
    assert go(server.url).read_bytes() == made
    assert server.asked == ["bytes=6000-"]


@pytest.mark.parametrize(
    "marks", [{"ETag": '"two"'}, {"ETag": 'W/"one"', "Last-Modified": "Sat, 01 Aug 2026 10:00:00 GMT"}]
)
def test_another_file_at_the_address_is_never_joined_to_the_beginning_of_the_first(server, go, made, marks):
    server.data, server.limits = made, [6000, *[0] * TRIES]
    with pytest.raises(BadBundle):
        go(server.url)
    server.limits, server.marks, server.data = [], marks, made[::-1]
    assert go(server.url).read_bytes() == made[::-1]


def test_a_server_without_marks_or_parts_is_asked_for_all_of_it_again(server, go, made):
    server.data, server.limits, server.marks = made, [6000], {}
    assert go(server.url).read_bytes() == made
    assert server.asked == ["", ""]
    server.asked, server.limits, server.marks, server.ranges = [], [6000], {"ETag": '"one"'}, False
    assert go(server.url).read_bytes() == made
    assert server.asked == ["", "bytes=6000-"]


@pytest.mark.parametrize("longer", [False, True])
def test_a_beginning_that_was_altered_is_refused_by_the_signature_and_leaves_nothing(
    server, go, made, key, tmp_path, longer
):
    server.data, server.limits = made, [6000, *[0] * TRIES]
    with pytest.raises(BadBundle):
        go(server.url)
    part = go.part()
    part.write_bytes(part.read_bytes()[:-1] + b"!" + b"?" * (100_000 if longer else 0))
    server.limits = []
    fetched = go(server.url)
    if longer:
        # The server said that there is no such rest: it began anew.
        assert unpack(fetched, [key.verify_key], tmp_path / "out").version == "9.1"
    else:
        with pytest.raises(BadBundle, match="damaged"):
            unpack(fetched, [key.verify_key], tmp_path / "out")
        assert not (tmp_path / "out").exists()
        assert go(server.url).read_bytes() == made
    assert go.left() == []


def test_one_beginning_is_kept_at_most(server, go, made):
    server.data, server.limits = made, [6000, *[0] * TRIES]
    with pytest.raises(BadBundle):
        go(server.url)
    server.limits = [100, *[0] * TRIES]
    with pytest.raises(BadBundle):
        go(server.url + "?other")
    assert go.left() == [".json", ".part"]
    assert go.part().stat().st_size == 100


def test_a_way_that_ends_unprotected_and_an_address_without_a_file_are_refused(server, go, monkeypatch):
    with pytest.raises(BadBundle, match="https only"):
        go(server.url.replace("https:", "http:"))
    monkeypatch.setattr(Handler, "do_GET", lambda self: (self.send_error(404), None)[1])
    with pytest.raises(BadBundle, match="could not be fetched") as told:
        go(server.url)
    assert "404" in told.value.say
    assert go.waits == []
