"""People walk away in every state (Hypothesis chooses what they did before): nothing is kept without a press."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from archive.consent import events_of
from archive.types import ASKED_USES, Act, Use
from faultkit import Fault, Outcome
from faultkit.evening import clock_at
from faultkit.rig import Rig
from kiosk.keys import legal
from kiosk.types import Meaning, State

SHY = frozenset({Meaning.KEEP, Meaning.YES})
"""What somebody who will walk away without keeping never presses."""


def machine(folder: Path, left: dict[str, int]) -> type[RuleBasedStateMachine]:
    """Make a machine that uses boxes in ``folder`` and counts in ``left`` where people walked away."""
    numbers = itertools.count()

    class Visitor(RuleBasedStateMachine):
        """Presses what is offered, waits, and in the end is gone."""

        def __init__(self) -> None:
            super().__init__()
            self.home = folder / f"walk{next(numbers)}"
            self.box = Rig(self.home, clock_at(0.0)).start()
            self.kept: set[str] = set()
            self.agreed: set[tuple[str, Use]] = set()

        @rule(pick=st.integers(0, 30))
        def press(self, pick: int) -> None:
            """Press one of the keys that mean something now."""
            offered = sorted(legal(self.box.session))
            if offered:
                self._press(offered[pick % len(offered)])

        @rule(words=st.sampled_from(("talk", "talk agree", "talk agree talk", "talk agree talk talk")))
        @precondition(lambda self: self.box.state is State.ATTRACT)
        def begin(self, words: str) -> None:
            """Go some way into a visit."""
            for word in words.split():
                self._press(Meaning(word))
                self.box.run(1.5)

        def _press(self, meaning: Meaning) -> None:
            session = self.box.session
            take = str(session.take)
            if meaning is Meaning.KEEP:
                self.kept.add(take)
            if meaning is Meaning.YES and session.state is State.SHARING and not session.asks:
                self.agreed.add((take, ASKED_USES[session.question]))
            self.box.press(meaning)
            self.box.until(lambda: not self.box.session.saving and self.box.state is not State.CLOSING)

        @rule(seconds=st.sampled_from((0.5, 3.0, 30.0)))
        def wait(self, seconds: float) -> None:
            """Do nothing for a while."""
            self.box.run(seconds, 0.25)

        def teardown(self) -> None:
            """Walk away: only time passes from here on."""
            box = self.box
            left[box.state.value] = left.get(box.state.value, 0) + 1
            try:
                box.until(self._home, 20_000.0, 1.0)
                stories = {str(story.id) for story in box.store.stories()}
                assert stories <= self.kept, "kept without a press"
                for take in stories:
                    for event in events_of(box.store.db.conn, take):  # type: ignore[arg-type]  # a take's id
                        if event.act is Act.DECIDE and event.yes and event.use in ASKED_USES:
                            assert (take, event.use) in self.agreed, "agreed by waiting"
            finally:
                box.close()
                shutil.rmtree(self.home, ignore_errors=True)
                shutil.rmtree(self.home.with_name(f"{self.home.name}-keys"), ignore_errors=True)

        def _home(self) -> bool:
            return self.box.state is State.ATTRACT

    return Visitor


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome(runs=count)
    left: dict[str, int] = {}
    how = settings(
        max_examples=count, stateful_step_count=10, deadline=None, database=None, derandomize=True,
        phases=(Phase.generate,), suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    try:
        run_state_machine_as_test(machine(folder, left), settings=how)
    except (AssertionError, TimeoutError) as error:
        outcome.failures.append(str(error)[:300])
    outcome.notes["left in"] = dict(sorted(left.items()))
    return outcome


FAULT = Fault("walkaway", sample=6, full=400, run=run, promise="nothing kept without a press")
