"""The wall clock jumps to 1970, ten years ahead and back while stories are told: order, lengths, ids, embargoes hold."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive.consent import may, verify_chain
from archive.retention import run_retention
from archive.types import Act, Reader, Use
from audio.types import TakeId
from faultkit import Fault, Outcome
from faultkit.evening import clock_at
from faultkit.refusals import told_so_far
from faultkit.rig import Rig
from kiosk.terms import wording
from kiosk.types import State

TRUE = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
WRONG = (datetime(1970, 1, 1, tzinfo=UTC), TRUE + timedelta(days=3653), TRUE - timedelta(days=40), TRUE)


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome()
    for seed in range(count):
        _one(folder / f"clock{seed}", random.Random(seed), outcome)
        outcome.runs += 1
    return outcome


def _one(home: Path, chance: random.Random, outcome: Outcome) -> None:
    clock = clock_at(0.0)
    clock.set_wall(TRUE, trusted=True)
    with Rig(home, clock) as box:
        told: list[str] = []
        for _ in range(3):
            _jump(box, chance)
            box.to_recording()
            for _ in range(chance.randrange(1, 4)):
                box.run(chance.uniform(0.3, 1.5))
                _jump(box, chance)
            seconds = told_so_far(box)
            box.press("talk", wait=0.0)
            box.until(lambda: box.state is State.REVIEW)
            outcome.lost(max(0.0, seconds - box.session.seconds), most=0.2, what="a jump of the clock")
            outcome.check(box.session.seconds - seconds < 0.5, "a jump of the clock made a story longer")
            told.append(str(box.session.take))
            _jump(box, chance)
            box.keep("play_here")
            box.press("done")
            box.until(lambda: box.state is State.ATTRACT)
            box.happened.clear()
        outcome.check([str(story.id) for story in box.store.stories()] == told, "the order of the stories is wrong")
        outcome.check(len(set(told)) == len(told), "two stories have one id")
        outcome.check(verify_chain(box.store.db.conn) == [], "the record of consents is broken")
        _embargo(box, outcome)
        _retention(box, told, outcome)


def _jump(box: Rig, chance: random.Random) -> None:
    # A clock that is wrong is one that nobody has confirmed.
    wall = chance.choice(WRONG)
    box.clock.set_wall(wall, trusted=wall is TRUE)


def _embargo(box: Rig, outcome: Outcome) -> None:
    """A story that waits until next year opens by a confirmed calendar only."""
    store = box.store
    story = _embargoed(box)
    for wall, trusted, expected in (
        (TRUE, True, False),
        (WRONG[1], False, False),
        (WRONG[0], False, False),
        (TRUE + timedelta(days=400), True, True),
    ):
        box.clock.set_wall(wall, trusted=trusted)
        answer = may(store.standing(story), Reader.PLAY, store.now()).allowed
        outcome.check(
            answer is expected, f"an embargo is {'open' if answer else 'shut'} at {wall:%Y}, trusted {trusted}"
        )


def _embargoed(box: Rig) -> TakeId:
    """Tell one more, with a yes from next year on."""
    box.clock.set_wall(TRUE, trusted=True)
    box.tell(1.0)
    take = box.session.take
    assert take is not None
    box.press("keep")
    box.until(lambda: box.state is State.SHARING)
    box.press("done")
    box.until(lambda: box.state is State.THANKS)
    words = wording(next(iter(box.setting.texts.values())), Use.PLAY_HERE)
    wait = (TRUE + timedelta(days=365)).date()
    box.store.decide(take, Use.PLAY_HERE, yes=True, wording=words, by="test", embargo=wait)
    return take


def _retention(box: Rig, told: list[str], outcome: Outcome) -> None:
    """An unconfirmed jump of ten years erases nothing; a hold still ends by powered-on time."""
    box.until(lambda: box.state in {State.THANKS, State.ATTRACT})
    if box.state is State.THANKS:
        box.press("done")
    box.tell(1.0)
    held = box.session.take
    assert held is not None
    box.until(lambda: box.state is State.ATTRACT, 400.0)
    box.clock.set_wall(WRONG[1], trusted=False)
    run_retention(box.store)
    outcome.check(box.store.standing(held).ended is None, "a jump of the clock erased a hold")
    outcome.check(len(box.store.stories()) == len(told) + 1, "a jump of the clock erased a story")
    box.clock.set_wall(WRONG[0], trusted=False)
    for _ in range(13):
        box.clock.advance(2 * 3600.0)
        box.app.round(0.0)
    run_retention(box.store)
    outcome.check(box.store.standing(held).ended is Act.EXPIRE, "a hold did not end after a day of powered-on time")


FAULT = Fault("clock", sample=2, full=200, run=run, promise="order, lengths, ids and embargoes right")
