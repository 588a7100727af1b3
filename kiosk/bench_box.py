"""What the box costs as it runs: start, idle, recording with captions, memory; and how soon it answers a press.

The real programs are started as they start on the appliance, on a virtual sound server and, where there is a display,
in a window. They are looked at from outside, through /proc; presses come the way a phone's do.
"""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from archive.store import Store
from audio.bench_sound import p95, sound_server
from audio.clock import SystemClock
from audio.ear import RATE, Ear, Recording
from audio.microphone import reset_portaudio
from audio.pcm import to_floats
from audio.priority import hurry
from audio.speech import Spoken, on_this_machine
from audio.tracks import Track
from audio.types import AudioFormat
from audio.virtualsound import MICROPHONE, SPEAKER, VirtualSound
from kiosk.bench_frames import frame_figures
from kiosk.presses import parse
from kiosk.screens.model import View
from kiosk.setting import NotReady, Setting, read_home
from kiosk.simulation import Simulation, Unfinished, story_json
from kiosk.theme import Theme, make_theme
from kiosk.virtualvisit import VirtualRoom
from kiosk.window import Picture

Progress = Callable[[str], None]
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_START_S: Final = 30.0
_SETTLE_S: Final = 12.0
"""So long what a box does once after its start goes on: screens are drawn ahead."""
_KIOSK, _TRANSCRIBER = "in ", "waiting for stories"


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mb(pid: int) -> float:
    """Resident memory of a process, MB (shared pages counted in full)."""
    return _status_mb(pid, "VmRSS")


def most_rss_mb(pid: int) -> float:
    """The most resident memory a process has had so far, MB."""
    return _status_mb(pid, "VmHWM")


def _status_mb(pid: int, field: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    line = next(line for line in status.splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


class _Ready:
    """Stands where systemd does: hears each program say that it is ready, and when."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._said: dict[str, float] = {}

    def wait(self, words: str) -> float:
        """Return the monotonic moment at which a READY with these words came. Raises `NotReady` when none does."""
        self._socket.settimeout(_START_S)
        while words not in self._said:
            try:
                said = self._socket.recv(4096).decode()
            except TimeoutError as error:
                say = f"The box's programs were not ready within {_START_S:g} seconds."
                raise NotReady(say, "Measure again when less else is at work on this machine.") from error
            if "READY=1" in said:
                for known in (_KIOSK, _TRANSCRIBER):
                    if known in said:
                        self._said.setdefault(known, time.monotonic())
        return self._said[words]

    def close(self) -> None:
        self._socket.close()


@dataclass(slots=True)
class Running:
    """Kiosk and transcriber at work."""

    kiosk: int
    transcriber: int
    start_s: float
    model_ready_s: float

    def cpu(self) -> tuple[float, float]:
        """CPU seconds so far of each."""
        return cpu_s(self.kiosk), cpu_s(self.transcriber)

    def rss(self) -> tuple[float, float]:
        """Resident MB of each."""
        return rss_mb(self.kiosk), rss_mb(self.transcriber)


@contextlib.contextmanager
def running(sound: VirtualSound, setting: Setting, folder: Path) -> Iterator[Running]:
    """Start both programs on ``setting``'s home and wait until both are ready."""
    config = setting.home.config.read_text(encoding="utf-8")
    named = config.replace('microphone = "default"', f'microphone = "{MICROPHONE}"')
    setting.home.config.write_text(named.replace('speaker = "default"', f'speaker = "{SPEAKER}"'), encoding="utf-8")
    ready = _Ready(folder)
    environment = {**os.environ, **sound.env, "NOTIFY_SOCKET": ready.address, "HEARTH_KEYS": str(setting.home.keys)}
    head = ["--headless"] if not os.environ.get("DISPLAY") else []
    home = ["--home", str(setting.home.path)]
    began = time.monotonic()
    programs = []
    with (folder / "said").open("ab") as said:
        try:
            for words in (["run", *home, *head], ["transcriber", *home]):
                command = [sys.executable, "-P", "-m", "kiosk", *words]
                programs.append(subprocess.Popen(command, env=environment, stdout=said, stderr=said))
                ready.wait(_KIOSK if words[0] == "run" else _TRANSCRIBER)
                if words[0] == "run":
                    started = time.monotonic() - began
                    second = time.monotonic()
            kiosk, transcriber = (program.pid for program in programs)
            yield Running(kiosk, transcriber, started, time.monotonic() - second)
        finally:
            ready.close()
            for program in programs:
                program.terminate()
            for program in programs:
                _end(program)


def _end(program: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a program that was asked to end; one that does not is ended."""
    try:
        program.wait(_START_S)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def _share(run: Running, seconds: float) -> tuple[float, float]:
    """Per cent of one core that each program uses over the next ``seconds``."""
    before, began = run.cpu(), time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - began
    after = run.cpu()
    return (after[0] - before[0]) / passed * 100, (after[1] - before[1]) / passed * 100


def cost_figures(seconds: float, progress: Progress) -> dict[str, float]:
    """Start the box, leave it alone, tell it a story; look at CPU and memory."""
    spoken = _long_speech()
    with sound_server() as sound, tempfile.TemporaryDirectory(prefix="hearth-box-") as name:
        folder = Path(name)
        setting = read_home(folder / "home")
        with running(sound, setting, folder) as run, Store(setting.home, SystemClock()) as store:

            def press(meaning: str, then_s: float) -> None:
                store.add_command("press", meaning)
                time.sleep(then_s)

            time.sleep(_SETTLE_S)
            progress(f"watching the idle box for {seconds:g} s")
            idle = _share(run, seconds)
            idle_rss = run.rss()
            progress(f"watching it record with captions for {seconds:g} s")
            press("talk", 1.5)
            press("agree", 2.0)
            feeding = sound.feed(spoken.path)
            time.sleep(2.0)
            press("talk", 4.0)
            recording = _share(run, seconds)
            rss = run.rss()
            feeding.stop()
            press("talk", 1.0)
            taken = store.db.conn.execute("SELECT COUNT(*) FROM takes").fetchone()[0]
    return {
        "start_s": round(run.start_s, 2),
        "model_ready_s": round(run.model_ready_s, 2),
        "idle_cpu_percent": round(sum(idle), 2),
        "idle_kiosk_cpu_percent": round(idle[0], 2),
        "recording_cpu_percent": round(recording[0], 2),
        "recording_transcriber_cpu_percent": round(recording[1], 2),
        "rss_mb": round(sum(rss), 1),
        "rss_kiosk_mb": round(rss[0], 1),
        "rss_kiosk_idle_mb": round(idle_rss[0], 1),
        "box_takes": taken,
    }


def _long_speech() -> Spoken:
    found = list(on_this_machine())
    return max(found, key=lambda one: one.path.stat().st_size)


class _Watching(Picture):
    """A screen that remembers when each number of words stood on it."""

    def __init__(self, theme: Theme, size: tuple[int, int], *, width_mm: float | None = None) -> None:
        super().__init__(theme, size, width_mm=width_mm)
        self.shown: list[tuple[float, int]] = []

    def show(self, view: View, now: float) -> None:
        """Draw, then note how much a visitor can read from now on."""
        super().show(view, now)
        self.shown.append((time.monotonic(), len(view.captions)))


def caption_figures(rounds: int, progress: Progress) -> dict[str, float]:
    """Tell a story, then listen to it: press to sound in the program, and when each word was seen and heard."""
    progress("telling a story and listening to it")
    spoken = _long_speech()
    errors: list[float] = []
    with tempfile.TemporaryDirectory(prefix="hearth-box-") as name, VirtualRoom(Path(name, "sound")) as room:
        # The server of the measurement before this one is gone, and with it every device PortAudio knew.
        reset_portaudio()
        setting = read_home(Path(name, "home"))
        told = Simulation(setting, [spoken.path])
        with told:
            told.visit(parse("talk agree @3 talk @speech talk keep play_here done"))
            told.settle()
            kept = told.store.stories()
            if not kept:
                raise Unfinished("The story told for the measuring was not kept.", "Measure again.")
            story = kept[0]
            known = story_json(told.store, story, told.report.codes[story.id])
        told.store.close()
        # From here on as urgent as the box makes itself when it runs.
        hurry(real_time=False)
        starts = [float(word["start"]) for word in known["words"]]  # type: ignore[attr-defined]  # a list of words
        panel = setting.config.screen
        screen = _Watching(make_theme(panel.theme), (panel.width, panel.height), width_mm=panel.width_mm)
        listening = Simulation(setting, [spoken.path], room=room, screen=screen)
        with listening, Ear(room.sound) as ear:
            for _ in range(rounds):
                screen.shown.clear()
                pressed = time.monotonic()
                listening.visit(parse("listen @9 stop @1"))
                began = _began(ear.heard(), spoken.path, pressed)
                errors += [shown - began - starts[number] for number, shown in _first_shown(screen.shown)]
        inside = [1000 * one for one in listening.report.latencies.get("press_to_sound", [])]
        listening.store.close()
    return {
        "press_to_sound_program_ms_p95": round(p95(inside), 1),
        "caption_error_ms": round(1000 * p95([abs(one) for one in errors]), 1),
        "caption_late_ms_median": round(1000 * statistics.median(errors), 1) if errors else float("nan"),
        "caption_words": len(errors),
    }


def _first_shown(shown: list[tuple[float, int]]) -> list[tuple[int, float]]:
    """When each word (by number) first stood on the screen."""
    first: list[tuple[int, float]] = []
    for moment, count in shown:
        first += [(number, moment) for number in range(len(first), count)]
    return first


def _began(recording: Recording, path: Path, pressed: float) -> float:
    """When the first sample of ``path`` was heard: found by its shape, for a story may begin in silence."""
    part = recording.between(pressed, pressed + 9)
    form = AudioFormat(RATE)
    track = Track(path, form)
    told = to_floats(track.read(RATE * 6), form)
    track.close()
    size = 1 << (len(told) + len(part.samples)).bit_length()
    match = np.fft.irfft(np.fft.rfft(part.samples, size) * np.conj(np.fft.rfft(told, size)), size)
    return part.at + int(match[: len(part.samples)].argmax()) / RATE


def figures(*, quick: bool, progress: Progress = lambda _: None) -> Iterator[dict[str, float]]:
    """Measure everything here; what is found is given out measurement by measurement, so that a late failure costs
    none of it.

    Raises `NoSoundServer`, `NoMicrophone` or `NoModel` where something is missing, `NotReady` or `Unfinished` where
    the box did not come to its work.
    """
    yield frame_figures(_long_speech(), 2 if quick else 5, progress)
    yield cost_figures(10.0 if quick else 30.0, progress)
    yield caption_figures(3 if quick else 8, progress)
