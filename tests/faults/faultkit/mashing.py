"""Somebody leans on a real keyboard: keys and chords go through an X server into the real program's real window.

The program is `hearth run` on a home of its own, its microphone a virtual one. It is watched from outside alone: what
it tells its service manager (in which state it is, that it lives), which windows there are, and by strace which files
it opens for writing and which programs it starts.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import string
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from archive.consent import verify_chain
from archive.home import open_home
from archive.store import Store
from audio.clock import SystemClock
from audio.virtualsound import MICROPHONE, SPEAKER, NoSoundServer, VirtualSound
from faultkit import Fault, Outcome
from kiosk.settingsfile import put_settings
from kiosk.types import State

SEED = 2026
BATCH = 50
"""Keys that one call of xdotool presses."""
STARTS_S, ANSWERS_S, ENDS_S = 90.0, 30.0, 30.0
_NEEDED = ("Xvfb", "xdotool", "strace")
_SPEAKS = "espeak-ng"
"""The one program a box starts by itself: it reads screens aloud."""
_WRITES = re.compile(r"openat\(AT_FDCWD, \"([^\"]+)\", [A-Z_|]*O_(?:WRONLY|RDWR|CREAT)[A-Z_|]*(?:, 0?\d+)?\) = \d")
_MADE = re.compile(r"(?:mkdir|unlink|rmdir|creat|truncate)(?:at)?\((?:AT_FDCWD, )?\"([^\"]+)\".* = 0")
_MOVED = re.compile(r"rename(?:at2?)?\(.*\"([^\"]+)\"(?:, [A-Z_0]+)?\) = 0")
_WHEN = re.compile(r"\d+ +(\d+\.\d+) ")
_RAN = re.compile(r"execve\(\"([^\"]+)\".* = 0")

KEYS = (
    *string.ascii_lowercase, *string.digits, *(f"F{number}" for number in range(1, 13)), "Escape", "Tab", "Return",
    "space", "BackSpace", "Delete", "Insert", "Home", "End", "Prior", "Next", "Left", "Right", "Up", "Down", "Print",
    "Sys_Req", "Pause", "Break", "Menu", "Super_L", "Scroll_Lock", "Num_Lock", "KP_Enter", "KP_1", "minus", "slash",
    "period", "comma", "semicolon", "apostrophe", "XF86AudioMute", "XF86PowerOff", "XF86Sleep", "XF86Explorer",
)  # fmt: skip
HELD = ("ctrl", "alt", "shift", "super")
WAYS_OUT = (
    *(f"ctrl+alt+F{number}" for number in range(1, 13)), "alt+F4", "alt+F2", "alt+Tab", "ctrl+alt+Delete",
    "ctrl+alt+BackSpace", "ctrl+c", "ctrl+d", "ctrl+z", "ctrl+q", "ctrl+w", "ctrl+alt+t", "super+l", "super+d", "Escape",
    "ctrl+Escape", "ctrl+shift+Escape", "Print", "alt+Print", "alt+Sys_Req+b", "alt+Print+i", "ctrl+alt+Print",
)  # fmt: skip
"""What leads out of other programs: consoles, closing, the task list, a shell, the kernel's own keys."""


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome(runs=count)
    if missing := [name for name in _NEEDED if shutil.which(name) is None]:
        outcome.skipped = f"not installed: {', '.join(missing)}"
        return outcome
    try:
        with VirtualSound(folder / "sound") as sound, _display(folder) as display:
            _mash(count, folder, sound.env | {"DISPLAY": display, "SDL_VIDEODRIVER": "x11"}, outcome)
    except NoSoundServer as error:
        outcome.skipped = f"{error.say} {error.do}"
    return outcome


def _mash(count: int, folder: Path, env: dict[str, str], outcome: Outcome) -> None:
    box = Watched(folder, env)
    try:
        box.wait_for(lambda: box.state == State.ATTRACT.value, STARTS_S)
        windows = box.windows()
        box.pressed_at = time.time()
        chance = random.Random(SEED)
        for begun in range(0, count, BATCH):
            keys = [_chord(chance) for _ in range(min(BATCH, count - begun))]
            if begun == 0:
                keys[: len(WAYS_OUT)] = WAYS_OUT[: len(keys)]
            box.press(*keys)
            box.listen()
            if not outcome.check(box.alive, f"the program ended after {begun + BATCH} keys: {box.last_words()}"):
                return
        outcome.check(box.windows() == windows, "another window is there")
        seen = len(box.states)
        for _ in range(60):
            # It still answers: whatever is on the screen, the three keys lead somewhere else.
            box.press(chance.choice(("Left", "Down", "Right")))
            with contextlib.suppress(TimeoutError):
                box.wait_for(lambda: len(box.states) > seen, 1.0)
                break
        outcome.check(len(box.states) > seen, f"it does not answer any more: it stays in {box.state}")
        beats = box.beats
        with contextlib.suppress(TimeoutError):
            box.wait_for(lambda: box.beats > beats, ANSWERS_S)
        outcome.check(box.beats > beats, "the loop has stopped turning")
    finally:
        code = box.end()
    outcome.check(code == 0, f"it did not end as it does when it is told to: {code}")
    _judge(box, outcome)
    outcome.notes["states"] = len(set(box.states))


def _judge(box: Watched, outcome: Outcome) -> None:
    known = {state.value for state in State}
    outcome.check(set(box.states) <= known, f"states nobody knows: {set(box.states) - known}")
    wrote, ran = box.traces()
    # What measures the lines of a program under test writes beside it, as its own sign.
    outside = sorted({path for path in wrote if not box.own(path) and not Path(path).name.startswith(".coverage.")})
    outcome.check(not outside, f"files outside its own folders: {outside[:5]}")
    strange = sorted({program for program in ran if Path(program).name != _SPEAKS})
    outcome.check(not strange, f"programs were started: {strange[:5]}")
    outcome.check(bool(wrote), "nothing was watched at all")
    with Store(open_home(box.home), SystemClock()) as store:
        outcome.check(verify_chain(store.db.conn) == [], "the record of consents is broken")


def _chord(chance: random.Random) -> str:
    if chance.random() < 0.1:
        return chance.choice(WAYS_OUT)
    held = chance.sample(HELD, chance.choice((0, 0, 0, 1, 1, 2, 3)))
    return "+".join([*held, *chance.sample(KEYS, chance.choice((1, 1, 1, 2)))])


class Watched:
    """The running program, seen from outside."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.home = folder / "home"
        self._folder, self._log = folder, folder / "trace"
        self.states: list[str] = []
        self.beats = 0
        self.pressed_at = 0.0
        """When the first key was pressed, by the wall clock as strace writes it."""
        put_settings(
            open_home(self.home).config,
            {"sound.microphone": MICROPHONE, "sound.speaker": SPEAKER, "screen.fullscreen": True},
        )
        for name in ("user", "tmp", "cache"):
            (folder / name).mkdir()
        self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._heard.bind(str(folder / "notify"))
        self._env = os.environ | env | {
            "HOME": str(folder / "user"), "TMPDIR": str(folder / "tmp"), "HEARTH_CACHE": str(folder / "cache"),
            "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "4000000", "PYTHONDONTWRITEBYTECODE": "1",
            "XDG_CACHE_HOME": str(folder / "cache"), "HEARTH_DOOR": str(folder / "no-door"),
        }  # fmt: skip
        self._env.pop("HEARTH_KEYS", None)
        program = Path(sys.executable).with_name("hearth")
        calls = "trace=openat,creat,mkdir,mkdirat,unlink,unlinkat,rmdir,rename,renameat,renameat2,truncate,execve"
        with (folder / "said").open("wb") as said:
            self._process = subprocess.Popen(
                ["strace", "-f", "--seccomp-bpf", "-qq", "-ttt", "-s", "4096", "-e", calls, "-e", "signal=none", "-o",
                 str(self._log), program, "run", "--home", str(self.home)],
                env=self._env, cwd=folder / "tmp", stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
            )  # fmt: skip

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def state(self) -> str:
        return self.states[-1] if self.states else ""

    def press(self, *keys: str) -> None:
        self._do("key", "--delay", "3", *keys)

    def windows(self) -> list[str]:
        """Every window that can be seen, with its size."""
        found = self._do("search", "--onlyvisible", "--class", ".").split()
        return [self._do("getwindowgeometry", one) for one in sorted(found)]

    def _do(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words], env=self._env, capture_output=True, text=True, check=False, timeout=120
        )
        return done.stdout

    def listen(self, wait: float = 0.0) -> None:
        """Take in what the program told its service manager."""
        self._heard.settimeout(wait or 0.001)
        with contextlib.suppress(TimeoutError, BlockingIOError):
            while True:
                for line in self._heard.recv(4096).decode().splitlines():
                    self.beats += line == "WATCHDOG=1"
                    if line.startswith("STATUS=in "):
                        self.states.append(line.removeprefix("STATUS=in "))

    def wait_for(self, true, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not true():
            if time.monotonic() > until or not self.alive:
                raise TimeoutError(f"it stays in '{self.state}': {self.last_words()}")
            self.listen(0.1)

    def last_words(self) -> str:
        return (self._folder / "said").read_text(errors="replace")[-600:]

    def end(self) -> int:
        """Tell it to stop, as systemd does; kill what does not."""
        children = (
            Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text() if self.alive else ""
        )
        for pid in children.split():
            os.kill(int(pid), signal.SIGTERM)
        try:
            return self._process.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            return self._process.wait()
        finally:
            self._heard.close()

    def own(self, path: str) -> bool:
        """Whether a path is the box's own: its home and keys, its cache, what a program's run leaves, and devices."""
        whole = Path(path) if path.startswith("/") else self._folder / "tmp" / path
        ours = [
            self.home,
            self.home.with_name("home-keys"),
            *(self._folder / name for name in ("tmp", "cache", "user")),
        ]
        return str(whole).startswith(("/dev/", "/proc/self/")) or any(whole.is_relative_to(one) for one in ours)

    def traces(self) -> tuple[list[str], list[str]]:
        """Paths that were written, made or removed at any time, and programs started since the first key."""
        wrote: list[str] = []
        ran: list[str] = []
        for line in self._log.read_text(errors="replace").splitlines():
            wrote += (path for pattern in (_WRITES, _MADE, _MOVED) for path in pattern.findall(line))
            at = _WHEN.match(line)
            # Before it invites anybody, its own libraries look for each other.
            if at is not None and float(at[1]) >= self.pressed_at:
                ran += _RAN.findall(line)
        return wrote, ran


@contextlib.contextmanager
def _display(folder: Path) -> Iterator[str]:
    """An X server in memory that nobody else reaches; gives its name."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x480x24", "-nolisten", "tcp"]
    with (folder / "x").open("wb") as said:
        server = subprocess.Popen(command, pass_fds=[write], stdout=said, stderr=said)
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            yield f":{answer.readline().strip()}"
    finally:
        server.terminate()
        server.wait(10)


FAULT = Fault(
    "mashing", 100, 10_000, run,
    "keys and chords at the real window reach the visit's table, and nothing else: no console, no program, no file",
)  # fmt: skip
