"""A story in a catalogue, with words and times, and its sound in an object store."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import soundfile

from archive.catalogue import Catalogue, Tx
from archive.catalogue.consents import put_record
from archive.consentrecord import read_record, record
from archive.objects import Objects, open_objects
from archive.types import Act, ConsentEvent, Form, Use
from audio.clock import VirtualClock
from audio.types import TakeId

STORY = "01JD0000000000000000000001"
MASTER = f"bags/{STORY}/abababababababab/data/story.flac"
RATE = 16_000
PASSAGES = (
    (0, 4000, [(500, 900, "The"), (900, 1600, "old"), (1600, 2400, "mill"), (2400, 3600, "burned")]),
    (4000, 9000, [(5000, 5600, "in"), (5600, 6400, "the"), (6400, 8000, "winter")]),
    (9000, 12_000, [(10_000, 10_700, "Rosa"), (10_700, 11_500, "saw")]),
)


def add_story(tx: Tx, story: str = STORY, length: int = 12_000) -> None:
    tx.run(
        "INSERT INTO stories (id, bag_sha256, kind, prompt, prompt_text, language, site, recorded_at, clock_trusted, "
        "length_ms, box, received_at, title, has_voice) VALUES (?, ?, 'story', 'mill', 'The mill?', 'en', 'Riverside', "
        "'2026-01-02T10:00:00.000+00:00', 1, ?, 'front', '2026-01-03T02:00:00.000+00:00', '', 1)",
        story, "ab" * 32, length,
    )  # fmt: skip
    tx.run("INSERT INTO files VALUES (?, 'data/story.flac', ?, 1, ?)", story, MASTER, "cd" * 32)
    for number, (start, end, words) in enumerate(PASSAGES):
        plain = [[a, b, 0.4 if said == "mill" else 0.9, said == "mill", said] for a, b, said in words]
        tx.run(
            "INSERT INTO passages VALUES (?, ?, 1, ?, ?, ?, ?, 0, 'whisper base', '2026-01-03', NULL, NULL)",
            story, number, start, end, " ".join(said for *_, said in words), json.dumps(plain),
        )  # fmt: skip


def voice(seconds: float = 12.0, rate: int = RATE) -> bytes:
    """Noise as loud as a voice, as a FLAC."""
    out = io.BytesIO()
    noise = np.random.default_rng(7).uniform(-0.3, 0.3, round(seconds * rate))
    soundfile.write(out, noise, rate, format="FLAC", subtype="PCM_16")
    return out.getvalue()


@pytest.fixture
def catalogue(catalogue: Catalogue) -> Catalogue:
    """The catalogue of the folder above, with one story in it."""
    with catalogue.write() as tx:
        add_story(tx)
    return catalogue


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """Where who makes a rendition keeps others waiting."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    store = open_objects(f"folder:{tmp_path / 'objects'}")
    store.put(MASTER, io.BytesIO(voice()))
    return store


@pytest.fixture
def tell(clock: VirtualClock) -> Callable[[Tx, str, date | None], None]:
    """Let somebody tell a story for the archive, which may be opened from a day on."""

    def told(tx: Tx, story: str, embargo: date | None) -> None:
        add_story(tx, story)
        uses = (Use.RECORD, Use.KEEP, Use.ARCHIVE)
        events = [
            ConsentEvent(TakeId(story), Act.DECIDE, clock.wall(), "left", use, True, Form.VOICE, embargo, "1", "ab" * 32,
                         "en", number + 1)
            for number, use in enumerate(uses)
        ]  # fmt: skip
        put_record(tx, story, read_record(record(TakeId(story), events)))

    return told
