"""Children at the keys: hammering one, two at once, holding one down, typing on the cue keys, now and then a grown-up.

The whole box runs: session, app and the real store, on a clock moved by hand. What came of it is judged from the times
of the presses and of the screens alone: each yes must have had a press of its own, long enough after its question was
shown and after the press before it.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from archive.consent import all_events, verify_chain
from archive.types import Act, Use
from archive.verify import verify
from faultkit import Fault, Outcome
from faultkit.evening import clock_at
from faultkit.rig import Rig, offer_two_languages
from hardware.types import CUES, Control
from kiosk.keys import legal
from kiosk.types import Meaning, State

THREE = (Control.LEFT, Control.MIDDLE, Control.RIGHT)
EVERY = (*THREE, Control.LANGUAGE, Control.VOLUME, Control.FACILITATOR, *CUES)
CODE = "31415"
SETTINGS = f'[controls]\nfacilitator_code = "{CODE}"\n'
DELIBERATE = 0.4
NEARLY = 1e-6
GROWN_UP = 0.12
"""The share of those who mean what they press: else no storm gets as far as a story."""
ONWARD = (Meaning.TALK, Meaning.AGREE, Meaning.KEEP, Meaning.YES, Meaning.NO, Meaning.SAY_CODE)
RESTS = (0.05, 0.3, 1.0, 5.0, 30.0)
LEFT_ALONE = 400.0
A_BOX = 5_000
"""Presses before the next box."""


class Storm:
    """One box and a row of children."""

    def __init__(self, box: Rig, outcome: Outcome, seed: int) -> None:
        self.box, self.outcome = box, outcome
        self.chance = random.Random(seed)
        self.presses: list[float] = []
        self.screens: list[float] = []
        self.shortest = 99.0
        self.count = 0
        self.states: set[State] = set()
        self.kinds: dict[str, int] = {}
        self.kept: set[str] = set()
        self.taken_back: set[str] = set()
        self.yeses = 0

    def run(self, count: int) -> None:
        """Let children come until ``count`` presses were made."""
        games = (self.hammer, self.hammer_many, self.two_at_once, self.hold_down, self.type_figures, self.slowly)
        while self.count < count and not self.outcome.failures:
            game = self.grown_up if self.chance.random() < GROWN_UP else self.chance.choice(games)
            self.kinds[game.__name__] = self.kinds.get(game.__name__, 0) + 1
            game()
            self.turn(self.chance.choice(RESTS))
            if self.chance.random() < 0.01:
                self.wait(LEFT_ALONE)

    # -- games --------------------------------------------------------------------------------------------------

    def hammer(self) -> None:
        key = self.chance.choice(EVERY)
        for gap in self.gaps(0.05, 0.3):
            self.press(key)
            self.turn(gap)

    def hammer_many(self) -> None:
        for gap in self.gaps(0.03, 0.3):
            self.press(self.chance.choice(EVERY))
            self.turn(gap)

    def two_at_once(self) -> None:
        one, other = self.chance.sample(THREE, 2)
        for gap in self.gaps(0.06, 0.35):
            self.press(one)
            self.press(other)
            self.turn(gap)

    def hold_down(self) -> None:
        key = self.chance.choice(THREE)
        self.presses.append(self.box.controls.hold(key))
        self.count += 1
        for gap in self.gaps(0.1, 1.0):
            if self.chance.random() < 0.3:
                self.press(self.chance.choice([one for one in EVERY if one is not key]))
            self.turn(gap)
        self.box.controls.let_go(key)

    def type_figures(self) -> None:
        for gap in self.gaps(0.1, 1.5):
            self.press(self.chance.choice(CUES))
            self.turn(gap)

    def slowly(self) -> None:
        """A key every second or so: each such press is a deliberate one."""
        for gap in self.gaps(0.4, 2.0, most=8):
            self.press(self.chance.choice(THREE))
            self.turn(gap)

    def grown_up(self) -> None:
        """Somebody who wants to tell, and answers as comes."""
        for _ in range(self.chance.randint(4, 16)):
            self.wait(0.7)
            offered = [meaning for meaning in ONWARD if meaning in legal(self.box.session)]
            if not offered:
                return
            self.presses.append(self.box.clock.monotonic())
            self.count += 1
            self.box.app.press(self.chance.choice(offered))
            self.turn(0.05)
            self.settle()

    def gaps(self, least: float, longest: float, most: int = 40) -> Iterator[float]:
        for _ in range(self.chance.randint(2, most)):
            yield self.chance.uniform(least, longest)

    # -- the box ------------------------------------------------------------------------------------------------

    def press(self, control: Control) -> None:
        self.presses.append(self.box.controls.press(control))
        self.count += 1

    def turn(self, seconds: float) -> None:
        """One turn of the box, and what happened in it judged."""
        box, before = self.box, self.box.session
        box.app.round(0.0)
        self.judge(before)
        before = box.session
        box.clock.advance(seconds)
        box.source.pump(box.clock.monotonic())
        box.app.telling.drain()
        box.app.round(0.002 if box.session.saving or box.state is State.CLOSING else 0.0)
        self.judge(before)

    def wait(self, seconds: float) -> None:
        until = self.box.clock.monotonic() + seconds
        while self.box.clock.monotonic() < until:
            self.turn(min(1.0, seconds))

    def settle(self) -> None:
        """Let machines end what they do."""
        self.box.until(lambda: not self.box.session.saving and self.box.state is not State.CLOSING)

    def judge(self, before: object) -> None:
        """Every yes of this turn had a press of its own."""
        box, outcome = self.box, self.outcome
        self.states.add(box.state)
        outcome.check(box.session.home is not State.FACILITATOR, "a guest got to the facilitator's desk")
        pressed: dict[object, list[float]] = {}
        for at, what, details in box.happened:
            match what, details:
                case "screen", _:
                    self.screens.append(at)
                case "state", {"from": "consent", "to": "ready"}:
                    self.deliberate([at], "recording was agreed to")
                case "Press", {"meaning": meaning}:
                    pressed.setdefault(meaning, []).append(at)
                case "Kept", {"take": take}:
                    self.kept.add(str(take))
                case "Withdrawn", {"story": story}:
                    self.taken_back.add(str(story))
        box.happened.clear()
        answers = getattr(before, "answers", ())
        grown = box.session.answers[len(answers) :] if box.session.answers[: len(answers)] == answers else ()
        if any(yes for _, yes in grown):
            self.deliberate(pressed.get(Meaning.YES, []), "a use was allowed")
        if box.state is State.REVIEW and box.session.saving and not getattr(before, "saving", False):
            self.deliberate(pressed.get(Meaning.KEEP, []), "a story was kept")

    def deliberate(self, candidates: list[float], what: str) -> None:
        """One of these presses came long enough after the one before it and after its question was shown."""
        self.yeses += 1
        recent, outcome = self.presses[-64:], self.outcome
        made = [at for at in candidates if any(abs(one - at) < NEARLY for one in recent)]
        outcome.check(bool(made), f"{what} without a press")
        gap = max((self.quiet_before(at) for at in made), default=0.0)
        self.shortest = min(self.shortest, gap)
        outcome.check(gap >= DELIBERATE - NEARLY, f"{what} {gap:.3f} s after a press, or after its question was shown")

    def quiet_before(self, at: float) -> float:
        """Seconds since the press or the screen before ``at``."""
        before = [one for one in (*self.presses[-64:], *self.screens[-64:]) if one < at - NEARLY]
        return at - max(before) if before else 99.0


def run(count: int, folder: Path) -> Outcome:
    """Children at one box after the other: what a box costs grows with its stories, and each is judged at its end."""
    outcome = Outcome(runs=count)
    memory = Path("/dev/shm")
    done, shortest = 0, 99.0
    while done < count and not outcome.failures:
        presses = min(A_BOX, count - done)
        with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else folder) as room:
            shortest = min(shortest, _one_box(Path(room) / "home", presses, count + done, outcome))
        done += presses
    outcome.notes["shortest quiet before a yes"] = round(shortest, 3)
    return outcome


def _one_box(home: Path, presses: int, seed: int, outcome: Outcome) -> float:
    """Let children at a new box; returns the shortest quiet before a yes, in seconds."""
    home.mkdir()
    (home / "config.toml").write_text(SETTINGS)
    offer_two_languages(home)
    with Rig(home, clock_at(0.0)) as box:
        storm = Storm(box, outcome, seed)
        storm.run(presses)
        storm.settle()
        storm.wait(LEFT_ALONE * 3)
        outcome.check(box.state is State.ATTRACT, f"the box did not come home but stayed in {box.state}")
        _judge(storm)
    return storm.shortest


def _judge(storm: Storm) -> None:
    store, outcome = storm.box.store, storm.outcome
    here = {str(story.id) for story in store.stories()}
    outcome.check(here == storm.kept - storm.taken_back, "a story was lost, or kept without its teller")
    outcome.check(verify_chain(store.db.conn) == [], "the record of consents is broken")
    outcome.check(verify(store).sound, f"{[one.say for one in verify(store).damaged]}")
    for take, events in all_events(store.db.conn).items():
        where = store.standing(take)
        outcome.check(where.review_closed or where.ended is not None, "a visit was left open")
        if str(take) in here:
            uses = [event.use for event in events if event.act is Act.DECIDE and event.yes]
            outcome.check(uses[:1] == [Use.RECORD] and Use.KEEP in uses, "kept without its consents")
    told = {"boxes": 1, "presses": storm.count, "kept": len(storm.kept), "yeses": storm.yeses} | storm.kinds
    for name, number in told.items():
        outcome.notes[name] = int(outcome.notes.get(name, 0)) + number
    outcome.notes["states"] = max(int(outcome.notes.get("states", 0)), len(storm.states))


FAULT = Fault(
    "children",
    sample=4_000,
    full=1_000_000,
    run=run,
    promise="nothing lost, nothing agreed by accident, no guest at the desk",
)
