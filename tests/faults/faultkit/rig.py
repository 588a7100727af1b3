"""The real kiosk, session and store in one process, on a clock moved by hand, with the shipped fakes for devices."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Self

from archive.keycode import Cost
from archive.store import Store
from archive.types import ASKED_USES
from audio.clock import VirtualClock
from audio.player import SilentPlayer
from audio.sources import ScriptedSource
from hardware.controls import ScriptedControls
from hardware.lamps import RememberedLamps
from kiosk.app import Arrival
from kiosk.box import Drivers, make_app
from kiosk.setting import read_home
from kiosk.settingsfile import put_settings
from kiosk.signing import sign
from kiosk.texts import load
from kiosk.types import Meaning, State

CHEAP = Cost(8, 1, 1)
STEP_S = 0.05
PATIENCE_S = 120.0


def offer_two_languages(home: Path) -> None:
    """Let the box offer a second language, as one in use may: its key then opens a list."""
    folder = read_home(home).home
    sign(folder.texts, load("es"), "A reader of Spanish", date(2026, 3, 1))
    put_settings(folder.config, {"site.languages": ("en", "es")})


class Rig:
    """One box on a bench. Close it, or use it as a context; `cut` leaves it as a crash would."""

    def __init__(self, home: Path, clock: VirtualClock | None = None) -> None:
        self.setting = read_home(home)
        self.clock = clock or VirtualClock()
        self.arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self.source = ScriptedSource(self.clock, [])
        self.store = Store(self.setting.home, self.clock, CHEAP)
        self.controls = ScriptedControls(self.clock)
        self.player = SilentPlayer(self.clock, self.arrivals.put)
        self.read_aloud: list[str] = []
        self.alarms: list[str] = []
        self.shown: list[str] = []
        self.happened: list[tuple[float, str, dict[str, object]]] = []
        drivers = Drivers(
            self.source, self.player, self.controls, RememberedLamps(self.clock), None, self.source.begin_track
        )
        self.app = make_app(self.setting, self.store, self.clock, drivers, self.arrivals, observer=self._observe)
        # What is said is noted instead of waiting for a machine voice.
        self.app._parts.playing.read = self._read
        self.app._parts.playing.alarm = self._alarm

    def _read(self, visit: int, text: str, language: str) -> None:
        self.read_aloud.append(text)

    def _alarm(self, visit: int, text: str, language: str) -> None:
        self.alarms.append(text)
        self._read(visit, text, language)

    def _observe(self, at: float, what: str, details: dict[str, object]) -> None:
        self.happened.append((at, what, details))

    @property
    def session(self):
        return self.app.session

    @property
    def state(self) -> State:
        return self.app.session.state

    def start(self) -> Self:
        self.app.start()
        self.until(lambda: self.state is not State.STARTING)
        return self

    def turn(self, seconds: float = STEP_S) -> None:
        """Let ``seconds`` pass and everything happen that follows."""
        self.clock.advance(seconds)
        self.source.pump(self.clock.monotonic())
        self.app.telling.drain()
        self.app.round(0.002 if self.session.saving or self.state is State.CLOSING else 0.0)
        text = self.app.spoken()
        if not self.shown or self.shown[-1] != text:
            self.shown.append(text)

    def run(self, seconds: float, step: float = STEP_S) -> None:
        """Let time pass."""
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until:
            self.turn(step)

    def until(self, reached: Callable[[], bool], limit: float = 200.0, step: float = STEP_S) -> None:
        """Let time pass until something is so; raises `TimeoutError` after ``limit`` virtual or 120 real seconds."""
        end, real = self.clock.monotonic() + limit, time.monotonic() + PATIENCE_S
        while not reached():
            busy = self.session.saving or self.state is State.CLOSING
            self.turn(0.002 if busy else step)
            if self.clock.monotonic() > end or time.monotonic() > real:
                raise TimeoutError(f"still in {self.state}")

    def press(self, meaning: Meaning | str, wait: float = 0.6) -> None:
        """Press deliberately."""
        self.run(wait)
        self.app.press(Meaning(meaning))
        self.turn()

    def to_recording(self) -> None:
        """From attract to the first stored sample."""
        self.press("talk")
        self.press("agree")
        self.until(lambda: self.state is State.READY)
        self.run(1.0)
        self.press("talk")
        self.until(lambda: self.state is State.RECORDING)
        self.until(lambda: any(what == "FirstSample" for _, what, _ in self.happened))

    def tell(self, seconds: float = 3.0) -> None:
        """A whole story, up to the review."""
        self.to_recording()
        self.run(seconds)
        self.press("talk")
        self.until(lambda: self.state is State.REVIEW)

    def keep(self, *uses: str) -> str:
        """Press keep and answer every question; returns the code."""
        self.press("keep")
        self.until(lambda: self.state is State.SHARING)
        code = self.session.keep_code
        while self.state is State.SHARING:
            self.press("yes" if ASKED_USES[self.session.question].value in uses else "no")
        return code

    def cut(self) -> None:
        """Let everything go as a crash would: nothing is closed, nothing said."""
        with contextlib.suppress(Exception):  # whatever a broken disk raises here, this box is dead
            taking = self.app.telling._capture._taking
            if taking is not None:
                taking.writer._writer.leave()
                taking.writer._let_go()
                self.app.telling._capture._taking = None
        self.app.telling._capture._running = False
        self.store.db.conn.close()

    def close(self) -> None:
        """Stop as the box does when it is switched off."""
        with contextlib.suppress(Exception):  # a test has seen what it wanted to see
            self.app.stop()
        self.store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def rig(home: Path) -> Iterator[Rig]:
    """Start a box at ``home``."""
    box = Rig(home)
    try:
        yield box.start()
    finally:
        box.close()
