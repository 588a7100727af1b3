"""Run the checks of the normal run: lint, types, tests with coverage. Used by scripts/test.

Two cores finish sooner when two runs of pytest share the folders. What keeps the wall clock or needs every core (the
mark ``alone``) runs after them, with nothing beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
COVERAGE_AT_LEAST = 90
FIRST = ("archive", "portal", "project", "systemd")
"""The folders of the first run; the second has all others, and takes about as long."""


def timed(name: str, command: list[str]) -> int:
    print(f"== {name}: {' '.join(command)}", flush=True)
    started = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, check=False, env=os.environ | {"PYTHONUNBUFFERED": "1"}).returncode
    tell(name, code, started)
    return code


def tell(name: str, code: int, started: float) -> None:
    how = "passed" if code == 0 else "FAILED"
    print(f"== {name}: {how} in {(time.monotonic() - started) / 60:.1f} min", flush=True)


class Stream(threading.Thread):
    """One run of pytest: its lines are shown as they come, and all it says at its end in one piece."""

    def __init__(self, name: str, folder: Path, *words: str) -> None:
        super().__init__(name=name)
        self._findings = folder / f"{name}.json"
        self._command = [str(BIN / "pytest"), f"--findings={self._findings}", "--cov", "--cov-report=", *words]
        self._env = os.environ | {"PYTHONUNBUFFERED": "1", "COVERAGE_FILE": str(ROOT / f".coverage.{name}")}
        self.code = 1

    def run(self) -> None:
        print(f"== tests, {self.name}: {' '.join(self._command)}", flush=True)
        started = time.monotonic()
        child = subprocess.Popen(
            self._command, cwd=ROOT, env=self._env, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert child.stdout is not None
        end: list[str] = []
        for line in child.stdout:
            if end or (line.startswith("====") and "test session starts" not in line):
                end.append(line)
            else:
                print(line, end="", flush=True)
        self.code = child.wait()
        print("".join(end), end="", flush=True)
        tell(f"tests, {self.name}", self.code, started)

    def found(self) -> dict[str, Any]:
        """What `tests/conftest.py` wrote down of it."""
        if not self._findings.exists():
            return {"seconds": {}, "skipped": [], "failed": [], "counts": {}, "selected": 0, "deselected": 0}
        return json.loads(self._findings.read_text(encoding="utf-8"))


def every_test() -> int:
    """Run all tests, and tell of them as of one run."""
    started = time.monotonic()
    subprocess.run([BIN / "coverage", "erase"], cwd=ROOT, check=True)
    files = sorted(ROOT.glob("tests/*/**/test_*.py"))
    folders = sorted({file.relative_to(ROOT / "tests").parts[0] for file in files} - set(FIRST))
    alone = [str(file.relative_to(ROOT)) for file in files if "mark.alone" in file.read_text(encoding="utf-8")]
    with tempfile.TemporaryDirectory(prefix="hearth-tests-") as name:
        first = Stream("first", Path(name), "-m", "not alone", *(f"tests/{one}" for one in FIRST))
        second = Stream("second", Path(name), "-m", "not alone", *(f"tests/{one}" for one in folders))
        last = Stream("alone", Path(name), "-m", "alone", *alone)
        first.start()
        if len(os.sched_getaffinity(0)) == 1:
            first.join()
        second.start()
        first.join()
        second.join()
        last.start()
        last.join()
        streams = (first, second, last)
        found = [stream.found() for stream in streams]
    code = int(any(stream.code for stream in streams))
    subprocess.run([BIN / "coverage", "combine", "-q"], cwd=ROOT, check=False)
    code |= timed("coverage", [str(BIN / "coverage"), "report", f"--fail-under={COVERAGE_AT_LEAST}"])
    code |= told_as_one(found)
    tell("tests", code, started)
    return code


def told_as_one(found: list[dict[str, Any]]) -> int:
    """Print what the runs found together; 1 where a test belonged to none of them."""
    seconds: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for one in found:
        seconds.update(one["seconds"])
        counts.update(one["counts"])
    print("== minutes by group (some ran beside each other)")
    for group, spent in seconds.most_common():
        print(f"{spent / 60:6.1f} min  {group}")
    print("== what this machine could not run")
    for node, reason in [skipped for one in found for skipped in one["skipped"]] or [("nothing", "every test ran")]:
        print(f"{node}: {reason}")
    for node in [failed for one in found for failed in one["failed"]]:
        print(f"FAILED {node}")
    print(f"== {', '.join(f'{number} {name}' for name, number in counts.most_common())}")
    *beside, alone = found
    lost = sum(one["deselected"] for one in beside) - alone["selected"]
    if lost:
        print(f"{lost} tests have the mark 'alone' and were run by nobody: write the mark into their own file.")
    return int(lost != 0)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--setup-seconds", type=float, default=0.0)
    options, wanted = parser.parse_known_args()
    print(f"== set-up took {options.setup_seconds / 60:.1f} min", flush=True)
    if wanted:
        return timed("tests", [str(BIN / "pytest"), *wanted])
    failed = 0
    failed |= timed("lint", [str(BIN / "ruff"), "check", "."])
    failed |= timed("format", [str(BIN / "ruff"), "format", "--check", "."])
    failed |= timed("types", [str(BIN / "mypy")])
    failed |= every_test()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
