"""Trimming by the ends: the samples between, the first take's yes, and after a kill never both and never what was cut."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading

import pytest

from archive.consent import events_of
from archive.errors import HomeTrouble, Refused
from archive.home import open_home
from archive.jobs import AGAIN, TRANSCRIBE, add_job, claim, finish, open_jobs
from archive.keycode import Cost
from archive.spans import Mark, add_stretches, spans_of
from archive.spans import Stretch as Stretched
from archive.store import Store
from archive.takes import fresh_take
from archive.transcripts import put_words, transcript
from archive.trimming import begin_trim, drop_trim, finish_trim
from archive.types import Act, Kind, Reader, Use
from audio.clock import SystemClock
from audio.takewriter import TakeReader
from audio.types import AudioFormat, CutReason, Ms, Segment, TakeId, Word

START, END = Ms(500), Ms(1500)


def begin(store, take, start=START, end=END):
    return begin_trim(store, take, fresh_take(store.clock.wall()), start, end, "key")


def samples(store, take) -> bytes:
    with TakeReader(store.home.raw_master(take), store.open_key(take), take=take) as reader:
        return reader.read()


@pytest.mark.parametrize("sound", [AudioFormat(16_000), AudioFormat(44_100, 2, 3)], ids=["16k", "44.1k stereo"])
def test_the_samples_between_are_the_same_to_the_last_bit_and_the_first_take_is_gone(
    store, teller, home, sound
) -> None:
    take = teller.tell(2.0, sound)
    told = samples(store, take)
    trim = begin(store, take)
    done = finish_trim(store, trim, trim.copy(), "key")
    assert done.id != take
    assert done.length == END - START
    assert samples(store, done.id) == told[sound.bytes_of(START) : sound.bytes_of(END)]
    assert store.standing(take).ended is Act.DISCARD
    assert not home.raw_master(take).exists()
    assert not store.db.conn.execute("SELECT 1 FROM wraps WHERE take = ?", (take,)).fetchone()
    code = teller.keep(done.id, Use.PLAY_HERE)
    assert store.enter_code(str(code)).take == done.id


def test_its_yes_is_the_first_ones_word_for_word(store, teller) -> None:
    take = teller.tell(2.0)
    [first] = [event for event in events_of(store.db.conn, take) if event.use is Use.RECORD]
    trim = begin(store, take)
    done = finish_trim(store, trim, trim.copy(), "key")
    [carried] = [event for event in events_of(store.db.conn, done.id) if event.use is Use.RECORD]
    assert carried.yes
    assert (carried.wording_version, carried.wording_hash, carried.language) == (
        first.wording_version, first.wording_hash, first.language
    )  # fmt: skip
    assert take in carried.by
    facts = store.story_facts(done.id)
    assert (facts.prompt, facts.language, facts.kind) == ("river", "en", Kind.STORY)


def test_words_and_marks_of_what_stays_move_along_and_what_was_cut_through_is_heard_anew(store, teller) -> None:
    take = teller.tell(2.0, segments=0)
    for number, (start, end) in enumerate([(0, 400), (400, 700), (700, 1400), (1400, 2000)]):
        store.add_segment(Segment(take, number, Ms(start), Ms(end), Ms(100), CutReason.PAUSE))
    key = store.open_key(take)
    for number, text in enumerate(["cut", "through", "stays", "late"]):
        put_words(store.db.conn, take, number, "m", [Word(text, Ms(710), Ms(800), 0.9, False)], key=key)
    add_stretches(
        store, take, [Stretched(Mark.SOUND, Ms(100), Ms(200), "x"), Stretched(Mark.GAP, Ms(900), Ms(1600), "y")]
    )
    trim = begin(store, take)
    done = finish_trim(store, trim, trim.copy(), "key").id
    rows = store.db.conn.execute('SELECT number, start, "end" FROM segments WHERE take = ? ORDER BY number', (done,))
    assert rows.fetchall() == [(0, 0, 200), (1, 200, 900), (2, 900, 1000)]
    assert transcript(store, done, Reader.REVIEW, store.now()) == [Word("stays", Ms(210), Ms(300), 0.9, False)]
    # The two that were cut through, and the loudness of the new take.
    assert open_jobs(store.db.conn, done) == 3
    assert [(span.mark, span.start, span.end) for span in spans_of(store, done)] == [(Mark.GAP, 400, 1000)]


def test_only_what_was_just_told_can_be_trimmed_and_something_has_to_be_left(store, teller) -> None:
    kept, _ = teller.story()
    with pytest.raises(Refused):
        begin(store, kept)
    held = teller.tell(2.0)
    with pytest.raises(Refused):
        begin(store, held, Ms(1900), Ms(2000))
    store.close_review(held, "time-out")
    with pytest.raises(Refused):
        begin(store, held)


def test_a_trim_that_was_given_up_or_came_too_late_leaves_the_first_take(store, teller, home) -> None:
    take = teller.tell(2.0)
    trim = begin(store, take)
    trim.copy()
    drop_trim(store, trim, "key")
    assert store.standing(trim.made.id).ended is Act.DISCARD
    late = begin(store, take)
    copied = late.copy()
    store.close_review(take, "time-out")
    with pytest.raises(Refused):
        finish_trim(store, late, copied, "key")
    assert store.standing(take).ended is None
    assert home.raw_master(take).exists()
    assert not home.take_file(late.made.id).exists()


@pytest.mark.parametrize("done", ["begun", "copied", "closed"])
def test_what_a_kill_left_is_put_right_at_the_next_start(store, teller, home, done) -> None:
    take = teller.tell(2.0)
    trim = begin(store, take)
    if done != "begun":
        copied = trim.copy()
    if done == "closed":
        store.close_take(copied)
    for _ in range(2):
        assert store.recover_open_takes() == []
        stays, goes = (trim.made.id, take) if done == "closed" else (take, trim.made.id)
        assert store.standing(goes).ended is Act.DISCARD
        assert store.standing(stays).ended is None
        assert [one.take for one in store.unkept()] == [stays]
    assert not home.take_file(goes).exists()
    assert not home.story_folder(goes).exists()


def test_words_that_were_to_be_found_again_are_so_in_the_trimmed_take(store, teller) -> None:
    take = teller.tell(2.0, segments=0)
    key = store.open_key(take)
    for number, (start, end) in enumerate([(0, 400), (600, 900), (900, 1400)]):
        store.add_segment(Segment(take, number, Ms(start), Ms(end), Ms(100), CutReason.PAUSE))
        put_words(store.db.conn, take, number, "m", [Word("w", Ms(start), Ms(end), 0.4, True)], key=key)
    while (job := claim(store.db.conn, store.moment(), (TRANSCRIBE,))) is not None:
        finish(store.db.conn, job, store.moment())
    for number in (0, 2):
        add_job(store.db.conn, AGAIN, take, number)
    trim = begin(store, take)
    done = finish_trim(store, trim, trim.copy(), "key").id
    rows = store.db.conn.execute(
        "SELECT kind, segment FROM jobs WHERE take = ? AND done_at IS NULL AND kind IN (?, ?)",
        (done, AGAIN, TRANSCRIBE),
    )
    assert rows.fetchall() == [(AGAIN, 1)], "the first was cut off, the second was sure"


def test_a_first_take_that_cannot_be_erased_stays_alone(store, teller, home, monkeypatch) -> None:
    take = teller.tell(2.0)
    trim = begin(store, take)
    copied = trim.copy()
    erase = store.erase

    def refuse(gone, act, by):
        if gone == take:
            raise HomeTrouble("The database did not take this.", "Check the disk.")
        return erase(gone, act, by)

    monkeypatch.setattr(store, "erase", refuse)
    with pytest.raises(HomeTrouble):
        finish_trim(store, trim, copied, "key")
    drop_trim(store, trim, "key")
    monkeypatch.undo()
    assert store.standing(take).ended is None
    assert store.standing(trim.made.id).ended is Act.DISCARD
    assert not home.story_folder(trim.made.id).exists()
    assert teller.keep(take)


def test_a_first_take_whose_files_stay_behind_is_gone_all_the_same(store, teller, home, monkeypatch) -> None:
    take = teller.tell(2.0)
    trim = begin(store, take)
    copied = trim.copy()

    def refuse(path):
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr("archive.erasure.remove", refuse)
    done = finish_trim(store, trim, copied, "key")
    drop_trim(store, trim, "key")
    monkeypatch.undo()
    assert store.standing(take).ended is Act.DISCARD
    assert store.standing(done.id).ended is None, "there is nothing to go back to: the copy is the story now"
    assert home.raw_master(take).exists()
    assert store.finish_erasures() == [take]
    assert not home.raw_master(take).exists()
    store.recover_open_takes()
    assert [one.take for one in store.unkept()] == [done.id]


@pytest.mark.parametrize("later", ["kept", "thrown away", "left"])
def test_a_copy_that_was_left_behind_goes_when_the_first_take_went_its_own_way(store, teller, home, later) -> None:
    take = teller.tell(2.0)
    trim = begin(store, take)
    store.close_take(trim.copy())
    # Both the erasing of the first take and the giving up of the copy were refused; the visit went on with the first.
    if later == "kept":
        teller.keep(take)
    elif later == "thrown away":
        store.discard(take, "key")
    else:
        store.close_review(take, "time-out")
    for _ in range(2):
        store.recover_open_takes()
        assert store.standing(trim.made.id).ended is Act.DISCARD
        assert not home.story_folder(trim.made.id).exists()
    assert (store.standing(take).ended is None) is (later != "thrown away")
    assert [one.take for one in store.unkept()] == ([take] if later == "left" else [])


CHILD = """
import sys
from archive.home import open_home
from archive.keycode import Cost
from archive.shelf import Wording
from archive.store import Store
from archive.takes import fresh_take
from archive.trimming import begin_trim, finish_trim
from audio.clock import SystemClock
from audio.takewriter import TakeWriter
from audio.types import AudioFormat, Ms

store = Store(open_home(sys.argv[1]), SystemClock(), Cost(8, 1, 1))
wording, sound = Wording("1", "ab" * 32, "en"), AudioFormat(16000)
opened = store.open_take(prompt="p", language="en", wording=wording, by="talk", sound=sound)
writer = TakeWriter(opened.path, opened.id, sound, opened.key)
writer.write(bytes(range(256)) * 250)
store.close_take(writer.close())
made = fresh_take(store.clock.wall())
sys.stdout.write(f"{opened.id} {made}\\n")
sys.stdout.flush()
trim = begin_trim(store, opened.id, made, Ms(500), Ms(1500), "key")
finish_trim(store, trim, trim.copy(), "key")
sys.stdin.read()
"""


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_at_any_instant_leaves_exactly_one_of_the_two(tmp_path, monkeypatch, seed) -> None:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / "home")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdin is not None
    told, made = (TakeId(word) for word in child.stdout.readline().split())
    timer = threading.Timer(random.Random(seed).uniform(0.0, 0.1), lambda: child.send_signal(signal.SIGKILL))
    timer.start()
    child.wait()
    timer.join()
    child.stdout.close()
    child.stdin.close()
    with Store(open_home(tmp_path / "home"), SystemClock(), Cost(8, 1, 1)) as store:
        store.finish_erasures()
        assert [one for one in store.recover_open_takes() if one.offered] == []
        left = {path.name for path in store.home.stories.iterdir()} | {path.stem for path in store.home.takes.iterdir()}
        assert left in [{told}, {made}]
        lengths = {told: 2000, made: 1000}
        assert {one.take: one.length for one in store.unkept()} == {take: lengths[TakeId(take)] for take in left}
