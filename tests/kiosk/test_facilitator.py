"""Who is let in as a facilitator, who joins a talk late, and what a listener beside a teller has."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from archive.types import Kind
from hardware.types import Control
from kiosk import types as t
from kiosk.alarms import longest
from kiosk.config import parse
from kiosk.errors import BadConfig
from kiosk.extras import Cue, Extras
from kiosk.facing import face_of
from kiosk.keys import keys, legal
from kiosk.session import step
from kiosk.stewardcode import CLOSED_S, StewardCode, is_code
from kiosk.texts import load
from kiosk.types import CUE_MEANINGS, Meaning, Session, State
from kiosk.view import news, spoken, view

TAKE = t.TakeId("T")


def typed(code: StewardCode, figures: str, at: float, gap: float = 0.3) -> float:
    for figure in figures:
        code.press(int(figure), at)
        at += gap
    return at - gap


def test_the_code_alone_lets_in_once():
    code = StewardCode("314152")
    at = typed(code, "314152", 10.0)
    assert not code.right(at + 0.5)
    assert code.right(at + 1.0)
    assert not code.right(at + 2.0)


@pytest.mark.parametrize("figures", ["31415", "3141522", "33141522", "314153", "314152314152"])
def test_nothing_else_does(figures):
    code = StewardCode("314152")
    assert not code.right(typed(code, figures, 10.0) + 1.0)


def test_another_key_in_between_spoils_it_until_there_was_a_pause():
    code = StewardCode("3141")
    at = typed(code, "31", 10.0)
    code.press(None, at + 0.2)
    at = typed(code, "3141", at + 0.4)
    assert not code.right(at + 1.0)
    assert code.right(typed(code, "3141", at + 3.0) + 1.0)


def test_after_some_wrong_tries_the_right_one_is_not_taken_for_a_while():
    code, at = StewardCode("3141"), 10.0
    for _ in range(5):
        at = typed(code, "2222", at + 5.0)
        assert not code.right(at + 1.0)
    at = typed(code, "3141", at + 5.0)
    assert not code.right(at + 1.0)
    assert code.right(typed(code, "3141", at + CLOSED_S) + 1.0)


def test_children_who_hammer_the_keys_for_an_hour_do_not_get_in():
    code, chance, at = StewardCode("4611"), Random(4), 0.0
    for _ in range(18_000):
        at += chance.expovariate(5.0)
        code.press(chance.randint(1, 8) if chance.random() < 0.7 else None, at)
        assert not code.right(at + 0.001)


def test_a_box_without_a_code_takes_none():
    code = StewardCode("")
    assert not code.right(typed(code, "1111", 5.0) + 2.0)


@pytest.mark.parametrize(
    ("text", "good"), [("1234", True), ("12345678", True), ("123", False), ("9999", False), ("12a4", False)]
)
def test_what_can_be_a_code(text, good):
    assert is_code(text) is good
    if good:
        assert parse(f'[controls]\nfacilitator_code = "{text}"').controls.facilitator_code == text
    else:
        with pytest.raises(BadConfig, match="facilitator_code"):
            parse(f'[controls]\nfacilitator_code = "{text}"')


def test_with_a_code_the_f_of_a_keyboard_lets_nobody_in_and_a_switch_still_does():
    attract = Session(state=State.ATTRACT)
    for text, opens in (
        ("", True),
        ('facilitator_code = "1234"', False),
        ('facilitator_code = "1234"\ndriver = "gpio"', True),
    ):
        session = replace(attract, rules=parse(f"[controls]\n{text}").rules())
        assert (Control.FACILITATOR in keys(session)) is opens
        assert (Meaning.FACILITATE in legal(session)) is opens


def test_the_code_leads_from_attract_and_from_a_cue_to_the_desk():
    playing = t.Playing(t.Heard.CUE, 1.0, 3)
    for session in (Session(state=State.ATTRACT), Session(state=State.LISTENING, play=1, playing=playing)):
        after, _ = step(session, t.StewardCame(2.0))
        assert (after.state, after.home, after.playing) == (State.FACILITATOR, State.FACILITATOR, None)
    told = Session(state=State.RECORDING, take=TAKE, started=0.0, limit_at=300.0, mic=t.Mic.OPEN)
    assert step(told, t.StewardCame(2.0)) == (told, ())


def talking(**more) -> Session:
    base = Session(state=State.CONVERSATION, kind=Kind.CONVERSATION, home=State.FACILITATOR, take=TAKE, people=2,
                   started=0.0, limit_at=7200.0, mic=t.Mic.OPEN)  # fmt: skip
    return replace(base, **more)


def test_who_comes_late_agrees_off_the_record_and_is_asked_first():
    assert Meaning.NEXT_PERSON not in legal(talking())
    paused = talking(paused_at=5.0)
    asked, effects = step(paused, t.Press(Meaning.NEXT_PERSON, 10.0, TAKE))
    assert effects == (t.Speak(1),), "who joins hears what is agreed to"
    assert asked.people == 2
    assert view(asked, Extras(), load("en"), keys(asked)).body == load("en").get("agreement.body")
    assert step(asked, t.Press(Meaning.CONFIRM, 10.2, TAKE))[0].people == 2, "too soon to have been read"
    joined, effects = step(asked, t.Press(Meaning.CONFIRM, 11.0, TAKE))
    assert effects == (t.AgreeOne(TAKE, "en", 3),)
    assert (joined.people, joined.asked, joined.paused_at) == (3, None, 5.0)
    assert step(asked, t.Press(Meaning.BACK, 11.0, TAKE))[0].people == 2


def test_the_agreement_is_read_aloud_and_each_yes_is_answered():
    texts = load("en")
    desk = Session(state=State.FACILITATOR, home=State.FACILITATOR)
    for speaking in (False, True):
        begun, effects = step(replace(desk, speaking=speaking), t.Press(Meaning.BEGIN_GROUP, 2.0, TAKE))
        assert (begun.state, effects) == (State.AGREEMENT, (t.Speak(1),))
    first, effects = step(replace(begun, speaking=False), t.Press(Meaning.NEXT_PERSON, 9.0, TAKE))
    assert (first.people, effects) == (1, (t.Speak(1, short=True),))
    shown = view(first, Extras(), texts, keys(first))
    assert news(shown) == texts.get("agreement.one")
    assert texts.get("agreement.body") in spoken(shown, texts)


def test_the_key_that_asks_who_joins_is_not_the_one_that_agrees():
    paused = talking(paused_at=5.0)
    asking = next(control for control, meaning in keys(paused).items() if meaning is Meaning.NEXT_PERSON)
    asked, _ = step(paused, t.Press(Meaning.NEXT_PERSON, 10.0, TAKE))
    assert asking not in keys(asked)


def test_a_talk_takes_no_more_people_than_get_codes():
    full = talking(paused_at=5.0, people=20)
    assert Meaning.NEXT_PERSON not in legal(full)
    assert Meaning.NEXT_PERSON not in legal(replace(full, state=State.AGREEMENT))


def test_a_group_is_told_at_ten_five_and_one_minute_and_not_before():
    session, told, seen = talking(), [], []
    for at in range(7200 - 700, 7200 - 5):
        session, effects = step(session, t.Tick(float(at)))
        told += [(7200 - at, effect.seconds) for effect in effects if isinstance(effect, t.Warn)]
        shown = view(session, Extras(time_left=7200.0 - at), load("en"), keys(session))
        seen += [7200 - at] if shown.time_words else []
    assert told == [(600, 600.0), (300, 300.0), (60, 60.0)]
    assert max(seen) == 600


def test_a_teller_with_a_listener_has_more_time_and_nudges_come_by_the_facilitators_key():
    ready = Session(state=State.READY, take=TAKE, mic=t.Mic.OPEN, home=State.FACILITATOR)
    assert longest(ready, Kind.STORY) == ready.rules.listened > ready.rules.story
    assert longest(replace(ready, home=State.ATTRACT), Kind.STORY) == ready.rules.story
    told, _ = step(ready, t.Press(Meaning.TALK, 1.0, TAKE))
    assert told.limit_at == 1.0 + ready.rules.listened
    assert keys(told)[Control.FACILITATOR] is Meaning.QUESTION
    nudged, effects = step(told, t.Press(Meaning.QUESTION, 2.0, TAKE))
    assert (nudged.question, nudged.state, effects) == (1, State.RECORDING, ())
    shown = view(nudged, Extras(nudge="Who else was there?"), load("en"), keys(nudged))
    assert shown.notes == ("Who else was there?",)
    hardly = replace(nudged, hint=t.Hint.TOO_QUIET)
    shown = view(hardly, Extras(nudge="Who else was there?"), load("en"), keys(hardly))
    assert shown.notes == (load("en").get("recording.too_quiet"),)
    alone = replace(told, home=State.ATTRACT)
    assert Control.FACILITATOR not in keys(alone)


def test_a_group_that_has_coffee_finds_its_talk_where_it_left_it():
    off = talking(paused_at=0.0, last_activity=0.0)
    assert step(off, t.Tick(1500.0)) == (off, ()), "25 minutes off the record"
    back, effects = step(off, t.Press(Meaning.RESUME, 1500.0, TAKE))
    assert (back.paused_at, effects) == (None, (t.StopSpeaking(), t.ResumeTake(TAKE, 1500.0)))
    for state in (State.REVIEW, State.SHARING, State.THANKS, State.RECOVERED):
        over = talking(state=state, last_activity=0.0)
        assert step(over, t.Tick(1500.0))[0] == over, state
        alone = replace(over, home=State.ATTRACT, kind=Kind.STORY)
        assert step(alone, t.Tick(1500.0))[0].still_there is not None, state


@pytest.mark.parametrize("no", [t.Refused(1, "Its teller has not allowed this.", 3.0), t.NothingToPlay(1, 3.0)])
def test_a_cue_that_is_refused_leads_back_to_the_sheet_which_says_why(no):
    desk = Session(state=State.FACILITATOR, home=State.FACILITATOR)
    pressed, _ = step(desk, t.Press(Meaning.CUE3, 2.0, TAKE))
    back, _ = step(pressed, no)
    assert (back.state, back.playing) == (State.FACILITATOR, None)
    assert set(CUE_MEANINGS) <= legal(back), "the next cue is one press away"
    told = "Its teller has not allowed this." if isinstance(no, t.Refused) else load("en").get("notice.nothing_to_play")
    assert view(back, Extras(), load("en"), keys(back)).notes == (told,)


def test_a_mark_is_answered_on_the_screen_and_the_phone_and_none_is_set_off_the_record():
    texts = load("en")
    marked, effects = step(talking(), t.Press(Meaning.FLAG, 9.0, TAKE))
    assert effects == (t.FlagMoment(TAKE, 9.0),)
    assert view(marked, Extras(), texts, keys(marked)).headline == texts.get("notice.marked")
    assert face_of(marked, 1).marked
    again, _ = step(marked, t.Tick(14.0))
    assert view(again, Extras(), texts, keys(again)).headline == texts.get("recording.headline")
    assert Meaning.FLAG not in legal(talking(paused_at=5.0))


def test_a_key_of_a_talk_that_is_lit_does_something():
    assert Control.LANGUAGE not in keys(talking()), "there are no words of its own to hide"
    off = talking(paused_at=5.0)
    assert keys(off)[Control.LANGUAGE] is Meaning.SPEAK
    assert step(off, t.Press(Meaning.SPEAK, 9.0, TAKE))[1] == (t.Speak(1),)


def test_a_groups_first_question_is_seen_and_chosen_before_it_begins():
    desk = Session(state=State.FACILITATOR, home=State.FACILITATOR, prompts=("a", "b"), prompt="a", cues=(1,))
    shown = view(desk, Extras(prompt="Who taught you?", cues={1: Cue("Night", 30.0)}), load("en"), keys(desk))
    assert shown.lines == ("Who taught you?",)
    assert "Who taught you?" in spoken(shown, load("en"))
    assert "question" in face_of(desk, 1).offers, "the phone's key for the next question"
    for event in (t.Press(Meaning.QUESTION, 2.0, TAKE), t.Touched(0, 2.0)):
        assert step(desk, event)[0].prompt == "b"


def test_the_digits_for_a_phone_are_read_figure_by_figure_where_there_may_be_no_screen():
    at_the_ear = parse("[sound]\nheadphones = true").rules()
    desk = Session(state=State.FACILITATOR, home=State.FACILITATOR, languages=("en", "es"))
    pressed = t.Press(keys(desk)[Control.FACILITATOR], 3.0, TAKE)
    said = (t.OfferPairing(), t.Speak(desk.visit))
    assert step(replace(desk, rules=at_the_ear), pressed)[1] == said, "shown first, then read"
    assert step(replace(desk, speaking=True), pressed)[1] == said
    assert step(desk, pressed)[1] == (t.OfferPairing(),), "who reads the screen is not told aloud"
    texts, extras = load("en"), Extras(digits="482\u00a0913")
    assert "4 8 2 9 1 3" in spoken(view(desk, extras, texts.to_be_heard(), keys(desk)), texts)
    assert "482\u00a0913" in view(desk, extras, texts, keys(desk)).body


def test_throwing_a_talk_away_is_asked_again():
    asked, effects = step(talking(), t.Press(Meaning.DISCARD, 9.0, TAKE))
    assert (asked.asked, effects) == (Meaning.DISCARD, ())


def test_the_desk_is_left_after_half_an_hour_without_anybody():
    desk = Session(state=State.FACILITATOR, home=State.FACILITATOR, last_activity=0.0)
    early, _ = step(desk, t.Tick(1799.0))
    assert early.still_there is None
    asked, _ = step(desk, t.Tick(1800.0))
    assert asked.still_there is not None
    gone, _ = step(asked, t.Tick(asked.still_there))
    assert (gone.state, gone.home) == (State.ATTRACT, State.ATTRACT)


def test_a_take_is_not_ended_by_the_press_after_the_one_that_began_it():
    told = Session(state=State.RECORDING, take=TAKE, started=10.0, limit_at=310.0, mic=t.Mic.OPEN)
    assert step(told, t.Press(Meaning.TALK, 10.3, TAKE))[0].state is State.RECORDING
    assert step(told, t.Press(Meaning.TALK, 10.6, TAKE))[0].state is State.CLOSING
    assert step(talking(), t.Press(Meaning.STOP, 0.2, TAKE))[0].state is State.CONVERSATION
