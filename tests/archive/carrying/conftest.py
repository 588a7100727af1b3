"""Archives with voices in them, to carry what was found out of the house: medleys, briefings, exchanges."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from archive.reviewing.words import check_words, passages_of, words_version
from archive.server.place import ArchiveHome, open_archive
from archive.types import Act, Form, Use
from audio.clock import VirtualClock

RATE = 16_000
EVERY_USE = (Use.RECORD, Use.KEEP, Use.PLAY_HERE, Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC, Use.QUOTE)
LENGTH_MS = 40_000


def tone(hertz: float, loud: float, seconds: float = LENGTH_MS / 1000) -> bytes:
    """A voice that can be told from others by its pitch: a tone that swells and sinks, as a FLAC."""
    at = np.arange(round(seconds * RATE)) / RATE
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * at)
    out = io.BytesIO()
    soundfile.write(out, loud * swell * np.sin(2 * np.pi * hertz * at), RATE, format="FLAC", subtype="PCM_16")
    return out.getvalue()


class Voices:
    """A real archive that voices of a pitch of their own are told to; everything else is `ToldArchive`'s."""

    def __init__(self, told: Any) -> None:
        self.told = told

    def __getattr__(self, name: str) -> Any:
        return getattr(self.told, name)

    def story(
        self, *uses: Use, hertz: float = 300.0, loud: float = 0.3, form: Form = Form.VOICE,
        embargo: date | None = None, more: tuple[Act, ...] = (), said: str = "word", box: str = "far",
    ) -> str:  # fmt: skip
        """Tell a story of 40 s whose words are ``said`` with their second: word0 word1 ..."""
        passages = []
        for first in range(0, LENGTH_MS, 10_000):
            words = [[at, at + 400, 0.9, 0, f"{said}{at // 1000}"] for at in range(first, first + 10_000, 1000)]
            passages.append((first, first + 10_000, " ".join(str(word[4]) for word in words), words))
        story = self.told.fresh()
        self.told.put_story(story, tone(hertz, loud), passages, *uses, form=form, embargo=embargo, box=box)
        for act in more:
            self.told.add(story, act)
        return story

    def check(self, story: str) -> None:
        """A person listens to all of a story and says that its words are right."""
        now = self.place.now()
        with self.place.catalogue() as catalogue, catalogue.write() as tx:
            check_words(tx, story, words_version(passages_of(tx, story)), "ana", now)


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
    tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, told_archive: Callable[..., Any]
) -> Iterator[Callable[[str], Voices]]:
    """Open archives by name; stories of one have other identifiers than those of another."""
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    opened: list[ArchiveHome] = []

    def make(name: str) -> Voices:
        place = open_archive(tmp_path / name, clock)
        opened.append(place)
        prefix = f"01J{'ABCDEFGH'[len(opened)]}"
        return Voices(told_archive(place, "ana", "Riverside Library", EVERY_USE, LENGTH_MS, prefix))

    yield make
    for place in opened:
        place.close()


@pytest.fixture
def archive(archives: Callable[[str], Voices]) -> Voices:
    return archives("archive")
