"""A small sample of every fault; `scripts/faults --all` runs the full count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from faultkit import NAMES, Outcome, load

ROOT = Path(__file__).parents[2]
SMALLER = {"microphone": 1, "diskfull": 6, "eio": 2, "sigkill": 5, "walkaway": 4, "hogged": 8, "deposits": 4}
"""Fewer than the sample where even that takes long."""
IN_REAL_TIME = {"microphone", "hogged", "hung", "badline", "mashing"}
"""They keep the wall clock; a machine that is busy with other things gets a second try."""
ALONE = IN_REAL_TIME - {"badline"}
"""The line that is slow by itself waits more than it works."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.alone] * (name in ALONE)) for name in NAMES])
def test_what_must_hold_under_a_fault_holds(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    fault = load(name)
    for folder in ("once", "again"):
        (tmp_path / folder).mkdir()
    outcome = Outcome()
    try:
        outcome = fault.run(SMALLER.get(name, fault.sample), tmp_path / "once")
    except TimeoutError as late:
        outcome.check(False, str(late))
    if outcome.failures and name in IN_REAL_TIME:
        outcome = fault.run(SMALLER.get(name, fault.sample), tmp_path / "again")
    if outcome.skipped:
        pytest.skip(outcome.skipped)
    assert outcome.failures == []
    assert outcome.runs > 0
    assert outcome.worst_loss_s <= 1.0


def test_every_fault_is_in_the_list_and_says_what_it_promises() -> None:
    modules = {path.stem for path in (ROOT / "tests/faults/faultkit").glob("*.py")}
    planting = {
        name
        for name in modules
        if "FAULT = Fault(" in (ROOT / f"tests/faults/faultkit/{name}.py").read_text(encoding="utf-8")
    }
    assert planting == set(NAMES)
    for name in NAMES:
        fault = load(name)
        assert fault.name == name
        assert fault.promise
        assert fault.sample < fault.full


def test_a_loss_and_a_broken_promise_are_failures() -> None:
    outcome = Outcome()
    outcome.lost(0.4)
    assert outcome.failures == []
    outcome.lost(1.2, what="a test")
    assert not outcome.check(False, "it did not hold")
    assert outcome.failures == ["a test: 1.20 s were lost", "it did not hold"]
    assert outcome.worst_loss_s == 1.2


def test_the_script_prints_one_object() -> None:
    run = subprocess.run(
        [ROOT / "scripts/faults", "guessing", "--runs", "200", "--json"], capture_output=True, text=True, check=False
    )
    if run.returncode == 2:
        pytest.skip(run.stderr)
    said = json.loads(run.stdout)
    assert said["passed"]
    (told,) = said["faults"]
    assert {"name", "runs", "worst_loss_s", "failures"} <= set(told)
    assert run.returncode == 0
    unknown = subprocess.run(
        [sys.executable, "-m", "faultkit", "none"],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests/faults")},
    )
    assert unknown.returncode == 2
