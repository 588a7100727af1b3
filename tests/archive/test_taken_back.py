"""Spans taken back, receipts, young tellers, a steward's verbs: what tellers were promised, looked for in the bytes."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from archive.ballast import BALLAST_BYTES
from archive.captions import captions_of
from archive.consent import events_of, standing, verify_chain
from archive.consentrecord import read_record, record
from archive.cutlater import finish_waiting_cuts
from archive.cutting import BLANK, NoRoomToCut, Span, begin_cut, blanked, finish_cut, take_back_span
from archive.durable import move
from archive.envelope import BOX, CODE, MASTER, ask, open_content, recipients
from archive.errors import HomeTrouble, NoKey, NoSuchStory, Refused, TooManyTries, WrongCode
from archive.handing import story_content
from archive.jobs import AGAIN, add_job
from archive.keycode import KeepCode
from archive.masters import CutWaits, cut_flac, open_master
from archive.restorehold import hold_all, release_restored
from archive.retention import run_retention
from archive.search import SearchIndex
from archive.stewards import BY_STEWARD, add_guardian, erase, find_take, held, hold, release
from archive.stories import fresh_code
from archive.sync import sync
from archive.tellers import copies, my_story, parse_span, receipt
from archive.throttle import MOST_NUMBERS, begin_try
from archive.transcripts import transcript
from archive.types import Act, Form, Reader, Use
from archive.verify import verify
from audio.types import Ms, Word


def words_of(store, take, reader=Reader.CAPTION, visit=None):
    return [word.text.strip() for word in transcript(store, take, reader, store.now(), visit=visit)]


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def shared(store, teller, work, *uses, seconds=6.0, segments=2):
    take = teller.tell(seconds, segments=segments)
    code = teller.keep(take, *uses)
    store.close_review(take, "left")
    work()
    return take, code


def test_a_span_is_gone_for_every_reader_and_its_samples_open_with_the_code_alone(home, store, teller, work) -> None:
    take, code = shared(store, teller, work, Use.PLAY_HERE, Use.ARCHIVE)
    before = open_master(store, take, Reader.PLAY, store.now()).read()
    old_key = open_content(store, take, Reader.PLAY, store.now())
    inside = store.add_excerpt(take, Ms(100), Ms(1200), "the first words")
    outside = store.add_excerpt(take, Ms(4000), Ms(5500), "the last words")
    store.set_cue("main", 1, inside.id)
    store.set_cue("main", 2, outside.id)
    said = words_of(store, take)
    assert "linden" in said
    visit = store.enter_code(str(code))
    span = take_back_span(store, visit, Ms(0), Ms(3000), "code")
    assert span == Span(Ms(0), Ms(3000))
    after = open_master(store, take, Reader.PLAY, store.now()).read()
    assert len(after) == len(before)
    assert after[3000 * 32 :] == before[3000 * 32 :], "nothing else changed"
    lost = np.frombuffer(before[: 3000 * 32], "<i2").astype(float)
    tone = np.frombuffer(after[: 3000 * 32], "<i2").astype(float)
    assert abs(np.corrcoef(lost, tone)[0, 1]) < 0.05
    assert 0 < np.abs(tone).max() < 0.06 * 32768
    for reader, visiting in ((Reader.CAPTION, None), (Reader.BAG, None), (Reader.TELLER, visit)):
        assert "linden" not in words_of(store, take, reader, visiting), reader
        assert words_of(store, take, reader, visiting)[0] == BLANK
    assert SearchIndex(store).search("linden") == []
    assert [cut.title for cut in store.cue_sheet("main").cues.values()] == ["the last words"]
    assert recipients(store.db.conn, take) == {BOX, CODE, MASTER}
    assert open_content(store, take, Reader.PLAY, store.now()) != old_key, "the box's key no longer opens the original"
    content = story_content(store, take)
    assert "linden" not in content.captions
    sound = content.sound
    assert sound is not None
    assert hashlib.sha256(after).hexdigest() == store.story(take).sha256
    assert any(event["act"] == "cut" and event["end"] == 3000 for event in content.consent["events"])
    assert verify(store).sound


@pytest.mark.parametrize("killed", ["begun", "copied", "committed"])
def test_what_a_kill_left_of_a_span_is_undone_or_finished_at_the_next_start(
    home, store, teller, work, another_store, killed
) -> None:
    take, code = shared(store, teller, work, Use.PLAY_HERE)
    visit = store.enter_code(str(code))
    take_back_span(store, visit, Ms(0), Ms(500), "code")
    before = cut_flac(home, take, 1).read_bytes()
    cut = begin_cut(store, visit, Ms(3000), Ms(4000))
    if killed == "begun":
        cut.written.write_bytes(b"half of it")
    else:
        told = cut.copy()
    if killed == "committed":
        finish_cut(store, cut, told, "code")
        # The kill came before the file nobody reads any more had gone.
        cut_flac(home, take, 1).write_bytes(before)
    for _ in range(2):
        with another_store() as started:
            started.recover_open_takes()
            in_use = 2 if killed == "committed" else 1
            assert [path.name for path in home.story_folder(take).glob("cut*")] == [f"cut{in_use}.flac"]
            assert len(my_story(started, started.enter_code(str(code))).cuts) == in_use
            assert verify(started).sound


def test_a_box_that_starts_while_a_span_goes_refuses_the_span_and_harms_nothing(store, teller, work, another_store):
    take, code = shared(store, teller, work, Use.PLAY_HERE)
    cut = begin_cut(store, store.enter_code(str(code)), Ms(0), Ms(1000))
    told = cut.copy()
    with another_store() as started:
        started.recover_open_takes()
    with pytest.raises(Refused, match="this very moment"):
        finish_cut(store, cut, told, "code")
    assert open_master(store, take, Reader.PLAY, store.now()).length == 6000
    assert verify(store).sound


@pytest.fixture
def brim(monkeypatch):
    """Let the disk be full, in a block, for the sound of a story without a part."""

    def refuse(_told, target, *_more):
        target.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    @contextmanager
    def full():
        with monkeypatch.context() as there:
            there.setattr("archive.cutting.encode", refuse)
            yield

    return full


def test_a_part_there_is_no_room_to_cut_out_is_gone_at_once_and_the_rest_is_back_by_itself(
    home, store, teller, work, another_store, brim
) -> None:
    take, code = shared(store, teller, work, Use.PLAY_HERE, Use.ARCHIVE)
    visit = store.enter_code(str(code))
    before = open_master(store, take, Reader.PLAY, store.now()).read()
    take_back_span(store, visit, Ms(0), Ms(500), "code")
    for start in (1000, 3000):
        with brim():
            assert take_back_span(store, visit, Ms(start), Ms(start + 1000), "code") == Span(
                Ms(start), Ms(start + 1000)
            )
            with pytest.raises(CutWaits):
                take_back_span(store, visit, Ms(5000), Ms(5500), "code")
            assert finish_waiting_cuts(store) == []
        assert my_story(store, visit).waits_for_room
        others = [reader for reader in Reader if reader is not Reader.TELLER]
        assert not [one for one in others if ask(store.db.conn, take, one, store.now()).allowed]
        with pytest.raises(CutWaits):
            open_master(store, take, Reader.TELLER, store.now(), visit=visit)
        assert words_of(store, take, Reader.TELLER, visit).count(BLANK) >= 1
        with pytest.raises(Refused, match="no room"):
            release(store, take)
        with another_store() as started:
            started.recover_open_takes()
            assert verify(started).sound
            assert run_retention(started).cut == [take]
            assert run_retention(started).cut == []
        assert recipients(store.db.conn, take) == {BOX, CODE, MASTER}
        assert held(store) == []
        assert verify(store).sound
    sound = open_master(store, take, Reader.PLAY, store.now())
    second = len(before) // 6
    assert sound.read(Ms(4000)) == before[4 * second :]
    assert sound.read(Ms(3000), Ms(4000)) != before[3 * second : 4 * second]
    assert {path.name for path in home.story_folder(take).iterdir()} == {"master.flac", "cut3.flac"}
    assert verify_chain(store.db.conn) == []


@pytest.fixture
def brim_in_the_middle(monkeypatch):
    """Let the disk be full, in a block, when so much of a long story without its part has been written."""
    real = os.pwrite

    def short(fd, data, offset):
        if offset > 100_000 and "cut" in Path(f"/proc/self/fd/{fd}").readlink().name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data, offset)

    @contextmanager
    def full():
        with monkeypatch.context() as there:
            there.setattr(os, "pwrite", short)
            yield

    return full


def test_a_disk_that_is_full_in_the_middle_of_a_long_story_is_no_room_too(
    home, store, teller, brim_in_the_middle
) -> None:
    take, writer = teller.open()
    noise = np.random.default_rng(7)
    for _ in range(20):
        writer.write(noise.integers(-9000, 9000, 16_000, dtype="<i2").tobytes())
    store.close_take(writer.close())
    code = teller.keep(take, Use.PLAY_HERE)
    store.close_review(take, "left")
    with brim_in_the_middle():
        take_back_span(store, store.enter_code(str(code)), Ms(1000), Ms(2000), "code")
        assert my_story(store, store.enter_code(str(code))).waits_for_room
        assert finish_waiting_cuts(store) == []
        assert list(home.story_folder(take).glob("cut*")) == []
    assert finish_waiting_cuts(store) == [take]
    assert verify(store).sound


@pytest.mark.parametrize("moment", ["written", "in its place"])
def test_a_waiting_part_whose_writer_was_killed_is_written_by_the_next_run_in_the_same_room(
    home, store, teller, work, another_store, brim, monkeypatch, moment
) -> None:
    take, code = shared(store, teller, work, Use.PLAY_HERE)
    with brim():
        take_back_span(store, store.enter_code(str(code)), Ms(1000), Ms(2000), "code")
    child = os.fork()
    if child == 0:

        def dying(source, target):
            if moment == "in its place":
                move(source, target)
            os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr("archive.cutlater.move", dying)
        with another_store() as other:
            finish_waiting_cuts(other)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    folder = home.story_folder(take)
    left = [path.name for path in folder.glob("cut*.flac")]
    assert len(left) == 1
    assert (left == ["cut1.flac"]) is (moment == "in its place")
    assert my_story(store, store.enter_code(str(code))).waits_for_room, "what was not committed has not happened"
    room = (folder / "master.flac").stat().st_size + 4 * BALLAST_BYTES
    monkeypatch.setattr("archive.cutlater.shutil.disk_usage", lambda _: SimpleNamespace(free=room))
    assert finish_waiting_cuts(store) == [take]
    assert {path.name for path in folder.iterdir()} == {"master.flac", "cut1.flac"}
    assert open_master(store, take, Reader.PLAY, store.now()).length == 6000
    assert verify(store).sound


def test_a_part_that_waits_for_room_waits_for_a_steward_too_and_goes_with_the_story(store, teller, work, brim) -> None:
    pulled, code = shared(store, teller, work, Use.PLAY_HERE)
    gone, key = shared(store, teller, work, Use.PLAY_HERE)
    own, mine = shared(store, teller, work)
    store.seal(own, "code")
    with brim():
        for one in (code, key):
            take_back_span(store, store.enter_code(str(one)), Ms(0), Ms(500), "code")
        with pytest.raises(NoRoomToCut):
            take_back_span(store, store.enter_code(str(mine)), Ms(0), Ms(500), "code")
    assert my_story(store, store.enter_code(str(mine))).cuts == ()
    hold(store, pulled)
    store.withdraw(str(key), "code")
    assert store.standing(gone).ended
    assert finish_waiting_cuts(store) == [pulled]
    assert [(one.take, one.by) for one in held(store)] == [(pulled, BY_STEWARD)]
    release(store, pulled)
    with brim():
        take_back_span(store, store.enter_code(str(code)), Ms(2000), Ms(2500), "code")
    assert hold_all(store) == [pulled, own]
    assert finish_waiting_cuts(store) == [pulled]
    assert store.standing(pulled).held, "a restored box has not heard yet whether it was taken back"
    assert release_restored(store, "the archive") == [pulled, own]
    assert open_master(store, pulled, Reader.PLAY, store.now()).length == 6000


def test_a_span_waits_for_words_that_somebody_asked_for_while_it_went(home, store, teller, work) -> None:
    take, code = shared(store, teller, work, Use.PLAY_HERE)
    cut = begin_cut(store, store.enter_code(str(code)), Ms(0), Ms(1000))
    told = cut.copy()
    add_job(store.db.conn, AGAIN, take, 0)
    with pytest.raises(Refused, match="still writing"):
        finish_cut(store, cut, told, "code")
    assert [path.name for path in home.story_folder(take).glob("cut*")] == []
    assert recipients(store.db.conn, take) == {BOX, CODE}
    assert words_of(store, take)[0] == "Under"


def test_of_two_who_take_parts_out_at_one_moment_one_is_refused_and_the_story_stays(
    home, store, teller, work, another_store
) -> None:
    take, code = shared(store, teller, work, Use.PLAY_HERE)
    with another_store() as portal:  # a second press on its page, or another voice of a group at the box
        first = begin_cut(store, store.enter_code(str(code)), Ms(0), Ms(1000))
        second = begin_cut(portal, portal.enter_code(str(code)), Ms(2000), Ms(3000))
        told, also = first.copy(), second.copy()
        finish_cut(store, first, told, "code")
        with pytest.raises(Refused, match="this very moment"):
            finish_cut(portal, second, also, "portal")
    assert [path.name for path in home.story_folder(take).glob("cut*")] == ["cut1.flac"]
    assert open_master(store, take, Reader.PLAY, store.now()).length == 6000
    assert verify(store).sound


def test_what_a_refusing_disk_leaves_after_a_span_went_is_cleared_at_the_next_start(
    home, store, teller, work, monkeypatch, another_store
) -> None:
    take, code = shared(store, teller, work, Use.PLAY_HERE)
    visit = store.enter_code(str(code))
    take_back_span(store, visit, Ms(0), Ms(500), "code")
    cut = begin_cut(store, visit, Ms(3000), Ms(4000))
    told = cut.copy()

    def refuse(path):
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr("archive.cutting.remove", refuse)
    assert finish_cut(store, cut, told, "code") == Span(Ms(3000), Ms(4000)), "the part is gone, whatever is left over"
    monkeypatch.undo()
    assert my_story(store, visit).cuts == ((0, 500), (3000, 4000))
    with another_store() as started:
        started.recover_open_takes()
    assert [path.name for path in home.story_folder(take).glob("cut*")] == ["cut2.flac"]


def test_a_span_whose_transaction_was_refused_changes_nothing(home, store, teller, work, monkeypatch) -> None:
    take, code = shared(store, teller, work, Use.PLAY_HERE)
    cut = begin_cut(store, store.enter_code(str(code)), Ms(0), Ms(1000))
    told = cut.copy()
    note = store.note

    def refuse(*_args, **_more):
        raise HomeTrouble("The database did not take this.", "Check the disk.")

    monkeypatch.setattr(store, "note", refuse)
    with pytest.raises(HomeTrouble):
        finish_cut(store, cut, told, "code")
    monkeypatch.setattr(store, "note", note)
    assert words_of(store, take)[0] == "Under"
    assert recipients(store.db.conn, take) == {BOX, CODE}
    assert take_back_span(store, store.enter_code(str(code)), Ms(0), Ms(1000), "code")
    assert verify(store).sound


def test_a_second_span_keeps_the_first_and_leaves_no_file_behind(home, store, teller, work) -> None:
    take, code = shared(store, teller, work, Use.PLAY_HERE)
    visit = store.enter_code(str(code))
    take_back_span(store, visit, Ms(0), Ms(500), "code")
    take_back_span(store, visit, Ms(5000), Ms(99_000), "code")
    assert my_story(store, visit).cuts == ((0, 500), (5000, 6000))
    assert not cut_flac(home, take, 1).exists()
    assert {path.name for path in home.story_folder(take).iterdir()} == {"master.flac", "cut2.flac"}
    assert store.enter_code(str(code)).take == take
    assert captions_of(store, take, store.now())
    assert verify_chain(store.db.conn) == []
    store.withdraw(str(code), "code")
    assert not home.story_folder(take).exists()


def test_a_part_that_is_none_or_comes_too_early_is_refused(store, teller, work) -> None:
    take = teller.tell(3.0)
    code = teller.keep(take)
    visit = store.enter_code(str(code))
    with pytest.raises(Refused, match="still writing"):
        take_back_span(store, visit, Ms(0), Ms(100), "code")
    work()
    with pytest.raises(Refused, match="inside the story"):
        take_back_span(store, visit, Ms(3000), Ms(4000), "code")
    for text in ("12", "5-4", "a-b", "-3-4", "1-inf"):
        with pytest.raises(Refused, match="no part"):
            parse_span(text)
    assert parse_span("12.5-18") == (12_500, 18_000)
    store.withdraw(visit, "code")
    with pytest.raises(NoSuchStory):
        take_back_span(store, visit, Ms(0), Ms(100), "code")


def test_blanks_are_one_for_all_words_of_a_span() -> None:
    words = [Word(f" w{n}", Ms(n * 1000), Ms(n * 1000 + 400), 0.9, False) for n in range(6)]
    told = [word.text.strip() for word in blanked(words, Span(Ms(2000), Ms(3100)))]
    assert told == ["w0", "w1", BLANK, "w4", "w5"]
    assert blanked(blanked(words, Span(Ms(2000), Ms(3100))), Span(Ms(2500), Ms(2600)))[2].text == BLANK


def test_a_sealed_story_is_cut_too_and_stays_sealed(store, teller, work) -> None:
    take, code = shared(store, teller, work)
    assert store.standing(take).sealed
    take_back_span(store, store.enter_code(str(code)), Ms(0), Ms(1000), "code")
    assert recipients(store.db.conn, take) == {CODE, MASTER}
    with pytest.raises(Refused):
        open_master(store, take, Reader.PLAY, store.now())


def test_an_archive_gets_the_story_without_the_span(tmp_path, store, teller, work) -> None:
    take, code = shared(store, teller, work, Use.ARCHIVE)
    place = tmp_path / "archive"
    sync(store, str(place))
    assert b"linden" in everything_in(place)
    assert [copy.state for copy in copies(store, take)] == ["there"]
    store.seal(take, "retention")
    take_back_span(store, store.enter_code(str(code)), Ms(0), Ms(3000), "code")
    sync(store, str(place))
    assert b"linden" not in everything_in(place)
    assert b'"cut"' in everything_in(place)
    assert store.seal_due() == [take], "the new one is signed for"


def test_a_receipt_says_what_is_gone_and_what_is_on_its_way(tmp_path, store, teller, work) -> None:
    take, code = shared(store, teller, work, Use.ARCHIVE)
    place = tmp_path / "archive"
    with pytest.raises(Refused):
        receipt(store, take)
    sync(store, str(place))
    store.withdraw(str(code), "code")
    told = receipt(store, take).to_json()
    assert set(told["erased_here"]) >= {"keys", "sound", "words", "search", "bags waiting"}
    assert [copy["state"] for copy in told["on_its_way"]] == ["leaving"]
    sync(store, str(place))
    told = receipt(store, take).to_json()
    assert told["on_its_way"] == []
    assert [copy["state"] for copy in told["erased_there"]] == ["gone"]
    assert "linden" not in json.dumps(told)
    with pytest.raises(NoSuchStory):
        receipt(store, type(take)("01J0000000000000000000000Z"))


def test_training_of_models_is_denied_in_every_record(store, teller) -> None:
    take, code = teller.story(Use.PUBLIC)
    told = record(take, events_of(store.db.conn, take))
    assert told["training_of_models"] == "denied"
    assert read_record(told).story == take
    with pytest.raises(Exception, match="no teller was asked"):
        read_record(told | {"training_of_models": "allowed"})
    assert my_story(store, store.enter_code(str(code))).to_json()["training_of_models"] is False


def minor(store, teller, wording, *uses):
    take = teller.tell(2.0)
    code = store.keep(take, wording=wording, by="keep", age=wording).code
    for use in uses:
        store.decide(take, use, yes=True, wording=wording, by="key", form=Form.VOICE)
    return take, code


def test_nothing_of_a_young_teller_is_above_sealed_until_the_guardian_agrees(store, teller, work, wording) -> None:
    take, code = minor(store, teller, wording, Use.PLAY_HERE, Use.ARCHIVE)
    with pytest.raises(Refused, match="guardian"):
        open_content(store, take, Reader.PLAY, store.now())
    store.close_review(take, "left")
    work()
    assert store.standing(take).sealed
    assert recipients(store.db.conn, take) == {CODE}
    visit = store.enter_code(str(code))
    assert words_of(store, take, Reader.TELLER, visit)
    store.decide(take, Use.PUBLIC, yes=True, wording=wording, by="desk", visit=visit)
    assert recipients(store.db.conn, take) == {CODE}, "the wish is on record, nothing more"
    with pytest.raises(Refused):
        add_guardian(store, take, str(teller.story(seed=3)[1]))
    add_guardian(store, take, str(code))
    assert recipients(store.db.conn, take) == {CODE, BOX}
    assert open_content(store, take, Reader.PLAY, store.now())
    with pytest.raises(Refused, match="No guardian"):
        add_guardian(store, take)


def test_a_guardian_without_the_code_opens_nothing_that_was_sealed(store, teller, work, wording) -> None:
    take, _ = minor(store, teller, wording, Use.PLAY_HERE)
    store.close_review(take, "left")
    work()
    add_guardian(store, take)
    assert store.standing(take).sealed
    with pytest.raises((Refused, NoKey)):
        open_content(store, take, Reader.PLAY, store.now())


def test_without_a_guardian_a_young_tellers_story_ends_like_one_nobody_may_hear(store, teller, clock, wording) -> None:
    take, _ = minor(store, teller, wording, Use.PLAY_HERE)
    store.close_review(take, "left")
    clock.advance(91 * 86_400.0)
    assert run_retention(store).stories_ended == [take]


def test_a_visit_cut_short_at_the_question_of_age_leaves_a_young_teller(store, teller, wording, another_store) -> None:
    take = teller.tell(2.0)
    store.keep(take, wording=wording, by="keep", age=wording)
    with another_store() as started:
        started.recover_open_takes()
        assert started.standing(take).waits_for_guardian
        started.close_review(take, "start")
        with pytest.raises(Refused, match="visit"):
            started.say_of_age(take, "key", wording=wording)


def test_of_age_is_said_in_the_visit_and_once(store, teller, wording) -> None:
    take = teller.tell(2.0)
    store.keep(take, wording=wording, by="keep", age=wording)
    store.decide(take, Use.PLAY_HERE, yes=True, wording=wording, by="key")
    for _ in range(2):
        store.say_of_age(take, "key", wording=wording)
    assert open_content(store, take, Reader.PLAY, store.now())
    assert [event.act for event in events_of(store.db.conn, take)].count(Act.OF_AGE) == 1
    asked_nothing, _ = teller.story(seed=3)
    store.say_of_age(asked_nothing, "key", wording=wording)
    assert Act.OF_AGE not in [event.act for event in events_of(store.db.conn, asked_nothing)]


def test_a_steward_stops_nobody_in_the_middle_of_a_story(store, teller, another_store) -> None:
    take, writer = teller.open()
    desk = another_store()
    with pytest.raises(Refused, match="not told it to the end"):
        hold(desk, take)
    store.close_take(writer.close(speech=Ms(500)))
    with pytest.raises(Refused, match="has not decided yet"):
        hold(desk, take)
    teller.keep(take, Use.PLAY_HERE)
    hold(desk, take)
    assert store.standing(take).held


def test_what_a_steward_pulls_stays_so_when_a_restored_box_has_heard_what_it_waited_for(store, teller) -> None:
    pulled, _ = teller.story(Use.PLAY_HERE)
    other, _ = teller.story(Use.PLAY_HERE)
    hold_all(store)
    for _ in range(2):
        hold(store, pulled)
    assert release_restored(store, "the archive") == [other]
    assert [(one.take, one.by) for one in held(store)] == [(pulled, BY_STEWARD)]
    release(store, pulled)
    assert held(store) == []


def test_a_steward_holds_releases_and_erases_without_any_code(home, store, teller, another_store) -> None:
    take, code = teller.story(Use.PLAY_HERE)
    with another_store() as other:
        begin_try(other.db.conn, code.number, other.moment())
        for _ in range(40):
            try:
                other.enter_code(f"{code.number}-aa-bb-cc-dd")
            except (WrongCode, TooManyTries):
                continue
    assert hold(store, take[-5:]) == take
    assert hold(store, take) == take
    assert [one.take for one in held(store)] == [take]
    with pytest.raises(Refused, match="held"):
        open_content(store, take, Reader.PLAY, store.now())
    assert release(store, take) == take
    assert open_content(store, take, Reader.PLAY, store.now())
    assert erase(store, take).take == take
    assert [gone.take for gone in store.tombstones()] == [take]
    with pytest.raises(NoSuchStory):
        find_take(store, take)
    assert any(event.act is Act.WITHDRAW and event.by == "steward" for event in events_of(store.db.conn, take))


def test_the_keys_leave_the_disk_though_it_refuses_to_remove_the_files(
    home, store, teller, another_store, monkeypatch
) -> None:
    take, code = teller.story(Use.PLAY_HERE)
    keys = [bytes(blob) for (blob,) in store.db.conn.execute("SELECT blob FROM wraps WHERE take = ?", (take,))]
    visit = store.enter_code(str(code))

    def refuse(_: Path) -> bool:
        raise OSError(errno.EIO, "the disk refuses")

    def on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in home.path.glob("hearth.db*"))

    assert all(key in on_disk() for key in keys)
    monkeypatch.setattr("archive.erasure.remove", refuse)
    with pytest.raises(OSError, match="refuses"):
        store.withdraw(visit, "code")
    assert not any(key in on_disk() for key in keys)
    monkeypatch.undo()
    with another_store() as started:
        assert started.finish_erasures() == [take]
    assert not home.story_folder(take).exists()


def test_a_take_nobody_decided_on_can_be_erased_by_a_steward(store, teller) -> None:
    take = teller.tell()
    assert erase(store, take).take == take
    assert store.tombstones() == []
    assert standing(events_of(store.db.conn, take)).ended is Act.DISCARD
    assert verify(store).sound
    with pytest.raises(Refused, match="kept"):
        store.erase(teller.story(seed=2)[0], Act.DISCARD, "steward")


def test_guessing_numbers_does_not_fill_the_table_and_a_number_in_a_wait_is_never_forgotten(store, clock) -> None:
    conn = store.db.conn
    for number in range(1, 4):
        for _ in range(4):
            clock.advance(7200.0)
            begin_try(conn, number, store.moment())
    for number in range(1000, 1000 + 3 * MOST_NUMBERS):
        clock.advance(30.0)
        begin_try(conn, number, store.moment())
    left = {row[0] for row in conn.execute("SELECT number FROM tries")}
    assert len(left) < MOST_NUMBERS + 200
    assert {1, 2, 3} <= left


def test_the_slow_part_of_a_code_needs_no_store(store, teller, wording) -> None:
    take = teller.tell()
    fresh = fresh_code("en", store.cost)
    assert repr(fresh) == "FreshCode(...)"
    kept = store.keep(take, wording=wording, by="keep", fresh=fresh)
    assert kept.code == KeepCode(kept.code.number, fresh.words)
    attempt = store.begin_code(str(kept.code))
    assert fresh.words[0] not in repr(attempt)
    assert store.finish_code(attempt, attempt.derive()).take == take
    wrong = store.begin_code(f"{kept.code.number}-aa-bb-cc-dd")
    with pytest.raises(WrongCode):
        store.finish_code(wrong, wrong.derive())
    nobody = store.begin_code("999-aa-bb-cc-dd")
    with pytest.raises(WrongCode):
        store.finish_code(nobody, nobody.derive())
