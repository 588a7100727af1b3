"""What every test shares: minutes by group, and the list of what this machine could not run."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

# What is tested is what is installed: programs the tests start must not take modules from the folder they stand in.
os.environ["PYTHONSAFEPATH"] = "1"
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

_TESTS = Path(__file__).parent
_seconds: Counter[str] = Counter()
_skipped: list[tuple[str, str]] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    group = report.nodeid.split("/")[1] if "/" in report.nodeid else "other"
    _seconds[group] += report.duration
    if report.skipped and isinstance(report.longrepr, tuple):
        _skipped.append((report.nodeid, report.longrepr[2].removeprefix("Skipped: ")))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("minutes by group")
    for group, seconds in _seconds.most_common():
        terminalreporter.write_line(f"{seconds / 60:6.1f} min  {group}")
    terminalreporter.section("what this machine could not run")
    for node, reason in _skipped:
        terminalreporter.write_line(f"{node}: {reason}")
    if not _skipped:
        terminalreporter.write_line("nothing: every test ran")
