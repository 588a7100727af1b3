"""The pages over a real store, a real box beside them, and a real browser where there is one."""

from __future__ import annotations

import base64
import json
import os
import queue
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from archive.home import Home, open_home
from archive.keycode import Cost, KeepCode
from archive.phones import read_face
from archive.portal.app import make_app, serve
from archive.portal.binding import Binding
from archive.portal.desk import Health
from archive.portal.setup import SetUp
from archive.shelf import Wording
from archive.store import Store
from archive.transcription import TranscriberWorker
from archive.types import Use
from audio.clock import SystemClock, VirtualClock
from audio.player import SilentPlayer
from audio.sources import ScriptedSource
from audio.takewriter import TakeWriter
from audio.transcribe import FixedTranscriber
from audio.types import AudioFormat, CutReason, Ms, Segment, TakeId
from kiosk.box import Drivers, make_hands
from kiosk.box import make_app as make_box
from kiosk.setting import read_home

WORDING = Wording("1", "ab" * 32, "en")
CHEAP = Cost(8, 1, 1)
HOST = "127.0.0.1:8480"


class Teller:
    """Tells noise, keeps it and has its words written down."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.pcm = b""

    def story(self, *uses: Use, seconds: float = 4.0, seed: int = 1) -> tuple[TakeId, KeepCode]:
        store, shape = self.store, AudioFormat(16_000)
        opened = store.open_take(prompt="river", language="en", wording=WORDING, by="talk", sound=shape)
        writer = TakeWriter(opened.path, opened.id, shape, opened.key)
        count = shape.bytes_of(Ms(round(seconds * 1000)))
        self.pcm = np.random.default_rng(seed).integers(0, 256, count, dtype=np.uint8).tobytes()
        writer.write(self.pcm)
        writer.flush()
        half = Ms(round(seconds * 500))
        for number in range(2):
            store.add_segment(
                Segment(opened.id, number, Ms(half * number), Ms(half * (number + 1)), half, CutReason.PAUSE)
            )
        store.close_take(writer.close(speech=Ms(500)))
        code = store.keep(opened.id, wording=WORDING, by="keep").code
        for use in uses:
            store.decide(opened.id, use, yes=True, wording=WORDING, by="left")
        return opened.id, code


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    return open_home(tmp_path / "home")


@pytest.fixture
def store(home: Home, clock: VirtualClock) -> Iterator[Store]:
    with Store(home, clock, CHEAP) as opened:
        yield opened


@pytest.fixture
def teller(store: Store) -> Teller:
    return Teller(store)


@pytest.fixture
def work(home: Home, clock: VirtualClock) -> Iterator[Callable[[], None]]:
    """Let the machine write down what was told, and make FLACs."""
    worker = TranscriberWorker(home, clock, lambda _: FixedTranscriber(["Under the <b>linden</b> tree."] * 20))

    def run() -> None:
        while worker.run_once():
            pass

    yield run
    worker.close()


class Guest:
    """A browser without a window: it follows links and sends the forms the pages gave it."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.page = ""
        self.status = 0

    def get(self, path: str, **headers: str) -> str:
        answer = self.client.get(path, headers=headers)
        self.page, self.status = answer.text, answer.status_code
        return self.page

    def token(self) -> str:
        if 'name="token" value="' not in self.page:
            self.get("/story")
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.page)
        assert found
        return found.group(1)

    def post(self, path: str, **fields: str) -> str:
        answer = self.client.post(path, data={"token": self.token(), **fields})
        self.page, self.status = answer.text, answer.status_code
        return self.page

    def enter(self, code: KeepCode | str) -> str:
        self.get("/story")
        return self.post("/story/open", code=str(code))


@pytest.fixture
def guests(home: Home, clock: VirtualClock) -> Callable[[], Guest]:
    """Make browsers of one portal; each has its own cookies."""
    app = make_app(home, clock, frozenset({"127.0.0.1"}), CHEAP)
    return lambda: Guest(TestClient(app, base_url=f"http://{HOST}"))


@pytest.fixture
def guest(guests: Callable[[], Guest]) -> Guest:
    return guests()


CONTRAST = """
  const channel = (v) => (v /= 255, v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  const read = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const behind = (e) => { for (; e; e = e.parentElement) {
    const c = read(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > .99) return c; } return [255, 255, 255]; };
"""
"""What a script needs to know how light two colours are (WCAG 2.2, relative luminance)."""


class Browser:
    """Chromium without a window, over the pipe of its own developer protocol."""

    def __init__(self, program: str, folder: Path) -> None:
        there, ours = os.pipe(), os.pipe()
        arguments = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--mute-audio",
            "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required", "--hide-scrollbars", f"--user-data-dir={folder}", "--remote-debugging-pipe",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "about:blank",
        ]  # fmt: skip

        def become() -> None:
            # Chromium reads commands from 3 and answers on 4.
            read, write = os.dup(there[0]), os.dup(ours[1])
            os.dup2(read, 3)
            os.dup2(write, 4)

        self._process = subprocess.Popen(
            [program, *arguments],
            preexec_fn=become,  # noqa: PLW1509 (two dups and nothing else)
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(there[0])
        os.close(ours[1])
        self._out, self._in = os.fdopen(there[1], "wb", 0), os.fdopen(ours[0], "rb", 0)
        self._number, self._rest, self.session = 0, b"", ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self._frame = target
        self.call("Page.setLifecycleEventsEnabled", enabled=True)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = self._in.read(65_536)
            assert piece, "the browser has gone"
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        return json.loads(line)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": params}
        if self.session:
            asked["sessionId"] = self.session
        self._out.write(json.dumps(asked).encode() + b"\0")
        while True:
            said = self._read()
            if said.get("id") == self._number:
                assert "error" not in said, said
                return said["result"]
            self.events.append(said)

    def open(self, url: str) -> None:
        seen = len(self.events)
        loader = self.call("Page.navigate", url=url).get("loaderId")
        if loader:  # None where only what stands behind the # is another
            self._loaded(seen, lambda one: one == loader)
        self.wait(f"location.href.startsWith({url!r}) && document.readyState === 'complete'")

    def _loaded(self, seen: int, wanted: Callable[[str], bool]) -> None:
        """Wait for a page that is ``wanted`` by the number of its loading: one just left may still be announced."""
        until = time.monotonic() + 20
        while not any(
            one.get("method") == "Page.lifecycleEvent"
            and (told := one["params"])["name"] == "load"
            and told["frameId"] == self._frame
            and wanted(told["loaderId"])
            for one in self.events[seen:]
        ):
            assert time.monotonic() < until, "the page never came"
            time.sleep(0.02)
            self.call("Browser.getVersion")

    def js(self, expression: str) -> Any:
        told = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def wait(self, expression: str, seconds: float = 20.0) -> Any:
        until = time.monotonic() + seconds
        while True:
            try:
                if value := self.js(expression):
                    return value
            except AssertionError:
                pass  # the page is just changing
            assert time.monotonic() < until, f"never: {expression}"
            time.sleep(0.02)

    def submit(self, selector: str) -> None:
        """Press a button of a form and wait for the page after it."""
        seen = len(self.events)
        before = self.call("Page.getFrameTree")["frameTree"]["frame"]["loaderId"]
        self.js(f"document.querySelector({selector!r}).click()")
        self._loaded(seen, lambda one: one != before)

    def press(self, name: str, virtual: int = 0, text: str = "", modifiers: int = 0) -> None:
        """Press a key and let it go, as hands do: wherever the focus is."""
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=virtual,
                      modifiers=modifiers, **more)  # fmt: skip

    def tab_to(self, expression: str, most: int = 120) -> None:
        """Go on with the Tab key until ``expression`` holds of the element ``e`` that has the focus."""
        for _ in range(most):
            self.press("Tab", 9)
            if self.js(f"((e) => {expression})(document.activeElement)"):
                return
        raise AssertionError(f"no key leads there: {expression}")

    def measured(self, script: str) -> Any:
        """Run a script that looks at colours: `CONTRAST` stands where it says so."""
        return self.js(script.replace("CONTRAST", CONTRAST))

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1, mobile=phone)  # fmt: skip

    def picture(self, path: Path, *, whole: bool = True) -> None:
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self) -> None:
        self._out.close()
        self._process.terminate()
        self._process.wait(20)
        self._in.close()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed: no page was looked at in a real browser.")
    made = Browser(program, tmp_path_factory.mktemp("chromium"))
    yield made
    made.close()


class Box:
    """A real box at work on a home: its own loop on the real clock, a scripted microphone, a silent loudspeaker."""

    def __init__(self, home: Path) -> None:
        self.setting = read_home(home)
        self.clock = SystemClock()
        self.store = Store(self.setting.home, self.clock, CHEAP)
        self.seen: list[tuple[float, str, dict[str, object]]] = []
        self.spoken = ""
        self._turns = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._turn)
        self._thread.start()
        # A box that starts ends the visits it finds open: a test's own would be one of them.
        self.until(lambda: any(what == "state" for _, what, _ in self.seen))

    def _turn(self) -> None:
        arrivals: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with Store(self.setting.home, self.clock, CHEAP) as store:
            source, player = ScriptedSource(self.clock, ()), SilentPlayer(self.clock, arrivals.put)
            drivers = Drivers(source, player, *make_hands(self.setting.config, self.clock), None, source.begin_track)
            app = make_box(self.setting, store, self.clock, drivers, arrivals, observer=self._observe)
            app.start()
            while not self._stop.is_set():
                app.round(app.wait_s)
                self._turns += 1
                source.pump(self.clock.monotonic())
                self.spoken = app.spoken()
            app.stop()
            player.close()

    def _observe(self, at: float, what: str, details: dict[str, object]) -> None:
        self.seen.append((at, what, details))

    def settle(self) -> None:
        """Wait until what came of the last press is shown, and has been for so long that a yes to it counts."""
        turns = self._turns
        self.until(lambda: self._turns >= turns + 2)
        time.sleep(0.6)

    def press(self, *meanings: str) -> None:
        """Press on the box itself, slowly enough to be deliberate: it counts from when the box took the press before."""
        for meaning in meanings:
            self.settle()
            began = self.clock.monotonic()
            self.store.add_command("press", meaning)
            self.pressed(meaning, began)

    def until(self, what: Callable[[], Any], seconds: float = 20.0) -> Any:
        limit = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < limit, (read_face(self.store), self.seen[-5:])
            time.sleep(0.005)
        return found

    def state(self) -> str:
        face = read_face(self.store)
        return "" if face is None else face.state

    def facilitate(self) -> None:
        """A facilitator turns the key."""
        self.until(lambda: any(what == "state" and told["to"] == "attract" for _, what, told in self.seen))
        self.press("facilitate")
        self.until(lambda: self.state() == "facilitator")

    def digits(self) -> str:
        """What the screen shows a facilitator who asked for digits."""
        return re.sub(r"\s", "", str(self.until(self.digits_told)))

    def digits_told(self) -> str:
        """Six figures in a row of what is read aloud, in threes or one by one; empty where there are none."""
        found = re.search(r"\b\d(?:\s?\d){5}\b", self.spoken)
        return found.group() if found else ""

    def pressed(self, meaning: str, after: float) -> float:
        """When the box took that press."""

        def find() -> float | None:
            for at, what, told in list(self.seen):
                if what == "Press" and told.get("meaning") == meaning and at >= after:
                    return at
            return None

        return float(self.until(find))

    def close(self) -> None:
        self._stop.set()
        self._thread.join(30)
        self.store.close()


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    made = Box(tmp_path / "box")
    yield made
    made.close()


@pytest.fixture
def serving() -> Iterator[Callable[..., str]]:
    """Serve a home by the real server; returns its address."""
    stop, threads = threading.Event(), []

    def serve_home(home: Home, health: Health | None = None, set_up: SetUp | None = None) -> str:
        said: queue.SimpleQueue[str] = queue.SimpleQueue()
        where = Binding("127.0.0.1", 0)
        thread = threading.Thread(target=serve, args=(home, SystemClock(), where, said.put, stop, health, set_up))
        thread.start()
        threads.append(thread)
        return said.get(timeout=20)

    yield serve_home
    stop.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def teller_at() -> Callable[[Store], Teller]:
    return Teller
