"""The microphone is unplugged, hangs, or another one answers in its place.

Once through the whole box with the shipped scripted microphone, and through PortAudio on a virtual sound server, where
a stream whose device is gone is moved to another device without a word.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from faultkit import Fault, Outcome

NOTICED_S, BACK_S = 2.0, 5.0
KINDS = ("unplugged", "hung", "swapped", "killed")
WORKER = "import sys; from faultkit.microphone import real; real(*sys.argv[1:])"
TONE_HZ, RATE = 1000, 48_000


def run(count: int, folder: Path) -> Outcome:
    from audio.virtualsound import missing_programs

    outcome = Outcome()
    for number in range(count):
        _in_the_box(folder / f"box{number}", ("unplugged", "hung")[number % 2], 1.0 + 0.37 * number, outcome)
    missing = missing_programs()
    if missing:
        outcome.notes["not run on PortAudio"] = f"{', '.join(missing)} missing"
        return outcome
    for number in range(max(1, count // 2)):
        # A swap is an unplugging after which another device answers: in the sample once is enough.
        for kind in KINDS if count > 2 else ("swapped", "hung"):
            _through_portaudio(kind, outcome)
        outcome.notes["rounds on PortAudio"] = number + 1
    return outcome


def _in_the_box(home: Path, kind: str, seconds: float, outcome: Outcome) -> None:
    """The whole box on a clock moved by hand."""
    from faultkit.evening import clock_at
    from faultkit.rig import Rig
    from kiosk.types import Mic, State

    with Rig(home, clock_at(0.0)) as box:
        box.to_recording()
        box.run(seconds)
        shown = len(box.shown)
        (box.source.die if kind == "unplugged" else box.source.stall)()
        at = box.clock.monotonic()
        box.until(lambda: box.session.mic is Mic.LOST, 10.0)
        outcome.note_most("noticed in the box", box.clock.monotonic() - at)
        outcome.check(box.clock.monotonic() - at <= NOTICED_S, f"{kind}: noticed too late")
        box.run(1.0)
        outcome.check(any("gone quiet" in text for text in box.shown[shown:]), f"{kind}: not shown")
        outcome.check(any("gone quiet" in text for text in box.alarms), f"{kind}: no chime and no word of it")
        before = box.app.telling.blocks
        box.source.come_back()
        at = box.clock.monotonic()
        box.until(lambda: box.session.mic is Mic.OPEN, 20.0)
        outcome.note_most("back in the box", box.clock.monotonic() - at)
        outcome.check(box.clock.monotonic() - at <= BACK_S, f"{kind}: back too late")
        box.run(2.0)
        outcome.check(box.app.telling.blocks > before + 50, f"{kind}: no sound after its return")
        box.press("talk")
        box.until(lambda: box.state is State.REVIEW)
        outcome.lost(max(0.0, seconds + 2.0 - box.session.seconds), what=f"{kind}: what was told before and after")
        outcome.runs += 1


def _through_portaudio(kind: str, outcome: Outcome) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    with tempfile.TemporaryDirectory(prefix="hearth-mic-") as folder:
        done = subprocess.run(
            [sys.executable, "-c", WORKER, folder, kind],
            capture_output=True, text=True, env=environment, timeout=120, check=False,
        )  # fmt: skip
    answer = next((line for line in done.stdout.splitlines() if line.startswith("{")), None)
    outcome.runs += 1
    if answer is None:
        outcome.failures.append(f"{kind}: {done.stderr[-300:]}")
        return
    said = json.loads(answer)
    outcome.note_most("noticed on PortAudio", said["noticed"])
    outcome.note_most("back on PortAudio", said["back"])
    outcome.check(said["noticed"] <= NOTICED_S, f"{kind}: noticed after {said['noticed']:.2f} s")
    outcome.check(said["back"] <= BACK_S, f"{kind}: back after {said['back']:.2f} s")
    outcome.check(said["after"] > 0.5, f"{kind}: nothing was recorded after its return")
    outcome.note_most("seconds from the wrong device", said["wrong"])
    outcome.check(said["wrong"] == 0.0, f"{kind}: {said['wrong']:.2f} s were recorded from the wrong device")


def real(folder: str, kind: str) -> None:
    """One take through PortAudio with one fault; for a process of its own, as PortAudio reads its surroundings once."""
    from audio.virtualsound import VirtualSound

    with VirtualSound(Path(folder)) as room:
        os.environ.update(room.env)
        print(json.dumps(_take(room, Path(folder), kind)), flush=True)  # noqa: T201 - the parent reads it
    os._exit(0)


def _take(room: Any, folder: Path, kind: str) -> dict[str, float]:
    from audio.capture import Capture
    from audio.clock import SystemClock
    from audio.drivers import make_vad
    from audio.events import CaptureEvent, LevelHeard, StreamBack, StreamLost, TakeClosed, TakeFailed
    from audio.microphone import Microphone
    from audio.takewriter import TakeReader, TakeWriter
    from audio.types import TakeId
    from audio.virtualsound import MICROPHONE

    happened: list[tuple[float, CaptureEvent]] = []
    clock = SystemClock()

    def wait(kind: type, since: float, limit: float = 15.0) -> float:
        until = time.monotonic() + limit
        while time.monotonic() < until:
            for at, event in happened:
                if isinstance(event, kind) and at >= since:
                    return at
            time.sleep(0.01)
        return until + 100.0

    _play_elsewhere(room, folder)
    source = Microphone(MICROPHONE, clock)
    capture = Capture(source, make_vad("webrtc"), clock, lambda event: happened.append((time.monotonic(), event)))
    capture.open()
    wait(LevelHeard, 0.0)
    path = folder / "t.take"
    capture.begin(TakeWriter(path, TakeId("01K"), source.format, bytes(32)), clock.monotonic())
    time.sleep(1.5)
    broken = time.monotonic()
    break_it, mend_it = _faults(room, kind)
    break_it()
    lost = wait(StreamLost, broken)
    time.sleep(0.5)
    mend_it()
    mended = time.monotonic()
    back = wait(StreamBack, mended - 0.5)
    time.sleep(1.5)
    capture.finish(clock.monotonic())
    wait(TakeClosed, broken, 5.0)
    failed = [event for _, event in happened if isinstance(event, TakeFailed)]
    assert not failed, failed
    capture.close()
    with TakeReader(path, bytes(32)) as reader:
        samples = np.frombuffer(reader.read(), "<i2").astype(float) / 32768
        seconds = reader.length / 1000
    return {"noticed": lost - broken, "back": back - mended, "after": seconds - 1.5, "wrong": _seconds_of_tone(samples)}


def _play_elsewhere(room: Any, folder: Path) -> None:
    """Another device that sounds quite different, and to which the server moves what has lost its own."""
    tone = 0.5 * np.sin(2 * np.pi * TONE_HZ * np.arange(RATE * 30) / RATE)
    soundfile.write(folder / "tone.wav", tone, RATE, subtype="PCM_16")
    room._helper(["paplay", "--latency-msec=20", "--device=speaker", str(folder / "tone.wav")])
    room.control("set-default-source", "speaker.monitor")


def _faults(room: Any, kind: str) -> tuple[Callable[[], object], Callable[[], object]]:
    match kind:
        case "hung":
            return room.suspend, room.resume
        case "killed":
            return room.kill, room.start
        case _:
            return room.unplug, room.plug


def _seconds_of_tone(samples: np.ndarray) -> float:
    """How much of what was stored is the other device's tone, in steps of 50 ms."""
    step = RATE // 20
    pieces = samples[: len(samples) // step * step].reshape(-1, step)
    wave = np.exp(-2j * np.pi * TONE_HZ * np.arange(step) / RATE)
    loud = np.abs(pieces @ wave) / step > 0.05
    return float(np.count_nonzero(loud)) / 20


FAULT = Fault(
    "microphone",
    sample=2,
    full=20,
    run=run,
    promise="noticed within 2 s, said, re-armed within 5 s of its return, never records from the wrong device",
)
