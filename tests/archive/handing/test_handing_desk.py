"""What a facilitator does at the box: cue buttons, looking a story up, a withdrawal by code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from archive import desk
from archive.errors import NoSuchStory, Refused, WrongCode
from archive.home import open_home
from archive.keycode import Cost
from archive.shelf import Wording
from archive.store import Store
from archive.types import Use
from audio.clock import VirtualClock
from audio.takewriter import TakeWriter
from audio.types import AudioFormat, Ms

WORDING = Wording("1", "cd" * 32, "en")
FORMAT = AudioFormat(8_000)


@pytest.fixture
def store(tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    made = Store(open_home(tmp_path / "home"), clock, Cost(8, 1))
    yield made
    made.close()


@pytest.fixture
def tell(store: Store, clock: VirtualClock) -> Callable[..., Any]:
    def story(*uses: Use) -> Any:
        clock.advance(61)
        take = store.open_take(prompt="first-home", language="en", wording=WORDING, by="left")
        writer = TakeWriter(take.path, take.id, FORMAT, take.key)
        writer.write(bytes(FORMAT.bytes_of(Ms(40_000))))
        store.close_take(writer.close())
        kept = store.keep(take.id, wording=WORDING, by="left")
        for use in uses:
            store.decide(take.id, use, yes=True, wording=WORDING, by="left")
        store.close_review(take.id, "left")
        return kept

    return story


def test_an_excerpt_goes_on_a_button_and_off_again(store: Store, tell: Callable[..., Any]) -> None:
    story = tell(Use.PLAY_HERE).story
    cut = desk.set_cue(store, 2, story.id[-6:].lower(), Ms(5_000), Ms(30_000), title="The ferry")
    assert desk.cue_sheet_json(desk.cue_sheet(store)) == {
        "sheet": desk.SHEET,
        "cues": [
            {"button": 2, "excerpt": cut.id, "story": story.id, "start": 5000, "end": 30000, "title": "The ferry"}
        ],
    }
    assert desk.clear_cue(store, 2)
    assert not desk.clear_cue(store, 2)
    assert desk.cue_sheet(store).cues == {}
    assert store.excerpts() == []


def test_a_new_cue_replaces_the_old_excerpt_unless_it_is_used_elsewhere(store: Store, tell: Callable[..., Any]) -> None:
    story = tell(Use.PLAY_HERE).story
    first = desk.set_cue(store, 1, story.id, Ms(0))
    assert first.end == story.length
    store.set_cue("other", 3, first.id)
    second = desk.set_cue(store, 1, story.id, Ms(1_000), Ms(9_000))
    assert {one.id for one in store.excerpts()} == {first.id, second.id}
    desk.set_cue(store, 1, story.id, Ms(2_000), Ms(9_000))
    assert second.id not in {one.id for one in store.excerpts()}


@pytest.mark.parametrize(("start", "end"), [(0, 500), (-1, 5000), (5000, 4000), (0, 50_000)])
def test_odd_excerpts_are_refused(store: Store, tell: Callable[..., Any], start: int, end: int) -> None:
    story = tell(Use.PLAY_HERE).story
    with pytest.raises(Refused):
        desk.set_cue(store, 1, story.id, Ms(start), Ms(end))
    assert store.excerpts() == []


def test_no_button_nine_and_nothing_left_behind(store: Store, tell: Callable[..., Any]) -> None:
    story = tell(Use.PLAY_HERE).story
    with pytest.raises(Refused):
        desk.set_cue(store, 9, story.id, Ms(0))
    with pytest.raises(Refused):
        desk.clear_cue(store, 0)
    assert store.excerpts() == []


def test_the_gate_decides_what_is_played_and_cued(store: Store, tell: Callable[..., Any]) -> None:
    shared, own = tell(Use.PLAY_HERE).story, tell(Use.ARCHIVE).story
    assert desk.find_playable(store, shared.id).story == shared
    with pytest.raises(Refused):
        desk.find_playable(store, own.id)
    with pytest.raises(Refused):
        desk.set_cue(store, 1, own.id, Ms(0))
    desk.set_cue(store, 1, shared.id, Ms(0))
    store.decide(shared.id, Use.PLAY_HERE, yes=False, wording=WORDING, by="code")
    assert desk.cue_sheet(store).cues == {}


def test_a_story_is_found_by_an_unmistakable_end(store: Store, tell: Callable[..., Any]) -> None:
    story = tell().story
    tell()
    assert desk.find_story(store, story.id[-8:]) == story
    assert desk.find_story(store, story.id[:25]) == story
    for name in ("", "  ", "no-such", story.id[:3]):
        with pytest.raises(NoSuchStory):
            desk.find_story(store, name)


def test_a_withdrawal_by_code(store: Store, tell: Callable[..., Any]) -> None:
    kept = tell(Use.PLAY_HERE)
    desk.set_cue(store, 1, kept.story.id, Ms(0))
    with pytest.raises(WrongCode):
        desk.withdraw(store, f"{kept.code.number} maple maple maple maple")
    gone = desk.withdraw(store, " ".join((str(kept.code.number), *kept.code.words)).upper())
    assert gone.take == kept.story.id
    assert store.stories() == []
    assert desk.cue_sheet(store).cues == {}
