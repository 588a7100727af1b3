"""Both cores are busy and the transcriber is killed for memory: no block of sound is lost, the words come later.

The whole program hears speech through PortAudio on the virtual sound server, in real time. ``runs`` are seconds told.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile

from audio.errors import NoModel
from audio.models import find
from audio.virtualsound import missing_programs
from faultkit import Fault, Outcome
from faultkit.evening import SMALL
from kiosk.transcriberproc import MOST_STARTS

QUIET_AFTER_S = 12.0
HOG = "while True: pass"
TEXT = "When I was a child we lived beside the river, and every winter my father mended the old boat in the kitchen. "


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome()
    outcome.skipped = _why_not()
    if outcome.skipped:
        return outcome
    speech = _speech(folder / "speech.wav", count)
    home = folder / "home"
    home.mkdir()
    (home / "config.toml").write_text(SMALL.replace("story = 60.0", "story = 1200.0"))
    hogs = [subprocess.Popen([sys.executable, "-c", HOG]) for _ in range(os.cpu_count() or 2)]
    try:
        report = _simulate(home, speech, count, outcome, hogs)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    outcome.runs = count
    stories = report.get("stories") or []
    if not outcome.check(len(stories) == 1, f"no story was kept: {report.get('error')}"):
        return outcome
    outcome.notes["blocks lost"] = report["overflows"]
    outcome.check(report["overflows"] == 0, f"{report['overflows']} blocks were lost")
    outcome.lost(max(0.0, count - stories[0]["seconds"]), what="hogged")
    outcome.notes["words"] = len(stories[0]["words"])
    outcome.check(len(stories[0]["words"]) > count, "the words did not come later")
    return outcome


def _why_not() -> str:
    missing = missing_programs()
    if missing:
        return f"{', '.join(missing)} missing"
    if shutil.which("espeak-ng") is None:
        return "espeak-ng is not installed"
    try:
        find("tiny.en")
    except NoModel:
        return "there is no speech model here"
    return ""


def _speech(path: Path, seconds: int) -> Path:
    """Machine-made speech of so many seconds."""
    piece = path.with_name("piece.wav")
    subprocess.run(["espeak-ng", "-w", str(piece), TEXT], check=True)
    samples, rate = soundfile.read(piece, dtype="int16")
    whole = np.tile(samples, 1 + seconds * rate // len(samples))[: seconds * rate]
    soundfile.write(path, whole, rate, subtype="PCM_16")
    return path


def _simulate(home: Path, speech: Path, seconds: int, outcome: Outcome, hogs: list[subprocess.Popen[bytes]]) -> dict:
    program = Path(sys.executable).parent / "hearth"
    command = [program, "simulate", "--home", home, "--mic", speech, "--virtual-audio", "--json", "--presses",
               "talk agree talk @speech talk keep done"]  # fmt: skip
    answer = home.with_name("report.json")
    # Ten minutes of words are more than a pipe takes while nobody reads it: the box would wait for ever to have told them.
    with answer.open("w") as report:
        child = subprocess.Popen([str(word) for word in command], stdout=report, stderr=subprocess.DEVNULL)
    started, kills = time.monotonic(), 0
    # All through the telling, and less often than the one who starts it again gives up.
    wanted = max(1, min(MOST_STARTS - 1, seconds // 60))
    while child.poll() is None and time.monotonic() - started < seconds * 3 + 300:
        time.sleep(min(5.0, max(2.0, seconds / 6)))
        if time.monotonic() - started > seconds + QUIET_AFTER_S:
            # The story is told. How fast words come on a busy box is another question.
            for hog in hogs:
                hog.kill()
        if kills < wanted and time.monotonic() - started > kills * seconds / wanted:
            kills += _kill_transcriber(child.pid)
    outcome.notes["transcriber killed"] = kills
    outcome.check(kills > 0, "no transcriber was found to kill")
    if child.poll() is None:
        child.kill()
    child.wait()
    told = answer.read_text()
    return json.loads(told) if told.strip() else {"error": "it said nothing"}


def _kill_transcriber(parent: int) -> int:
    """Kill the transcriber among the children of ``parent``; how many were."""
    killed = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            of = int(stat.read_text().rsplit(")", 1)[1].split()[1])
            line = (stat.parent / "cmdline").read_bytes()
        except (OSError, IndexError, ValueError):
            continue
        if of == parent and b"transcriber" in line:
            os.kill(int(stat.parent.name), signal.SIGKILL)
            killed += 1
    return killed


FAULT = Fault("hogged", sample=10, full=600, run=run, promise="0 blocks lost in 10 min, transcript made later")
