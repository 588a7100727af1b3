"""An archive with stories in it, a box elsewhere, and what one sends the other."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from starlette.applications import Starlette
from starlette.routing import Mount

from archive.boxes import add_box
from archive.feed.hello import make_hello
from archive.feed.make import feed_for, open_blob
from archive.feed.receive import FeedReport, last_feed, receive
from archive.home import open_home
from archive.keycode import Cost
from archive.portal.community.deposit import box_app
from archive.portal.community.serving import loopback, serve
from archive.server.place import ArchiveHome, open_archive
from archive.shelf import Wording
from archive.store import Store
from archive.transports.memory import MemoryTransport
from archive.types import Use
from audio.clock import VirtualClock
from audio.takewriter import TakeWriter
from audio.types import AudioFormat, Ms, TakeId

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
RATE = 16_000
LENDABLE = (Use.RECORD, Use.KEEP, Use.PARTNERS)
WHO = "curator"


def noise(seconds: float, seed: int = 7, rate: int = RATE) -> bytes:
    out = io.BytesIO()
    told = np.random.default_rng(seed).uniform(-0.3, 0.3, round(seconds * rate))
    soundfile.write(out, told, rate, format="FLAC", subtype="PCM_16")
    return out.getvalue()


NOISE = noise(70)


class Archive:
    """A real archive that stories of noise are told to, for its boxes; everything else is `ToldArchive`'s."""

    def __init__(self, told: Any) -> None:
        self.told = told

    def __getattr__(self, name: str) -> Any:
        return getattr(self.told, name)

    def story(self, *uses: Use, **more: Any) -> str:
        return self.story_as(self.told.fresh(), *uses, **more)

    def story_as(self, story: str, *uses: Use, sound: bytes = NOISE, **more: Any) -> str:
        words = [[at, at + 400, 0.9, 0, f"word{at}"] for at in range(0, 69_000, 500)]
        return str(self.told.put_story(story, sound, [(0, 69_000, "told", words)], *uses, **more))

    def excerpt(self, story: str, start: int = 5_000, end: int = 30_000, title: str = "The ferry") -> str:
        return str(self.told.excerpt(story, start, end, title))

    def lend(self, box: str = "near", button: int = 1, *uses: Use) -> str:
        """A story with an excerpt on a button of ``box``."""
        story = self.story(*uses)
        self.put(box, button, story, self.excerpt(story))
        return story


@dataclass
class Line:
    """Brings what the archive made to the box, as a transport would."""

    archive: Archive
    store: Store
    transport: MemoryTransport
    box: str = "near"
    site: str = "Riverside"

    def offer(self) -> bytes:
        """Let the archive make its feed and lay it and its blobs ready."""
        hello = make_hello(self.store.keys, self.site, last_feed(self.store, self.transport.signer)[0])
        data = feed_for(self.archive.place, self.box, hello)
        self.transport.feeds[hello.seal] = data
        with self.archive.place.catalogue() as catalogue, catalogue.read() as tx:
            rows = tx.all("SELECT sound, card FROM loans WHERE box = ?", self.box)
        self.transport.blobs = {}
        for sha256 in (name for row in rows for name in row):
            with open_blob(self.archive.place, self.box, sha256) as source:
                self.transport.blobs[sha256] = source.read()
        return data

    def take(self) -> FeedReport:
        """Let the box take in what lies ready."""
        with self.transport.visit():
            return receive(self.store, self.transport, self.site, lambda _step, _story: None)

    def night(self) -> FeedReport:
        self.offer()
        return self.take()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START + timedelta(days=1))


@pytest.fixture
def filled(told_archive: Callable[..., Any]) -> Callable[[ArchiveHome], Archive]:
    """Lets stories be told to an archive that is open."""
    return lambda place: Archive(told_archive(place, WHO, "Elsewhere", LENDABLE, 70_000))


@pytest.fixture
def archive(
    tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, filled: Callable[[ArchiveHome], Archive]
) -> Iterator[Archive]:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    with open_archive(tmp_path / "archive", clock) as place:
        yield filled(place)


@pytest.fixture
def box(tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    with Store(open_home(tmp_path / "box"), clock, Cost(8, 1, 1)) as opened:
        yield opened


@pytest.fixture
def line(archive: Archive, box: Store, clock: VirtualClock) -> Line:
    return Line(archive, box, MemoryTransport(clock, archive.place.keys.sign))


@pytest.fixture
def lendable() -> tuple[Use, ...]:
    return LENDABLE


@pytest.fixture
def pcm() -> Callable[[bytes, int, int], bytes]:
    """The 16-bit samples of [start, end) ms of a FLAC."""

    def read(flac: bytes, start: int, end: int) -> bytes:
        samples, rate = soundfile.read(io.BytesIO(flac), dtype="int16")
        return bytes(samples[rate * start // 1000 : rate * end // 1000].tobytes())

    return read


@pytest.fixture
def told_sound() -> bytes:
    return NOISE


class OwnStory:
    """Tells a story at the box itself, for as long as an excerpt needs."""

    wording = Wording("1", "ab" * 32, "en")

    def __init__(self, store: Store) -> None:
        self.store = store

    def __call__(self, *uses: Use, seconds: float = 40.0) -> TakeId:
        shape = AudioFormat(RATE)
        opened = self.store.open_take(prompt="river", language="en", wording=self.wording, by="talk", sound=shape)
        writer = TakeWriter(opened.path, opened.id, shape, opened.key)
        writer.write(np.random.default_rng(3).integers(-9000, 9000, round(seconds * RATE), dtype=np.int16).tobytes())
        self.store.close_take(writer.close(speech=Ms(500)))
        self.store.keep(opened.id, wording=self.wording, by="keep")
        for use in uses:
            self.store.decide(opened.id, use, yes=True, wording=self.wording, by="left")
        return opened.id


@pytest.fixture
def own_story(box: Store) -> OwnStory:
    return OwnStory(box)


@pytest.fixture
def url(archive, clock) -> Iterator[str]:
    opened: list[str] = []
    ready, stop = threading.Event(), threading.Event()

    def tell(url: str) -> None:
        opened.append(url)
        ready.set()

    app = Starlette(routes=[Mount("/box", box_app(archive.place, clock))])
    thread = threading.Thread(target=serve, args=(app, archive.place, loopback("127.0.0.1:0"), tell, stop))
    thread.start()
    assert ready.wait(20)
    yield opened[0]
    stop.set()
    thread.join()


@pytest.fixture
def credential(archive) -> Callable[[str], str]:
    def make(name: str) -> str:
        with archive.place.catalogue() as catalogue:
            return add_box(catalogue, name, "sysadmin", archive.place.now())

    return make
