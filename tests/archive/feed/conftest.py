"""An archive with stories in it, a box elsewhere, and what one sends the other."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
from starlette.applications import Starlette
from starlette.routing import Mount

from archive import curation
from archive.boxes import add_box
from archive.catalogue.consents import put_record
from archive.consentrecord import read_record, record
from archive.feed.hello import make_hello
from archive.feed.make import feed_for, open_blob
from archive.feed.receive import FeedReport, last_feed, receive
from archive.home import open_home
from archive.keycode import Cost
from archive.objects import bag_key
from archive.portal.community.deposit import box_app
from archive.portal.community.serving import loopback, serve
from archive.reviewing.excerpts import cut
from archive.server.place import ArchiveHome, open_archive
from archive.shelf import Wording
from archive.store import Store
from archive.transports.memory import MemoryTransport
from archive.types import Act, ConsentEvent, Form, Use
from audio.clock import VirtualClock
from audio.takewriter import TakeWriter
from audio.types import AudioFormat, Ms, TakeId

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
RATE = 16_000
BAG = "ab" * 32
LENDABLE = (Use.RECORD, Use.KEEP, Use.PARTNERS)
WHO = "curator"


def noise(seconds: float, seed: int = 7, rate: int = RATE) -> bytes:
    out = io.BytesIO()
    told = np.random.default_rng(seed).uniform(-0.3, 0.3, round(seconds * rate))
    soundfile.write(out, told, rate, format="FLAC", subtype="PCM_16")
    return out.getvalue()


NOISE = noise(70)


def events_of(story: str, uses: tuple[Use, ...], *more: ConsentEvent) -> list[ConsentEvent]:
    said = [
        ConsentEvent(TakeId(story), Act.DECIDE, START + timedelta(minutes=n), "left", use, True, Form.VOICE, None, "1",
                     "ab" * 32, "en", n + 1)
        for n, use in enumerate(uses)
    ]  # fmt: skip
    return [*said, *more]


@dataclass
class Archive:
    """A real archive, filled without boxes, and its memory at the end of a line."""

    place: ArchiveHome
    stories: int = 0
    said: dict[str, list[ConsentEvent]] = field(default_factory=dict)

    def story(self, *uses: Use, site: str = "Elsewhere", box: str = "far", sound: bytes = NOISE) -> str:
        self.stories += 1
        return self.story_as(f"01JD00000000000000000000{self.stories:02}", *uses, site=site, box=box, sound=sound)

    def story_as(self, story: str, *uses: Use, site: str = "Elsewhere", box: str = "far", sound: bytes = NOISE) -> str:
        key = bag_key(story, BAG, "data/story.flac")
        self.place.objects.put(key, io.BytesIO(sound))
        with self.place.catalogue() as catalogue, catalogue.write() as tx:
            tx.run(
                "INSERT INTO stories (id, bag_sha256, kind, prompt, prompt_text, language, site, recorded_at, "
                "clock_trusted, length_ms, box, received_at, title, has_voice) VALUES (?, ?, 'story', 'river', "
                "'The river?', 'en', ?, ?, 1, 70000, ?, ?, '', 1)",
                story, BAG, site, START.isoformat(), box, START.isoformat(),
            )  # fmt: skip
            tx.run("INSERT INTO files VALUES (?, 'data/story.flac', ?, ?, ?)", story, key, len(sound), "cd" * 32)
            words = [[at, at + 400, 0.9, 0, f"word{at}"] for at in range(0, 69_000, 500)]
            tx.run(
                "INSERT INTO passages VALUES (?, 0, 1, 0, 69000, 'told', ?, 0, 'whisper base', '2026-03-01', NULL, NULL)",
                story, json.dumps(words),
            )  # fmt: skip
        self.say(story, events_of(story, uses or LENDABLE))
        return story

    def say(self, story: str, events: list[ConsentEvent]) -> None:
        self.said[story] = events
        with self.place.catalogue() as catalogue, catalogue.write() as tx:
            put_record(tx, story, read_record(record(TakeId(story), events)))

    def add(self, story: str, act: Act, use: Use | None = None, *, yes: bool = False) -> None:
        before = self.said[story]
        at, seq = START + timedelta(minutes=len(before)), len(before) + 1
        event = ConsentEvent(TakeId(story), act, at, "left", use, yes, Form.VOICE, None, "1", "ab" * 32, "en", seq)
        self.say(story, [*before, event])

    def excerpt(self, story: str, start: int = 5_000, end: int = 30_000, title: str = "The ferry") -> str:
        with self.place.catalogue() as catalogue, catalogue.write() as tx:
            return cut(tx, story, start, end, title, "", WHO, self.place.now())

    def put(self, box: str, button: int, story: str, excerpt: str, sheet: str = "main") -> None:
        with self.place.catalogue() as catalogue, catalogue.write() as tx:
            curation.put_cue(tx, box, button, story, excerpt, WHO, self.place.now(), sheet=sheet)

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
def archive(tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    with open_archive(tmp_path / "archive", clock) as place:
        yield Archive(place)


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
