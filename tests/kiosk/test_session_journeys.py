"""Directed journeys through the session: what a teller, a listener, a facilitator and a child who mashes keys would see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from archive.types import ASKED_USES, Kind, Use
from audio.types import TakeId
from hardware.types import Control
from kiosk import types as t
from kiosk.alarms import due, idle_limit, time_left
from kiosk.keys import counts, keys, legal
from kiosk.session import first, step
from kiosk.table import ROWS, page
from kiosk.types import Meaning, Mic, Notice, State


class Box:
    """A session that is driven by hand; effects are remembered."""

    def __init__(self, **changes):
        self.at = 100.0
        self.session, self.done = first(self.at, languages=("en", "es"), prompts=("a", "b", "c"))
        self.all = list(self.done)
        self.takes = 0
        self.send(t.Started(self.at))
        self.session = replace(self.session, **changes)

    def send(self, event):
        self.session, self.done = step(self.session, event)
        self.all += self.done
        return self.done

    def press(self, *meanings, after=1.0):
        for meaning in meanings:
            self.at += after
            self.takes += 1
            self.send(t.Press(Meaning(meaning), self.at, TakeId(f"take-{self.takes}")))
        return self.done

    def wait(self, seconds):
        """Time goes by a second at a time; what was done meanwhile."""
        before = len(self.all)
        for _ in range(int(seconds)):
            self.at += 1.0
            self.send(t.Tick(self.at))
        return self.all[before:]

    def answer(self, kind, *values):
        return self.send(kind(*values, self.at))

    def recording(self):
        self.press("talk", "agree")
        self.answer(t.StreamOpened, self.session.take)
        self.press("talk")
        self.answer(t.FirstSample, self.session.take)
        return self

    def review(self):
        self.recording().press("talk")
        self.answer(t.TakeClosed, self.session.take, 5.0)
        return self

    def sharing(self):
        self.review().press("keep")
        self.answer(t.Kept, self.session.take, "417-maple-river-candle-north")
        return self

    @property
    def state(self):
        return self.session.state


def test_a_story_told_kept_and_shared():
    box = Box()
    box.press("talk")
    assert box.state is State.CONSENT
    take = TakeId("take-2")
    assert box.press("agree") == (t.RecordDecision(take, "en"), t.OpenStream(take))
    assert box.session.mic is Mic.WAITING
    assert Meaning.TALK not in legal(box.session), "the story can only begin when the microphone delivers"
    box.answer(t.StreamOpened, take)
    assert box.press("talk") == (t.StartTake(take, box.at, Kind.STORY, "a", "en"),)
    assert time_left(box.session, box.at + 20.0) == 280.0
    assert box.press("talk") == (t.CloseTake(take, box.at), t.CloseStream())
    box.answer(t.TakeClosed, take, 4.5)
    assert (box.state, box.session.seconds) == (State.REVIEW, 4.5)
    assert box.press("hear") == (t.PlayOwn(1, take),)
    assert keys(box.session)[Control.MIDDLE] is Meaning.STOP
    assert box.press("keep") == (t.StopPlaying(), t.KeepTake(take, Kind.STORY, "a", "en"))
    assert box.state is State.REVIEW, "safe is said only when it is"
    assert legal(box.session) == {Meaning.LOUDER}
    box.answer(t.Kept, take, "417-maple-river-candle-north")
    assert (box.state, box.session.keep_code) == (State.SHARING, "417-maple-river-candle-north")
    assert "maple" not in repr(box.session)
    assert box.press("yes") == (t.Decide(take, Use.PLAY_HERE, yes=True, language="en"),)
    assert [effect.yes for effect in box.press("done")] == [False] * 4
    assert box.state is State.THANKS
    assert box.press("back") == (t.EndReview(take), t.ForgetVisit(1))
    assert (box.state, box.session.keep_code, box.session.take) == (State.ATTRACT, "", None)


def test_every_use_answered_one_by_one_leads_to_thanks():
    box = Box().sharing()
    box.press("no", "yes", "no", "yes", "yes")
    assert box.state is State.THANKS
    assert box.session.answers == tuple(zip(ASKED_USES, (False, True, False, True, True), strict=True))


def test_waiting_in_sharing_says_no_to_what_was_not_answered():
    box = Box().sharing()
    box.press("yes")
    done = box.wait(115)
    assert [effect.use for effect in done if isinstance(effect, t.Decide)] == list(ASKED_USES[1:])
    assert not any(effect.yes or effect.pressed for effect in done if isinstance(effect, t.Decide))
    assert box.state is State.THANKS


def test_waiting_in_review_holds_the_take():
    box = Box().review()
    take = box.session.take
    assert t.HoldTake(take) in box.wait(115)
    assert box.state is State.ATTRACT
    assert not any(isinstance(effect, t.KeepTake) for effect in box.all)


@pytest.mark.parametrize(
    "presses",
    [
        ("talk",),
        ("talk", "agree"),
        ("next",),
        ("language",),
        ("listen",),
        ("say_code",),
        ("facilitate", "begin_group"),
        ("facilitate",),
    ],
)
def test_the_box_asks_before_a_time_out_acts_and_one_press_is_enough_ten_times(presses):
    box = Box()
    box.press(*presses)
    if box.state is State.LISTENING:
        box.answer(t.PlaybackEnded, 1)
    state, limit = box.state, idle_limit(box.session)
    for _ in range(12):
        box.wait(limit + 15)
        assert box.session.still_there is not None
        assert set(keys(box.session).values()) - {Meaning.LOUDER, Meaning.SPEAK, Meaning.LANGUAGE} == {Meaning.EXTEND}
        box.press("extend")
        assert (box.state, box.session.still_there) == (state, None)
    box.wait(limit + 25)
    assert box.state is (State.FACILITATOR if "begin_group" in presses else State.ATTRACT)


def test_a_story_is_warned_extended_and_ends_only_when_time_is_full():
    box = Box().recording()
    assert box.press("extend") == ()
    assert box.wait(245) == [t.Warn(60.0)]
    assert keys(box.session)[Control.MIDDLE] is Meaning.EXTEND
    box.press("extend")
    assert 300 < time_left(box.session, box.at) < 360
    assert box.wait(300) == [t.Warn(60.0)]
    assert box.wait(50) == [t.Warn(10.0)]
    assert [type(effect) for effect in box.wait(30)] == [t.CloseTake, t.CloseStream]
    assert (box.state, box.session.notice) == (State.CLOSING, Notice.TIME_UP)
    box.answer(t.TakeClosed, box.session.take, 600.0)
    assert box.session.notice is Notice.TIME_UP, "the review says why it ended"


def test_who_is_read_to_hears_that_little_time_is_left():
    box = Box().recording()
    box.session = replace(box.session, speaking=True)
    assert box.wait(245) == [t.Warn(60.0, aloud=True)]
    assert box.wait(50) == [t.Warn(10.0, aloud=True)]


def test_a_story_can_be_extended_only_so_often():
    box = Box().recording()
    for _ in range(10):
        box.wait(max(1, int(time_left(box.session, box.at)) - 30))
        box.press("extend")
    box.wait(int(time_left(box.session, box.at)) - 30)
    assert Meaning.EXTEND not in legal(box.session)


def test_silence_only_hints():
    box = Box().recording()
    assert box.answer(t.QuietFor, box.session.take, 20.0) == ()
    assert (box.state, box.session.hint) == (State.RECORDING, t.Hint.TAKE_YOUR_TIME)
    box.answer(t.LevelHeard, box.session.take, t.Hint.TOO_QUIET)
    assert box.session.hint is t.Hint.TOO_QUIET


def test_a_pause_does_not_count_and_a_forgotten_one_loses_nothing():
    box = Box().recording()
    left = time_left(box.session, box.at)
    assert [type(effect) for effect in box.press("pause", after=0.0)] == [t.PauseTake]
    assert keys(box.session)[Control.MIDDLE] is Meaning.RESUME
    box.wait(200)
    assert [type(effect) for effect in box.press("resume", after=0.0)] == [t.StopSpeaking, t.ResumeTake]
    assert time_left(box.session, box.at) == left
    box.press("pause")
    assert [type(effect) for effect in box.wait(625)] == [t.CloseTake, t.CloseStream]
    assert (box.state, box.session.notice) == (State.CLOSING, Notice.CLOSED_EARLY)


def test_starting_over_asks_and_one_yes_covers_both():
    box = Box().recording()
    old = box.session.take
    assert box.press("redo") == ()
    assert (keys(box.session)[Control.LEFT], keys(box.session)[Control.RIGHT]) == (Meaning.CONFIRM, Meaning.BACK)
    box.press("back")
    assert (box.state, box.session.asked) == (State.RECORDING, None)
    box.press("redo")
    done = box.press("confirm")
    new = box.session.take
    assert done == (t.DiscardTake(old), t.CloseStream(), t.RecordDecision(new, "en", 1, old), t.OpenStream(new))
    assert (box.state, box.session.mic) == (State.READY, Mic.WAITING)


def test_a_question_nobody_answers_while_telling_goes_away():
    box = Box().recording()
    box.press("redo")
    box.wait(21)
    assert (box.state, box.session.asked) == (State.RECORDING, None)


def test_throwing_away_takes_two_different_presses():
    box = Box().review()
    take = box.session.take
    assert keys(box.session)[Control.RIGHT] is Meaning.DISCARD
    assert box.press("discard") == ()
    assert keys(box.session)[Control.RIGHT] is Meaning.BACK, "mashing one key erases nothing"
    assert keys(box.session)[Control.MIDDLE] is Meaning.REDO
    assert box.press("discard") == (t.DiscardTake(take), t.ForgetVisit(1)), "the same word again, on purpose, is a yes"
    assert box.state is State.ATTRACT


def test_a_yes_must_be_deliberate():
    box = Box()
    box.press("talk")
    box.press(*["agree"] * 30, after=0.2)
    assert box.state is State.CONSENT, "mashing agrees to nothing"
    box.at += 1.0
    box.answer(t.ScreenShown, box.session.visit)
    assert not counts(box.session, Meaning.AGREE, box.at + 0.39)
    assert counts(box.session, Meaning.AGREE, box.at + 0.41)
    box.press("agree", after=0.41)
    assert box.state is State.READY


def test_late_answers_change_nothing():
    box = Box().recording()
    before = box.session
    for event in (
        t.TakeClosed(TakeId("other"), 1.0, box.at), t.StreamLost(TakeId("other"), "gone", box.at), t.PlaybackEnded(7, box.at),
        t.Kept(before.take, "1-a-b-c-d", box.at), t.SoundMade(0, box.at), t.CodeAccepted(9, TakeId("x"), box.at),
        t.Withdrawn(1, TakeId("x"), box.at), t.Mended(box.at),
    ):  # fmt: skip
        assert step(before, event) == (before, ())
        assert step(before, event)[0] is before


def test_a_lost_microphone_is_said_and_after_half_a_minute_ends_the_story_safely():
    box = Box().recording()
    box.answer(t.StreamLost, box.session.take, "The microphone is gone.")
    assert (box.session.mic, box.session.say) == (Mic.LOST, "The microphone is gone.")
    box.wait(20)
    box.answer(t.StreamBack, box.session.take)
    assert (box.session.mic, box.session.notice) == (Mic.OPEN, None)
    box.answer(t.StreamLost, box.session.take, "The microphone is gone.")
    assert [type(effect) for effect in box.wait(31)] == [t.CloseTake, t.CloseStream]


def test_a_full_disk_closes_the_story_and_waits_until_the_teller_is_done():
    box = Box().recording()
    assert [type(effect) for effect in box.answer(t.SpaceLow, "The disk is full.")] == [t.CloseTake, t.CloseStream]
    box.answer(t.TakeClosed, box.session.take, 5.0)
    box.press("keep")
    box.answer(t.KeepFailed, box.session.take, "The disk refused.")
    assert (box.state, box.session.say, box.session.notice) == (State.REVIEW, "The disk refused.", Notice.NOT_KEPT)
    box.press("keep")
    box.answer(t.Kept, box.session.take, "1-a-b-c-d")
    box.press("done", "back")
    assert (box.state, box.session.say) == (State.OUT_OF_SERVICE, "The disk is full.")
    assert t.AskTrouble() in box.wait(11)
    assert box.answer(t.Mended) == (t.Prepare(),)
    box.answer(t.Started)
    assert box.state is State.ATTRACT


def test_who_told_a_story_here_may_take_it_away_while_the_box_has_no_room():
    box = Box()
    box.answer(t.SpaceLow, "The disk is full.")
    assert box.state is State.OUT_OF_SERVICE
    box.press("say_code")
    assert box.state is State.CODE_ENTRY
    assert box.session.say == ""
    box.send(t.CodeTyped("1-a-b-c-d", box.at))
    box.answer(t.CodeAccepted, box.session.visit, TakeId("mine"), t.Mine())
    box.press("withdraw")
    box.press("confirm")
    box.answer(t.Withdrawn, box.session.visit, TakeId("mine"))
    box.press("back")
    assert (box.state, box.session.say) == (State.OUT_OF_SERVICE, "The disk is full."), "what was wrong is still said"
    assert t.AskTrouble() in box.wait(11), "and it is looked after"
    box.press("say_code")
    box.wait(200)
    assert box.state is State.OUT_OF_SERVICE, "whoever goes away leaves it as it was"


def test_a_machine_that_never_answers_is_trouble_and_the_take_is_held():
    box = Box().recording()
    take = box.session.take
    box.press("talk")
    assert t.HoldTake(take) in box.wait(61)
    assert (box.state, box.session.notice) == (State.OUT_OF_SERVICE, Notice.STUCK)


def test_listening_next_stop_and_adding_your_own():
    box = Box()
    assert box.press("listen") == (t.PlayNext(1),)
    box.answer(t.StoryChosen, 1, TakeId("old"))
    box.answer(t.PlaybackStarted, 1)
    box.wait(600)
    assert (box.state, box.session.playing.story) == (State.LISTENING, "old"), "a long voice is not cut"
    assert box.press("next") == (t.PlayNext(2),)
    box.answer(t.PlaybackEnded, 1)
    assert box.session.playing is not None, "the end of the first is not the end of the second"
    box.answer(t.NothingToPlay, 2)
    assert box.session.notice is Notice.NOTHING_TO_PLAY
    assert keys(box.session)[Control.MIDDLE] is Meaning.TALK
    box.press("talk")
    assert box.state is State.CONSENT
    box.press("decline", "listen")
    assert box.press("stop") == (t.StopPlaying(), t.ForgetVisit(2))
    assert box.state is State.ATTRACT


def test_a_librarian_is_told_with_two_presses():
    box = Box()
    box.press("listen")
    box.answer(t.StoryChosen, 1, TakeId("old"))
    assert keys(box.session)[Control.MIDDLE] is Meaning.MORE
    assert box.press("more") == ()
    assert keys(box.session)[Control.LEFT] is Meaning.TELL_LIBRARIAN
    assert box.press("tell_librarian") == (t.TellLibrarian(TakeId("old")),)
    assert (box.session.notice, box.session.page) == (Notice.TOLD_LIBRARIAN, t.Page.MENU)
    assert box.session.playing is not None, "the voice goes on"
    # Said without the list, as from a phone or a script, it is asked again.
    assert box.press("tell_librarian") == ()
    assert box.press("confirm") == (t.TellLibrarian(TakeId("old")),)


@pytest.mark.parametrize("start", [(), ("facilitate",)])
def test_cues_play_at_one_press_stop_at_the_next_and_go_back(start):
    box = Box()
    box.press(*start)
    state = box.state
    assert box.press("cue2") == (t.PlayCue(1, 2),)
    assert box.press("cue3") == (t.PlayCue(2, 3),)
    assert t.StopPlaying() in box.press("cue3")
    assert box.state is state
    box.press("cue1")
    box.answer(t.PlaybackEnded, 3)
    assert box.state is state
    box.press("cue1")
    box.answer(t.Refused, 4, "Its teller took it back.")
    assert (box.state, box.session.say) == (state if start else State.LISTENING, "Its teller took it back.")


def test_what_somebody_chose_at_rest_ends_when_they_have_gone():
    box = Box(languages=("en",))
    box.press("louder", "speak")
    assert not any(isinstance(effect, t.ForgetVisit) for effect in box.wait(55))
    assert t.ForgetVisit(1) in box.wait(10)
    assert (box.session.speaking, box.session.louder, box.state) == (False, False, State.ATTRACT)
    assert not any(isinstance(effect, t.ForgetVisit) for effect in box.wait(200)), "once"


def test_a_cue_is_as_loud_as_the_one_before_it():
    box = Box()
    box.press("facilitate", "cue1", "louder")
    assert t.ForgetVisit(1, same_people=True) in box.answer(t.PlaybackEnded, 1)
    assert box.state is State.FACILITATOR
    assert t.ForgetVisit(2) in box.press("back")


def test_dark_cue_buttons_do_nothing():
    box = Box()
    box.answer(t.CuesOffered, (1, 4))
    assert {control for control in keys(box.session) if control.startswith("cue")} == {Control.CUE1, Control.CUE4}
    assert box.press("cue2") == ()
    assert box.state is State.ATTRACT


def test_a_facilitator_comes_back_after_each_visit_and_leaves_by_key_or_waiting():
    box = Box()
    box.press("facilitate", "talk", "decline")
    assert box.state is State.FACILITATOR
    assert keys(box.session)[Control.FACILITATOR] is Meaning.PAIR
    assert box.press("pair") == (t.OfferPairing(),)
    assert box.state is State.FACILITATOR
    box.press("back")
    assert (box.state, box.session.home) == (State.ATTRACT, State.ATTRACT)
    box.press("facilitate", "facilitate")
    assert (box.state, box.session.home) == (State.ATTRACT, State.ATTRACT)
    box.press("facilitate")
    box.wait(1825)
    assert (box.state, box.session.home) == (State.ATTRACT, State.ATTRACT)


def test_a_group_agrees_one_press_each_before_the_microphone_opens():
    box = Box()
    box.press("facilitate", "begin_group", "next_person")
    assert box.press("begin_group") == (), "one person is no group"
    box.press("next_person", "next_person")
    done = box.press("begin_group")
    assert [type(effect) for effect in done] == [t.RecordDecision, t.OpenStream, t.StartTake]
    assert (done[0].people, done[2].kind, box.state) == (3, Kind.CONVERSATION, State.CONVERSATION)
    assert box.press("cue1") == (t.PlayCue(1, 1),)
    assert box.press("cue1") == (t.StopPlaying(),)
    assert [type(effect) for effect in box.press("flag")] == [t.FlagMoment]
    box.press("question")
    assert box.session.question == 1
    box.press("stop")
    box.answer(t.TakeClosed, box.session.take, 3000.0)
    assert Meaning.REDO not in legal(box.session)
    box.press("keep")
    box.answer(t.Kept, box.session.take, "2-a-b-c-d")
    box.press("done", "back")
    assert box.state is State.FACILITATOR


def test_a_teller_with_a_code_narrows_and_withdraws():
    box = Box()
    box.press("say_code")
    assert box.send(t.CodeTyped("417-a-b-c-d", box.at)) == (t.CheckCode(1, "417-a-b-c-d"),)
    box.answer(t.CodeRefused, 1, "These words do not fit.")
    assert box.session.notice is Notice.CODE_REFUSED
    box.answer(t.CodeAccepted, 1, TakeId("mine"))
    assert box.press("hear") == (t.PlayOwn(1, TakeId("mine")),)
    box.press("stop")
    assert box.press("narrow") == ()
    assert box.press("confirm") == (t.Narrow(1, TakeId("mine")),)
    box.answer(t.Narrowed, 1, TakeId("mine"))
    assert box.session.notice is Notice.ONLY_ME
    assert box.press("narrow", "back", "withdraw") == ()
    assert box.press("confirm") == (t.Withdraw(1, TakeId("mine")),)
    box.answer(t.Withdrawn, 1, TakeId("mine"))
    assert (box.session.notice, box.session.story) == (Notice.WITHDRAWN, None)
    assert Meaning.WITHDRAW not in legal(box.session)


def found(kind=Kind.STORY, people=1):
    box = Box()
    box.session, _ = first(0.0, languages=("en", "es"), prompts=("a",))
    box.send(t.TakeFound(TakeId("open"), 250.0, kind, "z", "es", box.at, people))
    return box


@pytest.mark.parametrize(("kind", "state"), [(Kind.STORY, State.RECORDING), (Kind.CONVERSATION, State.CONVERSATION)])
def test_a_recovered_take_goes_on(kind, state):
    box = found(kind)
    assert (box.state, box.session.language) == (State.RECOVERED, "es")
    assert [type(effect) for effect in box.press("go_on")] == [t.OpenStream, t.ContinueTake]
    assert box.state is state


def test_a_talk_found_after_a_power_cut_is_a_facilitators_again():
    box = found(Kind.CONVERSATION, 4)
    assert (box.session.home, box.session.people) == (State.FACILITATOR, 4)
    box.press("go_on", "pause")
    assert box.press("next_person", "confirm")[-1] == t.AgreeOne(TakeId("open"), "es", 5), "numbered after the others"
    box.press("discard", "confirm")
    assert box.state is State.FACILITATOR
    left = found(Kind.CONVERSATION, 4)
    left.wait(1825)
    assert (left.state, left.session.home) == (State.ATTRACT, State.ATTRACT), "nobody came back to the desk"


def test_a_recovered_take_can_be_ended_thrown_away_or_held():
    box = found()
    box.press("stop")
    assert box.state is State.CLOSING
    box = found()
    box.press("discard")
    assert box.press("confirm")[0] == t.DiscardTake(TakeId("open"))
    box = found()
    assert t.HoldTake(TakeId("open")) in box.wait(141)
    assert (box.state, box.session.language) == (State.ATTRACT, "en")


def test_languages_and_prompts_turn_and_go_back_after_the_visit():
    box = Box()
    assert box.press("language") == (t.SetLanguage("es"), t.Speak(1))
    assert box.state is State.LANGUAGES
    assert box.press("move") == (t.SetLanguage("en"), t.Speak(1))
    assert box.press("language") == (t.SetLanguage("es"), t.Speak(1))
    assert box.press("take") == (t.Speak(1),)
    box.press("next")
    assert (box.state, box.session.language, box.session.prompt) == (State.CHOOSING, "es", "b")
    assert t.SetLanguage("en") in box.wait(81)
    assert (box.state, box.session.language) == (State.ATTRACT, "en")
    box.wait(46)
    assert box.session.prompt == "c"
    box.answer(t.PromptsOffered, ("x", "y"))
    assert box.session.prompt == "x"


def test_reading_aloud_follows_the_visit_and_ends_with_it():
    box = Box()
    box.press("talk")
    assert box.press("speak") == (t.Speak(1),)
    assert t.Speak(1) in box.press("agree")
    box.answer(t.StreamOpened, box.session.take)
    assert t.StopSpeaking() in box.press("talk"), "the box does not record itself"
    assert Meaning.SPEAK not in legal(box.session)
    box.press("talk")
    assert t.Speak(1) in box.answer(t.TakeClosed, box.session.take, 3.0)
    box.wait(80)
    box.answer(t.SoundMade, 1)
    box.wait(80)
    assert box.session.still_there is None, "time-outs count from the last sound, too"
    box.press("keep")
    box.answer(t.Kept, box.session.take, "1-a-b-c-d")
    assert t.Speak(1) in box.press("no")
    box.press("done", "back")
    assert not box.session.speaking
    assert box.press("louder") == (t.Louder(),)


def test_machines_only_have_no_keys():
    session, _ = first(0.0)
    assert dict(keys(session)) == {}
    assert due(session, 1.0) is None
    assert time_left(session, 1.0) is None
    after, _ = step(session, t.Trouble("No microphone.", "Plug it in.", 1.0))
    assert (after.state, after.say, after.do) == (State.OUT_OF_SERVICE, "No microphone.", "Plug it in.")


def test_the_page_shows_every_row():
    document = Path(__file__).parents[2] / "docs" / "session.md"
    assert page() in document.read_text(encoding="utf-8"), "write docs/session.md anew from kiosk.table.page()"
    assert page().count("\n") == len(ROWS) + 2
    assert "| consent | press agree (deliberate) |  | agree | ready |" in page()
