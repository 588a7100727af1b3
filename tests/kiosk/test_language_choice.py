"""A visitor finds their language, is read to, hides the words, and hears the code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hardware.types import Control
from kiosk import types as t
from kiosk.config import parse
from kiosk.extras import Extras
from kiosk.keys import counts, keys, legal, lines_of
from kiosk.presses import Language, PressNotLegal
from kiosk.presses import parse as words
from kiosk.session import first, step
from kiosk.texts import load
from kiosk.types import Meaning, Mic, Session, State
from kiosk.view import spoken, view
from kiosk.visitor import Visitor


def at_attract(*languages: str) -> Session:
    session, _ = first(0.0, languages=languages, prompts=("a", "b"))
    return step(session, t.Started(0.0))[0]


def press(session: Session, meaning: Meaning) -> tuple[Session, tuple[t.Effect, ...]]:
    at = max(session.shown_at, session.last_press) + 1.0
    assert counts(session, meaning, at), meaning
    return step(session, t.Press(meaning, at, t.TakeId("fresh")))


def test_one_key_opens_the_list_and_has_it_read() -> None:
    session, effects = press(at_attract("en", "es", "ar"), Meaning.LANGUAGE)
    assert (session.state, session.language, session.speaking) == (State.LANGUAGES, "es", True)
    assert t.Speak(1) in effects
    session, effects = press(session, Meaning.MOVE)
    assert session.language == "ar"
    assert keys(session)[Control.RIGHT] is Meaning.TAKE, "mirrored with the language that is marked"
    assert t.Speak(1) in effects
    session, _ = press(session, Meaning.TAKE)
    assert (session.state, session.language) == (State.CHOOSING, "ar")
    session, _ = press(session, Meaning.TALK)
    session, effects = press(session, Meaning.AGREE)
    assert t.RecordDecision(t.TakeId("fresh"), "ar") in effects
    assert session.speaking


def test_leaving_the_list_changes_nothing() -> None:
    session, _ = press(at_attract("en", "es"), Meaning.LANGUAGE)
    session, _ = press(session, Meaning.BACK)
    assert (session.state, session.language, session.speaking) == (State.ATTRACT, "en", False)


def test_a_box_of_one_language_reads_aloud_at_once() -> None:
    session = at_attract("en")
    assert keys(session)[Control.LANGUAGE] is Meaning.SPEAK
    session, effects = press(session, Meaning.SPEAK)
    assert session.speaking
    assert effects == (t.Speak(1),)


def test_the_words_can_be_hidden_while_telling_and_come_back_for_the_next() -> None:
    session = Session(state=State.RECORDING, started=1.0, limit_at=300.0, take=t.TakeId("a"))
    session, effects = press(session, Meaning.CAPTIONS)
    assert session.captions_hidden
    assert effects == ()
    session, _ = press(session, Meaning.REDO)
    assert Control.LANGUAGE not in keys(session), "the question has the screen: there are no words to hide"
    session, _ = press(session, Meaning.CONFIRM)
    session, _ = press(session, Meaning.BACK)
    assert not session.captions_hidden


@pytest.mark.parametrize("state", [State.RECORDING, State.CONVERSATION])
def test_where_the_microphone_is_gone_the_key_reads_what_is_wrong_until_it_is_back(state: State) -> None:
    take = t.TakeId("a")
    session = Session(state=state, started=1.0, limit_at=300.0, take=take, mic=Mic.LOST, lost_at=9.0)
    assert keys(session)[Control.LANGUAGE] is Meaning.SPEAK
    session, effects = press(session, Meaning.SPEAK)
    assert effects == (t.Speak(session.visit),)
    session, effects = step(session, t.StreamBack(take, session.last_press + 1))
    assert effects == (t.StopSpeaking(),), "or the story would hear the box"
    assert keys(session).get(Control.LANGUAGE) is not Meaning.SPEAK


def test_the_code_is_said_on_demand_even_where_nothing_is_read() -> None:
    session = Session(state=State.THANKS, keep_code="417-a-b-c-d", take=t.TakeId("a"))
    after, effects = press(session, Meaning.SAY_CODE)
    assert effects == (t.Speak(1),)
    assert (after.state, after.speaking, after.keep_code) == (State.THANKS, False, "417-a-b-c-d")


def test_a_simulated_visitor_finds_a_language() -> None:
    assert words("lang:ar talk") == (Language("ar"), words("talk")[0])
    session, now = at_attract("en", "es", "ar"), 1.0
    pressed: list[Meaning] = []
    visitor = Visitor(words("lang:ar talk"), pressed.append, None)  # type: ignore[arg-type]  # says nothing
    while not visitor.finished:
        visitor.look(session, now)
        for meaning in pressed:
            session, _ = step(session, t.Press(meaning, now, t.TakeId("fresh")))
        pressed.clear()
        now += 1.0
    assert (session.state, session.language) == (State.CONSENT, "ar")
    lost = Visitor(words("lang:fr"), pressed.append, None)  # type: ignore[arg-type]  # says nothing
    with pytest.raises(PressNotLegal, match="lang:fr") as refused:
        lost.look(session, now)
    assert "This box speaks en, " in refused.value.do


def test_the_left_hand_is_a_setting() -> None:
    assert parse('[controls]\nhand = "left"\n').rules().left_handed
    assert not parse("").rules().left_handed


def test_a_voice_is_heard_where_screens_are_read_and_the_screen_is_read_after_it() -> None:
    session, _ = press(at_attract("en"), Meaning.SPEAK)
    session, effects = press(session, Meaning.LISTEN)
    assert effects == (t.PlayNext(1),)
    session, _ = step(session, t.StoryChosen(1, t.TakeId("a"), 9.0))
    session, _ = step(session, t.PlaybackStarted(1, 9.1))
    session, effects = step(session, t.PlaybackEnded(1, 30.0))
    assert effects == (t.Speak(1),), "what comes next is said when the voice has ended"
    session, _ = press(session, Meaning.NEXT)
    session, _ = step(session, t.StoryChosen(2, t.TakeId("b"), 40.0))
    session, effects = press(session, Meaning.MORE)
    assert effects == (t.Speak(1),)
    assert (session.playing, session.story) == (None, t.TakeId("b")), "what is read takes the voice's place"
    assert step(session, t.PlaybackEnded(2, 60.0)) == (session, ()), "its end is not read a second time"


def test_cues_sound_for_a_facilitator_who_has_screens_read_and_a_key_ends_the_reading() -> None:
    desk = Session(state=State.FACILITATOR, home=State.FACILITATOR, languages=("en", "es"), cues=(1,), speaking=True)
    after, effects = press(desk, Meaning.CUE1)
    assert (after.state, effects) == (State.LISTENING, (t.PlayCue(1, 1),))
    assert keys(desk)[Control.LANGUAGE] is Meaning.SPEAK
    quiet, effects = press(desk, Meaning.SPEAK)
    assert (quiet.speaking, effects) == (False, (t.StopSpeaking(),))
    assert keys(quiet)[Control.LANGUAGE] is Meaning.LANGUAGE


def test_every_choice_in_a_language_has_a_line_and_the_way_back_a_key() -> None:
    session, _ = press(at_attract("en", "ar", "es"), Meaning.LANGUAGE)
    session, _ = press(session, Meaning.TAKE)
    by_key = set()
    for line in range(len(lines_of(session))):
        by_key |= set(keys(session).values())
        text = load("ar").get(f"line.{lines_of(session)[line].value}")
        assert text in spoken(view(session, Extras(), load("ar"), keys(session)), load("ar"))
        session, _ = press(session, Meaning.MOVE)
    assert by_key == legal(session) - {Meaning.SPEAK}
    back, _ = press(session, Meaning.BACK)
    assert back.state is State.ATTRACT
    heard, effects = press(session, Meaning.LISTEN)
    assert (heard.state, heard.language, effects) == (State.LISTENING, "ar", (t.PlayNext(1),))
    touched, _ = step(session, t.Touched(3, 60.0))
    assert keys(touched)[Control.RIGHT] is Meaning.SAY_CODE
    other, _ = press(session, Meaning.NEXT)
    assert (other.state, other.prompt) == (State.CHOOSING, "b")


def test_who_has_screens_read_hears_a_pause_a_question_in_it_and_nothing_while_telling() -> None:
    told = Session(state=State.RECORDING, started=1.0, limit_at=300.0, take=t.TakeId("a"), speaking=True)
    asked, effects = press(told, Meaning.REDO)
    assert effects == ()
    told, effects = press(told, Meaning.PAUSE)
    assert effects == (t.PauseTake(t.TakeId("a"), told.last_press), t.Speak(1)), "off the record first"
    asked, effects = press(told, Meaning.REDO)
    assert effects == (t.Speak(1),)
    assert press(asked, Meaning.BACK)[1] == (t.Speak(1),)
    still = replace(told, still_there=900.0)
    assert press(still, Meaning.EXTEND)[1] == (t.Speak(1),), "what it goes back to"
    back, effects = press(told, Meaning.RESUME)
    assert effects == (t.StopSpeaking(), t.ResumeTake(t.TakeId("a"), back.last_press))


def test_who_has_screens_read_hears_each_use_and_what_became_of_it() -> None:
    mine = t.Mine((t.Use.PLAY_HERE, t.Use.ARCHIVE), 60.0)
    story = Session(state=State.MY_STORY, story=t.TakeId("a"), mine=mine, page=t.Page.USES, speaking=True)
    kept, effects = press(story, Meaning.YES)
    assert (kept.question, effects) == (1, (t.Speak(1),))
    dropped, effects = press(story, Meaning.NO)
    assert effects == (t.NarrowUse(1, t.TakeId("a"), t.Use.PLAY_HERE, "en"),)
    done = t.Narrowed(1, t.TakeId("a"), 50.0, replace(mine, uses=(t.Use.ARCHIVE,)))
    assert step(dropped, done)[1] == (t.Speak(1),)
    assert step(dropped, t.Withdrawn(1, t.TakeId("a"), 50.0))[1] == (t.Speak(1),)
