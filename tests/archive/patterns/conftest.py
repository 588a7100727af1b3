"""An empty archive for patterns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.catalogue.consents import put_record
from archive.consentrecord import ConsentRecord, links
from archive.patterns.corpus import Made, Said, put
from archive.server.erase import withdraw
from archive.server.place import ArchiveHome, open_archive
from archive.takes import fresh_take
from archive.tombstones import Reach, Tombstone
from archive.types import ASKED_USES, Act, ConsentEvent, Form, Kind, Use
from audio.clock import SystemClock
from audio.types import TakeId

ALLOWED = (Use.RECORD, Use.KEEP, Use.ARCHIVE)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveHome]:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    with open_archive(tmp_path / "archive", SystemClock()) as opened:
        yield opened


class Telling:
    """Puts stories into an archive's catalogue, each with its words, a passage a sentence."""

    def __init__(self, place: ArchiveHome) -> None:
        self.place = place
        self.now = place.now()
        self._told = 0

    def story(
        self, *sentences: str, site: str = "Maple Library", prompt: str = "mill", language: str = "en",
        uses: tuple[Use, ...] = ALLOWED, at: datetime | None = None,
    ) -> str:  # fmt: skip
        """Tell a story; returns its identifier."""
        made = self.made(*sentences, site=site, prompt=prompt, language=language, uses=uses, at=at)
        with self.place.catalogue() as catalogue, catalogue.write() as tx:
            return put(tx, [made])[0]

    def made(
        self, *sentences: str, site: str = "Maple Library", prompt: str = "mill", language: str = "en",
        uses: tuple[Use, ...] = ALLOWED, at: datetime | None = None,
    ) -> Made:  # fmt: skip
        """The same, not yet in the catalogue."""
        self._told += 1
        told = at or datetime(2026, 3, 2, 10, tzinfo=UTC) + timedelta(hours=self._told)
        clock, said = 1000, []
        for text in sentences:
            end = clock + 400 * len(text.split())
            said.append(Said(text, clock, end))
            clock = end + 800
        return Made(
            fresh_take(told),
            Kind.STORY,
            prompt,
            f"Tell me about the {prompt}.",
            language,
            site,
            told,
            tuple(said),
            uses,
        )

    def allow(self, story: str, *uses: Use, more: tuple[Act, ...] = (), form: Form = Form.VOICE,
              embargo: date | None = None) -> None:  # fmt: skip
        """Put what its teller agreed to in the place of what was there."""
        acts: list[tuple[Act, Use | None]] = [(Act.DECIDE, use) for use in uses] + [(act, None) for act in more]
        events = tuple(
            ConsentEvent(TakeId(story), act, self.now, "code", use, use is not None, form,
                         embargo if use in ASKED_USES else None, "1", "ab" * 32, "en", seq)
            for seq, (act, use) in enumerate(acts, start=1)
        )  # fmt: skip
        with self.place.catalogue() as catalogue, catalogue.write() as tx:
            put_record(tx, story, ConsentRecord(TakeId(story), events, links(events)))

    def take_back(self, story: str) -> None:
        """Carry its teller's withdrawal out, as the archive does; what comes after it is later than it."""
        withdraw(self.place, Tombstone(TakeId(story), self.now, Reach.WITHDRAWAL, 3, "cd" * 32), "front-desk")
        self.now = self.place.now()


@pytest.fixture
def telling(place: ArchiveHome) -> Telling:
    return Telling(place)


@pytest.fixture
def made(telling: Telling) -> Callable[..., Made]:
    return telling.made


@pytest.fixture
def change(place: ArchiveHome) -> Callable[..., Any]:
    """Carry out one function in a transaction of its own; it is given the transaction first."""

    def carry_out(how: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        with place.catalogue() as catalogue, catalogue.write() as tx:
            return how(tx, *arguments, **more)

    return carry_out


@pytest.fixture
def see(place: ArchiveHome) -> Callable[..., Any]:
    """The same for a function that only reads."""

    def look(how: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        with place.catalogue() as catalogue, catalogue.read() as tx:
            return how(tx, *arguments, **more)

    return look
