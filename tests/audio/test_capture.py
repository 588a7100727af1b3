"""Capture on a driveable source and a virtual clock: exact to the sample, honest about faults."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from audio.capture import Capture
from audio.clock import VirtualClock
from audio.errors import AudioError, DiskTrouble
from audio.events import (
    FirstSample,
    LevelHeard,
    Marked,
    SegmentClosed,
    SoundGap,
    StreamBack,
    StreamClosed,
    StreamLost,
    StreamOpened,
    TakeClosed,
    TakeFailed,
)
from audio.pcm import from_floats
from audio.sources import ScriptedSource
from audio.takewriter import TakeReader, TakeWriter
from audio.types import AudioFormat, CutReason, TakeId, Verdict, Voicing


class LoudVad:
    """Calls everything speech that is louder than room tone: decides nothing, but steadily."""

    name = "loud"

    def __init__(self):
        self.reset()

    def reset(self):
        self.hold, self.done = np.zeros(0, np.float32), 0

    def push(self, samples):
        self.hold = np.concatenate([self.hold, samples])
        out = []
        while len(self.hold) >= 512:
            loud = float(np.abs(self.hold[:512]).mean()) > 0.01
            out.append(Verdict(Voicing.SPEECH if loud else Voicing.SILENCE, float(loud), self.done, self.done + 512))
            self.hold, self.done = self.hold[512:], self.done + 512
        return out


class BrokenVad(LoudVad):
    def push(self, samples):
        raise ZeroDivisionError


@pytest.fixture
def box(heard, tone):
    """A box: clock, source, capture; `run(seconds)` lets time pass."""

    def make(tracks=None, vad=None, fmt=None):
        clock = VirtualClock()
        source = ScriptedSource(clock, tracks if tracks is not None else [tone()], fmt)
        capture = Capture(source, vad or LoudVad(), clock, heard)

        def run(seconds):
            clock.advance(seconds)
            source.pump(clock.monotonic())
            capture.drain()

        made.append(capture)
        capture.open()
        return SimpleNamespace(clock=clock, source=source, capture=capture, run=run, heard=heard)

    made: list[Capture] = []
    yield make
    for capture in made:
        capture.close()


def pcm_of(path, dtype="int16"):
    return soundfile.read(path, dtype=dtype)[0].tobytes()


@pytest.mark.parametrize("offset", [0.0, 0.0037, 0.0151234])
def test_the_take_is_the_track_to_the_sample(box, tone, memory_writer, offset):
    path = tone(seconds=1.5)
    b = box([path])
    b.run(1.0 + offset)
    at = b.clock.monotonic()
    writer = memory_writer()
    b.capture.begin(writer, at)
    b.source.begin_track(at)
    while not b.source.heard:
        b.run(0.033)
    b.capture.finish(at + 1.5)
    b.run(0.1)
    (closed,) = b.heard.of(TakeClosed)
    assert writer.pcm == pcm_of(path)
    assert closed.take.sha256 == hashlib.sha256(pcm_of(path)).hexdigest()
    assert [event.take for event in b.heard.of(FirstSample)] == ["take"]
    assert b.heard.of(FirstSample)[0].at == pytest.approx(at, abs=1 / 40000)


def test_a_begin_in_the_past_takes_what_was_already_delivered_but_nothing_before_the_press(box, memory_writer):
    b = box([])
    got = []
    b.run(0.5)
    b.capture._queue.put(lambda: got.extend(b.capture._recent))
    b.run(0.5)
    writer = memory_writer()
    b.capture.begin(writer, b.clock.monotonic() - 0.123)
    b.capture.finish(b.clock.monotonic())
    b.capture.drain()
    assert len(writer.pcm) // 2 == round(0.123 * 48000)
    assert got, "blocks are remembered for a moment"


def test_finish_waits_for_the_sound_up_to_the_press(box, memory_writer):
    b = box([])
    b.run(0.5)
    writer = memory_writer()
    at = b.clock.monotonic()
    b.capture.begin(writer, at)
    b.run(1.0)
    b.capture.finish(at + 1.25)
    b.capture.drain()
    assert writer.state == "open"
    b.run(1.0)
    assert writer.state == "closed"
    assert len(writer.pcm) == 2 * 60_000


def test_a_pause_stores_nothing_and_going_on_continues(box, tone, memory_writer):
    path = tone(seconds=2)
    b = box([path])
    b.run(0.5)
    at = b.clock.monotonic()
    writer = memory_writer()
    b.capture.begin(writer, at)
    b.source.begin_track(at)
    b.capture.pause(at + 0.5)
    b.capture.resume(at + 1.25)
    b.run(2.0)
    b.capture.finish(at + 2)
    b.capture.drain()
    whole = pcm_of(path)
    assert writer.pcm == whole[: 2 * 24_000] + whole[2 * 60_000 :]


def test_pause_without_a_time_means_now(box, memory_writer):
    b = box([])
    writer = memory_writer()
    b.capture.begin(writer, 0.0)
    b.run(1.0)
    b.capture.pause()
    b.run(1.0)
    b.capture.resume()
    b.run(1.0)
    b.capture.finish(3.0)
    b.capture.drain()
    assert b.heard.of(TakeClosed)[0].take.length == 2000


def test_every_segment_can_be_read_when_it_is_announced(box, tmp_path, memory_writer):
    sound = np.concatenate([np.random.default_rng(n).uniform(-0.3, 0.3, 48_000 * 10) for n in (1, 2)])
    sound[48_000 * 95 // 10 : 48_000 * 105 // 10] = 0
    path = tmp_path / "story.wav"
    soundfile.write(path, sound, 48_000, subtype="PCM_24")
    b = box([path])
    readable = []
    tell = b.capture._announce
    writer = memory_writer(fmt=b.source.format)

    def check(event):
        if isinstance(event, SegmentClosed):
            readable.append(writer.format.ms_of(writer.flushed) >= event.segment.end)
        tell(event)

    b.capture._announce = check
    b.run(0.5)
    at = b.clock.monotonic()
    b.capture.begin(writer, at)
    b.source.begin_track(at)
    b.run(20)
    b.capture.finish(at + 20)
    b.capture.drain()
    segments = [event.segment for event in b.heard.of(SegmentClosed)]
    assert readable == [True] * len(segments) == [True, True]
    assert [s.reason for s in segments] == [CutReason.PAUSE, CutReason.END]
    assert segments[0].start == 0
    assert segments[0].end == segments[1].start
    assert segments[-1].end == 20_000
    assert b.heard.events.index(b.heard.of(SegmentClosed)[-1]) < b.heard.events.index(b.heard.of(TakeClosed)[0])
    assert len(b.heard.of(Marked)) >= 2
    assert 18_000 < b.heard.of(TakeClosed)[0].take.speech < 20_000


def test_with_the_real_writer_the_file_holds_what_was_told(box, tone, tmp_path):
    path = tone(seconds=1.7, rate=44_100)
    b = box([path])
    writer = TakeWriter(tmp_path / "t.take", TakeId("01J"), b.source.format, bytes(32))
    b.run(0.3)
    at = b.clock.monotonic()
    b.capture.begin(writer, at)
    b.source.begin_track(at)
    b.run(1.7)
    b.capture.finish(b.clock.monotonic())
    b.capture.drain()
    (closed,) = b.heard.of(TakeClosed)
    with TakeReader(closed.take.path, bytes(32)) as reader:
        assert reader.read() == pcm_of(path)


def test_clipping_and_overflows_go_with_the_take(box, tmp_path, memory_writer):
    path = tmp_path / "loud.wav"
    sound = np.full(48_000, 32_767, np.int16)
    sound[480:] = 0
    soundfile.write(path, sound, 48_000)
    b = box([path])
    writer = memory_writer()
    b.capture.begin(writer, 0.0)
    b.source.begin_track(0.0)
    b.run(0.5)
    b.source.overflow()
    b.run(0.5)
    b.capture.finish(1.0)
    b.capture.drain()
    take = b.heard.of(TakeClosed)[0].take
    assert (take.clipped, take.overflows) == (480, 1)
    assert [(gap.at, gap.lost) for gap in b.heard.of(SoundGap)] == [(500, 0.0)]


def test_a_full_disk_fails_the_take_and_keeps_what_it_has(box, memory_writer):
    b = box([])
    writer = memory_writer()
    b.capture.begin(writer, 0.0)
    b.run(0.5)
    writer.trouble = OSError(28, "No space left on device")
    b.run(0.5)
    (failed,) = b.heard.of(TakeFailed)
    assert failed.error.code == "disk-trouble"
    assert "No space left" in failed.error.say
    assert writer.state == "left"
    assert 300 < writer.length < 500
    b.capture.finish(2.0)
    b.run(0.5)
    assert b.heard.of(TakeClosed) == []
    again = memory_writer("second")
    b.capture.begin(again, b.clock.monotonic())
    b.run(0.2)
    b.capture.finish(b.clock.monotonic())
    b.capture.drain()
    assert again.length == 200


def test_a_mistake_in_the_program_fails_the_take_and_the_thread_lives(box, memory_writer):
    b = box([], BrokenVad())
    b.capture.begin(memory_writer(), 0.0)
    b.run(0.5)
    assert isinstance(b.heard.of(TakeFailed)[0].error, AudioError)
    before = len(b.heard.of(LevelHeard))
    b.run(0.5)
    assert len(b.heard.of(LevelHeard)) > before


def test_abandon_destroys_and_announces_only_failure(box, memory_writer):
    b = box([])
    first, second = memory_writer("a"), memory_writer("b")
    b.capture.begin(first, 0.0)
    b.run(0.3)
    b.capture.abandon()
    b.capture.drain()
    assert first.state == "abandoned"
    assert b.heard.of(TakeClosed) == b.heard.of(TakeFailed) == []
    b.capture.begin(second, 0.3)
    b.run(0.3)
    second.trouble = DiskTrouble("no")
    b.capture.abandon()
    b.capture.drain()
    assert [event.take for event in b.heard.of(TakeFailed)] == ["b"]


def test_a_second_begin_and_a_close_end_the_take_before(box, memory_writer):
    b = box([])
    first, second = memory_writer("a"), memory_writer("b")
    b.capture.begin(first, 0.0)
    b.run(0.3)
    b.capture.begin(second, 0.3)
    b.run(0.3)
    b.capture.close()
    assert (first.state, second.state) == ("closed", "closed")
    assert len(b.heard.of(StreamClosed)) == 1
    b.capture.close()
    b.capture.drain()
    assert len(b.heard.of(StreamClosed)) == 1
    b.capture.open()
    b.capture.open()
    assert len(b.heard.of(StreamOpened)) == 2


def test_the_loss_is_said_once_and_the_take_goes_on_after_it(box, memory_writer):
    b = box([])
    writer = memory_writer()
    b.capture.begin(writer, 0.0)
    b.run(1.0)
    b.source.die()
    b.run(1.0)
    b.run(1.0)
    assert len(b.heard.of(StreamLost)) == 1
    assert "gone" in b.heard.of(StreamLost)[0].say
    b.source.come_back()
    b.run(1.0)
    b.run(1.0)
    (back,) = b.heard.of(StreamBack)
    assert back.gap == pytest.approx(3.0, abs=0.1)
    b.capture.finish(b.clock.monotonic())
    b.capture.drain()
    take = b.heard.of(TakeClosed)[0].take
    assert take.overflows == 1
    assert 2000 <= take.length < 5000
    (gap,) = b.heard.of(SoundGap)
    assert gap.at == pytest.approx(1000, abs=1)
    assert gap.lost == pytest.approx(3.0, abs=0.1)


def test_a_hang_shorter_than_the_limit_is_no_loss_and_a_longer_one_heals_by_itself(box):
    b = box([])
    b.run(1.0)
    b.source.stall()
    b.run(0.5)
    b.source.come_back()
    b.run(0.5)
    assert b.heard.of(StreamLost) == []
    b.source.stall()
    b.run(1.4)
    assert len(b.heard.of(StreamLost)) == 1
    b.source.come_back()
    b.run(0.1)
    assert len(b.heard.of(StreamBack)) == 1


def test_a_loss_while_the_take_is_ending_closes_it(box, memory_writer):
    b = box([])
    early, late = memory_writer("early"), memory_writer("late")
    b.capture.begin(early, 0.0)
    b.run(1.0)
    b.capture.finish(1.5)
    b.source.die()
    b.run(0.1)
    assert early.state == "closed"
    b.capture.begin(late, 1.1)
    b.capture.finish(1.5)
    b.capture.drain()
    assert late.state in {"closed", "left"}


def test_levels_and_hints_come_in_ready_and_nothing_is_stored(box):
    b = box([])
    b.run(2.0)
    levels = b.heard.of(LevelHeard)
    assert len(levels) == 20
    assert levels[0].hint is None
    assert levels[-1].hint == "good"
    assert -40 < levels[-1].level.rms < -20
    b.source.begin_track(b.clock.monotonic())
    b.run(4.0)
    silent = b.heard.of(LevelHeard)[-15:]
    assert {level.hint for level in silent} == {None}, "plain room tone is nobody who should come closer"
    assert "closer" not in {level.hint for level in b.heard.of(LevelHeard)}
    assert b.capture.blocks == 300


def test_from_floats_round_trip_is_what_the_source_delivers():
    fmt = AudioFormat(48_000)
    assert from_floats(np.array([0.5]), fmt.width) == b"\x00\x40"
