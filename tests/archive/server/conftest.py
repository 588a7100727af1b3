"""An archive's home on each kind of database, and bags of made-up stories."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from archive.bag import Bag, BagContent, plan, write_folder
from archive.captions import captions, to_webvtt
from archive.consentrecord import record
from archive.sealedbag import seal_bag
from archive.server.place import ArchiveHome, open_archive
from archive.types import Act, ConsentEvent, Form, Use
from audio.clock import VirtualClock
from audio.types import Ms, TakeId, Word

START = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
STORY = TakeId("01JC8Q3Y5Z7R9T2V4W6X8Y0A1B")
SOUND = b"fLaC" + bytes(range(256)) * 40
AGREED = (Use.RECORD, Use.KEEP, Use.ARCHIVE)


class Told:
    """A story as its box knows it; every change makes another bag."""

    def __init__(
        self, story: TakeId = STORY, said: str = "The lighthouse stood on the rock.", uses: tuple[Use, ...] = AGREED
    ) -> None:
        self.story = story
        self.said = said
        self.sound: bytes | None = SOUND
        self.events: list[ConsentEvent] = []
        self.marks: list[dict[str, Any]] = []
        self.vtt = ""
        for use in uses:
            self.add(Act.DECIDE, use=use, yes=True)

    def add(self, act: Act, **more: Any) -> Told:
        at = START + timedelta(minutes=len(self.events))
        told = {"use": None, "yes": False, "form": Form.VOICE, "embargo": None, **more}
        span = {name: told.pop(name) for name in ("start", "end") if name in told}
        seq = len(self.events) + 1
        event = ConsentEvent(
            self.story, act, at, "left", told["use"], told["yes"], told["form"], told["embargo"], "1", "ab" * 32, "en",
            seq, **span,
        )  # fmt: skip
        self.events.append(event)
        return self

    def words(self) -> list[Word]:
        return [
            Word(text, Ms(n * 500), Ms(n * 500 + 400), 0.9, unclear=n == 1) for n, text in enumerate(self.said.split())
        ]

    def bag(self) -> Bag:
        when = START.isoformat()
        events = (
            {"event": "recorded", "at": when, "clock_trusted": True, "kind": "story", "prompt": "sea", "prompt_text": "What about the sea?"},
            {"event": "closed", "length_ms": 61_000},
            {"event": "transcribed", "by": "small.en-int8", "checked": False},
            *self.marks,
        )  # fmt: skip
        return plan(
            BagContent(
                story=self.story, site="Maple Library", bagged_on=self.events[-1].at.date(),
                captions=self.vtt or to_webvtt(captions(self.words()), with_words=True),
                metadata={
                    "dcterms:identifier": self.story, "dcterms:title": "A story, 2026-01-01", "dcterms:language": "en",
                    "dcterms:publisher": "Maple Library",
                },
                consent=record(self.story, self.events), events=events,
                sound=None if self.sound is None else partial(io.BytesIO, self.sound),
            )
        )  # fmt: skip


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START + timedelta(days=1))


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path, clock: VirtualClock) -> Iterator[ArchiveHome]:
    home = tmp_path / "archive"
    if request.param == "postgres":
        home.mkdir()
        url = request.getfixturevalue("postgres")()
        (home / "config.toml").write_text(f'[archive]\ncatalogue = "{url}"\n')
    with open_archive(home, clock) as opened:
        yield opened


@pytest.fixture
def told() -> type[Told]:
    return Told


@pytest.fixture
def sealed(place: ArchiveHome, tmp_path: Path) -> Callable[[Told], Path]:
    """Seal a story's bag to the archive, as a box does; the path of the file."""

    def seal(story: Told) -> Path:
        path = tmp_path / f"{story.story}.sealed"
        seal_bag(story.bag(), place.public_key, path)
        return path

    return seal


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[Told], Path]:
    """Write a story's bag as a folder."""

    def write(story: Told) -> Path:
        folder = tmp_path / f"opened-{len(list(tmp_path.iterdir()))}" / story.story
        folder.parent.mkdir()
        write_folder(story.bag(), folder)
        return folder

    return write
