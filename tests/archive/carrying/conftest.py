"""Archives with voices in them, to carry what was found out of the house: medleys, briefings, exchanges."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from archive.catalogue.consents import put_record
from archive.consentrecord import read_record, record
from archive.objects import bag_key
from archive.reviewing.excerpts import cut
from archive.server.erase import withdraw
from archive.server.place import ArchiveHome, open_archive
from archive.tombstones import Tombstone
from archive.types import Act, ConsentEvent, Form, Use
from audio.clock import VirtualClock
from audio.types import TakeId

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
RATE = 16_000
BAG = "ab" * 32
WHO = "ana"
EVERY_USE = (Use.RECORD, Use.KEEP, Use.PLAY_HERE, Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC, Use.QUOTE)
LENGTH_MS = 40_000


def tone(hertz: float, loud: float, seconds: float = LENGTH_MS / 1000) -> bytes:
    """A voice that can be told from others by its pitch: a tone that swells and sinks, as a FLAC."""
    at = np.arange(round(seconds * RATE)) / RATE
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * at)
    out = io.BytesIO()
    soundfile.write(out, loud * swell * np.sin(2 * np.pi * hertz * at), RATE, format="FLAC", subtype="PCM_16")
    return out.getvalue()


@dataclass
class Archive:
    """A real archive, filled without boxes."""

    place: ArchiveHome
    prefix: str = "01JD"
    stories: int = 0
    said: dict[str, list[ConsentEvent]] = field(default_factory=dict)

    def story(
        self, *uses: Use, hertz: float = 300.0, loud: float = 0.3, form: Form = Form.VOICE,
        embargo: date | None = None, more: tuple[Act, ...] = (), said: str = "word", box: str = "far",
    ) -> str:  # fmt: skip
        """Tell a story of 40 s whose words are ``said`` with their second: word0 word1 ..."""
        self.stories += 1
        story = f"{self.prefix}{self.stories:022}"
        key, sound = bag_key(story, BAG, "data/story.flac"), tone(hertz, loud)
        self.place.objects.put(key, io.BytesIO(sound))
        with self.place.catalogue() as catalogue, catalogue.write() as tx:
            tx.run(
                "INSERT INTO stories (id, bag_sha256, kind, prompt, prompt_text, language, site, recorded_at, "
                "clock_trusted, length_ms, box, received_at, title, has_voice) VALUES (?, ?, 'story', 'river', "
                "'The river?', 'en', 'Riverside Library', ?, 1, ?, ?, ?, '', 1)",
                story, BAG, START.isoformat(), LENGTH_MS, box, START.isoformat(),
            )  # fmt: skip
            tx.run("INSERT INTO files VALUES (?, 'data/story.flac', ?, ?, ?)", story, key, len(sound), "cd" * 32)
            for number in range(4):
                first = number * 10_000
                words = [[at, at + 400, 0.9, 0, f"{said}{at // 1000}"] for at in range(first, first + 10_000, 1000)]
                tx.run(
                    "INSERT INTO passages VALUES (?, ?, 1, ?, ?, ?, ?, 0, 'whisper base', '2026-03-01', NULL, NULL)",
                    story, number, first, first + 10_000, " ".join(word[4] for word in words), json.dumps(words),
                )  # fmt: skip
        chosen = uses or EVERY_USE
        events = [
            ConsentEvent(TakeId(story), Act.DECIDE, START + timedelta(minutes=n), "left", use, True, form, embargo,
                         "1", "ab" * 32, "en", n + 1)
            for n, use in enumerate(chosen)
        ]  # fmt: skip
        self.say(story, events)
        for act in more:
            self.add(story, act)
        return story

    def say(self, story: str, events: list[ConsentEvent]) -> None:
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
            return cut(tx, story, start, end, title, "", WHO, self.place.now())

    def withdraw(self, story: str) -> None:
        withdraw(self.place, Tombstone(TakeId(story), self.place.now()), WHO)

    def bytes_of(self, key: str) -> bytes:
        with self.place.objects.open(key) as source:
            return source.read()


def strength(sound: bytes, hertz: float, start_ms: int = 0, end_ms: int | None = None) -> float:
    """How much of a tone is in a sound, 0 to about 1: tells which voices are heard."""
    samples, rate = soundfile.read(io.BytesIO(sound), dtype="float64")
    part = samples[start_ms * rate // 1000 : None if end_ms is None else end_ms * rate // 1000]
    if not len(part) or not np.any(part):
        return 0.0
    at = np.arange(len(part)) / rate
    return float(abs(np.mean(part * np.exp(-2j * np.pi * hertz * at))) / np.sqrt(np.mean(part**2)))


@pytest.fixture
def heard() -> Callable[..., float]:
    return strength


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def archives(
    tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Archive]]:
    """Open archives by name; stories of one have other identifiers than those of another."""
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    opened: list[ArchiveHome] = []

    def make(name: str) -> Archive:
        place = open_archive(tmp_path / name, clock)
        opened.append(place)
        return Archive(place, f"01J{'ABCDEFGH'[len(opened)]}")

    yield make
    for place in opened:
        place.close()


@pytest.fixture
def archive(archives: Callable[[str], Archive]) -> Archive:
    return archives("archive")
