"""A teller who comes back: entering the code by keys, touch and keyboard, and what can be done with the own story."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archive.errors import TooManyTries
from archive.keycode import new_code, normal, wordlist
from archive.types import ASKED_USES, Form, Use
from audio.types import TakeId
from hardware.types import Control
from kiosk import types as t
from kiosk.codeentry import DONE, LINES, Entry, Part, choices, move, take, toward, typed, undo
from kiosk.keys import keys, legal
from kiosk.ownview import short_place
from kiosk.screens.model import Kind
from kiosk.session import first, step
from kiosk.texts import load, shipped_languages
from kiosk.types import Meaning, Notice, Page, Preface, State
from kiosk.view import Extras, spoken, view

MINE = TakeId("01J0000000000000000000000A")
ALL = t.Mine((Use.PLAY_HERE, Use.PUBLIC), 61.0, (("folder:/srv/archive", "there"),))


class Box:
    def __init__(self, rules=None):
        self.at = 10.0
        self.session, _ = first(self.at, rules, languages=("en", "es"), prompts=("a",))
        self.send(t.Started(self.at))

    def send(self, event):
        self.session, self.done = step(self.session, event)
        return self.done

    def press(self, *meanings, after=1.0):
        for meaning in meanings:
            self.at += after
            self.send(t.Press(Meaning(meaning), self.at, TakeId(f"take{round(self.at * 10)}")))
        return self.done

    def control(self, control):
        return self.press(keys(self.session)[control])

    def enter(self, code):
        self.press("say_code")
        presses = 0
        while self.session.entry.part is not Part.READY:
            way = toward(self.session.entry, code, self.session.language)
            assert way is not None
            self.control(Control.LEFT if way else Control.MIDDLE)
            presses += 1
        return presses

    def open(self):
        self.press("say_code")
        self.send(t.CodeTyped("1-a-b-c-d", self.at))
        self.send(t.CodeAccepted(self.session.visit, MINE, self.at, ALL))
        return self

    def look(self):
        return view(self.session, Extras(), load(self.session.language), keys(self.session))


@pytest.mark.parametrize("language", shipped_languages())
def test_every_word_can_be_reached_with_three_keys(language):
    for word in wordlist(language):
        entry = Entry("417", numbered=True)
        for _ in range(60):
            way = toward(entry, f"417-{word}-{word}-{word}-{word}", language)
            entry = take(entry, language) if way else move(entry, language)
            if entry.words:
                break
        assert entry.words == (word,)


def test_a_code_takes_few_presses_and_fewer_with_cue_buttons():
    presses = [Box().enter(str(replace(new_code(417, "en")))) for _ in range(5)]
    assert max(presses) < 130, presses
    box = Box()
    box.press("say_code")
    for sign in "101":
        box.send(t.Touched(choices(box.session.entry, "en").index(sign), box.at))
    box.send(t.Touched(choices(box.session.entry, "en").index(DONE), box.at))
    cues = 0
    while box.session.entry.part is Part.WORD:
        assert Control.CUE4 in keys(box.session) or len(choices(box.session.entry, "en")) < 4
        box.control(Control.CUE1)
        cues += 1
    assert cues <= 4 * 6
    assert box.session.entry.words == (min(wordlist("en")),) * 4


def test_a_whole_code_is_tried_by_a_press_of_its_own_and_nothing_else_can_be_pressed_meanwhile():
    box = Box()
    code = str(new_code(417, "en"))
    box.enter(code)
    assert box.press("take") == (t.CheckCode(1, normal(code)),)
    assert box.session.saving
    assert legal(box.session) == {Meaning.LOUDER}
    assert box.send(t.Typed("x", box.at)) == ()
    assert box.send(t.CodeTyped("1-a-b-c-d", box.at)) == ()
    box.send(t.CodeRefused(1, "Too many wrong codes. Please wait 5 seconds.", box.at))
    assert box.look().body == "Too many wrong codes. Please wait 5 seconds."
    assert box.session.entry.part is Part.READY, "one slip need not cost all of it"
    box.press("back")
    assert len(box.session.entry.words) == 3
    box.send(t.CodeAccepted(1, MINE, box.at, ALL))
    # One word of a code may by chance be a word of the session's own description, all of them are not.
    assert not all(word in repr(box.session) for word in normal(code).split("-")[1:])


def test_words_that_fit_nothing_are_told_in_the_visitors_own_and_cannot_be_tried_unchanged():
    box = Box()
    code = str(new_code(417, "en"))
    box.enter(code)
    box.press("take")
    box.send(t.CodeRefused(1, "", box.at))
    assert box.look().body == load("en").get("notice.code_refused")
    assert Meaning.TAKE not in legal(box.session)
    box.press("back")
    box.enter(code)
    assert Meaning.TAKE in legal(box.session)
    box.press("take")
    box.send(t.CodeRefused(1, "Please wait.", box.at))
    assert Meaning.TAKE in legal(box.session), "after a wait the same words may open it"


@pytest.mark.parametrize("language", shipped_languages())
def test_too_many_tries_are_told_in_every_language(language):
    said = TooManyTries("Too many wrong codes. Please wait 5 seconds.", "A librarian can help.")
    told = load(language).trouble(said.code, "", "")
    assert all(told), "else a visitor reads English"


def test_a_check_that_never_ends_is_trouble_and_leaves():
    box = Box()
    box.press("say_code")
    box.send(t.CodeTyped("1-a-b-c-d", box.at))
    box.at += 61.0
    box.send(t.Tick(box.at))
    assert box.session.state is State.OUT_OF_SERVICE


def test_a_keyboard_types_letters_and_a_space_completes():
    entry = typed(Entry(), "417 ", "en")
    assert entry.part is Part.WORD
    words = sorted(wordlist("en"))
    rare = next(w for w in words if sum(o.startswith(w[:3]) for o in words) == 1)
    assert typed(entry, f"{rare[:3]} ", "en").words == (rare,)
    assert typed(entry, "zzz ", "en").words == ("zzz",), "a word of another language is taken as typed"
    assert typed(entry, "a ", "en").words == (), "too many words begin like this"
    assert typed(entry, "a\b\b", "en").numbered is False
    assert typed(Entry(), "417-Able  ACID", "en").typed == "acid" or "able" not in words
    assert typed(Entry(), " abc", "en") == Entry(), "letters before a number mean nothing"
    assert typed(Entry(), "1" * 20, "en").digits == "1" * 9
    ready = typed(Entry(), "417 zza zzb zzc zzd ", "en")
    assert ready.code == "417-zza-zzb-zzc-zzd"
    assert typed(ready, "more 5", "en") == ready
    assert choices(ready, "en") == ()
    assert "zza" not in repr(ready)


def test_each_step_is_taken_back_one_by_one_down_to_leaving():
    box = Box()
    box.press("say_code")
    box.send(t.Typed("417 zzz a", box.at))
    box.press("take")
    seen = []
    while not box.session.entry.empty:
        seen.append(box.session.entry.part)
        box.press("back")
    assert seen[-1] is Part.NUMBER
    assert box.session.state is State.CODE_ENTRY
    box.press("back")
    assert box.session.state is State.ATTRACT
    assert undo(Entry()) == Entry()


def test_nothing_of_a_code_outlives_its_visit():
    box = Box()
    box.press("say_code")
    box.send(t.Typed("417 able", box.at))
    for _ in range(160):
        box.at += 1.0
        box.send(t.Tick(box.at))
    assert box.session.state is State.ATTRACT
    assert box.session.entry == Entry()


def test_the_list_of_the_own_story_says_on_the_key_what_it_does():
    box = Box().open()
    texts = load("en")
    seen = []
    for _ in range(5):
        shown = box.look()
        seen.append(keys(box.session)[Control.LEFT])
        assert shown.kind is Kind.MY_STORY
        assert shown.lines[shown.line] == texts.get(f"line.{seen[-1].value}")
        box.control(Control.MIDDLE)
    assert seen == [Meaning.HEAR, Meaning.USES, Meaning.RECEIPTS, Meaning.PART, Meaning.WITHDRAW]
    assert box.session.line == 0
    box.send(t.Touched(3, box.at))
    assert keys(box.session)[Control.LEFT] is Meaning.PART
    assert spoken(box.look(), texts) == "Take a part out."
    box.press("receipts")
    assert box.look().body == "Kept at archive."
    box.press("back")
    assert (box.session.state, box.session.page) == (State.MY_STORY, Page.MENU)
    assert box.press("hear") == (t.PlayOwn(1, MINE),)
    assert keys(box.session)[Control.LEFT] is Meaning.STOP
    assert box.look().kind is Kind.LISTENING
    assert box.press("stop") == (t.StopPlaying(),)


def test_uses_are_gone_through_one_by_one_and_narrowed_by_a_deliberate_no():
    box = Box().open()
    box.press("uses")
    assert "visitors in this library" in box.look().body
    assert box.press("no", after=0.1) == (), "a no that cannot be taken back here is no slip of a finger"
    assert box.press("no") == (t.NarrowUse(1, MINE, Use.PLAY_HERE, "en"),)
    assert box.session.mine.uses == (Use.PUBLIC,)
    box.send(t.Narrowed(1, MINE, box.at, replace(ALL, uses=(Use.PUBLIC,))))
    assert box.session.notice is Notice.NARROWED
    box.press("yes")
    assert box.session.page is Page.MENU
    box.press("uses", "no")
    box.send(t.Narrowed(1, MINE, box.at, replace(ALL, uses=())))
    assert (box.session.notice, box.session.page) == (Notice.ONLY_ME, Page.MENU)
    box.press("uses")
    assert box.look().body == "Nobody but you may use it."


def test_erasing_says_that_it_cannot_be_undone_and_is_confirmed_with_another_key():
    box = Box().open()
    for _ in range(4):
        box.press("move")
    assert keys(box.session)[Control.LEFT] is Meaning.WITHDRAW
    box.control(Control.LEFT)
    assert "Nobody can bring it back" in box.look().body
    assert Control.LEFT not in keys(box.session), "mashing one key erases nothing"
    assert box.control(Control.MIDDLE) == (t.Withdraw(1, MINE),)
    box.send(t.Withdrawn(1, MINE, box.at, t.Mine(copies=(("folder:/srv/archive", "leaving"),))))
    shown = box.look()
    assert shown.headline == "Your story is erased."
    assert MINE in shown.notes[0]
    assert "archive will be told first of all." in shown.notes[0]
    assert set(legal(box.session)) & {Meaning.HEAR, Meaning.WITHDRAW, Meaning.NARROW, Meaning.USES} == set()
    box.press("back")
    assert (box.session.state, box.session.receipt) == (State.ATTRACT, None)


ASKING = t.Rules(ask_age=16, ask_form=True, embargo_years=10)


def sharing(rules=ASKING):
    box = Box(rules)
    box.press("talk", "agree")
    take_id = box.session.take
    box.send(t.StreamOpened(take_id, box.at))
    box.press("talk", "talk")
    box.send(t.TakeClosed(take_id, 5.0, box.at))
    assert [e.years for e in box.press("keep") if isinstance(e, t.KeepTake)] == [rules.ask_age]
    box.send(t.Kept(take_id, "1-a-b-c-d", box.at))
    return box


def test_age_form_and_waiting_are_asked_before_the_uses_and_are_part_of_the_yes():
    box = sharing()
    assert box.session.asks == tuple(Preface)
    assert (box.look().body, box.look().progress) == ("Are you 16 years old or older?", (1, 8))
    assert box.press("no") == (), "keeping has written it"
    assert "hear your voice" in box.look().body
    box.press("no")
    assert "10 years" in box.look().body
    box.press("yes")
    assert box.press("yes") == (t.Decide(box.session.take, Use.PLAY_HERE, True, "en", True, Form.TRANSCRIPT, 10),)
    assert box.press("no")[0].form is Form.VOICE, "a no has no terms"


def test_of_age_is_written_when_it_is_said_and_nothing_is_asked_where_it_is_not_switched_on():
    box = sharing()
    assert box.press("yes") == (t.SayAge(box.session.take, 16, "en"),)
    assert sharing(t.Rules()).session.asks == ()


def test_who_does_not_say_their_age_is_not_taken_for_older():
    box = sharing()
    done = []
    for _ in range(130):
        box.at += 1.0
        done += box.send(t.Tick(box.at))
    assert not any(isinstance(e, t.SayAge) for e in done)
    assert [e.use for e in done if isinstance(e, t.Decide)] == list(ASKED_USES)
    assert not any(e.yes for e in done if isinstance(e, t.Decide))


def test_places_are_named_as_a_person_would():
    assert short_place("folder:/srv/archive/") == "archive"
    assert short_place("https://archive.example/box") == "box"
    assert short_place("x" * 40) == "…" + "x" * 18
    assert LINES <= 5
