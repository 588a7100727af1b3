"""What goes wrong between a box and its archive: said in words, ended in time, and nothing lost."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.errors import TransportTrouble
from archive.transports import wire as wire_module
from archive.transports.networds import Lasting, Passing
from archive.transports.tus import FIRST, LARGEST, SMALLEST, next_piece
from archive.transports.way import TRIES, CredentialRefused, OutOfTime, Pace, Way
from archive.transports.wire import Wire, address
from audio.clock import SystemClock, VirtualClock

PORTAL = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 22\r\n\r\n<html>Sign in!</html>\n"
OURS = b"HTTP/1.1 200 OK\r\nHearth-Archive: 1\r\nContent-Length: 2\r\n\r\n{}"


def says(head: str, *lines: str, body: str = "") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {head}", *lines, f"Content-Length: {len(body)}", "", body]).encode()


@contextmanager
def answering(*answers: bytes | Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that gives one answer a connection, the last one for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def one(conn: socket.socket, answer: bytes | Callable[[socket.socket], None]) -> None:
            with suppress(OSError), conn:
                if tls is not None:
                    conn = tls.wrap_socket(conn, server_side=True)
                conn.settimeout(5)
                conn.recv(65_536)
                if callable(answer):
                    answer(conn)
                else:
                    # One answer a connection: who is not told so may send the next question into its end.
                    line, end, rest = answer.partition(b"\r\n")
                    conn.sendall(line + end + b"Connection: close\r\n" + rest if line.startswith(b"HTTP/") else answer)

        def work() -> None:
            count = 0
            while not over.is_set():
                with suppress(OSError):
                    conn, _ = listening.accept()
                    answer = answers[min(count, len(answers) - 1)]
                    count += 1
                    threading.Thread(target=one, args=(conn, answer), daemon=True).start()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield f"http{'s' if tls else ''}://127.0.0.1:{listening.getsockname()[1]}"
        over.set()
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def ask(url: str, clock: VirtualClock | SystemClock | None = None, **way: object) -> wire_module.Said:
    wire = Wire(url, clock or VirtualClock(), Way("hearth-x", **way))
    try:
        return wire.ask("GET", "/box/held")
    finally:
        wire.close()


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (PORTAL, Lasting, "sign-in page"),
        (says("302 Found", "Location: http://portal.example/"), Lasting, "sign-in page"),
        (says("511 Network Authentication Required"), Lasting, "sign-in page"),
        (says("200 OK", "Content-Type: application/json", body="{}"), Lasting, "not an archive"),
        (says("404 Not Found", "Content-Type: text/plain"), Lasting, "not an archive"),
        (says("407 Proxy Authentication Required"), Lasting, "proxy"),
        (says("500 Internal Server Error", "Hearth-Archive: 1"), Passing, "in trouble"),
        (says("502 Bad Gateway", "Content-Type: text/html", body="<html>"), Passing, "in trouble"),
        (says("507 Insufficient Storage", "Hearth-Archive: 1"), Lasting, "full"),
        (
            says("401 Unauthorized", "Hearth-Archive: 1", body='{"error": {"say": "Revoked."}}'),
            CredentialRefused,
            "Rev",
        ),
        (says("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"'), Lasting, "not an archive"),
        (b"220 smtp.example ESMTP\r\n", Passing, "broke off"),
        (b"", Passing, "broke off"),
    ],
)
def test_what_answers_in_place_of_an_archive_is_told_apart(answer: bytes, kind: type, sentence: str) -> None:
    with answering(answer) as url, pytest.raises(kind, match=sentence):
        ask(url)


def test_an_archive_in_trouble_is_asked_again_with_growing_waits() -> None:
    clock = VirtualClock()
    trouble = says("503 Service Unavailable", "Hearth-Archive: 1", "Retry-After: 20")
    with answering(trouble, says("500 Oops", "Hearth-Archive: 1"), OURS) as url:
        assert ask(url, clock).json() == {}
    assert clock.monotonic() >= 20
    clock = VirtualClock()
    with answering(trouble) as url, pytest.raises(Passing):
        ask(url, clock)
    assert clock.monotonic() == pytest.approx((TRIES - 1) * 20, rel=0.2)


def test_nobody_there_and_no_such_name() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(TransportTrouble, match="Nothing answers"):
            ask(f"http://127.0.0.1:{silent.getsockname()[1]}")
    with pytest.raises(TransportTrouble, match="could not be found"):
        ask("https://archive.invalid")


def test_a_server_that_answers_a_letter_at_a_time_ends_the_run_in_its_window() -> None:
    over = threading.Event()

    def drip(conn: socket.socket) -> None:
        conn.sendall(b"HTTP/1.1 200 OK\r\nHearth-Archive: 1\r\nX: ")
        while not over.wait(0.05):
            conn.sendall(b"x")

    clock = SystemClock()
    began = clock.monotonic()
    with answering(drip) as url, pytest.raises(TransportTrouble, match="time"):
        ask(url, clock, window_s=1.0)
    over.set()
    assert clock.monotonic() - began < 30


@pytest.mark.parametrize("moving", [True, False])
def test_a_long_file_on_a_slow_line_arrives_as_long_as_it_moves(monkeypatch: pytest.MonkeyPatch, moving: bool) -> None:
    """Many times longer than one limit in all; a line that gives a byte now and then is given up on."""
    monkeypatch.setattr(wire_module, "LEAST_MOVED", 1000)
    pieces, over = 12, threading.Event()

    def slowly(conn: socket.socket) -> None:
        size = 2000 if moving else 1
        conn.sendall(f"HTTP/1.1 200 OK\r\nHearth-Archive: 1\r\nContent-Length: {pieces * size}\r\n\r\n".encode())
        for _ in range(pieces):
            conn.sendall(b"x" * size)
            over.wait(0.25)

    with answering(slowly) as url, tempfile.TemporaryFile() as file:
        wire = Wire(url, SystemClock(), Way("hearth-x"))
        if moving:
            assert wire.once("GET", "/blob", into=file, limit_s=1.0).status == 200
            assert file.seek(0, 2) == pieces * 2000
        else:
            with pytest.raises(Passing, match="in time"):
                wire.once("GET", "/blob", into=file, limit_s=1.0)
        over.set()
        wire.close()


def test_an_answer_without_an_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_module, "_MOST_ANSWER", 1000)
    with answering(says("200 OK", "Hearth-Archive: 1", body="x" * 2000)) as url, pytest.raises(Passing):
        ask(url)


def test_a_window_that_is_over_asks_nothing() -> None:
    with pytest.raises(OutOfTime, match="time for this run"):
        ask("http://127.0.0.1:9", window_s=0.0)


@pytest.mark.parametrize(
    "target",
    [
        "http://archive.example.org",
        "http://192.0.2.1",
        "https://",
        "ftp://x",
        "https://a?b",
        "https://u:p@a",
        "https://a:b",
    ],
)
def test_addresses_that_are_not_used(target: str) -> None:
    with pytest.raises(TransportTrouble):
        address(target)


def test_addresses_that_are() -> None:
    assert address("http://127.0.0.1:8490/") == "http://127.0.0.1:8490"
    assert address("http://localhost:8490") == "http://localhost:8490"
    assert address("http://[::1]:80/a/") == "http://[::1]:80/a"
    assert address("https://Archive.Example.org/coast/") == "https://archive.example.org/coast"


# --- certificates


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ssl.SSLContext]:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl, to make certificates")
    folder = tmp_path_factory.mktemp("certificates")

    def make(name: str, *, days: str = "30", address: str = "IP:127.0.0.1") -> ssl.SSLContext:
        key, cert = folder / f"{name}.key", folder / f"{name}.pem"
        asked, names = folder / f"{name}.csr", folder / f"{name}.ext"
        names.write_text(f"subjectAltName={address}\nbasicConstraints=critical,CA:true\n")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        ask_for = ["openssl", "req", "-new", *curve, "-nodes", "-keyout", key, "-out", asked, "-subj", "/CN=test"]
        subprocess.run(ask_for, check=True, capture_output=True)
        signing = ["openssl", "x509", "-req", "-in", asked, "-signkey", key, "-out", cert, "-extfile", names]
        subprocess.run([*signing, "-days", days], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        return context

    make.folder = folder  # type: ignore[attr-defined]
    return make


def test_a_certificate_nobody_here_trusts(certificate: Callable[..., ssl.SSLContext]) -> None:
    with answering(OURS, tls=certificate("stranger")) as url, pytest.raises(Lasting, match="nothing was sent"):
        ask(url)


def test_a_certificate_the_system_trusts(
    certificate: Callable[..., ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = certificate("known")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.folder / "known.pem"))  # type: ignore[attr-defined]
    with answering(OURS, tls=context) as url:
        assert ask(url).json() == {}


def test_a_certificate_of_another_name_and_one_that_is_over(
    certificate: Callable[..., ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = certificate("other", address="DNS:elsewhere.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.folder / "other.pem"))  # type: ignore[attr-defined]
    with answering(OURS, tls=context) as url, pytest.raises(Lasting, match="another name"):
        ask(url)
    context = certificate("over", days="-1")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.folder / "over.pem"))  # type: ignore[attr-defined]
    clock = VirtualClock(datetime(1970, 1, 1, 0, 5, tzinfo=UTC), trusted=False)
    with answering(OURS, tls=context) as url, pytest.raises(Lasting, match="box's clock says: 1970-01-01 00:05"):
        ask(url, clock)


def test_something_that_speaks_no_tls() -> None:
    with answering(PORTAL) as url, pytest.raises(Lasting, match="protected"):
        ask(url.replace("http:", "https:"))


# --- a proxy, and a cap


def test_a_proxy_carries_the_request(tmp_path: Path) -> None:
    heard: list[bytes] = []

    def proxy(conn: socket.socket) -> None:
        conn.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    def note(conn: socket.socket) -> None:
        heard.append(b"asked")
        proxy(conn)

    with answering(note) as url, pytest.raises(Lasting, match="proxy refused"):
        ask("https://archive.example.org", proxy=url)
    assert heard
    with pytest.raises(Lasting, match="cannot be used"):
        ask("https://archive.example.org", proxy="not a proxy")
    with pytest.raises(TransportTrouble):
        ask("https://archive.example.org", proxy="http://[half")


def test_a_proxy_that_is_not_there_is_named_and_each_wait_is_told() -> None:
    told: list[tuple[str, str]] = []
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        proxy = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Passing, match=f"No proxy answers at {proxy}") as caught:
            ask("https://archive.example.org", proxy=f"http://ana:secret@{proxy}", told=lambda *one: told.append(one))
    assert told == [("again", caught.value.say)] * (TRIES - 1)
    with pytest.raises(Passing, match=r"name of the proxy proxy\.invalid:3128"):
        ask("https://archive.example.org", proxy="http://proxy.invalid:3128")


def test_the_cap_holds() -> None:
    clock = VirtualClock()
    pace = Pace(clock, 256)
    sent = 0
    while sent < 320_000:
        pace.let(pace.slice())
        sent += pace.slice()
    assert clock.monotonic() == pytest.approx(10.0, rel=0.05)
    free = VirtualClock()
    Pace(free, 0).let(1 << 30)
    assert free.monotonic() == 0


def test_pieces_grow_on_quick_lines_and_shrink_on_bad_ones() -> None:
    piece = FIRST
    for _ in range(20):
        piece = next_piece(piece, 0.1, arrived=True)
    assert piece == LARGEST
    for _ in range(20):
        piece = next_piece(piece, 0.1, arrived=False)
    assert piece == SMALLEST
    assert next_piece(FIRST, 4.0, arrived=True) == FIRST
    assert next_piece(FIRST, 10.0, arrived=True) == FIRST // 2
