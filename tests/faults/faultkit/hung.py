"""The kiosk hangs (SIGSTOP) while a story is told: the watchdog ends it, it starts again and has the story.

The service manager here is a small one of our own that keeps systemd's rules (`NOTIFY_SOCKET`, `WATCHDOG_USEC`,
`RestartSec`) with the unit's own numbers scaled down; the unit's numbers are then held against what was measured.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from archive.store import Store
from audio.clock import SystemClock
from audio.errors import DamagedTake
from audio.takewriter import read_head
from faultkit import Fault, Outcome
from kiosk.setting import read_home

UNIT = Path(__file__).parents[3] / "systemd" / "hearth-kiosk.service"
WITHIN_S = 30.0
WATCHDOG_S, RESTART_S = 2.0, 0.2
BOX = """
import sys, threading
from pathlib import Path
from audio.sources import WavSource
from kiosk.setting import read_home
from kiosk.running import run_box
home = read_home(Path(sys.argv[1]))
run_box(home, window=False, with_transcriber=False, stand_in=lambda clock: WavSource([], clock))
"""


class Manager:
    """Starts the kiosk and ends it when it no longer says that it lives, as systemd does."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._address = str(home.parent / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._address)
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = os.environ | {"NOTIFY_SOCKET": self._address, "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}
        environment.pop("WATCHDOG_PID", None)
        log = (self._home.parent / "log").open("ab")
        with log:
            return subprocess.Popen(
                [sys.executable, "-c", BOX, str(self._home)], env=environment, stderr=log, stdout=log
            )

    def heard(self, within: float) -> str | None:
        """The next word from the kiosk."""
        ready, _, _ = select.select([self._socket], [], [], within)
        return self._socket.recv(4096).decode() if ready else None

    def until_ready(self, limit: float = 60.0) -> str:
        """Wait for READY=1; returns all of what came with it."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            said = self.heard(1.0)
            if said is not None and "READY=1" in said:
                return said
        raise TimeoutError("the kiosk does not get ready")

    def watch(self, limit: float) -> bool:
        """Keep the watchdog for ``limit`` seconds; True when it ran out: then the kiosk was ended and started again."""
        end, alive = time.monotonic() + limit, time.monotonic()
        while time.monotonic() < end:
            said = self.heard(0.1)
            if said is not None and "WATCHDOG=1" in said:
                alive = time.monotonic()
            if time.monotonic() - alive > WATCHDOG_S:
                self.process.kill()
                self.process.wait()
                time.sleep(RESTART_S)
                self.process = self._start()
                return True
        return False

    def stop(self) -> None:
        """End everything."""
        self.process.kill()
        self.process.wait()
        self._socket.close()


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome()
    unit = UNIT.read_text(encoding="utf-8")
    watchdog, restart = (float(_number(unit, name)) for name in ("WatchdogSec", "RestartSec"))
    for number in range(count):
        home = folder / f"hung{number}" / "home"
        home.parent.mkdir()
        start_s = _one(home, outcome, 1.0 + 0.3 * number)
        outcome.note_most("start_s", start_s)
        outcome.note_most("restarted within", watchdog + restart + start_s)
        outcome.check(
            watchdog + restart + start_s <= WITHIN_S,
            f"with the unit's numbers it takes {watchdog + restart + start_s} s",
        )
        outcome.runs += 1
    return outcome


def _number(unit: str, name: str) -> str:
    found = re.search(rf"^{name}=(\d+(?:\.\d+)?)$", unit, re.MULTILINE)
    assert found is not None, name
    return found.group(1)


def _one(home: Path, outcome: Outcome, seconds: float) -> float:
    setting = read_home(home)
    manager = Manager(home)
    try:
        manager.until_ready()
        with Store(setting.home, SystemClock()) as store:
            take = _tell(store, setting.home.takes, manager)
            began = time.monotonic()
            outcome.check(not manager.watch(seconds + WATCHDOG_S * 1.5), "a well kiosk was ended")
            manager.process.send_signal(signal.SIGSTOP)
            told = time.monotonic() - began
            stopped = time.monotonic()
            if not outcome.check(manager.watch(WATCHDOG_S * 4), "nobody noticed that it hung"):
                return 0.0
            outcome.note_most("noticed_s", time.monotonic() - stopped)
            started = time.monotonic()
            said = manager.until_ready()
            start_s = time.monotonic() - started
            outcome.check("recovered" in said, f"after the restart: {said!r}")
            found = {one.take: one.length / 1000 for one in store.unfinished()}
            # What the microphone gave in the last moments had not been told to the kiosk either.
            outcome.lost(max(0.0, told - found.get(take, 0.0)), what="hung")
            return start_s
    finally:
        manager.stop()


def _tell(store: Store, takes: Path, manager: Manager) -> str:
    """Press through the table of commands, as a phone would, until sound is stored."""
    end = time.monotonic() + 60.0
    presses = iter(("talk", "agree", "talk"))
    while (take := _begun(takes)) is None:
        press = next(presses, "")
        if press:
            store.add_command("press", press)
        until = time.monotonic() + 1.5
        while time.monotonic() < until and _begun(takes) is None:
            manager.heard(0.05)
        if time.monotonic() > end:
            raise TimeoutError("no story was begun")
    return take


def _begun(takes: Path) -> str | None:
    """The take whose file has its head."""
    for path in takes.glob("*.take"):
        with contextlib.suppress(DamagedTake):
            return read_head(path).take
    return None


FAULT = Fault("hung", sample=1, full=20, run=run, promise="restarted by the watchdog within 30 s, with the story")
