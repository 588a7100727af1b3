"""Nothing another device gave is kept: sound waits until the right one is known to have given it."""

from __future__ import annotations

import math

import pytest

from audio.capture import Capture
from audio.clock import VirtualClock
from audio.drivers import make_vad
from audio.errors import StreamDied, WrongDevice
from audio.events import StreamBack, StreamLost, TakeClosed
from audio.microphone import Microphone
from audio.sources import ScriptedSource
from audio.takewriter import TakeReader, TakeWriter
from audio.types import TakeId


class Swappable(ScriptedSource):
    """A scripted microphone in whose place another one can answer."""

    wrong = False
    silent = 0
    """So often the sound server says nothing before it answers."""

    def confirm(self) -> None:
        """Say whether the right one answers."""
        if self.silent:
            self.silent -= 1
            return
        if self.wrong:
            raise WrongDevice("Another device answers.")
        self.sure_until = self.heard_at

    def check(self) -> None:
        super().check()
        self.confirm()


@pytest.fixture
def box(tmp_path):
    clock, heard = VirtualClock(), []
    source = Swappable(clock, [])
    capture = Capture(source, make_vad("webrtc"), clock, heard.append)
    capture.open()

    def run(seconds):
        for _ in range(round(seconds / 0.02)):
            clock.advance(0.02)
            source.pump(clock.monotonic())
        capture.drain()

    run(1.0)
    begun = clock.monotonic()
    capture.begin(TakeWriter(tmp_path / "t.take", TakeId("01K"), source.format, bytes(32)), begun)
    yield source, capture, clock, heard, run, begun, tmp_path / "t.take"
    capture.close()


def length(path):
    with TakeReader(path, bytes(32)) as reader:
        return reader.length / 1000


def test_what_came_after_the_last_sure_moment_is_let_go_of(box):
    source, capture, clock, heard, run, begun, path = box
    run(2.0)
    source.wrong = True
    right = clock.monotonic() - begun
    run(1.0)
    assert [event for event in heard if isinstance(event, StreamLost)]
    capture.close()
    assert right - 0.35 < length(path) <= right


def in_steps(run, seconds):
    """What is heard is looked at as it comes, as it is where time is real."""
    for _ in range(round(seconds / 0.1)):
        run(0.1)


def opens_anew(source, clock):
    """Let rearming open another stream once the right device is plugged in; what came before is of the old one."""
    rearm, plugged = source.rearm, []

    def back():
        if not plugged or not rearm():
            return False
        source.wrong, source.silent, source.opened_at = False, 0, clock.monotonic()
        return True

    source.rearm = back
    return plugged


def test_what_another_gave_until_the_right_one_was_back_goes_nowhere(box):
    source, capture, clock, heard, run, begun, path = box
    plugged = opens_anew(source, clock)
    in_steps(run, 2.0)
    right = clock.monotonic() - begun
    source.wrong = True
    in_steps(run, 1.0)
    plugged.append(True)
    in_steps(run, 1.0)
    assert any(isinstance(event, StreamBack) for event in heard)
    since = clock.monotonic() - source.opened_at
    capture.close()
    assert right - 0.35 < length(path) - since <= right + 0.03, (
        "nothing between the last sure moment and the new stream"
    )


def test_what_a_stream_gave_that_died_unasked_is_not_let_through_by_the_next(box):
    source, capture, clock, heard, run, begun, path = box
    plugged = opens_anew(source, clock)
    in_steps(run, 2.0)
    sure = source.sure_until - begun
    source.silent = 1000
    in_steps(run, 0.3)
    source.die()
    in_steps(run, 1.0)
    plugged.append(True)
    source.come_back()
    in_steps(run, 1.0)
    assert any(isinstance(event, StreamBack) for event in heard)
    since = clock.monotonic() - source.opened_at
    capture.close()
    assert sure - 0.05 < length(path) - since <= sure + 0.03


def test_a_stream_that_the_server_moves_back_by_itself_is_believed_from_then_on(box):
    source, capture, clock, heard, run, begun, path = box
    opens_anew(source, clock)
    in_steps(run, 2.0)
    right = clock.monotonic() - begun
    source.wrong = True
    in_steps(run, 0.5)
    source.wrong = False
    back = clock.monotonic()
    in_steps(run, 2.0)
    assert any(isinstance(event, StreamBack) for event in heard)
    since = clock.monotonic() - back
    capture.close()
    assert right - 0.35 < length(path) - since <= right


def test_the_last_words_are_kept_when_the_right_one_still_answers(box):
    _source, capture, clock, heard, run, begun, path = box
    run(2.0)
    capture.close()
    assert length(path) == pytest.approx(clock.monotonic() - begun, abs=0.03)
    assert [event for event in heard if isinstance(event, TakeClosed)]


def test_the_last_words_are_not_kept_when_another_answers_at_the_end(box):
    source, capture, _clock, _heard, run, begun, path = box
    run(2.0)
    sure = source.sure_until - begun
    source.wrong = True
    capture.close()
    assert length(path) <= sure


def test_a_server_silent_for_a_moment_at_the_end_is_asked_again(box):
    source, capture, _clock, _heard, run, begun, path = box
    run(2.0)
    sure = source.sure_until - begun
    source.silent, source.wrong = 1000, True
    run(0.2)
    source.silent = 2
    capture.close()
    assert length(path) <= sure, "another device answered the third question"


def test_a_server_that_never_answers_costs_nobody_the_last_word(box, caplog):
    source, capture, clock, _heard, run, begun, path = box
    run(2.0)
    source.silent = 1000
    run(0.2)
    capture.close()
    assert length(path) == pytest.approx(clock.monotonic() - begun, abs=0.03)
    assert "does not say which device" in caplog.text


def test_a_microphone_nothing_can_replace_holds_nothing_back():
    assert ScriptedSource(VirtualClock(), []).sure_until == math.inf
    ScriptedSource(VirtualClock(), []).confirm()
    assert issubclass(WrongDevice, StreamDied)


class Telling:
    """A sound server that says what it is told to say."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def source(self):
        return self.answers.pop(0)


def microphone(*answers):
    one = object.__new__(Microphone)
    one.name, one._clock, one._identity = "mic", VirtualClock(), Telling(*answers)
    one._answers, one._looked_at, one._given_until, one.sure_until = None, 0.0, 0.0, math.inf
    return one


def test_a_server_that_falls_silent_lets_nothing_more_through():
    mic = microphone("usb", None, "usb")
    mic.confirm()
    mic._clock.advance(1.0)
    mic._given_until = 0.9
    mic.confirm()
    assert mic.sure_until == 0.0, "silence is no answer"
    mic.confirm()
    assert mic.sure_until == 0.9


def test_sure_is_only_what_was_given_before_the_question_however_late_its_times_run():
    mic = microphone("usb", "usb")
    mic._given_until = 3.0
    mic._clock.advance(3.4)
    mic.confirm()
    # A stream that is moved now goes on with blocks that bear times from 3.0 on.
    assert mic.sure_until == 3.0


def test_where_no_server_ever_answers_everything_is_sure():
    mic = microphone(None)
    mic.confirm()
    assert mic.sure_until == math.inf


def test_a_take_ends_though_the_server_is_too_busy_to_say_whose_its_last_sound_was(box):
    source, capture, clock, heard, run, begun, _path = box
    in_steps(run, 2.0)
    source.silent = 10_000
    in_steps(run, 0.5)
    ended = clock.monotonic()
    capture.finish(ended)
    in_steps(run, 2.0)
    assert not any(isinstance(event, TakeClosed) for event in heard)
    in_steps(run, 3.0)
    [closed] = [event.take for event in heard if isinstance(event, TakeClosed)]
    assert closed.length / 1000 == pytest.approx(ended - begun, abs=0.002)
