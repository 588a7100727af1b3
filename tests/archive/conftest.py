"""A home, a clock that moves by hand, a store with cheap keep-codes, and tellers who tell noise."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from archive import curation
from archive.catalogue import Catalogue, open_catalogue
from archive.catalogue.consents import put_record
from archive.consentrecord import read_record, record
from archive.home import Home, open_home
from archive.keycode import Cost, KeepCode
from archive.objects import bag_key
from archive.reviewing.excerpts import cut
from archive.server.erase import withdraw
from archive.server.place import ArchiveHome
from archive.shelf import Wording
from archive.store import Store
from archive.tombstones import Tombstone
from archive.transcription import TranscriberWorker
from archive.types import Act, ConsentEvent, Form, Use
from audio.clock import VirtualClock
from audio.takewriter import TakeWriter
from audio.transcribe import FixedTranscriber
from audio.types import AudioFormat, CutReason, Ms, Segment, TakeId

WORDING = Wording("1", "ab" * 32, "en")
CHEAP = Cost(8, 1, 1)


def noise(seconds: float, sound: AudioFormat, seed: int = 1) -> bytes:
    count = sound.bytes_of(Ms(round(seconds * 1000)))
    return np.random.default_rng(seed).integers(0, 256, count, dtype=np.uint8).tobytes()


@dataclass
class Teller:
    """Tells, keeps and answers, as a visitor at the box would."""

    store: Store
    told: dict[TakeId, bytes]

    def open(self, seconds: float = 2.0, sound: AudioFormat | None = None, seed: int = 1) -> tuple[TakeId, TakeWriter]:
        shape = sound or AudioFormat(16_000)
        opened = self.store.open_take(prompt="river", language="en", wording=WORDING, by="talk", sound=shape)
        writer = TakeWriter(opened.path, opened.id, shape, opened.key)
        pcm = noise(seconds, shape, seed)
        writer.write(pcm)
        writer.flush()
        self.told[opened.id] = pcm
        return opened.id, writer

    def tell(
        self, seconds: float = 2.0, sound: AudioFormat | None = None, *, segments: int = 1, seed: int = 1
    ) -> TakeId:
        take, writer = self.open(seconds, sound, seed)
        length = round(seconds * 1000)
        for n in range(segments):
            span = (Ms(length * n // segments), Ms(length * (n + 1) // segments))
            self.store.add_segment(Segment(take, n, *span, Ms(500), CutReason.PAUSE))
        self.store.close_take(writer.close(speech=Ms(500)))
        return take

    def keep(self, take: TakeId, *uses: Use) -> KeepCode:
        code = self.store.keep(take, wording=WORDING, by="keep").code
        for use in uses:
            self.store.decide(take, use, yes=True, wording=WORDING, by="left")
        return code

    def story(self, *uses: Use, seconds: float = 2.0, seed: int = 1) -> tuple[TakeId, KeepCode]:
        take = self.tell(seconds, seed=seed)
        return take, self.keep(take, *uses)


START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
BAG = "ab" * 32
Passages = list[tuple[int, int, str, list[list[object]]]]


@dataclass
class ToldArchive:
    """A real archive with stories that no box brought: rows and objects as taking a bag in makes them."""

    place: ArchiveHome
    who: str
    site: str
    uses: tuple[Use, ...]
    length_ms: int
    prefix: str = "01JD"
    stories: int = 0
    said: dict[str, list[ConsentEvent]] = field(default_factory=dict)

    def fresh(self) -> str:
        """An identifier nothing has here."""
        self.stories += 1
        return f"{self.prefix}{self.stories:022}"

    def put_story(
        self, story: str, sound: bytes, passages: Passages, *uses: Use, site: str = "", box: str = "far",
        form: Form = Form.VOICE, embargo: date | None = None,
    ) -> str:  # fmt: skip
        """Put a story's sound, rows and consent here; ``passages`` are start, end (ms), text and words."""
        key = bag_key(story, BAG, "data/story.flac")
        self.place.objects.put(key, io.BytesIO(sound))
        with self.place.catalogue() as catalogue, catalogue.write() as tx:
            tx.run(
                "INSERT INTO stories (id, bag_sha256, kind, prompt, prompt_text, language, site, recorded_at, "
                "clock_trusted, length_ms, box, received_at, title, has_voice) VALUES (?, ?, 'story', 'river', "
                "'The river?', 'en', ?, ?, 1, ?, ?, ?, '', 1)",
                story, BAG, site or self.site, START.isoformat(), self.length_ms, box, START.isoformat(),
            )  # fmt: skip
            tx.run("INSERT INTO files VALUES (?, 'data/story.flac', ?, ?, ?)", story, key, len(sound), "cd" * 32)
            for number, (start, end, text, words) in enumerate(passages):
                tx.run(
                    "INSERT INTO passages VALUES (?, ?, 1, ?, ?, ?, ?, 0, 'whisper base', '2026-03-01', NULL, NULL)",
                    story, number, start, end, text, json.dumps(words),
                )  # fmt: skip
        events = [
            ConsentEvent(TakeId(story), Act.DECIDE, START + timedelta(minutes=n), "left", use, True, form, embargo,
                         "1", "ab" * 32, "en", n + 1)
            for n, use in enumerate(uses or self.uses)
        ]  # fmt: skip
        self.say(story, events)
        return story

    def say(self, story: str, events: list[ConsentEvent]) -> None:
        """Let this be all its teller said."""
        self.said[story] = events
        with self.place.catalogue() as catalogue, catalogue.write() as tx:
            put_record(tx, story, read_record(record(TakeId(story), events)))

    def add(self, story: str, act: Act, use: Use | None = None, *, yes: bool = False) -> None:
        """Let the teller say something more."""
        before = self.said[story]
        at, seq = START + timedelta(minutes=len(before)), len(before) + 1
        event = ConsentEvent(TakeId(story), act, at, "left", use, yes, Form.VOICE, None, "1", "ab" * 32, "en", seq)
        self.say(story, [*before, event])

    def excerpt(self, story: str, start: int = 5_000, end: int = 26_000, title: str = "The ferry") -> str:
        with self.place.catalogue() as catalogue, catalogue.write() as tx:
            return cut(tx, story, start, end, title, "", self.who, self.place.now())

    def put(self, box: str, button: int, story: str, excerpt: str, sheet: str = "main") -> None:
        """Put an excerpt on a button of a box."""
        with self.place.catalogue() as catalogue, catalogue.write() as tx:
            curation.put_cue(tx, box, button, story, excerpt, self.who, self.place.now(), sheet=sheet)

    def withdraw(self, story: str) -> None:
        withdraw(self.place, Tombstone(TakeId(story), self.place.now()), self.who)

    def bytes_of(self, key: str) -> bytes:
        with self.place.objects.open(key) as source:
            return source.read()


@pytest.fixture
def told_archive() -> type[ToldArchive]:
    """What the archives of the folders below are made of."""
    return ToldArchive


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """The empty catalogue of an archive."""
    with open_catalogue(f"sqlite:{tmp_path / 'archive.db'}") as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    return open_home(tmp_path / "home")


@pytest.fixture
def store(home: Home, clock: VirtualClock) -> Iterator[Store]:
    with Store(home, clock, CHEAP) as opened:
        yield opened


@pytest.fixture
def another_store(home: Home, clock: VirtualClock) -> Callable[[], Store]:
    return lambda: Store(home, clock, CHEAP)


@pytest.fixture
def wording() -> Wording:
    return WORDING


@pytest.fixture
def teller(store: Store) -> Teller:
    return Teller(store, {})


@pytest.fixture
def worker(home: Home, clock: VirtualClock) -> Iterator[TranscriberWorker]:
    texts = FixedTranscriber(["Under the linden tree we sang.", "Rosamunde & <Ferdinand> danced."] * 20)
    made = TranscriberWorker(home, clock, lambda _: texts)
    yield made
    made.close()


@pytest.fixture
def work(worker: TranscriberWorker) -> Callable[[], int]:
    def run() -> int:
        done = 0
        while worker.run_once():
            done += 1
        return done

    return run
