"""The normal run in several runs of pytest is told of as one, and no test is left between them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def runner():
    spec = importlib.util.spec_from_file_location("run_groups", TESTS / "run_groups.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def found(selected, deselected, *, skipped=(), failed=(), **counts):
    return {
        "seconds": {"audio": 60.0}, "skipped": list(skipped), "failed": list(failed), "counts": counts,
        "selected": selected, "deselected": deselected,
    }  # fmt: skip


def test_what_could_not_run_and_what_failed_stands_at_the_end(runner, capsys) -> None:
    beside = [
        found(5, 0, passed=4, skipped=[("tests/a.py::x", "needs root")]),
        found(7, 2, passed=6, failed=["tests/b.py::y"]),
    ]
    assert runner.told_as_one([*beside, found(2, 8, passed=2)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1] == "   3.0 min  audio"
    assert said[2:] == [
        "== what this machine could not run",
        "tests/a.py::x: needs root",
        "FAILED tests/b.py::y",
        "== 12 passed",
    ]


def test_a_test_that_no_run_takes_is_a_failure(runner, capsys) -> None:
    assert runner.told_as_one([found(5, 1, passed=5), found(7, 2, passed=7), found(2, 8, passed=2)]) == 1
    assert "1 tests have the mark 'alone' and were run by nobody" in capsys.readouterr().out


def test_the_folders_of_the_first_run_are_there(runner) -> None:
    assert all(list((TESTS / folder).rglob("test_*.py")) for folder in runner.FIRST)
