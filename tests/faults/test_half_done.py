"""What fails halfway in the kiosk: the disk, the database or a device refuses once, and nobody is told something false."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from faultkit.evening import clock_at
from faultkit.rig import Rig

from archive.errors import HomeTrouble
from archive.spans import Mark
from audio.types import Ms
from hardware.types import Lamp
from kiosk import types as t
from kiosk.later import Done
from kiosk.types import Ends, Notice, State


@pytest.fixture
def box(tmp_path: Path):
    with Rig(tmp_path / "box", clock_at(0.0)) as made:
        yield made


def refuse(*_args: object, **_more: object) -> None:
    raise sqlite3.OperationalError("disk I/O error")


def settle(box: Rig) -> None:
    box.until(lambda: not box.session.saving)


def keep_and_come_back(box: Rig, *uses: str) -> None:
    """A story told and kept, and its teller at the box again with the code."""
    box.tell(6.0)
    code = box.keep(*uses)
    box.press("done")
    box.until(lambda: box.state is State.ATTRACT)
    # Nothing writes words down on this bench, and nobody waits for them.
    box.store.db.conn.execute("UPDATE jobs SET failed = 'nobody does it' WHERE kind = 'transcribe'")
    say_code(box, code)
    assert box.state is State.MY_STORY


def say_code(box: Rig, code: str) -> None:
    box.press("say_code")
    box.app.post(t.CodeTyped(code, box.clock.monotonic()))
    box.turn()
    settle(box)


def trim(box: Rig) -> None:
    # Silence has no pauses to cut at.
    box.app.session = replace(box.session, ends=Ends((Ms(0), Ms(2000)), (Ms(round(box.session.seconds * 1000)),)))
    for meaning in ("trim", "move", "take", "take", "confirm"):
        box.press(meaning)
    settle(box)


def lies_there(box: Rig) -> set[str]:
    return {path.name for path in box.store.home.stories.iterdir()}


def without_a_code(box) -> None:
    """Throw away the code that was made while the story was told, once it is there: keep has to make another."""
    box.until(lambda: box.app.telling.review._fresh)
    box.app.telling.review.forget()


def test_a_trim_whose_first_take_cannot_go_leaves_that_and_nothing_else(box, monkeypatch) -> None:
    box.tell(6.0)
    told, erase = box.session.take, box.store.erase

    def refuse_it(take, act, by):
        if take == told:
            raise HomeTrouble("The database did not take this.", "Check the disk.")
        return erase(take, act, by)

    monkeypatch.setattr(box.store, "erase", refuse_it)
    trim(box)
    monkeypatch.undo()
    assert (box.state, box.session.take, box.session.notice) == (State.REVIEW, told, Notice.NOT_TRIMMED)
    assert lies_there(box) == {told}
    box.keep()
    assert [story.id for story in box.store.stories()] == [told]


def test_a_trimmed_take_that_cannot_be_drawn_is_gone_on_with(box, monkeypatch) -> None:
    box.tell(6.0)
    told = box.session.take
    monkeypatch.setattr("kiosk.reviewing.shape_of", refuse)
    trim(box)
    made = box.session.take
    assert made != told
    assert (box.state, box.session.notice, box.session.ends) == (State.REVIEW, Notice.TRIMMED, Ends())
    assert lies_there(box) == {made}
    box.keep()
    assert [story.id for story in box.store.stories()] == [made]


def test_a_keep_that_cannot_even_begin_says_so_and_works_the_next_time(box, monkeypatch) -> None:
    box.tell(3.0)
    without_a_code(box)
    monkeypatch.setattr(box.store, "language_of", refuse)
    box.press("keep")
    settle(box)
    assert (box.state, box.session.notice) == (State.REVIEW, Notice.NOT_KEPT)
    monkeypatch.undo()
    assert box.keep()


def test_a_part_that_is_gone_is_said_to_be_gone_whatever_cannot_be_read_then(box, monkeypatch) -> None:
    keep_and_come_back(box, "play_here")
    box.press("part")
    settle(box)
    for meaning in ("take", "take"):
        box.press(meaning)
    assert box.session.asked is not None
    monkeypatch.setattr("kiosk.effects.my_story", refuse)
    before = box.session.mine
    box.press("confirm")
    settle(box)
    assert (box.state, box.session.notice) == (State.MY_STORY, Notice.PART_GONE)
    assert box.session.mine == replace(before, cuts=1)


def test_a_code_that_the_database_cannot_check_is_refused_and_can_be_tried_again(box, monkeypatch) -> None:
    box.tell(3.0)
    code = box.keep()
    box.press("done")
    box.until(lambda: box.state is State.ATTRACT)
    for broken in ("begin_code", "finish_code"):
        monkeypatch.setattr(box.store, broken, refuse)
        say_code(box, code)
        assert (box.state, box.session.notice) == (State.CODE_ENTRY, Notice.CODE_REFUSED)
        monkeypatch.undo()
        box.app.post(t.CodeTyped(code, box.clock.monotonic()))
        box.turn()
        settle(box)
        assert box.state is State.MY_STORY
        box.press("done")
        box.until(lambda: box.state is State.ATTRACT)


def test_the_end_of_slow_work_that_fails_is_trouble_on_the_screen_and_not_the_end_of_the_box(box) -> None:
    box.app.post(Done(refuse))
    box.until(lambda: box.state is State.OUT_OF_SERVICE)
    box.until(lambda: box.state is State.ATTRACT)


def test_the_microphone_closes_whatever_effect_before_that_failed(box, monkeypatch) -> None:
    box.to_recording()
    assert box.app.telling.stream_open
    monkeypatch.setattr(box.store, "discard", refuse)
    box.press("discard")
    box.press("confirm")
    box.run(0.5)
    assert not box.app.telling.stream_open
    assert box.state is not State.RECORDING


def test_a_mark_the_disk_refuses_ends_no_story(box, monkeypatch) -> None:
    box.to_recording()
    take = box.session.take
    monkeypatch.setattr("kiosk.telling.add_moment", refuse)
    monkeypatch.setattr("kiosk.telling.open_span", refuse)
    box.app.telling.mark(take, Mark.FLAG, box.clock.monotonic())
    box.app.telling.sound_began(take, Mark.EXCERPT, box.clock.monotonic())
    box.press("pause")
    box.run(1.0)
    box.press("resume")
    box.run(2.0)
    assert box.state is State.RECORDING
    assert box.session.trouble is None
    box.press("talk")
    box.until(lambda: box.state is State.REVIEW)
    assert box.session.take == take


def test_a_database_that_cannot_be_looked_at_ends_no_story(box, monkeypatch) -> None:
    box.to_recording()
    monkeypatch.setattr("kiosk.app.transcript", refuse)
    box.app.refresh()
    box.run(1.0)
    monkeypatch.setattr(box.store, "version", refuse)
    box.run(2.0)
    assert box.state is State.RECORDING
    monkeypatch.undo()
    box.press("talk")
    box.until(lambda: box.state is State.REVIEW)


def test_a_voice_whose_file_is_not_readable_is_passed_over(box, monkeypatch) -> None:
    box.tell(3.0)
    box.keep("play_here")
    box.press("done")
    box.until(lambda: box.state is State.ATTRACT)

    def unreadable(*_args: object, **_more: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("kiosk.playing.open_master", unreadable)
    box.press("listen")
    box.run(1.0)
    assert any(what == "NothingToPlay" for _, what, _ in box.happened)
    assert box.state is not State.OUT_OF_SERVICE
    monkeypatch.undo()
    monkeypatch.setattr("kiosk.playing.transcript", refuse)
    box.until(lambda: box.state is State.ATTRACT)
    before = len(box.player.history)
    box.press("listen")
    box.run(1.0)
    assert box.session.playing is not None, "a voice sounds without its words"
    monkeypatch.setattr("kiosk.playing.ask", refuse)
    box.until(lambda: len(box.player.history) > before, 2.0)
    assert not box.player.history[-1].finished, "a gate that cannot be asked says no"


def test_a_box_that_is_told_to_stop_waits_for_what_is_being_kept_whatever_else_arrives(tmp_path, monkeypatch) -> None:
    import threading

    from kiosk import reviewing

    box = Rig(tmp_path / "box", clock_at(0.0)).start()
    box.tell(3.0)
    take, go_on, derive = box.session.take, threading.Event(), reviewing.fresh_code

    def slow(language, cost):
        assert go_on.wait(30.0)
        return derive(language, cost)

    without_a_code(box)
    monkeypatch.setattr(reviewing, "fresh_code", slow)
    box.press("keep")
    assert box.session.saving
    # What arrives first while the box waits is not what it waits for.
    other = threading.Timer(0.3, lambda: box.app.post(Done(go_on.set)))
    other.start()
    box.app.stop()
    other.join()
    assert box.state is State.SHARING
    assert box.store.standing(take).kept
    box.store.close()


def test_a_visit_that_cannot_be_ended_keeps_no_lamp_alight(tmp_path, monkeypatch) -> None:
    box = Rig(tmp_path / "box", clock_at(0.0)).start()
    box.tell(3.0)
    box.press("keep")
    box.until(lambda: box.state is State.SHARING)
    lamps = box.app._parts.lamps
    assert any(lamps.levels.values())
    monkeypatch.setattr(box.store, "close_review", refuse)
    box.app.stop()
    assert not any(lamps.levels[lamp] for lamp in Lamp if lamp in lamps.levels)
    box.store.close()
