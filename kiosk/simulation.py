"""Runs the real kiosk and the real transcriber for a simulated visitor, and reports what came of it.

Sound comes from files: through PortAudio on a virtual sound server, or through the shipped scripted microphone, in
real time or as fast as the pipeline takes it. In the fast mode time is virtual and runs ahead only while the visitor
is the one who waits; whatever a machine does (closing, keeping, transcribing) takes its own real time.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from archive.errors import ArchiveError
from archive.jobs import failed_jobs
from archive.spans import spans_of
from archive.store import Store
from archive.transcripts import complete, transcript
from archive.types import ASKED_USES, Reader, Story
from audio.clock import Clock, SystemClock, VirtualClock
from audio.drivers import make_player
from audio.player import Player, SilentPlayer
from audio.sources import ScriptedSource, Source
from audio.types import TakeId
from hardware.controls import ScriptedControls
from hardware.lamps import RememberedLamps
from kiosk import types as t
from kiosk.app import LIVELY, Arrival
from kiosk.box import Drivers, make_app
from kiosk.errors import KioskError
from kiosk.presses import Step
from kiosk.setting import Setting, only_kiosk
from kiosk.telling import Telling
from kiosk.transcriberproc import TranscriberProcess
from kiosk.virtualvisit import RoomMouth, VirtualRoom
from kiosk.visitor import Visitor
from kiosk.window import Screen

FAST_STEP_S = 0.1
"""How much virtual time passes in one turn of the fast mode."""
REAL_STEP_S = 0.02
RENEW_SHOT_S = 2.0
TRANSCRIPT_PATIENCE_S = 600.0
STUCK_S = 120.0
"""A machine step that takes longer than this in real time is a failure of the run."""
REPAIR_S = 10.0
"""How long (real time) a box may be out of service: what mends itself has done so by then."""


class Unfinished(KioskError):
    """The visitor is done but the machines are not, and will not be."""

    code = "unfinished"


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the report: when (seconds since the start, on the visit's clock), what, details."""

    at: float
    what: str
    details: dict[str, object]

    def to_json(self) -> dict[str, object]:
        """As programs read it."""
        return {"at": round(self.at, 3), "event": self.what} | {k: v for k, v in self.details.items() if v is not None}


@dataclass(slots=True)
class Report:
    """What came of a run. ``codes`` are the plain keep-codes by story: they exist here and nowhere on disk."""

    events: list[Happened] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    group_codes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """All keep-codes of a story, one a person."""
    latencies: dict[str, list[float]] = field(default_factory=dict)
    overflows: int = 0

    def add_latency(self, step: str, seconds: float) -> None:
        """Note how long a step took."""
        self.latencies.setdefault(step, []).append(round(seconds, 4))


class Mouth(Protocol):
    """What a simulated visitor speaks with."""

    @property
    def source(self) -> Source:
        """The microphone it speaks into."""
        ...

    def begin_track(self, at: float) -> float:
        """Begin the next file for a take that starts at ``at``; return when the take is to begin."""
        ...

    def heard(self) -> bool:
        """Whether the current file has been heard to its end."""
        ...


class ScriptedMouth:
    """Speaks into the shipped scripted microphone."""

    def __init__(self, clock: Clock, files: Sequence[Path]) -> None:
        """Queue ``files``, one a take. Raises `BadSound`."""
        self.scripted = ScriptedSource(clock, files)

    @property
    def source(self) -> Source:
        """The scripted microphone."""
        return self.scripted

    def begin_track(self, at: float) -> float:
        """Let the next file begin with the take's first sample."""
        return self.scripted.begin_track(at)

    def heard(self) -> bool:
        """Whether all of the file was delivered."""
        return self.scripted.heard


class Simulation:
    """One box, one or more scripted visits."""

    def __init__(
        self,
        setting: Setting,
        mics: Sequence[Path],
        *,
        realtime: bool = False,
        room: VirtualRoom | None = None,
        screen: Screen | None = None,
        shots: Path | None = None,
    ) -> None:
        """``room`` is a running virtual sound server (then time is real); ``shots`` gets a picture of every screen."""
        self._setting = setting
        self._fast = not realtime and room is None
        self._clock: VirtualClock | SystemClock = VirtualClock() if self._fast else SystemClock()
        if isinstance(self._clock, VirtualClock):
            self._clock.set_wall(SystemClock().wall())
        self._arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self._mouth: Mouth = ScriptedMouth(self._clock, mics) if room is None else room.mouth(self._clock, mics)
        self.store = Store(setting.home, self._clock)
        self.controls = ScriptedControls(self._clock)
        self.lamps = RememberedLamps(self._clock)
        self.player: Player = (
            SilentPlayer(self._clock, self._arrivals.put)
            if room is None
            else make_player("speaker", self._clock, self._arrivals.put, device=room.speaker)
        )
        drivers = Drivers(
            self._mouth.source, self.player, self.controls, self.lamps, screen, self._mouth.begin_track
        )  # fmt: skip
        self.app = make_app(setting, self.store, self._clock, drivers, self._arrivals, observer=self._observe)
        self.report = Report()
        self._screen = screen
        self._shots = shots
        self._shot_number = 0
        self._shot: Path | None = None
        self._shot_at = 0.0
        self._started = self._clock.monotonic()
        self._real = time.monotonic()
        self._running = ExitStack()
        self._marks: dict[str, float] = {}
        self._pressed_at = 0.0
        self._kept_at: dict[str, float] = {}
        self._transcriber = TranscriberProcess(
            setting.home.path, setting.home.keys, setting.home.log / "transcriber.log"
        )

    # -- running ------------------------------------------------------------------------------------------------

    def run(self, steps: tuple[Step, ...]) -> Report:
        """Let the visitor work through ``steps``; return when every kept story has all its words.

        Raises `PressNotLegal` when a word is not possible, `Unfinished` when a machine gives up.
        """
        with self:
            self.visit(steps)
            self.settle()
        return self.report

    def __enter__(self) -> Self:
        """Start transcriber and kiosk. Raises `Occupied` when another kiosk is at work on this home."""
        with ExitStack() as starting:
            starting.enter_context(only_kiosk(self._setting.home))
            self._transcriber.start()
            starting.callback(self._transcriber.stop)
            self.app.start()
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop both; an open take stays open, as it would when the box is switched off."""
        self._snap("end")
        self.app.stop()
        self.player.close()
        self._running.close()
        self.report.overflows = self.telling.overflows

    def visit(self, steps: tuple[Step, ...]) -> None:
        """Work through ``steps`` on a started app."""
        visitor = Visitor(steps, self._press, self._mouth, self._last_code)
        busy_since: float | None = None
        broken_since: float | None = None
        while not visitor.finished:
            session = self.app.session
            busy = visitor.machine_busy(session)
            busy_since = (busy_since or time.monotonic()) if busy else None
            broken = session.state is t.State.OUT_OF_SERVICE
            broken_since = (broken_since or time.monotonic()) if broken else None
            if broken_since is not None and time.monotonic() - broken_since > REPAIR_S:
                raise Unfinished(session.say, session.do)
            if busy_since is not None and time.monotonic() - busy_since > STUCK_S:
                raise Unfinished(f"The box has been in '{session.state.value}' for two minutes.", "See its log.")
            self.turn(fast=self._fast and not busy)
            visitor.look(self.app.session, self._clock.monotonic())
        for _ in range(3):
            self.turn(fast=False)

    def _last_code(self) -> str:
        """The keep-code of the story kept last, as its teller wrote it down."""
        return next(reversed(self.report.codes.values()), "")

    def turn(self, *, fast: bool) -> None:
        """One turn of the app and of the simulated room."""
        if isinstance(self._clock, VirtualClock):
            now = time.monotonic()
            real, self._real = now - self._real, now
            self._clock.advance(FAST_STEP_S if fast else min(real, 0.25))
        source = self._mouth.source
        if isinstance(source, ScriptedSource):
            source.pump(self._clock.monotonic())
            if self._fast:
                self.telling.drain()
        self.app.round(0.0 if fast else REAL_STEP_S)
        self._look_for_words()
        self._renew_snap()

    def _look_for_words(self) -> None:
        """Notice when the words of a story that has ended are complete."""
        for take in [mark for mark in self._marks if not mark.startswith("press:")]:
            if complete(self.store, TakeId(take)):
                self.report.add_latency("press_to_last_word", time.monotonic() - self._marks.pop(take))

    def settle(self) -> None:
        """Go on until the words of every kept story are complete."""
        until = time.monotonic() + TRANSCRIPT_PATIENCE_S
        while True:
            # A story taken back meanwhile has no words any more, and nobody waits for them.
            kept = {story.id for story in self.store.stories()}
            waiting = [take for take in self._kept_at if take in kept and not complete(self.store, TakeId(take))]
            if not waiting and not self._busy():
                return
            failed = [job for job in failed_jobs(self.store.db.conn) if job.take in waiting]
            if failed or not self._transcriber.keep_alive() or time.monotonic() > until:
                why = failed[0].why if failed else "the transcriber does not stay alive"
                raise Unfinished(f"A story could not be turned into words: {why}.", "See log/transcriber.log.")
            self.turn(fast=False)

    def _busy(self) -> bool:
        session = self.app.session
        return session.saving or session.state is t.State.CLOSING

    @property
    def telling(self) -> Telling:
        """The takes of the running app."""
        return self.app.telling

    # -- watching -----------------------------------------------------------------------------------------------

    def _press(self, meaning: t.Meaning) -> None:
        now = self._clock.monotonic()
        self._observe(now, "press", {"means": meaning.value})
        self._marks[f"press:{meaning.value}"] = self._marks["press:any"] = time.monotonic()
        self._pressed_at = now
        self.app.press(meaning)

    def _observe(self, at: float, what: str, details: dict[str, object]) -> None:
        if what == "screen":
            self._snap(str(details["state"]))
        if what == "state" and details["to"] == t.State.READY and isinstance(self._mouth, RoomMouth):
            self._mouth.greet()
        named = {name: value for name, value in details.items() if value is not None}
        self.report.events.append(Happened(at - self._started, what, named))
        self._measure(what, named, time.monotonic(), at)

    def _measure(self, what: str, details: dict[str, object], now: float, at: float) -> None:
        match what:
            case "screen":
                self._since("press:any", "press_to_screen", now)
            case "FirstSample":
                # Both on the visit's own clock: when the sample was captured, not when it was told of.
                self.report.add_latency("press_to_record", max(0.0, at - self._pressed_at))
            case "TakeClosed":
                self._since("press:talk", "press_to_closed", now, keep=True)
                self._marks[str(details["take"])] = self._marks.get("press:talk", now)
            case "Kept":
                self._since("press:keep", "press_to_kept", now)
                take = str(details["take"])
                self._kept_at[take] = now
                self.report.codes[take] = self.app.session.keep_code
                self.report.group_codes[take] = self.app.session.keep_codes
            case "PlaybackStarted":
                if isinstance(self._clock, SystemClock):
                    # News of it waits behind a picture that is being drawn; the sound did not.
                    now = float(str(details["handed"]))
                for word in ("listen", "hear", "next", *(f"cue{n}" for n in range(1, 9))):
                    self._since(f"press:{word}", "press_to_sound", now)
            case "PlaybackEnded":
                self._since("press:stop", "press_to_silence", now)
            case _:
                pass

    def _since(self, mark: str, step: str, now: float, *, keep: bool = False) -> None:
        begun = self._marks.get(mark) if keep else self._marks.pop(mark, None)
        if begun is not None:
            self.report.add_latency(step, now - begun)

    def _snap(self, name: str) -> None:
        if self._screen is None or self._shots is None:
            return
        self._shot_number += 1
        self._shot = self._shots / f"{self._shot_number:02d}-{name}.png"
        self._shot_at = self._clock.monotonic()
        self._screen.save(self._shot)

    def _renew_snap(self) -> None:
        """Take the picture of a screen that lives again and again: the last one shows its captions grown."""
        now = self._clock.monotonic()
        lively = self.app.session.state in LIVELY or self.app.session.playing is not None
        if self._screen is not None and self._shot is not None and lively and now - self._shot_at >= RENEW_SHOT_S:
            self._shot_at = now
            self._screen.save(self._shot)


def story_json(store: Store, story: Story, code: str, codes: tuple[str, ...] = ()) -> dict[str, object]:
    """One kept story as `hearth simulate` reports it, opened with its teller's code in memory.

    ``codes`` are those of a group, one a person, ``code`` among them.
    """
    standing = store.standing(story.id)
    try:
        visit = store.enter_code(code)
        heard = transcript(store, story.id, Reader.TELLER, store.now(), visit=visit)
    except ArchiveError:
        heard = []
    words: list[dict[str, object]] = [
        {
            "text": word.text.strip(),
            "start": round(word.start / 1000, 3),
            "end": round(word.end / 1000, 3),
            "probability": round(word.probability, 4),
            "unclear": word.unclear,
        }
        for word in heard
    ]
    text = " ".join(str(word["text"]) for word in words)
    return {
        "id": story.id,
        "seconds": round(story.length / 1000, 3),
        "sha256": story.sha256,
        "prompt": story.prompt,
        "language": story.language,
        "transcript": text,
        "words": words,
        "kind": story.kind.value,
        "spans": [span.to_json() for span in spans_of(store, story.id)],
        "consent": {use.value: use in standing.uses for use in ASKED_USES},
        "keep_code": code,
        "keep_codes": list(codes or (code,)),
    }
