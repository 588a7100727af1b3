"""The guide for building a box says what the program can do, and its figures are those that were measured."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from audio.errors import NoModel
from audio.models import find
from hardware.controls import SETTLE_MS, STUCK_S
from hardware.findings import HOT_C
from hardware.pins import DEFAULT_PINS
from hardware.types import CUES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "hardware-guide.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("measure_microphones", ROOT / "scripts" / "measure_microphones.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_settings_file_shown_is_taken():
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 3
    from kiosk.builds import BUILDS
    from kiosk.config import parse

    # What --build writes is what the page shows.
    shown = {re.match(r"# (\w+)\n", block)[1]: tomllib.loads(block) for block in blocks}
    assert {
        build: {f"{part}.{name}": value for part, values in told.items() for name, value in values.items()}
        for build, told in shown.items()
    } == BUILDS
    panels = [parse(block).screen for block in blocks]
    assert [(panel.width, panel.height) for panel in panels[:2]] == [(800, 480), (1280, 800)]
    for panel in panels[:2]:
        assert f"{panel.width}x{panel.height}, lit width {panel.width_mm:.0f} mm" in PAGE


def test_numbers_are_the_programs():
    assert f"chatter of {SETTLE_MS} ms" in PAGE
    assert f"down for {STUCK_S:.0f} s" in PAGE
    assert f"At {HOT_C:.0f} °C" in PAGE
    wired = sum(control in CUES for control in DEFAULT_PINS.controls)
    assert wired == 4
    assert "four for cues" in PAGE


def test_the_table_of_microphones_names_those_that_are_measured(bench):
    rows = [line for line in PAGE.splitlines() if re.match(r"\| .*\d %", line)]
    assert len(rows) == len(bench.MICROPHONES)
    for row, microphone in zip(rows, bench.MICROPHONES, strict=True):
        assert microphone.name.split(",")[0].split()[-1] in row
        metres = f"{microphone.metres:g} m" if microphone.metres >= 1 else f"{100 * microphone.metres:.0f} cm"
        assert metres in row
        assert len(re.findall(r"\d+\.\d %", row)) == 2 * len(bench.ROOMS)
    for room in bench.ROOMS:
        assert f"{room.noise_db:.0f} dB(A)" in PAGE


def test_what_a_place_does_to_a_voice_is_physics(bench):
    rng = np.random.default_rng(1)
    voice = rng.normal(0, 1, 32_000).astype(np.float32)
    near, far = bench.MICROPHONES[0], bench.MICROPHONES[-1]
    quiet, busy = bench.ROOMS

    def alike(microphone, room):
        sound = bench.heard(voice, microphone, room, rng.normal(0, 1, 32_000), np.random.default_rng(2))
        return float(np.corrcoef(voice, sound)[0, 1])

    assert alike(near, quiet) > alike(far, quiet) > alike(far, busy)
    assert alike(near, busy) > 0.6
    around = next(one for one in bench.MICROPHONES if one.metres == 0.6 and not one.cardioid)
    sided = next(one for one in bench.MICROPHONES if one.metres == 0.6 and one.cardioid)
    assert alike(sided, busy) > alike(around, busy)


def test_the_measuring_itself_runs_in_small():
    try:
        find("tiny.en")
    except NoModel as error:
        pytest.skip(f"{error.say} {error.do}")
    command = [ROOT / "scripts" / "measure-microphones", "--quick", "--model", "tiny.en", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    rate = {(row["microphone"], row["room"]): row["wer"] for row in told["rows"]}
    assert rate["headset", "quiet"] < 0.3
    assert rate["headset", "busy"] < rate["on a shelf, all around", "busy"]
