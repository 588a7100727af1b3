"""A random walk over the table with every invariant checked after each step, and broken tables that must be caught.

``HEARTH_WALK_STEPS`` sets the number of steps (a million for a long run).
"""

from __future__ import annotations

import os
from collections import Counter, deque
from dataclasses import replace
from random import Random

import pytest

from archive.types import ASKED_USES, Kind, Use
from audio.types import TakeId
from kiosk import session as session_module
from kiosk import types as t
from kiosk.alarms import Alarm
from kiosk.keys import GUARDED, HIDDEN, counts, keys, legal
from kiosk.session import first, step
from kiosk.table import GUARDS, HOME, MOVES, ROWS, SCREENS_LATER, Row, Table
from kiosk.types import Meaning, Mic, State

STEPS = int(os.environ.get("HEARTH_WALK_STEPS", "320000"))
MEANINGS = tuple(Meaning)
ON_RECORD = {State.READY, State.RECORDING, State.CONVERSATION}
TELLING = {State.RECORDING, State.CONVERSATION}
MARKING = {State.TRIM, State.PART}
ONWARD = {State.REVIEW: (Meaning.KEEP,), State.SHARING: (Meaning.YES, Meaning.NO)}
"""What leads a story that was told to its thanks: many presses, which chance alone seldom makes one after another."""
ACTS = (t.DiscardTake, t.Withdraw, t.Narrow, t.TellLibrarian)
VOICES = (t.PlayNext, t.PlayCue, t.PlayOwn)
SILENCING = (t.Speak, t.StopPlaying, t.StopSpeaking)
ONLY_BY_PRESS = (
    t.RecordDecision,
    t.AgreeOne,
    t.OpenStream,
    t.StartTake,
    t.ContinueTake,
    t.KeepTake,
    t.CheckCode,
    t.NarrowUse,
    t.TrimTake,
    t.FindPauses,
    t.TakeOut,
    t.OfferPairing,
    *ACTS,
)
ENTERED = ("4", "417 ", "a", "zz", "able acid ", "417 able acid able acid", "\b", "417 able acid able able ")
MINE = t.Mine((Use.PLAY_HERE, Use.ARCHIVE), 60.0)
ASKING = t.Rules(ask_age=16, ask_form=True, embargo_years=10, attract_voice=60.0)
ENDS = t.Ends((t.Ms(0), t.Ms(1000)), (t.Ms(4000), t.Ms(3000)))
PASSED = (5.0, 0.01, 0.3, 0.45, 1.0, 2.0, 21.0, 95.0, 310.0, 35.0, 55.0, 700.0, 1850.0)


class Watched(Table):
    """The table, remembering which rows were used; of ``sought`` rows a walk never has enough."""

    def __init__(self, rows, sought=()):
        super().__init__(rows)
        self.used = set()
        self.sought = frozenset(sought)
        wanted = self.sought or rows
        self.by_state = {state: [row for row in wanted if row.state is state] for state in State}

    def unused(self, state):
        self.by_state[state] = left = [row for row in self.by_state[state] if row not in self.used - self.sought]
        return left

    def find(self, session, on, event):
        found = super().find(session, on, event)
        if found is not None:
            self.used.add(found[0])
        return found


class Checker:
    """What must be true whatever happens. Knows nothing of the table."""

    def __init__(self):
        self.recorded = set()
        self.told = set()
        self.kept = set()
        self.stream = False
        self.asked_at = None

    def check(self, before, event, after, effects):
        pressed = isinstance(event, t.Press)
        if self.late(before, event):
            assert after is before, "a late event changed something"
            assert not effects, "a late event did something"
        if pressed and effects:
            assert counts(before, event.meaning, event.at), "a press that was not offered did something"
        for effect in effects:
            self.effect(before, event, after, effect, pressed=pressed)
        voices = [place for place, effect in enumerate(effects) if isinstance(effect, VOICES)]
        assert not voices or not any(isinstance(effect, SILENCING) for effect in effects[voices[-1] :]), (
            "a voice that was asked for was cut off by the box itself"
        )
        if isinstance(event, t.QuietFor | t.LevelHeard):
            said = (t.Speak(before.visit, short=True),)
            assert not effects or (before.state is State.READY and before.speaking and effects == said), (
                "silence did something"
            )
            assert after.state is before.state, "silence ended something"
        self.state(before, event, after, effects)

    def late(self, before, event):
        if isinstance(event, t.TakeFound | t.Press):
            return False
        take, play, visit = (getattr(event, name, None) for name in ("take", "play", "visit"))
        wrong_play = play is not None and (play != before.play or before.playing is None)
        return (take is not None and take != before.take) or wrong_play or (visit is not None and visit != before.visit)

    def effect(self, before, event, after, effect, *, pressed):
        if isinstance(effect, ONLY_BY_PRESS) and not isinstance(event, t.CodeTyped):
            assert pressed, f"{type(effect).__name__} without a press"
        if isinstance(effect, ACTS):
            listed = isinstance(effect, t.TellLibrarian) and before.page is t.Page.VOICES
            assert before.asked is not None or listed, "an act that was not asked about again"
            assert event.meaning in {Meaning.CONFIRM, before.asked, *([Meaning.TELL_LIBRARIAN] if listed else [])}
        if pressed and isinstance(effect, (*ACTS, t.RecordDecision, t.KeepTake, t.ContinueTake, t.TrimTake, t.TakeOut)):
            quiet = event.at - max(before.last_press, before.shown_at)
            assert quiet >= before.rules.deliberate, "a yes by mashing"
        match effect:
            case t.RecordDecision(take=take, carried_from=None, people=people):
                assert event.meaning in {Meaning.AGREE, Meaning.BEGIN_GROUP}
                assert people >= (before.rules.group if event.meaning is Meaning.BEGIN_GROUP else 1)
                self.recorded.add(take)
            case t.RecordDecision(take=take, carried_from=gone):
                assert gone in self.recorded
                assert before.take == gone
                self.recorded.add(take)
            case t.OpenStream(take=take):
                assert take in self.recorded, "the microphone opened before the yes was written"
                self.stream = True
            case t.CloseStream():
                self.stream = False
            case t.StartTake(take=take) | t.ContinueTake(take=take):
                assert self.stream, "a take without a stream"
                self.told.add(take)
            case t.KeepTake():
                assert event.meaning is Meaning.KEEP
            case t.HoldTake(take=take) | t.DiscardTake(take=take):
                assert take not in self.kept
                self.told.discard(take)
            case t.TrimTake(take=take, made=made):
                assert before.asked is Meaning.TRIM, "cut without being asked about"
                assert take == before.take
                assert take in self.told
                assert 0 <= effect.start < effect.end
                assert (effect.start, effect.end) != (before.ends.starts[0], before.ends.ends[0]), "nothing to cut"
                assert made not in self.recorded
            case t.TakeOut(story=story):
                assert before.asked is Meaning.PART, "taken out without being asked about"
                assert (story, before.state) == (before.story, State.PART)
                assert 0 <= effect.start < effect.end
            case t.PlayNext(softly=True):
                assert before.state is State.ATTRACT
                assert before.rules.attract_voice > 0, "a voice nobody wanted"
            case t.NarrowUse(use=use):
                assert event.meaning is Meaning.NO
                assert use is before.mine.uses[before.question], "another use than the one on show"
                assert event.at - max(before.shown_at, before.last_press) >= before.rules.deliberate
            case t.SayAge():
                assert before.asks[0] is t.Preface.AGE, "an age nobody asked for"
                assert pressed, "of age by waiting"
                assert event.meaning is Meaning.YES
            case t.CheckCode(code=code):
                assert isinstance(event, t.CodeTyped) or code == before.entry.code
            case t.Decide(use=use, yes=True, pressed=by_hand):
                assert pressed, "a yes by waiting"
                assert not before.asks, "a yes before what comes first was asked"
                assert (effect.form, effect.wait_years) == (before.form, before.wait_years)
                assert by_hand
                assert event.meaning is Meaning.YES
                assert use is ASKED_USES[before.question]
                assert event.at - max(before.shown_at, before.last_press) >= before.rules.deliberate
            case t.Speak():
                unasked = {Meaning.SPEAK, Meaning.LANGUAGE, Meaning.SAY_CODE, Meaning.BEGIN_GROUP, Meaning.NEXT_PERSON}
                assert before.speaking or event.meaning in unasked
                deaf = after.paused_at is not None or after.mic is Mic.LOST
                assert after.state not in TELLING or deaf, "the box talked into a story"

    def state(self, before, event, after, effects):
        if before.state is State.THANKS and isinstance(event, t.Press) and after.state is not State.THANKS:
            assert before.person + 1 == len(before.keep_codes), "a person left without their words"
            assert event.at - max(before.shown_at, before.last_press) >= before.rules.deliberate, "words mashed away"
        if isinstance(event, t.Trimmed) and after.take != before.take:
            self.told.discard(before.take)
            self.told.add(after.take)
            self.recorded.add(after.take)
        if isinstance(event, t.Kept) and after.state is State.SHARING:
            self.told.discard(before.take)
            self.kept.add(before.take)
            assert after.keep_code
        if self.stream:
            assert after.state in ON_RECORD, f"the microphone is open in {after.state}"
        if after.state in ON_RECORD:
            assert after.take in self.recorded, f"{after.state} without a yes on record"
        if before.state is State.SHARING and after.state is not State.SHARING:
            assert [use for use, _ in after.answers] == list(ASKED_USES), "a use was left without an answer"
        if after.visit != before.visit:
            assert not self.told, "a take was lost"
            assert any(isinstance(one, t.ForgetVisit) and one.visit == before.visit for one in effects)
        if after.visit != before.visit or after.state in {State.ATTRACT, State.STARTING, State.OUT_OF_SERVICE}:
            assert not after.keep_code, "a keep-code outlived its visit"
            assert after.take is None
            assert after.story is None
            assert after.entry.empty, "what was entered outlived its visit"
            assert after.mine == t.Mine()
            at_rest = after.state is State.ATTRACT and after.rules.attract_voice > 0
            assert after.playing is None or at_rest
            assert after.asked is None
        if isinstance(event, t.Tick) and after.state is not before.state and before.still_there is not None:
            assert event.at >= before.still_there >= self.asked_at + 20.0, "a time-out that did not ask"
        if after.still_there is not None and before.still_there is None:
            self.asked_at = event.at
        if after.state is not before.state:
            assert not set(keys(after).values()) - legal(after)


class World:
    """Machines that answer what they were asked, sometimes late, sometimes with trouble."""

    def __init__(self, seed, table, tried=None):
        self.rng = Random(seed)
        self.tried = Counter() if tried is None else tried
        self.patience = 0
        self.table = table
        self.checker = Checker()
        self.at = 10.0
        self.takes = 0
        self.answers = deque(maxlen=10)
        rules = ASKING if seed % 2 else None
        self.session, effects = first(self.at, rules, languages=("en", "es"), prompts=("a", "b", "c"))
        self.answer(effects)

    def fresh(self):
        self.takes += 1
        return TakeId(f"take-{self.takes}")

    def answer(self, effects):
        pick, later, at = self.rng.random(), self.answers.append, self.at
        for effect in effects:
            match effect:
                case t.Prepare():
                    take = self.fresh()
                    kind = self.rng.choice((Kind.STORY, Kind.CONVERSATION))
                    later(
                        t.Started(at) if pick < 0.4
                        else t.TakeFound(take, 12.0, kind, "a", "es", at) if pick < 0.9
                        else t.Trouble("No microphone.", "Plug it in.", at)
                    )  # fmt: skip
                case t.AskTrouble():
                    later(t.Mended(at))
                case t.OpenStream(take=take):
                    later(t.StreamOpened(take, at) if pick < 0.9 else t.StreamLost(take, "gone", at))
                case t.StartTake(take=take) | t.ContinueTake(take=take):
                    later(t.FirstSample(take, at))
                case t.CloseTake(take=take):
                    later(t.TakeClosed(take, 4.0, at, ENDS) if pick < 0.9 else t.TakeFailed(take, "bad disk", at))
                case t.TrimTake(take=take, made=made):
                    seconds = (effect.end - effect.start) / 1000
                    later(
                        t.Trimmed(take, made, seconds, at, ENDS) if pick < 0.8 else t.TrimFailed(take, "bad disk", at)
                    )
                case t.KeepTake(take=take):
                    codes = tuple(f"{417 + one}-a-b-c-d" for one in range(1 + round(3 * pick)))
                    later(t.Kept(take, codes[0], at, codes) if pick < 0.9 else t.KeepFailed(take, "bad disk", at))
                case t.PlayNext(play=play) | t.PlayCue(play=play):
                    if pick < 0.8:
                        self.answers.extend((t.StoryChosen(play, TakeId("old"), at, "b"), t.PlaybackStarted(play, at)))
                    later(
                        t.PlaybackEnded(play, at)
                        if pick < 0.8
                        else t.NothingToPlay(play, at)
                        if pick < 0.9
                        else t.Refused(play, "no", at)
                    )
                case t.PlayOwn(play=play):
                    self.answers.append(t.PlaybackStarted(play, at))
                    later(
                        t.PlaybackEnded(play, at)
                        if pick < 0.5
                        else t.NothingToPlay(play, at)
                        if pick < 0.75
                        else t.Refused(play, "no", at)
                    )
                case t.CheckCode(visit=visit):
                    later(
                        t.CodeAccepted(visit, TakeId("mine"), at, MINE)
                        if pick < 0.8
                        else t.CodeRefused(visit, "no", at)
                    )
                case t.FindPauses(visit=visit, story=story):
                    found = t.PausesFound(visit, story, at, ENDS)
                    later(found if pick < 0.9 else t.PartFailed(visit, story, "bad disk", at))
                case t.TakeOut(visit=visit, story=story):
                    gone = t.PartGone(visit, story, at, MINE)
                    later(gone if pick < 0.8 else t.PartFailed(visit, story, "bad disk", at))
                case t.Narrow(visit=visit, story=story):
                    later(t.Narrowed(visit, story, at))
                case t.NarrowUse(visit=visit, story=story, use=use):
                    left = tuple(one for one in self.session.mine.uses if one is not use)
                    later(t.Narrowed(visit, story, at, replace(MINE, uses=left)))
                case t.Withdraw(visit=visit, story=story):
                    later(t.Withdrawn(visit, story, at))

    def spontaneous(self):
        s, at = self.session, self.at
        take = s.take if self.rng.random() < 0.8 and s.take else TakeId("another")
        return self.rarest((
            t.LevelHeard(take, t.Hint.GOOD, at), t.QuietFor(take, 9.0, at), t.StreamLost(take, "gone", at),
            t.StreamBack(take, at), t.SoundMade(s.visit, at), t.ScreenShown(s.visit, at), t.CodeTyped("1-a-b-c-d", at),
            t.PromptsOffered(("b", "c", "d"), at), t.CuesOffered((1, 2, 3, 4, 5, 6, 7, 8), at), t.SoundMade(s.visit - 1, at),
            self.trouble(take), t.Typed(self.rng.choice(ENTERED), at), t.Touched(self.rng.randrange(6), at),
            t.StewardCame(at), t.Pointed(self.rng.random(), self.rng.random() < 0.5, at),
        ), lambda one: (s.state, type(one)))  # fmt: skip

    def trouble(self, take):
        if self.rng.random() < 0.85:
            return t.QuietFor(take, 9.0, self.at)
        some = (t.Trouble("x", "y", self.at), t.SpaceLow("full", self.at), t.TakeFailed(take, "bad", self.at))
        return self.rarest(some, lambda one: (self.session.state, type(one), "trouble"))

    def rarest(self, choices, key):
        """One of three at random, the one tried least in this situation, so that far corners are reached too."""
        some = [self.rng.choice(choices) for _ in range(3)]
        chosen = min(some, key=lambda one: self.tried[key(one)])
        self.tried[key(chosen)] += 1
        return chosen

    def wanted(self):
        """An event that may use a row nobody used yet, so that far corners are reached in a walk of any length."""
        s, rows = self.session, self.table.unused(self.session.state)
        offered = legal(s)
        at = self.at + 0.5
        machine = {
            t.Trouble: t.Trouble("x", "y", at), t.SpaceLow: t.SpaceLow("full", at), t.TakeFailed: t.TakeFailed(s.take, "bad", at),
            t.Refused: t.Refused(s.play, "no", at), t.NothingToPlay: t.NothingToPlay(s.play, at),
            t.PlaybackEnded: t.PlaybackEnded(s.play, at), t.PlaybackStarted: t.PlaybackStarted(s.play, at),
            t.TrimFailed: t.TrimFailed(s.take, "bad disk", at), t.Touched: t.Touched(1, at),
            t.Pointed: t.Pointed(0.5, True, at), t.PartFailed: t.PartFailed(s.visit, s.story, "bad disk", at),
            t.QuietFor: t.QuietFor(s.take, 9.0, at),
        }  # fmt: skip
        some = [t.Press(row.on, at, self.fresh()) for row in rows if row.on in offered]
        some += [machine[row.on] for row in rows if row.on in machine]
        if self.table.sought and not rows:
            some += [t.Press(meaning, at, self.fresh()) for meaning in ONWARD.get(s.state, ()) if meaning in offered]
        if rows and s.state in MARKING and not s.saving:
            onward = (Meaning.MOVE, Meaning.TAKE, Meaning.HEAR, Meaning.CONFIRM)
            some += [t.Press(meaning, at, self.fresh()) for meaning in onward if meaning in offered]
        if rows and s.state is State.LISTENING and Meaning.MORE in offered:
            some.append(t.Press(Meaning.MORE, at, self.fresh()))
        if not some and any(row.on is Alarm.PLAY_STUCK for row in rows):
            if s.playing is not None:
                self.at += 7300.0
                return t.Tick(self.at)
            some = [t.Press(Meaning.HEAR, at, self.fresh())]
        if not some:
            if any(isinstance(row.on, Alarm) for row in rows):
                self.patience = 24
            return None
        self.at = at
        return self.rng.choice(some)

    def event(self):
        rng, s = self.rng, self.session
        kind = rng.random()
        # Few visits come to trimming, which is several presses deep, or to sharing.
        deep = s.state in {*MARKING, State.SHARING} or (self.table.sought and s.state in {State.REVIEW, State.THANKS})
        if kind < (0.5 if deep else 0.1) and (wanted := self.wanted()) is not None:
            return wanted
        if self.patience:
            self.patience -= 1
            if Meaning.EXTEND in legal(s) and rng.random() < 0.3:
                self.at += 1.0
                return t.Press(Meaning.EXTEND, self.at, self.fresh())
            if s.state in ON_RECORD and rng.random() < 0.1:
                self.at = max(self.at, s.limit_at - 30.0)
                return t.Tick(self.at)
            kind = 0.6 if kind < 0.2 and self.answers else 1.0 if kind < 0.98 else 0.0
        elif kind < (0.06 if s.state in ON_RECORD else 0.01):
            self.patience = rng.randrange(4, 90)
        if kind < 0.48:
            self.at += rng.choice(PASSED[:6])
            offered = sorted(legal(s)) if rng.random() < 0.9 else MEANINGS
            situation = (s.state, s.asked, s.still_there is None, s.playing.cue if s.playing else None, s.question)
            meaning = self.rarest(offered or MEANINGS, lambda one: (*situation, one))
            return t.Press(meaning, self.at, self.fresh())
        self.at += rng.choice(PASSED) if kind > 0.85 else 0.05
        if kind < 0.75 and self.answers:
            chosen = self.answers.popleft()
            if rng.random() < 0.15:
                self.answers.append(chosen)
            return replace(chosen, at=self.at)
        return self.spontaneous() if kind < 0.85 else t.Tick(self.at)

    def walk(self, steps):
        seen = {}
        for count in range(steps):
            before, event = self.session, self.event()
            if isinstance(event, t.TakeFound):
                self.checker.recorded.add(event.take)
                if before.state is State.STARTING:
                    self.checker.told.add(event.take)
            after, effects = step(before, event, self.table)
            self.checker.check(before, event, after, effects)
            self.answer(effects)
            self.session = after
            if count % 97 == 0 or after.state not in seen:
                seen.setdefault(after.state, []).append(after)
        return seen


def waits_home(session, table, at):
    """Let only time pass, and machines answer what they must; True when the box is back to attract."""
    for _ in range(4000):
        if session.state is State.ATTRACT:
            return True
        at += 7.0
        event = t.Tick(at)
        if session.state is State.CLOSING:
            event = t.TakeClosed(session.take, 3.0, at)
        elif session.state is State.STARTING:
            event = t.Started(at)
        elif session.state is State.OUT_OF_SERVICE:
            event = t.Mended(at)
        session, effects = step(session, event, table)
        for effect in effects:
            assert not isinstance(effect, ONLY_BY_PRESS), "waiting did something"
            assert not (isinstance(effect, t.Decide) and effect.yes), "waiting agreed"
    return False


def test_a_long_walk_breaks_nothing_and_uses_every_row():
    table, tried = Watched(ROWS), Counter()
    seen = {}
    for seed in range(8):
        for state, sessions in World(seed, table, tried).walk(STEPS // 4).items():
            seen.setdefault(state, []).extend(sessions)
    assert set(seen) == set(State)
    unused = [row for row in ROWS if row not in table.used]
    assert not unused, unused


@pytest.fixture(scope="module")
def seen():
    """Sessions in every state, as a walk met them."""
    return World(99, Watched(ROWS)).walk(48_000)


def test_waiting_alone_leads_home_from_everywhere(seen):
    assert set(seen) == set(State)
    for state, sessions in seen.items():
        for session in sessions[:12]:
            assert waits_home(session, Table(ROWS), session.last_activity), state


def replaced(state, on, **changes):
    rows = tuple(replace(row, **changes) if (row.state, row.on) == (state, on) else row for row in ROWS)
    assert rows != ROWS
    return rows


def removed(state, on):
    rows = tuple(row for row in ROWS if (row.state, row.on) != (state, on))
    assert rows != ROWS
    return rows


BROKEN = {
    "waiting agrees": lambda: replaced(State.CONSENT, Alarm.TIME_OUT, to=State.READY, moves=("agree",)),
    "waiting keeps": lambda: replaced(State.REVIEW, Alarm.TIME_OUT, to=None, moves=("keep",)),
    "waiting leaves uses open": lambda: replaced(State.SHARING, Alarm.TIME_OUT, to=HOME, moves=("leave",)),
    "the microphone stays open": lambda: replaced(State.READY, Meaning.BACK, moves=()),
    "one press throws away": lambda: replaced(State.REVIEW, Meaning.DISCARD, to=HOME, moves=("discard", "leave")),
    "a take is forgotten": lambda: replaced(State.REVIEW, Alarm.TIME_OUT, moves=("leave",)),
    "a failed take is forgotten": lambda: replaced(State.CLOSING, t.TakeFailed, moves=("note_trouble", "leave")),
    "silence cuts the teller off": lambda: replaced(State.RECORDING, t.QuietFor, to=State.CLOSING, moves=("close_take",)),
    "recording begins by itself": lambda: replaced(State.READY, t.StreamOpened, to=State.RECORDING, moves=("start_take",)),
    "the visit is not forgotten": lambda: replaced(State.THANKS, Meaning.BACK, moves=()),
    "a group begins unasked": lambda: replaced(State.FACILITATOR, Meaning.BEGIN_GROUP, to=State.CONVERSATION, moves=("agree_group",)),
    "a code withdraws at once": lambda: replaced(State.MY_STORY, Meaning.WITHDRAW, moves=("withdraw",)),
}  # fmt: skip


def walks(table):
    for seed in range(6):
        World(seed, table).walk(20_000)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_table_is_caught(name):
    # It looks for the broken row: met by chance alone, a fault was found with some seeds and not with others.
    rows = BROKEN[name]()
    table = Watched(rows, set(rows) - set(ROWS))
    with pytest.raises((AssertionError, TypeError)):
        walks(table)


@pytest.mark.parametrize(
    ("state", "on"),
    [(State.FACILITATOR, Alarm.TIME_OUT), (State.RECORDING, Alarm.LIMIT), (State.LISTENING, Alarm.PLAY_STUCK), (State.CODE_ENTRY, Alarm.STILL_THERE)],
)  # fmt: skip
def test_a_table_that_never_comes_home_is_caught(seen, state, on):
    table = Table(removed(state, on))
    assert not all(waits_home(session, table, session.last_activity) for session in seen[state][-20:])


def test_taking_late_answers_for_new_ones_is_caught(monkeypatch):
    monkeypatch.setattr(session_module, "_late", lambda _session, _event: False)
    with pytest.raises((AssertionError, TypeError)):
        World(1, Watched(ROWS)).walk(20_000)


def test_a_yes_without_a_deliberate_press_is_caught(monkeypatch):
    monkeypatch.setattr(session_module, "counts", lambda session, meaning, _at: meaning in legal(session))
    with pytest.raises(AssertionError):
        World(1, Watched(ROWS)).walk(20_000)


def test_the_table_is_whole():
    assert {row.state for row in ROWS} == set(State)
    assert {row.guard for row in ROWS} == set(GUARDS)
    assert {name for row in ROWS for name in row.moves} == set(MOVES)
    assert len(set(ROWS)) == len(ROWS)
    assert not SCREENS_LATER, "every state has its screen"
    assert not HIDDEN, "every screen has a key"
    assert set(Meaning) == {row.on for row in ROWS if isinstance(row.on, Meaning)}
    assert set(Meaning) > GUARDED


def test_a_row_after_one_without_a_guard_would_never_be_used():
    done = set()
    for row in ROWS:
        assert (row.state, row.on) not in done, row
        if not row.guard:
            done.add((row.state, row.on))
    assert isinstance(ROWS[0], Row)
