"""From the session to the screen: the right words, keys, captions and light at every moment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archive.types import ASKED_USES, Use
from audio.types import Ms, TakeId, Word
from hardware.types import Control
from kiosk.extras import Cue, Extras
from kiosk.keys import keys
from kiosk.phrases import length_words, time_words
from kiosk.screens.icons import Icon
from kiosk.screens.model import Kind, Tone, View
from kiosk.screens.samples import sample_views
from kiosk.session import step
from kiosk.texts import load, shipped_languages
from kiosk.types import Ends, Heard, Meaning, Mic, Mine, Notice, Playing, Press, Session, Speak, State
from kiosk.view import spoken, view

EN = load("en")
TAKE = TakeId("01J00000000000000000000000")
WORDS = tuple(
    Word(f" {text}", Ms(n * 500), Ms(n * 500 + 400), 0.9, text == "maybe")
    for n, text in enumerate(["one", "two", "maybe", "four", "five", "six"])
)
LONG = Ends((Ms(0),), (Ms(134_000),))
MEASURED = (
    Session(state=State.REVIEW, take=TAKE, seconds=134.0), Session(state=State.RECOVERED, take=TAKE, seconds=134.0),
    Session(state=State.TRIM, take=TAKE, ends=LONG), Session(state=State.TRIM, asked=Meaning.TRIM, ends=LONG),
    Session(state=State.PART, asked=Meaning.PART, ends=LONG), Session(state=State.MY_STORY, story=TAKE, mine=Mine(seconds=134.0)),
)  # fmt: skip
"""Every screen that says how long something is."""
TELLING = Session(state=State.RECORDING, started=1.0, mic=Mic.OPEN, take=TAKE)


def show(session: Session, extras: Extras = Extras()) -> View:  # noqa: B008  (frozen)
    return view(session, extras, EN, keys(session))


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_a_screen(state: State) -> None:
    shown = show(Session(state=state, take=TAKE))
    assert shown.headline or shown.body or state is State.ATTRACT
    assert {face.control for face in shown.keys} <= {Control.LEFT, Control.MIDDLE, Control.RIGHT}
    assert all(face.label for face in shown.keys)


def test_talk_is_named_by_what_it_does_now() -> None:
    labels = {
        state: show(Session(state=state, mic=Mic.OPEN, started=1.0)).key(Control.LEFT)
        for state in (State.ATTRACT, State.READY, State.RECORDING)
    }
    assert [face.label for face in labels.values() if face] == ["Tell", "Start", "Done"]
    assert [face.icon for face in labels.values() if face] == [Icon.MIC, Icon.MIC, Icon.CHECK]


def test_the_moon_is_for_voices_from_before() -> None:
    faces = {face.control: face.tone for face in show(Session(state=State.ATTRACT)).keys}
    assert faces == {Control.LEFT: Tone.EMBER, Control.MIDDLE: Tone.MOON, Control.RIGHT: Tone.EMBER}
    heard = show(replace(TELLING, state=State.LISTENING))
    assert heard.key(Control.LEFT) is not None
    assert heard.key(Control.LEFT).tone is Tone.MOON  # type: ignore[union-attr]


def test_captions_grow_and_the_newest_are_not_settled() -> None:
    shown = show(TELLING, Extras(captions=WORDS, level=0.5, time_left=100.0))
    assert [word.settled for word in shown.captions] == [True] * 3 + [False] * 3
    assert [word.text for word in shown.captions if word.unclear] == ["maybe"]
    assert shown.captions_note == "Draft, written by a machine"
    assert shown.listening
    assert shown.level == 0.5
    assert shown.time_fraction == pytest.approx(1 - 100 / 300)


def test_an_extended_story_has_a_longer_bar() -> None:
    shown = show(replace(TELLING, extended=1), Extras(time_left=300.0))
    assert shown.time_fraction == pytest.approx(0.5)


def test_the_ember_follows_the_stream() -> None:
    loud = Extras(level=0.9)
    for dark in (replace(TELLING, mic=Mic.LOST), replace(TELLING, paused_at=3.0)):
        shown = show(dark, loud)
        assert shown.kind is Kind.PAUSED
        assert not shown.listening
        assert shown.level == 0
    opening = show(replace(TELLING, mic=Mic.WAITING), loud)
    assert (opening.headline, opening.listening, opening.level) == ("One moment", False, 0.0)


def test_played_words_come_when_they_are_said() -> None:
    hearing = Session(state=State.LISTENING, playing=Playing(Heard.VOICE, 1.0, story=TAKE, started=1.0))
    shown = show(hearing, Extras(captions=WORDS, position=Ms(1100), checked=True, origin="Told here in March"))
    assert [word.text for word in shown.captions] == ["one", "two", "maybe"]
    assert [word.voiced for word in shown.captions] == [False, False, True]
    assert shown.captions_note == "Checked by a person"
    assert shown.headline == "Told here in March"
    assert show(hearing, Extras(captions=WORDS)).captions == ()
    waiting = replace(hearing, playing=Playing(Heard.VOICE, 1.0))
    assert show(waiting).body == EN.get("listening.searching")
    assert show(replace(hearing, playing=None, notice=Notice.NOTHING_TO_PLAY)).body == EN.get("notice.nothing_to_play")
    assert show(replace(hearing, playing=None, voices=1)).body == "Another voice?"
    assert show(replace(hearing, playing=None, voices=2)).body == "Would you add yours?"


def test_questions_stand_over_the_state_and_the_ember_stays() -> None:
    again = show(replace(TELLING, asked=Meaning.REDO), Extras(level=0.4))
    assert again.kind is Kind.ASK_AGAIN
    assert again.headline == "Tell it again?"
    assert again.listening
    confirm = again.key(Control.LEFT)
    assert confirm is not None
    assert (confirm.label, confirm.icon) == ("Yes", Icon.REDO)
    there = show(replace(TELLING, still_there=99.0))
    assert there.kind is Kind.STILL_THERE
    assert {face.label for face in there.keys} == {"I am here"}
    assert (there.time_fraction, there.time_words) == (None, "")
    assert show(replace(TELLING, asked=Meaning.BACK)).headline == "Are you sure?"


@pytest.mark.parametrize("question", range(len(ASKED_USES)))
def test_each_use_is_one_question(question: int) -> None:
    shown = show(Session(state=State.SHARING, take=TAKE, question=question, keep_code="417-maple-river-candle-north"))
    assert shown.body == EN.wording(ASKED_USES[question]).text
    assert shown.progress == (question + 1, 5)
    assert shown.notes == ("Your words: 417 maple river candle north",)


def test_the_consent_shown_is_the_consent_written() -> None:
    assert show(Session(state=State.CONSENT)).body == EN.wording(Use.RECORD).text
    assert show(Session(state=State.REVIEW, take=TAKE)).headline == EN.wording(Use.KEEP).text


def test_cues_say_what_plays_and_what_may_not() -> None:
    cues = {1: Cue("A", 30.0), 2: Cue("B", 75.0), 3: Cue("C", 20.0, allowed=False)}
    playing = Session(state=State.FACILITATOR, playing=Playing(Heard.CUE, 1.0, cue=2, started=1.0))
    shown = show(playing, Extras(cues=cues))
    assert [(tile.note.replace("\u00a0", " "), tile.playing, tile.dark) for tile in shown.tiles] == [
        ("30 s", False, False),
        ("playing", True, False),
        ("not allowed", False, True),
    ]
    assert "No excerpts" in show(Session(state=State.FACILITATOR)).body


def test_every_playback_has_its_words() -> None:
    """A cue at the desk and in a talk, and what is asked about while it sounds."""
    heard = Extras(captions=WORDS, position=Ms(900))
    cue = Playing(Heard.CUE, 1.0, 1, TAKE, 1.0)
    for state in (State.FACILITATOR, State.CONVERSATION):
        shown = show(Session(state=state, started=1.0, mic=Mic.OPEN, playing=cue), heard)
        assert [word.text for word in shown.captions] == ["one", "two"], state
        assert shown.captions_note == "Draft, written by a machine"
        assert show(Session(state=state, playing=replace(cue, started=None)), heard).captions == ()
    own = Playing(Heard.OWN, 1.0, story=TAKE, started=1.0)
    asked = show(Session(state=State.PART, asked=Meaning.PART, playing=own), heard)
    assert [word.text for word in asked.captions] == ["one", "two"]
    assert show(Session(state=State.PART, asked=Meaning.PART), heard).captions == ()


def test_what_is_wrong_can_be_heard_and_so_can_a_sheet_of_cues() -> None:
    broken = Session(state=State.OUT_OF_SERVICE, say="The microphone is away.", do="Plug it in.")
    assert dict(keys(broken)) == {Control.MIDDLE: Meaning.SAY_CODE, Control.LANGUAGE: Meaning.SPEAK}
    _, effects = step(broken, Press(Meaning.SPEAK, 1.0, TAKE))
    assert effects == (Speak(broken.visit),)
    assert (
        spoken(show(broken), EN) == "The box is resting.\nThe microphone is away.\nPlug it in.\nMiddle key: My story."
    )
    sheet = Extras(cues={1: Cue("The night shift", 30.0), 2: Cue("Two languages", 30.0)})
    assert "1, The night shift.\n2, Two languages." in spoken(show(Session(state=State.FACILITATOR), sheet), EN)


def test_a_machine_sentence_is_shown_as_it_is() -> None:
    shown = show(Session(state=State.OUT_OF_SERVICE, say="The microphone is away.", do="Plug it in."))
    assert (shown.body, shown.notes) == ("The microphone is away.", ("Plug it in.",))
    assert show(Session(state=State.OUT_OF_SERVICE)).notes == ("Please tell a librarian.",)
    assert show(replace(TELLING, say="Said.")).notes == ("Said.",)


def test_time_is_told_in_plain_words() -> None:
    told = {left: time_words(left, EN) for left in (299.0, 61.0, 59.0, 11.0, 9.6, 0.0)}
    assert list(told.values()) == [
        "4 min left",
        "1 min left",
        "under 1 min left",
        "under 1 min left",
        "10 s left",
        "0 s left",
    ]
    assert length_words(134.2, EN).replace("\u00a0", " ") == "2 min 14 s"


@pytest.mark.parametrize(
    ("language", "seconds", "said"),
    [
        ("en", 134.2, "2 minutes and 14 seconds"), ("en", 61, "1 minute and 1 second"), ("en", 120, "2 minutes"),
        ("es", 61, "un minuto y un segundo"), ("es", 130, "2 minutos y 10 segundos"),
        ("ar", 61, "دقيقة واحدة وثانية واحدة"), ("ar", 122, "دقيقتان وثانيتان"), ("ar", 190, "3 دقائق و10 ثوانٍ"),
        ("ar", 671, "11 دقيقة و11 ثانية"), ("ar", 6240, "104 دقائق"), ("ar", 6060, "101 دقيقة"), ("ar", 0, "0 ثانية"),
        ("hi", 61, "1 मिनट 1 सेकंड"), ("zh", 130, "两分钟10秒"), ("zh", 722, "12分钟两秒"),
    ],
)  # fmt: skip
def test_a_length_is_said_in_whole_words(language: str, seconds: float, said: str) -> None:
    assert length_words(seconds, load(language).to_be_heard()) == said


@pytest.mark.parametrize("language", shipped_languages())
def test_no_screen_says_a_shortened_length(language: str) -> None:
    texts = load(language)
    short = length_words(134, texts)
    shown = [view(one, Extras(), texts.to_be_heard(), keys(one)) for one in MEASURED]
    assert all(length_words(134, texts.to_be_heard()) in spoken(one, texts) for one in shown)
    assert not any(short in spoken(one, texts) for one in shown)


def test_a_screen_can_be_read_aloud() -> None:
    consent = spoken(show(Session(state=State.CONSENT)), EN)
    assert consent.startswith("We will record your voice")
    assert consent.endswith("Left key: Yes.\nRight key: No.")
    assert "417 maple river candle north" in spoken(sample_views(EN)["thanks"], EN)
    for shown in sample_views(load("es")).values():
        assert spoken(shown, load("es"))


def test_two_views_that_differ_in_motion_alone_are_still_the_same() -> None:
    one = show(TELLING, Extras(level=0.1, time_left=100.0))
    other = show(TELLING, Extras(level=0.9, time_left=101.0))
    assert one != other
    assert one.still() == other.still()


def test_how_long_it_waits_for_an_answer_is_seen_and_heard() -> None:
    asked = Session(state=State.CONSENT, still_there=120.0)
    shown = show(asked, Extras(still_left=15.0))
    assert (shown.time_fraction, shown.time_words) == (0.25, "under 1 min left")
    assert show(asked, Extras(still_left=4.2)).time_words == "4 s left", "a number for the last ten seconds alone"
    texts = EN.to_be_heard()
    heard = spoken(view(asked, Extras(still_left=20.0), texts, keys(asked)), texts)
    assert heard.split("\n") == ["Still there?", "Press a key and we go on.", "The box waits 20 seconds more."]


def test_the_volume_key_says_what_its_next_press_does() -> None:
    for loudest, label, icon in ((False, "Louder", Icon.LOUDER), (True, "Softer", Icon.SOFTER)):
        shown = show(Session(state=State.LISTENING), Extras(loudest=loudest))
        faces = {face.control: (face.label, face.icon) for face in shown.side}
        assert faces == {Control.VOLUME: (label, icon), Control.LANGUAGE: ("Read aloud", Icon.SPEAK)}
