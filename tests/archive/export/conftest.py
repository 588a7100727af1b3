"""An archive with stories in it that came as real bags, through the archive's own door."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from archive.bag import BagContent, plan, write_folder
from archive.consentrecord import record
from archive.server.deposits import accept
from archive.server.place import ArchiveHome, open_archive
from archive.types import Act, ConsentEvent, Form, Use
from audio.clock import VirtualClock
from audio.types import TakeId

START = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
RATE = 16_000
WORDS = "The old <b>mill</b> burned & we all stood there in the snow"
EVERYBODY = (Use.RECORD, Use.KEEP, Use.ARCHIVE, Use.PUBLIC)
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ident(number: int) -> TakeId:
    tail = "".join(ALPHABET[number >> shift & 31] for shift in (15, 10, 5, 0))
    return TakeId("01JC8Q3Y5Z7R9T2V4W6X80" + tail)


def flac(seconds: float, seed: int) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(seed).uniform(-0.3, 0.3, round(seconds * RATE))
    soundfile.write(out, noise, RATE, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def events_of(story: TakeId, uses: Iterable[Use], form: Form, embargo: date | None) -> list[ConsentEvent]:
    return [
        ConsentEvent(story, Act.DECIDE, START + timedelta(minutes=n), "left", use, True, form,
                     embargo if use is Use.PUBLIC else None, "1", "ab" * 32, "en", n + 1)
        for n, use in enumerate(uses)
    ]  # fmt: skip


class Shelf:
    """An archive, and a way to put stories into it."""

    def __init__(self, place: ArchiveHome, work: Path) -> None:
        self.place = place
        self._work = work

    def put(
        self,
        number: int,
        uses: Iterable[Use] = EVERYBODY,
        *,
        form: Form = Form.VOICE,
        embargo: date | None = None,
        words: str = WORDS,
        site: str = "Maple Street Library",
        language: str = "en",
        seconds: float = 6.0,
    ) -> str:
        """Let a story come in; returns its identifier."""
        story = ident(number)
        told = START + timedelta(hours=number)
        sound = flac(seconds, number) if form is Form.VOICE else None
        safe = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        content = BagContent(
            story=story,
            site=site,
            bagged_on=told.date(),
            captions=f"WEBVTT\n\n00:00:00.500 --> 00:00:04.500\n{safe}\n",
            metadata={
                "dcterms:identifier": story, "dcterms:title": f"A story, {told.date()}", "dcterms:type": "Sound",
                "dcterms:language": language, "dcterms:created": told.isoformat(), "dcterms:extent": f"PT{seconds:.3f}S",
                "dcterms:subject": "What did the river take?", "dcterms:publisher": site,
            },
            consent=record(story, events_of(story, uses, form, embargo)),
            events=(
                {"event": "recorded", "at": told.isoformat(), "clock_trusted": True, "kind": "story", "prompt": "river",
                 "prompt_text": "What did the river take?"},
                {"event": "closed", "length_ms": round(seconds * 1000)},
            ),
            sound=None if sound is None else lambda: io.BytesIO(sound),
        )  # fmt: skip
        folder = self._work / story
        write_folder(plan(content), folder)
        accept(self.place, folder, "front")
        shutil.rmtree(folder)
        return str(story)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START + timedelta(days=30))


@pytest.fixture
def place(tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveHome]:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    with open_archive(tmp_path / "archive", clock) as opened:
        yield opened


@pytest.fixture
def shelf(place: ArchiveHome, tmp_path: Path) -> Shelf:
    work = tmp_path / "bags"
    work.mkdir()
    return Shelf(place, work)


@pytest.fixture(scope="module")
def shelf_in() -> Callable[[ArchiveHome, Path], Shelf]:
    return Shelf
