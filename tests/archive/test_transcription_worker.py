from __future__ import annotations

import gc
import math
import os
import threading
import time
import weakref
from dataclasses import replace

import numpy as np
import pytest

from archive.cutting import BLANK, take_back_span
from archive.errors import NoSuchStory, Refused
from archive.handing import words_complete
from archive.home import Home
from archive.howloud import MEASURED_PIECES, loudness_in
from archive.jobs import (
    AGAIN,
    FLAC,
    LEASE_S,
    NO_MODEL,
    RESTS_S,
    STRIKES,
    TRANSCRIBE,
    add_job,
    claim,
    failed_jobs,
    finish,
    give_back,
    open_jobs,
    retry_failed,
    segment_of,
)
from archive.masters import FlacReader, open_master
from archive.shelf import Wording
from archive.transcription import MODELS_S, TranscriberWorker
from archive.transcripts import complete, transcript
from archive.types import Reader, Use
from audio.clock import VirtualClock
from audio.errors import BadSound, DamagedTake, NoModel
from audio.sealedfile import SealedWriter, new_key
from audio.takewriter import TakeWriter
from audio.transcribe import FixedTranscriber
from audio.types import AudioFormat, CutReason, Ms, Segment, TakeId, Tentative

WORDING = Wording("1", "ab" * 32, "en")
SHAPE = AudioFormat(16_000)


def test_words_come_while_the_story_is_told_with_the_times_of_the_take(store, teller, worker) -> None:
    take, writer = teller.open(4.0, AudioFormat(48_000))
    store.add_segment(Segment(take, 0, Ms(0), Ms(2000), Ms(1500), CutReason.PAUSE))
    store.add_segment(Segment(take, 1, Ms(2000), Ms(4000), Ms(1500), CutReason.END))
    assert worker.run_once()
    first = transcript(store, take, Reader.REVIEW, store.now())
    assert [word.text for word in first] == ["Under", "the", "linden", "tree", "we", "sang."]
    assert worker.run_once()
    both = transcript(store, take, Reader.REVIEW, store.now())
    assert both[: len(first)] == first
    assert 2000 <= both[len(first)].start < both[-1].end <= 4000
    assert not complete(store, take)
    store.close_take(writer.close())
    assert complete(store, take)


@pytest.mark.parametrize(
    "sound", [AudioFormat(16_000), AudioFormat(48_000, 1, 3), AudioFormat(44_100, 2, 2), AudioFormat(48_000, 2, 3)]
)
def test_the_flac_holds_every_sample_and_only_then_the_raw_take_goes(
    store, home, teller, work, sound: AudioFormat
) -> None:
    take = teller.tell(12.3456, sound)
    teller.keep(take, Use.PLAY_HERE)
    assert work() == 3
    assert [path.name for path in home.story_folder(take).iterdir()] == ["master.flac"]
    with open_master(store, take, Reader.PLAY, store.now()) as master:
        assert master.format == sound
        assert master.read() == teller.told[take]
        assert b"".join(master.pieces()) == teller.told[take]
        span = slice(sound.bytes_of(Ms(1234)), sound.bytes_of(Ms(5678)))
        assert master.read(Ms(1234), Ms(5678)) == teller.told[take][span]
        assert master.read(Ms(99_000)) == b""
        assert (
            len(master.samples()) == sound.rate * 123_456 // 10_000
            or abs(len(master.samples()) - sound.rate * 12.3456) <= 50
        )
    assert store.loudness_of(take) is not None
    assert work() == 0


def test_a_worker_killed_before_removing_the_raw_take_finishes_later(store, home, teller, work, monkeypatch) -> None:
    take = teller.tell()
    teller.keep(take, Use.PLAY_HERE)
    import archive.flac as module

    real = module.remove

    def plug(path):
        if path.name == "master.take":
            raise KeyboardInterrupt
        return real(path)

    monkeypatch.setattr(module, "remove", plug)
    with pytest.raises(KeyboardInterrupt):
        work()
    assert home.flac_master(take).exists()
    assert home.raw_master(take).exists()
    monkeypatch.undo()
    store.db.conn.execute("UPDATE jobs SET lease_until = 0")
    work()
    assert [path.name for path in home.story_folder(take).iterdir()] == ["master.flac"]
    store.db.conn.execute("UPDATE jobs SET done_at = NULL, lease_until = 0 WHERE kind = 'flac'")
    work()
    assert open_jobs(store.db.conn, take) == 0


def test_a_flac_with_other_samples_never_replaces_the_raw_take(store, home, teller, work, clock) -> None:
    take = teller.tell()
    teller.keep(take, Use.PLAY_HERE)
    store.db.conn.execute("UPDATE closings SET sha256 = ?", ("0" * 64,))
    for _ in range(STRIKES):
        work()
        clock.advance(RESTS_S[-1] + 1)
    assert home.raw_master(take).exists()
    assert not home.flac_master(take).exists()
    assert [(job.kind, job.why) for job in failed_jobs(store.db.conn)] == [(FLAC, "DamagedTake")]


def test_what_is_no_flac_is_said(tmp_path) -> None:
    key = new_key()
    writer = SealedWriter(tmp_path / "x", key, b"flac/A")
    writer.write(b"not sound")
    writer.close()
    with pytest.raises(BadSound):
        FlacReader(tmp_path / "x", key, TakeId("A"))


def test_an_encoder_that_fails_leaves_no_file(store, home, teller, work, monkeypatch) -> None:
    take = teller.tell()
    teller.keep(take)
    monkeypatch.setattr("archive.flac.SealedWriter.close", lambda _self: (_ for _ in ()).throw(DamagedTake("planted")))
    work()
    monkeypatch.undo()
    assert [path.name for path in home.story_folder(take).iterdir()] == ["master.take"]


def test_the_visitor_who_stands_here_comes_first_and_night_work_last(store, teller, clock) -> None:
    teller.keep(old := teller.tell(segments=2))
    new = teller.tell(segments=2)
    conn = store.db.conn
    order = []
    while job := claim(conn, store.moment(), ("transcribe", "loudness", "flac")):
        order.append((job.kind, job.take, job.segment))
        finish(conn, job, store.moment())
    assert order == [
        ("transcribe", new, 0), ("transcribe", new, 1), ("transcribe", old, 0), ("transcribe", old, 1),
        ("loudness", new, -1), ("loudness", old, -1), ("flac", old, -1),
    ]  # fmt: skip


def test_a_lease_runs_out_in_powered_on_time_and_is_void_after_a_reboot(store, teller, clock) -> None:
    teller.tell()
    conn = store.db.conn
    assert claim(conn, store.moment(), (TRANSCRIBE,)).strike == 1
    assert claim(conn, store.moment(), (TRANSCRIBE,)) is None
    clock.advance(301)
    assert claim(conn, store.moment(), (TRANSCRIBE,)).strike == 2
    store.clock = VirtualClock()
    assert claim(conn, store.moment(), (TRANSCRIBE,)).strike == 3
    clock.advance(301)
    store.clock = clock
    assert claim(conn, store.moment(), (TRANSCRIBE,)) is None
    assert [(job.kind, job.why) for job in failed_jobs(conn)] == [(TRANSCRIBE, "its worker died")]


def test_three_strikes_are_shown_and_a_person_can_ask_again(store, home, clock, teller) -> None:
    take = teller.tell()
    texts = FixedTranscriber([RuntimeError("planted")] * STRIKES + ["at last"])
    worker = TranscriberWorker(home, clock, lambda _: texts)
    for rest in (*RESTS_S, 0.0):
        assert failed_jobs(store.db.conn) == [], "a trouble of a moment does not cost all three tries"
        while worker.run_once():
            pass
        clock.advance(rest + 0.1)
    assert [(job.take, job.segment, job.why) for job in failed_jobs(store.db.conn)] == [(take, 0, "RuntimeError")]
    assert not complete(store, take)
    retry_failed(store.db.conn, take)
    while worker.run_once():
        pass
    assert complete(store, take)
    assert failed_jobs(store.db.conn) == []
    worker.close()


def test_one_model_is_kept_and_the_usual_one_is_back_before_the_next_visitor(store, home, clock, teller) -> None:
    alive, most = weakref.WeakSet(), []

    def make(language: str) -> FixedTranscriber:
        gc.collect()
        made = FixedTranscriber(["Said."] * 9, language)
        alive.add(made)
        most.append((language, len(alive)))
        return made

    worker = TranscriberWorker(home, clock, make)
    worker.warm_up("en")
    for language in ("es", "en"):
        opened = store.open_take(prompt="river", language=language, wording=WORDING, by="talk", sound=SHAPE)
        writer = TakeWriter(opened.path, opened.id, SHAPE, opened.key)
        writer.write(bytes(SHAPE.bytes_of(Ms(1000))))
        store.add_segment(Segment(opened.id, 0, Ms(0), Ms(1000), Ms(500), CutReason.END))
        store.close_take(writer.close(speech=Ms(500)))
        assert worker.run_once()
    assert most == [("en", 1), ("es", 1), ("en", 1)]
    stop = threading.Event()
    worker.warm_up("es")
    worker.warm_up("en")
    worker._ahead("es")
    stop.wait = lambda _: stop.set()
    worker.run(stop)
    assert most[-1] == ("en", 1)
    worker.close()


def test_a_second_worker_does_not_free_the_leases_of_the_first(store, home, clock, worker, teller) -> None:
    teller.tell()
    assert claim(store.db.conn, store.moment(), (TRANSCRIBE,)) is not None
    second = TranscriberWorker(home, clock, lambda _: FixedTranscriber())
    assert claim(store.db.conn, store.moment(), (TRANSCRIBE,)) is None
    second.close()
    worker.close()
    third = TranscriberWorker(home, clock, lambda _: FixedTranscriber())
    assert claim(store.db.conn, store.moment(), (TRANSCRIBE,)) is not None
    third.close()


def test_nothing_long_is_begun_while_a_story_is_told(store, home, teller, work) -> None:
    kept, _ = teller.story(Use.PLAY_HERE)
    take, writer = teller.open(1.0)
    work()
    assert complete(store, kept)
    assert home.raw_master(kept).exists()
    store.close_take(writer.close())
    work()
    assert home.flac_master(kept).exists()
    old = home.take_file(take)
    old.write_bytes(b"left by a dead kiosk")
    os.utime(old, (1, 1))
    again, _ = teller.story(Use.PLAY_HERE)
    work()
    assert home.flac_master(again).exists()


def test_a_job_rests_after_a_strike(store, teller, clock) -> None:
    teller.tell()
    job = claim(store.db.conn, store.moment(), (TRANSCRIBE,))
    give_back(store.db.conn, job, "X", store.moment())
    assert claim(store.db.conn, store.moment(), (TRANSCRIBE,)) is None
    clock.advance(RESTS_S[0] + 0.1)
    assert claim(store.db.conn, store.moment(), (TRANSCRIBE,)).strike == 2


def test_a_story_without_a_model_goes_on_when_the_model_comes(store, home, clock, teller) -> None:
    take = teller.tell(segments=3)
    teller.keep(take, Use.PLAY_HERE)
    models = []

    def make(language: str) -> FixedTranscriber:
        if not models:
            raise NoModel(f"No speech model on this machine understands '{language}'.")
        return models[0]

    worker = TranscriberWorker(home, clock, make)
    while worker.run_once():
        pass
    assert [(job.segment, job.why) for job in failed_jobs(store.db.conn)] == [(n, NO_MODEL) for n in range(3)]
    assert words_complete(store, take), "its sound need not wait to be handed on"
    assert home.flac_master(take).exists()
    models.append(FixedTranscriber(["one", "two", "three"]))
    clock.advance(MODELS_S + 1)
    while worker.run_once():
        pass
    assert failed_jobs(store.db.conn) == []
    assert complete(store, take)
    worker.close()


def test_what_was_given_up_on_a_sealed_story_is_nobodys_to_mend(store, teller, work) -> None:
    take = teller.tell()
    teller.keep(take)
    store.db.conn.execute("UPDATE jobs SET failed = 'X' WHERE kind = ?", (TRANSCRIBE,))
    assert [job.take for job in failed_jobs(store.db.conn)] == [take]
    work()
    store.seal(take, "box")
    assert failed_jobs(store.db.conn) == retry_failed(store.db.conn) == []


def test_no_word_is_made_of_what_was_not_kept_and_held_work_waits_without_strikes(store, teller, work, clock) -> None:
    lost = teller.tell()
    store.close_review(lost, "time-out")
    held, _ = teller.story(Use.PLAY_HERE)
    store.hold(held, "desk")
    assert work() > 0
    assert open_jobs(store.db.conn, lost) == 0
    assert open_jobs(store.db.conn, held) == 3
    assert store.db.conn.execute("SELECT SUM(tries) FROM jobs").fetchone()[0] == 0
    assert not complete(store, held)
    store.release(held, "steward")
    clock.advance(301)
    work()
    assert complete(store, held)


def test_a_story_taken_back_while_it_is_transcribed_leaves_no_words(store, home, clock, teller) -> None:
    _, code = teller.story(Use.PLAY_HERE)

    class Slow(FixedTranscriber):
        def transcribe(self, samples, voiced, before=""):
            store.withdraw(str(code), "code")
            return super().transcribe(samples, voiced, before)

    worker = TranscriberWorker(home, clock, lambda _: Slow(["never to be seen"]))
    while worker.run_once():
        pass
    assert store.db.conn.execute("SELECT COUNT(*) FROM words").fetchone()[0] == 0
    worker.close()


def test_a_story_taken_back_while_its_flac_is_made_leaves_no_file(store, home, teller, worker, monkeypatch) -> None:
    take, code = teller.story(Use.PLAY_HERE)
    import archive.transcription as module

    real = module.make_flac

    def slow(*args):
        real(*args)
        store.withdraw(str(code), "code")
        home.story_folder(take).mkdir()
        home.flac_master(take).write_bytes(b"late")

    monkeypatch.setattr(module, "make_flac", slow)
    while worker.run_once():
        pass
    assert not home.story_folder(take).exists()


def test_the_loop_wakes_up_for_others_and_ends_when_told(home, clock, teller, store) -> None:
    stop, texts = threading.Event(), FixedTranscriber(["one", "two"] * 5)

    def serve() -> None:
        worker = TranscriberWorker(home, clock, lambda _: texts)
        worker.run(stop)
        worker.close()

    thread = threading.Thread(target=serve)
    thread.start()
    take = teller.tell()
    waited, until = threading.Event(), time.monotonic() + 60
    while not complete(store, take) and time.monotonic() < until:
        waited.wait(0.05)
    stop.set()
    thread.join(60)
    assert complete(store, take)
    assert not thread.is_alive()


def test_what_is_not_there_is_said(store, home: Home, teller) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    with pytest.raises(LookupError):
        segment_of(store.db.conn, take, 7)
    home.raw_master(take).unlink()
    with pytest.raises(NoSuchStory):
        open_master(store, take, Reader.PLAY, store.now())
    with pytest.raises(NoSuchStory):
        store.language_of(TakeId("X"))
    with pytest.raises(Refused):
        open_master(store, take, Reader.QUOTE, store.now())
    assert store.loudness_of(take) is None


def test_long_takes_are_measured_in_bounded_memory() -> None:
    class Long:
        format = AudioFormat(16_000)
        length = Ms(7_200_000)
        asked: list[tuple[int, int]] = []  # noqa: RUF012
        given: list[weakref.ref] = []  # noqa: RUF012

        def samples(self, start, end):
            assert sum(piece() is not None for piece in self.given) <= 1, "one piece at a time"
            self.asked.append((start, end))
            piece = np.zeros(10, np.float32)
            self.given.append(weakref.ref(piece))
            return piece

    assert loudness_in(Long()) == -math.inf
    assert 1 < len(Long.asked) <= MEASURED_PIECES
    assert (Long.asked[0][0], Long.asked[-1][0]) == (0, 7_080_000), "from all over it"
    Long.asked.clear()
    loudness_in(Long(), Ms(5_000), Ms(17_000))
    assert Long.asked == [(5_000, 15_000), (15_000, 17_000)]


def test_the_worker_looks_ahead_while_a_segment_is_open_and_does_not_do_it_again(store, home, clock, teller) -> None:
    fake = FixedTranscriber(["Under the linden tree", "we sang."])
    worker = TranscriberWorker(home, clock, lambda _: fake)
    take, _ = teller.open(4.0, AudioFormat(48_000))
    store.add_tentative(Tentative(take, 0, Ms(0), Ms(2000), Ms(1500)))
    assert worker.run_once()
    assert transcript(store, take, Reader.REVIEW, store.now()) == [], "nothing is stored before the segment closes"
    assert not worker.run_once()
    store.add_segment(Segment(take, 0, Ms(0), Ms(4000), Ms(3000), CutReason.END))
    assert worker.run_once()
    words = transcript(store, take, Reader.REVIEW, store.now())
    assert [word.text for word in words] == ["Under", "the", "linden", "tree", "we", "sang."]
    assert words[4].start >= 2000
    assert [length for length, _ in fake.asked] == [2000, 2000]
    worker.close()


def test_a_stretch_of_a_closed_segment_or_a_failing_one_is_dropped(store, home, clock, teller) -> None:
    fake = FixedTranscriber([BadSound("Nothing."), "We sang."])
    worker = TranscriberWorker(home, clock, lambda _: fake)
    take, _ = teller.open(4.0, AudioFormat(48_000))
    store.add_tentative(Tentative(take, 0, Ms(0), Ms(2000), Ms(1500)))
    assert worker.run_once()
    store.add_tentative(Tentative(take, 0, Ms(0), Ms(3000), Ms(1500)))
    store.add_segment(Segment(take, 0, Ms(0), Ms(4000), Ms(3000), CutReason.END))
    assert worker.run_once()
    assert [word.text for word in transcript(store, take, Reader.REVIEW, store.now())] == ["We", "sang."]
    assert not worker.run_once()
    assert len(fake.asked) == 2
    worker.close()


class Unsure(FixedTranscriber):
    """Sure of nothing."""

    def transcribe(self, samples, voiced, before=""):
        return [replace(word, probability=0.3) for word in super().transcribe(samples, voiced, before)]


@pytest.fixture
def unsure(store, home, clock, teller):
    """A worker that has written down five seconds of a story unsurely: the take, its writer, the worker, the fake."""
    fake = Unsure(["under the", "linden tree"])
    worker = TranscriberWorker(home, clock, lambda _: fake)
    take, writer = teller.open(8.0)
    store.add_tentative(Tentative(take, 0, Ms(0), Ms(3000), Ms(2600)))
    assert worker.run_once()
    store.add_segment(Segment(take, 0, Ms(0), Ms(5000), Ms(4600), CutReason.PAUSE))
    assert worker.run_once()
    assert said(store, take) == "under the linden tree"
    yield take, writer, worker, fake
    worker.close()


def test_unsure_words_are_found_again_while_the_teller_goes_on(store, clock, unsure) -> None:
    take, _, worker, fake = unsure
    assert not worker.run_once(), "the story may end in this very pause"
    fake.will_say("Under the linden tree.")
    clock.advance(1.0)
    assert worker.run_once()
    assert said(store, take) == "Under the linden tree."
    assert not worker.run_once()


def test_a_story_that_ends_soon_after_has_its_unsure_words_found_again_afterwards(
    store, home, clock, teller, unsure
) -> None:
    take, writer, worker, fake = unsure
    store.add_segment(Segment(take, 1, Ms(5000), Ms(8000), Ms(2600), CutReason.END))
    store.close_take(writer.close())
    teller.keep(take, Use.PLAY_HERE, Use.ARCHIVE)
    fake.will_say("we sang.")
    assert worker.run_once()
    assert said(store, take, Reader.CAPTION) == "under the linden tree we sang."
    assert not words_complete(store, take), "no bag goes out with words that are about to be replaced"
    worker.close()
    later = FixedTranscriber(["Under the linden tree."])
    after = TranscriberWorker(home, clock, lambda _: later)
    clock.advance(1.0)
    assert after.run_once(), "another worker, as after a restart, finds them"
    assert said(store, take, Reader.CAPTION) == "Under the linden tree. we sang."
    assert later.told == [""]
    assert words_complete(store, take)
    after.close()


def test_words_found_again_never_replace_a_persons(store, clock, unsure) -> None:
    take, _, worker, fake = unsure
    store.db.conn.execute("UPDATE words SET model = 'a person' WHERE take = ?", (take,))
    fake.will_say("Something else.")
    clock.advance(1.0)
    assert worker.run_once()
    assert said(store, take) == "under the linden tree"
    assert open_jobs(store.db.conn, take) == 0
    assert not worker.run_once()


def test_what_cannot_be_found_again_stays_as_it_was_and_is_no_failure(store, clock, unsure) -> None:
    take, _, worker, fake = unsure
    fake.will_say(BadSound("Nothing."))
    clock.advance(1.0)
    assert worker.run_once()
    assert said(store, take) == "under the linden tree"
    assert failed_jobs(store.db.conn) == []
    assert not worker.run_once()


def said(store, take: TakeId, reader: Reader = Reader.REVIEW) -> str:
    return " ".join(word.text for word in transcript(store, take, reader, store.now()))


class SlowAgain(FixedTranscriber):
    """Its teller takes a part out while it hears a segment once more; the others have long given it up."""

    def __init__(self, meanwhile) -> None:
        super().__init__(["Under the linden tree we sang."] * 20)
        self.meanwhile = meanwhile

    def transcribe(self, samples, voiced, before=""):
        said = super().transcribe(samples, voiced, before)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return said


def test_words_heard_before_a_part_was_taken_out_are_not_stored_after_it(home, store, teller, work, clock) -> None:
    take, code = teller.story(Use.PLAY_HERE, seconds=6.0)
    work()
    with store.db.conn:
        add_job(store.db.conn, AGAIN, take, 0)

    def meanwhile() -> None:
        for _ in range(STRIKES):
            clock.advance(LEASE_S + 1.0)
            claim(store.db.conn, store.moment(), (AGAIN,))
        assert [job.kind for job in failed_jobs(store.db.conn)] == [AGAIN]
        take_back_span(store, store.enter_code(str(code)), Ms(0), Ms(6000), "code")

    slow = TranscriberWorker(home, clock, lambda _: SlowAgain(meanwhile))
    clock.advance(60.0)
    while slow.run_once():
        pass
    slow.close()
    told = transcript(store, take, Reader.CAPTION, store.now())
    assert [word.text for word in told] == [BLANK]
