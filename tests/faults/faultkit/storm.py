"""Random storms of presses: over the session's table with every invariant checked, and over the whole box."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

from archive.consent import all_events, verify_chain
from archive.types import Act, Use
from archive.verify import verify
from faultkit import Fault, Outcome
from faultkit.evening import clock_at
from faultkit.rig import Rig, offer_two_languages
from hardware.types import Control
from kiosk.keys import legal
from kiosk.types import Meaning, State

CONTROLS = (
    Control.LEFT,
    Control.MIDDLE,
    Control.RIGHT,
    Control.LANGUAGE,
    Control.CUE1,
    Control.FACILITATOR,
    Control.VOLUME,
)
ONWARD = (Meaning.KEEP, Meaning.AGREE, Meaning.TALK)
"""What leads on to a kept story."""
IN_THE_BOX = 50
"""One press in so many goes through the whole box."""
A_BOX = 5_000
"""Presses before the next box."""


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome(runs=count)
    try:
        walk = _walk()
        for seed in range(4):
            walk.World(1000 + seed, walk.Watched(walk.ROWS)).walk(count // 4)
    except AssertionError as error:
        outcome.failures.append(f"in the table: {error}")
    left = max(150, count // IN_THE_BOX)
    for number in range(-(-left // A_BOX)):
        # What a box costs grows with its stories: the next ones are pressed at another.
        _in_the_box(folder / f"home{number}", min(A_BOX, left - number * A_BOX), outcome)
    return outcome


def _walk() -> ModuleType:
    """The random walk that tests the table, with its checker."""
    path = Path(__file__).parents[2] / "kiosk" / "test_session_walk.py"
    spec = importlib.util.spec_from_file_location("hearth_session_walk", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _in_the_box(home: Path, presses: int, outcome: Outcome) -> None:
    chance = random.Random(f"{home.name}/{presses}")
    states: set[State] = set()
    offer_two_languages(home)
    with Rig(home, clock_at(0.0)) as box:
        for _ in range(presses):
            before = box.session
            offered = sorted(legal(before))
            if offered and chance.random() < 0.5:
                # Half of the people mean what they press: else no storm gets as far as a story.
                box.run(0.6, 0.1)
                onward = [one for one in ONWARD if one in offered]
                box.app.press(onward[0] if onward and chance.random() < 0.5 else chance.choice(offered))
            else:
                box.controls.press(chance.choice(CONTROLS))
            box.turn(chance.choice((0.05, 0.5, 0.7, 1.5)))
            states.add(box.state)
            box.until(lambda: not box.session.saving)
            if chance.random() < 0.01:
                box.run(200.0, 1.0)
        box.until(lambda: box.state is State.ATTRACT, 20_000.0, 2.0)
        pressed = sum(1 for _, what, said in box.happened if what == "Press" and said.get("meaning") is Meaning.KEEP)
        _judge(box, outcome, pressed)
    outcome.notes["presses in the box"] = int(outcome.notes.get("presses in the box", 0)) + presses
    outcome.notes["states"] = max(int(outcome.notes.get("states", 0)), len(states))


def _judge(box: Rig, outcome: Outcome, kept_by_press: int) -> None:
    store = box.store
    stories = store.stories()
    outcome.notes["kept"] = int(outcome.notes.get("kept", 0)) + len(stories)
    outcome.check(len(stories) <= kept_by_press, "more was kept than keep was pressed")
    outcome.check(verify_chain(store.db.conn) == [], "the record of consents is broken")
    outcome.check(verify(store).sound, f"{[one.say for one in verify(store).damaged]}")
    for take, events in all_events(store.db.conn).items():
        uses = [event.use for event in events if event.act is Act.DECIDE and event.yes]
        if take in {story.id for story in stories}:
            outcome.check(Use.RECORD in uses and Use.KEEP in uses, "kept without its consents")
            outcome.check(uses.index(Use.RECORD) < uses.index(Use.KEEP), "recorded before it was agreed to")
        ended = store.standing(take).ended is not None
        known = store.db.conn.execute("SELECT 1 FROM takes WHERE id = ?", (take,)).fetchone()
        outcome.check(ended or known is not None, "a story was lost")
        outcome.check(store.standing(take).review_closed or ended, "a visit was left open")


FAULT = Fault(
    "storm", sample=12_000, full=1_000_000, run=run, promise="no story lost, mixed or kept without its consents"
)
