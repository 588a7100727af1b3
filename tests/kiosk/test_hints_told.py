"""What a teller is told about the sound: each trouble in its own words, and again where it lasts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from archive.home import open_home
from archive.keycode import Cost
from archive.store import Store
from audio import events as heard
from audio.clock import VirtualClock
from audio.levels import Hint as LevelHint
from audio.segmenter import ADAPTIVE
from audio.types import AudioFormat, Level, MarkKind, Ms, SpeechMark, TakeId
from kiosk import types as t
from kiosk.telling import Telling
from kiosk.texts import load, shipped_languages

TAKE = TakeId("01J00000000000000000000000")
LEVEL = Level(-50, -40, -60, 0)


class Ear:
    """A telling that hears levels and tells the session; nothing is recorded."""

    def __init__(self, folder) -> None:
        self.clock = VirtualClock()
        self.store = Store(open_home(folder / "home"), self.clock, Cost(8, 1, 1))
        self.told: list[t.Event] = []
        source = SimpleNamespace(format=AudioFormat(48_000))
        capture = SimpleNamespace(pause=lambda _: None, resume=lambda _: None)
        self.telling = Telling(
            self.store, source, capture, self.clock, self.told.append, site="s", rules=ADAPTIVE, longest_s=60.0,
            beside=None,
        )  # fmt: skip

    def hears(self, hint: LevelHint | None) -> list[t.Hint]:
        self.told.clear()
        self.telling.hear(heard.LevelHeard(LEVEL, self.clock.monotonic(), hint), TAKE)
        return [event.hint for event in self.told if isinstance(event, t.LevelHeard)]

    def marks(self, kind: MarkKind) -> None:
        self.telling.hear(heard.Marked(TAKE, SpeechMark(kind, Ms(0))), TAKE)


@pytest.fixture
def ear(tmp_path, monkeypatch):
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    made = Ear(tmp_path)
    yield made
    made.store.close()


def test_each_trouble_has_its_own_words_in_every_language(ear) -> None:
    said = {hint: ear.hears(hint) for hint in LevelHint}
    assert all(len(told) == 1 for told in said.values())
    assert len({told[0] for told in said.values()}) == len(LevelHint)
    for language in shipped_languages():
        texts = load(language)
        assert len({texts.get(f"hint.{name}") for name in ("silent", "hum", "overdriven")}) == 3


@pytest.mark.parametrize("between", ["pause", "resume", "back", "quiet"])
def test_a_trouble_that_lasts_is_told_again_once_its_words_have_left_the_screen(ear, between) -> None:
    assert ear.hears(LevelHint.HUM) == [t.Hint.HUM]
    assert ear.hears(LevelHint.HUM) == []
    match between:
        case "pause":
            ear.telling.pause_take(TAKE, 1.0)
        case "resume":
            ear.telling.resume_take(2.0)
        case "back":
            ear.telling.hear(heard.StreamBack(2.0), TAKE)
        case _:
            ear.marks(MarkKind.PAUSED)
            ear.telling.tick(TAKE, 100.0)
            assert [type(event) for event in ear.told] == [t.QuietFor]
    assert ear.hears(LevelHint.HUM) == [t.Hint.HUM]


def test_nobody_is_asked_closer_once_the_detector_hears_a_pause(ear) -> None:
    ear.telling.resume_take(0.0)
    assert ear.hears(LevelHint.CLOSER) == [t.Hint.TOO_QUIET], "before it heard anybody it may be missing a voice"
    ear.telling.resume_take(0.0)
    ear.marks(MarkKind.STARTED)
    ear.marks(MarkKind.PAUSED)
    assert ear.hears(LevelHint.CLOSER) == []
    ear.marks(MarkKind.STARTED)
    assert ear.hears(LevelHint.CLOSER) == [t.Hint.TOO_QUIET]
