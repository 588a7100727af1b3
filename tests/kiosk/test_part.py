"""Taking a part out of one's own story at the box: the marks follow the voice, and nothing goes without a yes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audio.types import Ms, TakeId
from hardware.types import Control
from kiosk import types as t
from kiosk.keys import keys
from kiosk.session import first, step
from kiosk.texts import load
from kiosk.types import Ends, Meaning, Notice, State
from kiosk.view import Extras, view

PAUSES = Ends((Ms(0), Ms(2000), Ms(5000), Ms(8000)), (Ms(12_000), Ms(9000), Ms(6000), Ms(3000)))
STORY, FRESH = TakeId("mine"), TakeId("made")


class Box:
    """A teller whose code was accepted, pressed by hand."""

    def __init__(self, *, speaking: bool = False) -> None:
        session, _ = first(0.0)
        self.at = 100.0
        self.session = replace(
            session, state=State.MY_STORY, story=STORY, mine=t.Mine((), 12.0), speaking=speaking, last_activity=self.at
        )

    def send(self, event: t.Event) -> tuple[t.Effect, ...]:
        self.session, effects = step(self.session, event)
        return effects

    def press(self, *meanings: Meaning, after: float = 1.0) -> tuple[t.Effect, ...]:
        effects: tuple[t.Effect, ...] = ()
        for meaning in meanings:
            self.at += after
            effects = self.send(t.Press(meaning, self.at, FRESH))
        return effects

    def sounds(self) -> None:
        self.send(t.PlaybackStarted(self.session.play, self.at))

    def marking(self) -> Box:
        assert self.press(Meaning.PART)[0] == t.FindPauses(1, STORY)
        assert self.session.saving
        first_heard = t.Speak(1) if self.session.speaking else t.PlayOwn(1, STORY, Ms(0), Ms(12_000))
        assert self.send(t.PausesFound(1, STORY, self.at, PAUSES)) == (first_heard,)
        return self


def test_both_marks_are_set_where_the_voice_has_come_to_at_the_pauses_around_it() -> None:
    box = Box().marking()
    box.sounds()
    box.press(Meaning.TAKE, after=5.5)
    assert (box.session.ends.start, box.session.ends.closing) == (5000, True), "back to the pause before it"
    assert box.session.playing is not None, "whoever listens is not interrupted"
    assert t.StopPlaying() in box.press(Meaning.TAKE, after=1.0)
    assert (box.session.ends.start, box.session.ends.end) == (5000, 9000), "on to the pause after it"
    assert box.session.asked is Meaning.PART


def test_the_middle_key_goes_from_pause_to_pause_and_the_voice_with_it() -> None:
    box = Box().marking()
    box.sounds()
    assert keys(box.session)[Control.MIDDLE] is Meaning.MOVE
    assert box.press(Meaning.MOVE) == (t.PlayOwn(2, STORY, Ms(2000), Ms(12_000)),)
    box.press(Meaning.MOVE, Meaning.TAKE)
    assert (box.session.ends.start, box.session.ends.end) == (5000, 6000)
    assert box.press(Meaning.MOVE)[-1] == t.PlayOwn(4, STORY, Ms(5000), Ms(12_000))
    assert box.session.ends.end == 9000
    box.press(Meaning.MOVE, Meaning.MOVE)
    assert box.session.ends.end == 6000, "after the last the first one behind the beginning"
    box.send(t.PlaybackEnded(box.session.play, box.at))
    assert keys(box.session)[Control.MIDDLE] is Meaning.HEAR
    assert box.press(Meaning.HEAR)[-1] == t.PlayOwn(box.session.play, STORY, Ms(5000), Ms(12_000))


def test_what_goes_is_heard_and_said_to_be_gone_for_good_and_only_a_deliberate_press_takes_it_out() -> None:
    box = Box().marking()
    box.press(Meaning.MOVE, Meaning.TAKE, Meaning.TAKE)
    shown = view(box.session, Extras(), load("en"), keys(box.session))
    assert "Nobody can bring them back" in shown.body
    assert keys(box.session)[Control.LEFT] is Meaning.HEAR, "the key that asked takes nothing out"
    assert box.press(Meaning.HEAR) == (t.PlayOwn(box.session.play, STORY, Ms(2000), Ms(3000)),)
    assert box.session.asked is Meaning.PART
    mashed, effects = step(box.session, t.Press(Meaning.CONFIRM, box.at + 0.1, FRESH))
    assert (mashed.asked, effects) == (Meaning.PART, ())
    assert box.press(Meaning.CONFIRM) == (t.StopPlaying(), t.TakeOut(1, STORY, Ms(2000), Ms(3000)))
    assert box.session.saving
    box.send(t.PartGone(1, TakeId("another"), box.at))
    assert box.session.saving, "an answer about another story is ignored"
    box.send(t.PartGone(1, STORY, box.at, t.Mine(cuts=1)))
    assert (box.session.state, box.session.notice) == (State.MY_STORY, Notice.PART_GONE)
    assert not box.session.saving


def test_a_part_that_went_while_there_was_no_room_for_the_rest_is_said_to_be_that() -> None:
    box = Box().marking()
    box.press(Meaning.TAKE, Meaning.TAKE, Meaning.CONFIRM)
    box.send(t.PartGone(1, STORY, box.at, t.Mine(cuts=1), waits=True))
    assert (box.session.state, box.session.notice, box.session.mine.cuts) == (State.MY_STORY, Notice.PART_WAITS, 1)
    assert "until there is room" in view(box.session, Extras(), load("en"), keys(box.session)).headline


def test_back_leads_back_one_step_to_the_list() -> None:
    box = Box().marking()
    box.press(Meaning.TAKE, Meaning.TAKE, Meaning.BACK)
    assert (box.session.asked, box.session.ends.closing) == (None, True)
    box.press(Meaning.BACK)
    assert not box.session.ends.closing
    box.press(Meaning.BACK)
    assert (box.session.state, box.session.playing) == (State.MY_STORY, None)


@pytest.mark.parametrize("when", ["looking", "cutting"])
def test_where_it_fails_the_screen_says_why_and_all_of_it_is_there(when: str) -> None:
    box = Box()
    if when == "cutting":
        box.marking().press(Meaning.TAKE, Meaning.TAKE, Meaning.CONFIRM)
    else:
        box.press(Meaning.PART)
    box.send(t.PartFailed(1, STORY, "The disk is full.", box.at))
    assert (box.session.state, box.session.say, box.session.saving) == (State.MY_STORY, "The disk is full.", False)


def test_a_finger_drags_the_mark_and_hears_it_when_it_lets_go() -> None:
    box = Box().marking()
    assert box.send(t.Pointed(0.45, lifted=False, at=box.at)) == ()
    assert box.session.ends.start == 5000
    assert box.send(t.Pointed(0.6, lifted=True, at=box.at)) == (t.PlayOwn(2, STORY, Ms(8000), Ms(12_000)),)
    box.press(Meaning.TAKE)
    box.send(t.Pointed(0.1, lifted=True, at=box.at))
    assert box.session.ends.end == 9000, "no end before the beginning"
    box.press(Meaning.TAKE)
    asked = box.session
    box.send(t.Pointed(0.9, lifted=True, at=box.at))
    assert box.session is asked, "what is asked about does not change under the finger"


def test_with_screens_read_aloud_the_question_is_read_first_and_a_key_lets_it_sound() -> None:
    box = Box(speaking=True).marking()
    assert box.session.playing is None
    assert box.press(Meaning.HEAR)[-1] == t.PlayOwn(1, STORY, Ms(0), Ms(12_000))


def test_whoever_goes_away_while_marking_takes_nothing_out() -> None:
    box = Box().marking()
    box.send(t.PlaybackEnded(box.session.play, box.at))
    effects = [effect for passed in (125.0, 150.0) for effect in box.send(t.Tick(box.at + passed))]
    assert box.session.state is State.ATTRACT
    assert not any(isinstance(effect, t.TakeOut) for effect in effects)
