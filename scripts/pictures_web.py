"""Takes the pictures of the web pages for docs/: a real box and a real archive, as `hearth demo --archive` leaves them.

usage: python scripts/pictures_web.py DIR, where DIR is one run's folder below demo-out. Chromium looks at the pages
over loopback; a wrapper shows the session of a person who was let in for this. They are pictures of a desk with
recorded test speech on it; nothing of a visitor is in them.
"""

from __future__ import annotations

import http.client
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from starlette.types import ASGIApp, Receive, Scope, Send

from archive.home import open_home
from archive.keycode import Cost
from archive.people import accounts
from archive.people.roles import Role
from archive.people.sessions import Door
from archive.phones import pair, show_digits
from archive.portal.app import make_app
from archive.portal.binding import Binding
from archive.portal.community.app import make_community
from archive.portal.community.serving import serve
from archive.server.place import ArchiveHome, open_archive
from archive.store import Store
from audio.clock import SystemClock
from kiosk.health import box_findings
from kiosk.setting import read_home

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SIZE, PHONE = (1100, 760), (430, 800)
HOSTS = frozenset({"127.0.0.1"})
_CHEAP = Cost(8, 1, 1)
_PASSWORD = "four quite unrelated words"  # noqa: S105 - of an archive that lives for a minute


class WithCookies:
    """Shows every request's sender as somebody who holds these cookies."""

    def __init__(self, app: ASGIApp, cookies: str) -> None:
        """Wrap ``app``."""
        self._app = app
        self.cookies = cookies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the header."""
        if scope["type"] == "http":
            kept = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
            scope = {**scope, "headers": [*kept, (b"cookie", self.cookies.encode())]}
        await self._app(scope, receive, send)


def take(address: str, pages: dict[str, tuple[str, tuple[int, int]]], folder: Path, images: Path = IMAGES) -> None:
    """Take a picture of each path; written as JPEG by name into ``images``. ``folder`` is where the browser works."""
    images.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or sys.exit("chromium is not installed")
    for name, (path, (width, height)) in pages.items():
        shot = folder / f"{name}.png"
        command = [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
            f"--user-data-dir={folder / 'browser'}", f"--window-size={width},{height}", f"--screenshot={shot}",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", address + path,
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=600)
        out = images / f"web-{name}.jpg"
        with Image.open(shot) as picture:
            picture.convert("RGB").save(out, quality=82, optimize=True)
        print(f"{out}: {out.stat().st_size // 1000} kB")


def serving(app: ASGIApp, place: ArchiveHome, work: Callable[[str], None]) -> None:
    """Serve ``app`` on a free port while ``work`` looks at it."""
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(app, place, Binding("127.0.0.1", 0), said.put, stop))
    thread.start()
    try:
        work(said.get(timeout=30))
    finally:
        stop.set()
        thread.join()


def _box_pages(home: Path, place: ArchiveHome, folder: Path, code: str) -> None:
    setting, clock = read_home(home), SystemClock()
    with Store(open_home(home), clock) as store:
        phone = pair(store, show_digits(store))
    app = make_app(setting.home, clock, HOSTS, health=lambda store: box_findings(setting.home, store, devices=False))
    token = "a-browser-that-lives-for-a-minute-only-xyz"  # noqa: S105

    browser = WithCookies(app, f"hearth={token}; hearth_phone={phone}")

    def look(address: str) -> None:
        take(address, {"morning": ("/remote/morning", SIZE)}, folder)
        if opened := _opened(address, code):
            # The cookie changes when a story opens: from here on it is that of whoever typed the code.
            browser.cookies = opened
            take(address, {"teller": ("/story", PHONE)}, folder)

    serving(browser, place, look)


def _opened(address: str, code: str) -> str:
    """Type a keep-code; the cookie of the browser in which the story is open, empty where the code opens nothing."""
    host = address.removeprefix("http://")
    asked = _answering(host)
    asked.request("GET", "/story")
    page = asked.getresponse().read().decode()
    found = re.search(r'name="token" value="([0-9a-f]+)"', page)
    if found is None:
        return ""
    body = urlencode({"token": found[1], "code": code})
    asked.request("POST", "/story/open", body, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = asked.getresponse()
    return (
        (answer.getheader("Set-Cookie") or "").partition(";")[0] if answer.status == http.HTTPStatus.SEE_OTHER else ""
    )


def _answering(host: str) -> http.client.HTTPConnection:
    """Connect once the server listens: its address is known a moment before."""
    for _ in range(100):
        asked = http.client.HTTPConnection(host, timeout=20)
        try:
            asked.connect()
        except ConnectionRefusedError:
            time.sleep(0.1)
            continue
        return asked
    sys.exit("the pages do not answer")


def _desk_pages(place: ArchiveHome, folder: Path) -> None:
    with place.catalogue() as catalogue:
        with catalogue.write() as tx:
            _, code = accounts.add_person(tx, "Ana", tuple(Role), "pictures", place.now())
        token = Door(catalogue, place.clock, _CHEAP).enter_with_code(code, "", _PASSWORD, "127.0.0.1", "pictures")
        with catalogue.read() as tx:
            row = tx.one("SELECT id FROM stories ORDER BY id DESC LIMIT 1")
    pages = {"review": ("/review", SIZE), "boxes": ("/boxes", SIZE), "cues": ("/cues", SIZE)}
    pages["search"] = ("/search?q=times", SIZE)
    if row is not None:
        pages["story"] = (f"/story/{row['id']}", (1100, 1000))
    app = WithCookies(make_community(place, HOSTS, _CHEAP), f"hearth={token}")
    serving(app, place, lambda address: take(address, pages, folder))


def main() -> int:
    """Take every picture."""
    run = Path(sys.argv[1])
    found = re.search(r"keep-code (\d+(?:-[a-z]+){4})", (run / "summary.json").read_text(encoding="utf-8"))
    code = "" if found is None else found[1]
    with tempfile.TemporaryDirectory() as room:
        # A copy: letting somebody in for the pictures must not stay in the run.
        copy = Path(shutil.copytree(run, Path(room) / "run"))
        with open_archive(copy / "archive", SystemClock()) as place:
            _box_pages(copy / "box", place, Path(room), code)
            _desk_pages(place, Path(room))
    return 0


if __name__ == "__main__":
    sys.exit(main())
