"""Measures visits on the real kiosk in real time: the first press to the first recorded second, a press to the next screen.

The microphone is the scripted one and the loudspeaker a silent one, which takes as long as a real one would. A visitor
who is not read to presses as soon as a press counts; one who is hears every screen to its end first.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

# Else the library greets first, and what reads --json stumbles.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

from audio.errors import NoModel
from audio.speech import on_this_machine
from kiosk.presses import parse
from kiosk.setting import Setting, read_home
from kiosk.settingsfile import put_settings
from kiosk.signing import sign
from kiosk.simulation import Simulation
from kiosk.texts import load, shipped_languages
from kiosk.theme import make_theme
from kiosk.window import Picture

RECORDED_S = 1.0
"""So much has to be recorded before it is a second."""
BEGINS_S = 20.0
"""A reading that has not begun within this does not come."""
SILENT_TURNS, SILENT_S = 25, 0.5
"""After so many turns of the box and seconds without a sound a screen has been read."""
TO_THE_FIRST_WORD = ("talk", "agree", "talk")
TO_THE_END = "@speech talk keep play_here done done"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=5, help="visits that are not read to")
    parser.add_argument("--lang", choices=shipped_languages(), help="read this language alone")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    given = parser.parse_args()
    try:
        spoken = min(on_this_machine(), key=lambda one: one.path.stat().st_size).path
    except NoModel as error:
        sys.stderr.write(f"{error.say} {error.do}\n")
        return 2
    figures: dict[str, object] = unread(spoken, given.visits)
    for language in [given.lang] if given.lang else shipped_languages():
        figures[f"read_aloud_{language}_s"] = round(read_to(spoken, language), 1)
    if given.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        sys.stdout.write("".join(f"{name}: {value}\n" for name, value in figures.items()))
    return 0


def unread(spoken: Path, visits: int) -> dict[str, object]:
    """Seconds from the first press to the first recorded second, and from each press to the next screen."""
    firsts = []
    with tempfile.TemporaryDirectory(prefix="hearth-visits-") as folder:
        setting = read_home(Path(folder, "home"))
        panel = setting.config.screen
        picture = Picture(make_theme(panel.theme), (panel.width, panel.height), width_mm=panel.width_mm)
        visit = Simulation(setting, [spoken] * visits, realtime=True, screen=picture)
        with visit:
            for _ in range(visits):
                begun = len(visit.report.events)
                visit.visit(parse(" ".join(TO_THE_FIRST_WORD) + " " + TO_THE_END))
                firsts.append(_first_second(visit, begun))
            visit.settle()
        visit.store.close()
    screens = sorted(visit.report.latencies.get("press_to_screen", []))
    return {
        "first_recorded_second_s": [round(one, 2) for one in firsts],
        "presses": len(screens),
        "press_to_screen_ms_median": round(1000 * statistics.median(screens), 1),
        "press_to_screen_ms_p95": round(1000 * screens[int(0.95 * (len(screens) - 1))], 1),
        "press_to_screen_ms_most": round(1000 * screens[-1], 1),
    }


def read_to(spoken: Path, language: str) -> float:
    """Seconds from the first press to the first recorded second, for who hears every screen on the way to its end."""
    with tempfile.TemporaryDirectory(prefix="hearth-visits-") as folder:
        visit = Simulation(_speaking(Path(folder, "home"), language), [spoken], realtime=True)
        with visit:
            # Reading is switched on before the visit begins: the question at rest is no part of it.
            visit.visit(parse("speak"))
            _hear_out(visit)
            begun = len(visit.report.events)
            for word in TO_THE_FIRST_WORD[:-1]:
                visit.visit(parse(word))
                _hear_out(visit)
            visit.visit(parse(f"{TO_THE_FIRST_WORD[-1]} {TO_THE_END}"))
            found = _first_second(visit, begun)
        visit.store.close()
    return found


def _speaking(home: Path, language: str) -> Setting:
    setting = read_home(home)
    texts = load(language)
    if texts.draft:
        sign(setting.home.texts, texts, "Nobody: this home lives for a minute", date(2026, 1, 1))
    put_settings(setting.home.config, {"site.language": language, "site.languages": (language,)})
    return read_home(home)


def _hear_out(visit: Simulation) -> None:
    """Let the box read to the end what it reads now, and what it reads once the microphone has opened."""
    began = spoke = time.monotonic()
    heard, turns = False, 0
    # Turns are short where much arrives, and long where the box makes the next line: both have to pass.
    while not heard or turns < SILENT_TURNS or time.monotonic() - spoke < SILENT_S:
        visit.turn(fast=False)
        turns += 1
        if visit.player.position() is not None:
            heard, turns, spoke = True, 0, time.monotonic()
        if not heard and time.monotonic() - began > BEGINS_S:
            sys.exit("The box reads nothing: is espeak-ng installed?")


def _first_second(visit: Simulation, begun: int) -> float:
    events = visit.report.events[begun:]
    pressed = next(one.at for one in events if one.what == "press")
    return next(one.at for one in events if one.what == "FirstSample") - pressed + RECORDED_S


if __name__ == "__main__":
    sys.exit(main())
