"""Shows the box at work from end to end, on real sound, and says honestly what happened.

With a screen a person is the visitor. Without one a simulated visitor walks every step; each step is timed and
checked, and only if all of them happened is the demonstration a success.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bagit

from archive import desk
from archive.errors import ArchiveError
from archive.store import Store
from archive.sync import sync
from audio.clock import SystemClock
from audio.errors import AudioError, NoModel
from audio.microphone import find_device
from audio.speech import Spoken, on_this_machine, synthetic, word_error_rate
from audio.types import Ms, TakeId
from audio.virtualsound import MICROPHONE
from kiosk.errors import KioskError
from kiosk.presses import parse
from kiosk.setting import Setting, read_home
from kiosk.simulation import Simulation, story_json
from kiosk.theme import make_theme
from kiosk.virtualvisit import VirtualRoom
from kiosk.window import Picture

Say = Callable[[str], None]

_TALES = (
    (
        "When I was a child we had no heating but the kitchen stove. In the evening everybody came to sit beside it. "
        "My grandmother told stories about the river, and about the winter when the ice carried the bridge away. "
        "We heard them many times, and we never wanted to go to bed before the end. "
        "When the power came to our street she still lit the lamp, because a story, she said, wants a small light. "
        "The stove went when the house was sold, and nobody has told me where it is today."
    ),
    "The library was a single room above the bakery. The books always smelled of fresh bread.",
)


class DemoFailed(KioskError):
    """A step did not happen."""

    code = "demo-failed"


@dataclass(slots=True)
class Done:
    """One step: what, how long it took (seconds), whether it happened, and what there is to see."""

    what: str
    seconds: float = 0.0
    happened: bool = False
    seen: str = ""


@dataclass(slots=True)
class Summary:
    """What a person wants to read at the end."""

    steps: list[Done] = field(default_factory=list)
    stand_ins: list[str] = field(default_factory=list)
    reference: str = ""
    transcript: str = ""
    word_error_rate: float | None = None
    latencies: dict[str, list[float]] = field(default_factory=dict)
    overflows: int = 0
    places: dict[str, str] = field(default_factory=dict)

    @property
    def happened(self) -> bool:
        """Whether every step did."""
        return all(step.happened for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """As programs read it."""
        return {
            "happened": self.happened,
            "steps": [
                {"step": s.what, "seconds": round(s.seconds, 2), "happened": s.happened, "seen": s.seen}
                for s in self.steps
            ],
            "stand_ins": self.stand_ins,
            "reference": self.reference,
            "transcript": self.transcript,
            "word_error_rate": self.word_error_rate,
            "latencies": self.latencies,
            "overflows": self.overflows,
            "places": self.places,
        }


class Demo:
    """A walk through the whole box."""

    def __init__(self, out: Path, say: Say, *, fast: bool = False) -> None:
        """Put everything into ``out`` (a new folder), and tell ``say`` what is going on.

        ``fast`` leaves the virtual room out: speech goes straight in, and time runs ahead while a visitor speaks.
        """
        self.out = out
        self.fast = fast
        self.summary = Summary()
        self._say = say
        self.shots = out / "screens"
        self.archive = out / "archive"

    def walk(self) -> Summary:
        """Walk every step. A step that fails is in the summary; those that need it are not tried."""
        self.shots.mkdir(parents=True)
        spoken = self._speech()
        setting = read_home(self.out / "box")
        panel = setting.config.screen
        picture = Picture(make_theme(panel.theme), (panel.width, panel.height), width_mm=panel.width_mm)
        if picture.notice:
            self.summary.stand_ins.append(picture.notice)
        with ExitStack() as stack:
            room = self._room(stack)
            mics = [spoken[0].path, spoken[1].path]
            simulation = Simulation(
                setting, mics, realtime=room is None and not self.fast, room=room, screen=picture, shots=self.shots
            )
            try:
                self._steps(setting, simulation, spoken)
            except (KioskError, ArchiveError, AudioError) as error:
                self._say(f"Stopped: {error.say} {error.do}")
        self.summary.latencies = simulation.report.latencies
        self.summary.overflows = simulation.report.overflows
        self.summary.places |= {"screens": str(self.shots), "everything": str(self.out)}
        (self.out / "summary.json").write_text(
            json.dumps(self.summary.to_json(), indent=2, ensure_ascii=False), "utf-8"
        )
        return self.summary

    def _room(self, stack: ExitStack) -> VirtualRoom | None:
        """A room on the virtual sound server, through the real PortAudio; None where the shipped source stands in."""
        if self.fast:
            self._stands_in("Recorded speech goes straight into the box, faster than it was spoken.")
            return None
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hearth-room-"))
            room = stack.enter_context(VirtualRoom(Path(folder)))
            find_device(MICROPHONE)
        except AudioError as error:
            self._stands_in(
                f"Recorded speech goes straight into the box, and nothing is played aloud: {error.say} {error.do}"
            )
            return None
        return room

    def _stands_in(self, sentence: str) -> None:
        self.summary.stand_ins.append(sentence)
        self._say(sentence)

    def _speech(self) -> list[Spoken]:
        """Two pieces of real speech, a long one first; a machine's voice where there is none."""
        try:
            found = list(on_this_machine())
        except NoModel as error:
            self._stands_in(f"A machine's voice tells the stories: {error.say} {error.do}")
            return [synthetic(words, self.out / f"voice-{number}.wav") for number, words in enumerate(_TALES, 1)]
        found.sort(key=lambda one: (one.path.name != "two_cities.wav", one.path.name != "beckett.wav", one.path.name))
        return [found[0], found[min(1, len(found) - 1)]]

    @contextmanager
    def _step(self, what: str) -> Iterator[Done]:
        done = Done(what)
        self.summary.steps.append(done)
        started = time.monotonic()
        try:
            yield done
            done.happened = True
        finally:
            done.seconds = time.monotonic() - started
            mark = "done" if done.happened else "FAILED"
            self._say(f"{mark:6} {done.seconds:6.1f} s  {what}{': ' + done.seen if done.seen else ''}")

    def _steps(self, setting: Setting, simulation: Simulation, spoken: list[Spoken]) -> None:
        with simulation:
            first = self._tell(simulation, spoken[0], "talk agree", "keep play_here archive done")
            self._compare(simulation, first, spoken[0])
            second = self._tell_again(simulation)
            self._listen(simulation)
            self._cue(simulation, first)
        codes = simulation.report.codes
        self._hand_on(setting, first, second)
        self._take_back(setting, codes[second], second, first)
        simulation.store.close()

    def _tell(self, simulation: Simulation, spoken: Spoken, begin: str, share: str) -> str:
        visit = simulation.visit
        with self._step("the box shows a question; a visitor presses Tell and agrees") as done:
            visit(parse(begin))
            done.seen = simulation.app.session.prompt
        with self._step("mic check: the box hears that somebody is there") as done:
            visit(parse("@3"))
            hint = simulation.app.session.hint
            done.seen = "" if hint is None else hint.value.replace("_", " ")
        with self._step(f"a story is told ({spoken.path.name}) while its captions grow") as done:
            visit(parse("talk @speech"))
            growing = [e for e in simulation.report.events if e.what == "words"]
            self._must(bool(growing), "no caption came while the story was told")
            done.seen = f"captions grew {len(growing)} times"
        with self._step("the visitor ends it; the box closes and checks the take") as done:
            visit(parse("talk hear"))
            done.seen = f"{simulation.app.session.seconds:.1f} s"
        with self._step("the visitor hears it back"):
            visit(parse("@5 stop"))
        with self._step("keeps it, and says who may hear it") as done:
            visit(parse(share))
            take, code = next(iter(simulation.report.codes.items()))
            done.seen = f"keep-code {code}"
        return take

    def _compare(self, simulation: Simulation, take: str, spoken: Spoken) -> None:
        with self._step("every word of it is written down") as done:
            simulation.settle()
            store = simulation.store
            story = next(one for one in store.stories() if one.id == take)
            told = story_json(store, story, simulation.report.codes[take])
            self.summary.transcript = str(told["transcript"])
            self.summary.reference = spoken.text
            self.summary.word_error_rate = round(word_error_rate([(spoken.text, self.summary.transcript)]), 4)
            done.seen = f"word error rate {self.summary.word_error_rate:.1%}"
            self.summary.places["story"] = str(store.home.story_folder(story.id))

    def _tell_again(self, simulation: Simulation) -> str:
        with self._step("a second visitor tells a short one, for the archive too") as done:
            simulation.visit(parse("talk agree @1 talk @speech talk keep play_here archive done"))
            simulation.settle()
            take, code = list(simulation.report.codes.items())[-1]
            done.seen = f"keep-code {code}"
            return take

    def _listen(self, simulation: Simulation) -> None:
        with self._step("someone presses Listen and hears an earlier voice") as done:
            simulation.visit(parse("listen @6 next @3 stop"))
            played = [e for e in simulation.report.events if e.what == "PlaybackStarted"]
            self._must(len(played) > 1, "no earlier voice was heard")
            done.seen = f"press to sound {simulation.report.latencies['press_to_sound'][-1] * 1000:.0f} ms"

    def _cue(self, simulation: Simulation, take: str) -> None:
        with self._step("a facilitator plays an excerpt with a cue button") as done:
            desk.set_cue(simulation.store, 1, take, Ms(5000), Ms(12000), title="The age of wisdom")
            simulation.app.refresh()
            simulation.visit(parse("facilitate cue1 @4 cue1 back"))
            done.seen = "The age of wisdom"

    def _hand_on(self, setting: Setting, first: str, second: str) -> None:
        with (
            self._step("the nightly sync hands both stories on to a folder archive") as done,
            open_store(setting) as store,
        ):
            report = sync(store, str(self.archive))
            self._must({bag.story for bag in report.bags} == {first, second}, "a bag is missing")
            self._must(all(bag.receipt for bag in report.bags), "a receipt is missing")
            bag = self.archive / "bags" / first
            bagit.Bag(str(bag)).validate()
            self.summary.places["bag"] = str(bag)
            done.seen = f"{len(report.bags)} bags, checked and signed for"

    def _take_back(self, setting: Setting, code: str, take: str, stays: str) -> None:
        with self._step("a teller takes the story back with its keep-code") as done, open_store(setting) as store:
            desk.withdraw(store, code)
            sync(store, str(self.archive))
            left = [path for path in self.archive.rglob("*") if take in str(path)]
            self._must([path.parent.name for path in left] == ["tombstones"], "something of it is left in the archive")
            self._must((self.archive / "bags" / stays).is_dir(), "the other story is gone as well")
            self._must(not setting.home.story_folder(TakeId(take)).exists(), "something of it is left in the box")
            done.seen = "only its tombstone is left"

    def _must(self, holds: bool, why: str) -> None:
        if not holds:
            raise DemoFailed(f"The demonstration failed: {why}.", f"Look into {self.out}.")


@contextmanager
def open_store(setting: Setting) -> Iterator[Store]:
    """The box's store once more, as another process would open it."""
    with Store(setting.home, SystemClock()) as store:
        yield store
