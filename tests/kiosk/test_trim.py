"""Trimming one's own story by its ends: what is offered, what is heard, what is asked, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from audio.types import Ms, TakeId
from hardware.types import Control
from kiosk import types as t
from kiosk.keys import keys, legal
from kiosk.session import first, step
from kiosk.takeshape import MOST, ends_of
from kiosk.types import Ends, Kind, Meaning, Notice, State

ENDS = Ends((Ms(0), Ms(2000), Ms(5000)), (Ms(9000), Ms(8000), Ms(6000)))
TAKE, MADE = TakeId("take"), TakeId("made")


class Box:
    """A session at review, pressed by hand."""

    def __init__(self, *, kind: Kind = Kind.STORY, ends: Ends = ENDS, speaking: bool = False) -> None:
        session, _ = first(0.0)
        self.at = 100.0
        self.session = replace(
            session,
            state=State.REVIEW,
            take=TAKE,
            kind=kind,
            ends=ends,
            seconds=9.0,
            speaking=speaking,
            last_activity=self.at,
        )

    def send(self, event: t.Event) -> tuple[t.Effect, ...]:
        self.session, effects = step(self.session, event)
        return effects

    def press(self, *meanings: Meaning) -> tuple[t.Effect, ...]:
        effects: tuple[t.Effect, ...] = ()
        for meaning in meanings:
            self.at += 1.0
            effects = self.send(t.Press(meaning, self.at, MADE))
        return effects


def test_while_the_own_story_sounds_the_right_key_trims_and_not_before() -> None:
    box = Box()
    assert keys(box.session)[Control.RIGHT] is Meaning.DISCARD
    box.press(Meaning.HEAR)
    assert keys(box.session)[Control.RIGHT] is Meaning.TRIM
    assert Meaning.DISCARD in legal(box.session)
    box.press(Meaning.TRIM)
    assert box.session.state is State.TRIM


@pytest.mark.parametrize(
    "box", [Box(kind=Kind.CONVERSATION), Box(ends=Ends((Ms(0),), (Ms(900),)))], ids=["group", "short"]
)
def test_a_talk_of_many_and_a_story_without_a_pause_cannot_be_trimmed(box: Box) -> None:
    box.press(Meaning.HEAR)
    assert keys(box.session)[Control.RIGHT] is Meaning.DISCARD
    assert Meaning.TRIM not in legal(box.session)


def test_each_end_goes_from_pause_to_pause_is_heard_and_comes_round_again() -> None:
    box = Box()
    assert box.press(Meaning.TRIM) == (t.PlayOwn(1, TAKE, Ms(0), Ms(4000)),)
    assert box.press(Meaning.MOVE) == (t.PlayOwn(2, TAKE, Ms(2000), Ms(6000)),)
    box.press(Meaning.MOVE)
    assert box.session.ends.start == 5000
    box.press(Meaning.MOVE)
    assert box.session.ends.start == 0
    box.press(Meaning.MOVE, Meaning.TAKE)
    assert box.session.ends.closing
    assert box.press(Meaning.MOVE)[-1] == t.PlayOwn(box.session.play, TAKE, Ms(4000), Ms(8000))
    box.press(Meaning.MOVE, Meaning.MOVE)
    assert box.session.ends.end == 9000, "nothing shorter than the least can be left"


def test_what_goes_is_asked_about_and_only_a_deliberate_press_of_another_key_cuts() -> None:
    box = Box()
    box.press(Meaning.TRIM, Meaning.MOVE, Meaning.TAKE, Meaning.MOVE)
    assert t.StopPlaying() in box.press(Meaning.TAKE)
    assert box.session.asked is Meaning.TRIM
    assert keys(box.session)[Control.LEFT] is Meaning.HEAR, "the key that asked does not cut"
    assert box.press(Meaning.HEAR) == (t.PlayOwn(box.session.play, TAKE, Ms(2000), Ms(8000)),)
    assert box.session.asked is Meaning.TRIM, "the question stays while it is heard"
    mashed, effects = step(box.session, t.Press(Meaning.CONFIRM, box.at + 0.1, MADE))
    assert (mashed.state, effects) == (State.TRIM, ())
    assert box.press(Meaning.CONFIRM) == (t.StopPlaying(), t.TrimTake(TAKE, MADE, Ms(2000), Ms(8000)))
    assert box.session.saving
    box.send(t.Trimmed(TakeId("another"), MADE, 6.0, box.at))
    assert box.session.saving, "an answer about another take is ignored"
    shorter = Ends((Ms(0),), (Ms(6000),))
    box.send(t.Trimmed(TAKE, MADE, 6.0, box.at, shorter))
    assert (box.session.state, box.session.take, box.session.seconds) == (State.REVIEW, MADE, 6.0)
    assert (box.session.notice, box.session.ends) == (Notice.TRIMMED, shorter)
    assert box.press(Meaning.KEEP) == (t.KeepTake(MADE, Kind.STORY, "", "en"),)


def test_back_leads_back_one_step_and_nothing_cut_off_needs_no_question() -> None:
    box = Box()
    box.press(Meaning.TRIM, Meaning.TAKE, Meaning.TAKE)
    assert (box.session.state, box.session.take) == (State.REVIEW, TAKE)
    box.press(Meaning.TRIM, Meaning.MOVE, Meaning.TAKE, Meaning.TAKE)
    assert box.session.asked is Meaning.TRIM
    box.press(Meaning.BACK)
    assert (box.session.asked, box.session.ends.closing) == (None, True)
    box.press(Meaning.BACK)
    assert not box.session.ends.closing
    assert box.press(Meaning.BACK) == (t.StopPlaying(),)
    assert box.session.state is State.REVIEW


def test_a_cut_that_fails_leaves_all_of_it_and_says_why() -> None:
    box = Box()
    box.press(Meaning.TRIM, Meaning.MOVE, Meaning.TAKE, Meaning.TAKE, Meaning.CONFIRM)
    box.send(t.TrimFailed(TAKE, "The disk is full.", box.at))
    assert (box.session.state, box.session.take, box.session.say) == (State.REVIEW, TAKE, "The disk is full.")
    assert not box.session.saving


def test_whoever_goes_away_while_trimming_leaves_it_in_sealed_hold() -> None:
    box = Box()
    box.press(Meaning.TRIM)
    box.send(t.PlaybackEnded(box.session.play, box.at))
    effects = [effect for passed in (95.0, 120.0) for effect in box.send(t.Tick(box.at + passed))]
    assert t.HoldTake(TAKE) in effects
    assert box.session.state is State.ATTRACT


def test_with_screens_read_aloud_the_question_is_read_and_a_move_is_heard() -> None:
    box = Box(speaking=True)
    assert box.press(Meaning.TRIM) == (t.Speak(box.session.visit),)
    assert box.press(Meaning.MOVE) == (t.PlayOwn(1, TAKE, Ms(2000), Ms(6000)),)
    assert t.Speak(box.session.visit) in box.press(Meaning.TAKE)


def said(*parts: tuple[float, float]) -> np.ndarray:
    """A loudness track of 50 ms steps: (seconds, dBFS) one after the other."""
    return np.concatenate([np.full(round(seconds * 20), level) for seconds, level in parts])


def test_ends_lie_at_pauses_with_a_breath_before_and_after() -> None:
    track = said((2.0, -60), (3.0, -20), (0.2, -60), (3.0, -20), (1.0, -60), (4.0, -20), (1.5, -60))
    ends = ends_of(track, Ms(14_700))
    assert ends.starts == (0, 1850, 9050), "0.2 s is no pause"
    assert ends.ends == (14_700, 13_450, 8450)


def test_where_nobody_pauses_there_are_steps_and_a_flat_take_has_only_those() -> None:
    ends = ends_of(said((26.0, -20)), Ms(26_000))
    assert ends.starts == (0, 5000, 10_000, 15_000, 20_000)
    assert ends.ends == (26_000, 21_000, 16_000, 11_000, 6000)
    assert ends_of(said((4.0, -20)), Ms(4000)) == Ends((Ms(0),), (Ms(4000),))
    assert ends_of(np.zeros(0), Ms(0)) == Ends((Ms(0),), (Ms(0),))
    many = ends_of(said(*[(0.5, -20), (0.5, -60)] * 600), Ms(600_000))
    assert len(many.starts) <= MOST + 2
    assert all(0 <= one < two for one, two in pairwise(many.starts))
    assert all(0 < two < one <= 600_000 for one, two in pairwise(many.ends))
