"""The night pass: when it works, on what, what it leaves beside the first words, and that it never goes further."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from archive.cutting import take_back_span
from archive.envelope import open_content
from archive.errors import Refused
from archive.jobs import NIGHT, RESTS_S, STRIKES, failed_jobs, open_jobs
from archive.night import MOST_SEGMENTS, Hours, NightPass, pressed, quiet_for
from archive.transcription import TranscriberWorker
from archive.transcripts import doubted, drop_second, second_words, transcript
from archive.types import Reader, Use
from archive.verify import verify
from audio import models, speech
from audio.clarity import clarity_db
from audio.clips import pieces
from audio.drivers import make_transcriber
from audio.stories import CLEAN, ROOM, tell
from audio.transcribe import FixedTranscriber
from audio.types import AudioFormat, CutReason, Ms, Segment, Word

NIGHT_TIME = datetime(2026, 5, 4, 23, 30, tzinfo=UTC)
BY_DAY = "Under the linden tree we sang."
BY_NIGHT = "Under the linden trees we sang."


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


class Larger(FixedTranscriber):
    """Says what the night hears, and counts how often it was made."""

    def __init__(self, *said: str | Exception) -> None:
        super().__init__(said)
        self.name = "larger"


@pytest.fixture
def night_worker(home, clock) -> Callable[..., TranscriberWorker]:
    clock.set_wall(NIGHT_TIME)
    made = []

    def make(larger: FixedTranscriber | None, hours: Hours | None = None) -> TranscriberWorker:
        worker = TranscriberWorker(home, clock, lambda _: FixedTranscriber([BY_DAY] * 50))
        worker.night = NightPass(worker.store, clock, hours or Hours(), lambda _: larger)
        made.append(worker)
        # What was told lies long back: takes that grow keep the night away.
        for path in home.takes.iterdir():
            os.utime(path, (0, 0))
        return worker

    yield make
    for worker in made:
        worker.close()


def run(worker: TranscriberWorker) -> int:
    done = 0
    while worker.run_once():
        done += 1
    return done


def heard_at_night(store, take) -> dict:
    return second_words(store, take, open_content(store, take, Reader.TRANSCRIBE, store.now()))


def test_the_second_hearing_lies_beside_the_first_and_marks_what_they_disagree_on(store, teller, night_worker) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    run(night_worker(Larger(BY_NIGHT)))
    model, words = heard_at_night(store, take)[0]
    assert (model, " ".join(word.text for word in words)) == ("larger", BY_NIGHT)
    told = transcript(store, take, Reader.CAPTION, store.now())
    assert " ".join(word.text for word in told) == BY_DAY, "no word of the first is changed"
    assert [word.text for word in told if word.unclear] == ["tree"]
    stored = store.db.conn.execute("SELECT model FROM words WHERE take = ?", (take,)).fetchall()
    assert stored == [("fixed",)], "the first row is as it was"
    assert verify(store).sound


def test_nothing_is_gone_over_twice_and_no_story_waits_for_it(store, teller, night_worker) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    larger = Larger(BY_NIGHT, "never asked")
    worker = night_worker(larger)
    run(worker)
    assert run(worker) == 0
    assert len(larger.asked) == 1
    assert open_jobs(store.db.conn, take) == 0


@pytest.mark.parametrize(("hour", "works"), [(21, False), (22, True), (3, True), (6, False), (12, False)])
def test_it_works_in_the_hours_that_were_set(store, clock, teller, night_worker, hour: int, works: bool) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    worker = night_worker(Larger(BY_NIGHT))
    clock.set_wall(NIGHT_TIME.replace(hour=hour))
    run(worker)
    assert bool(heard_at_night(store, take)) is works


def test_a_press_keeps_the_night_away_for_half_an_hour(store, home, teller, night_worker) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    worker = night_worker(Larger(BY_NIGHT))
    pressed(home.pressed)
    assert quiet_for(home.pressed) < 60
    run(worker)
    assert not heard_at_night(store, take)
    os.utime(home.pressed, (0, 0))
    run(worker)
    assert heard_at_night(store, take)


def test_without_a_right_clock_only_a_long_quiet_is_a_night(store, home, clock, teller, night_worker) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    worker = night_worker(Larger(BY_NIGHT))
    clock.set_wall(datetime(1970, 1, 1, 12, tzinfo=UTC), trusted=False)
    pressed(home.pressed)
    now = home.pressed.stat().st_mtime
    os.utime(home.pressed, (now - 3600, now - 3600))
    run(worker)
    assert not heard_at_night(store, take), "an hour is no night"
    os.utime(home.pressed, (now - 6 * 3600, now - 6 * 3600))
    run(worker)
    assert heard_at_night(store, take)


def test_hours_may_go_over_midnight_or_not() -> None:
    assert [hour for hour in range(24) if Hours(22, 6).cover(NIGHT_TIME.replace(hour=hour))] == [*range(6), 22, 23]
    assert [hour for hour in range(24) if Hours(1, 4).cover(NIGHT_TIME.replace(hour=hour))] == [1, 2, 3]


def test_where_no_model_is_better_the_night_passes_in_silence(store, teller, night_worker) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    run(night_worker(None))
    assert not heard_at_night(store, take)
    assert not failed_jobs(store.db.conn)


def test_what_fails_three_times_waits_for_a_person_and_the_first_words_stand(
    store, clock, teller, night_worker
) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    worker = night_worker(Larger(*[RuntimeError("out of memory")] * 9))
    for _ in range(STRIKES):
        run(worker)
        clock.advance(RESTS_S[-1] + 1)
    (failed,) = failed_jobs(store.db.conn)
    assert (failed.kind, failed.why) == (NIGHT, "RuntimeError")
    tries = store.db.conn.execute("SELECT tries FROM jobs WHERE kind = ?", (NIGHT,)).fetchone()[0]
    assert tries == STRIKES
    assert transcript(store, take, Reader.CAPTION, store.now())


def test_old_stories_are_left_alone_and_one_night_takes_on_no_more_than_it_can(
    store, clock, teller, night_worker
) -> None:
    teller.story(Use.PLAY_HERE)
    worker = night_worker(Larger(BY_NIGHT))
    run(night_worker(None, Hours(1, 2)))
    clock.set_wall(NIGHT_TIME.replace(day=8))
    assert worker.night.now()
    assert worker.night.plan() == 0
    assert MOST_SEGMENTS * 27 / 3600 < 5, "hours of sound"


def test_a_story_taken_back_is_not_opened_by_night_and_leaves_nothing(store, teller, night_worker) -> None:
    take, code = teller.story(Use.PLAY_HERE)
    larger = Larger(BY_NIGHT)
    worker = night_worker(larger)
    run(worker)
    store.withdraw(str(code), "code")
    assert store.db.conn.execute("SELECT COUNT(*) FROM second_words").fetchone()[0] == 0
    with pytest.raises(Refused):
        open_content(store, take, Reader.TRANSCRIBE, store.now())


def test_what_a_teller_takes_out_is_gone_from_the_second_hearing_too(store, teller, night_worker) -> None:
    _, code = teller.story(Use.PLAY_HERE, seconds=4.0)
    run(night_worker(Larger(BY_NIGHT)))
    assert store.db.conn.execute("SELECT COUNT(*) FROM second_words").fetchone()[0] == 1
    take_back_span(store, store.enter_code(str(code)), Ms(1000), Ms(2000), "code")
    assert store.db.conn.execute("SELECT COUNT(*) FROM second_words").fetchone()[0] == 0
    assert not store.db.conn.execute("SELECT 1 FROM jobs WHERE kind = ?", (NIGHT,)).fetchone()
    assert verify(store).sound


def test_what_was_heard_of_a_story_can_be_forgotten(store, teller, night_worker) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    run(night_worker(Larger(BY_NIGHT)))
    with store.db.conn:
        drop_second(store.db.conn, take)
    assert not heard_at_night(store, take)
    assert verify(store).sound


def test_an_altered_second_hearing_is_found(store, teller, night_worker) -> None:
    teller.story(Use.PLAY_HERE)
    run(night_worker(Larger(BY_NIGHT)))
    with store.db.conn:
        store.db.conn.execute("UPDATE second_words SET blob = zeroblob(80)")
    assert [one for one in verify(store).damaged if "at night" in one.say]


def test_doubt_is_marked_and_nothing_else() -> None:
    first = [Word("It's", Ms(0), Ms(1), 0.9), Word("a", Ms(1), Ms(2), 0.9, True), Word("Boat.", Ms(2), Ms(3), 0.9)]
    second = [Word("its", Ms(0), Ms(1), 0.5), Word("a", Ms(1), Ms(2), 0.5), Word("goat", Ms(2), Ms(3), 0.5)]
    told = doubted(first, second)
    assert [(word.text, word.unclear) for word in told] == [("It's", False), ("a", True), ("Boat.", True)]
    assert all(word.unclear for word in doubted(first, []))


def test_real_models_hear_the_loud_room_and_leave_the_quiet_one(store, home, clock, teller, tmp_path) -> None:
    if "base" not in models.installed():
        pytest.skip("needs the model: hearth models fetch base")
    clock.set_wall(NIGHT_TIME)
    reading = speech.in_folder(models.find("speech"))[:1]
    takes = {}
    for condition in (CLEAN, ROOM):
        path = tmp_path / f"{condition.name}.wav"
        tell(reading, condition, path, seed=3)
        sound = np.concatenate(list(pieces(path)))[: 12 * 16_000]
        assert (clarity_db(sound) > 20) is (condition is CLEAN)
        takes[condition.name] = _told(store, sound)
    base = make_transcriber("shorttail", "base", "en")
    worker = TranscriberWorker(home, clock, lambda _: make_transcriber("shorttail", "tiny.en", "en"))
    worker.night = NightPass(worker.store, clock, Hours(), lambda _: base)
    for path in home.takes.iterdir():
        os.utime(path, (0, 0))
    run(worker)
    worker.close()
    assert not heard_at_night(store, takes["clean"])
    model, words = heard_at_night(store, takes["room"])[0]
    assert model == "base"
    assert "no matter" in speech.normalised(" ".join(word.text for word in words))
    assert all(0 <= word.start <= word.end <= 12_000 for word in words)


def _told(store, sound):
    from archive.shelf import Wording
    from audio.takewriter import TakeWriter

    wording = Wording("1", "ab" * 32, "en")
    shape = AudioFormat(16_000)
    opened = store.open_take(prompt="river", language="en", wording=wording, by="talk", sound=shape)
    writer = TakeWriter(opened.path, opened.id, shape, opened.key)
    writer.write((sound * 32767).astype("<i2").tobytes())
    writer.flush()
    length = Ms(len(sound) // 16)
    store.add_segment(Segment(opened.id, 0, Ms(0), length, Ms(length // 2), CutReason.END))
    store.close_take(writer.close(speech=Ms(length // 2)))
    store.keep(opened.id, wording=wording, by="keep")
    store.decide(opened.id, Use.PLAY_HERE, yes=True, wording=wording, by="left")
    return opened.id
