"""Run the checks of the normal run in order: lint, types, tests with coverage. Used by scripts/test."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
COVERAGE_AT_LEAST = 90


def timed(name: str, command: list[str]) -> int:
    print(f"== {name}: {' '.join(command)}", flush=True)
    started = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, check=False, env=os.environ | {"PYTHONUNBUFFERED": "1"}).returncode
    print(
        f"== {name}: {'passed' if code == 0 else 'FAILED'} in {(time.monotonic() - started) / 60:.1f} min", flush=True
    )
    return code


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
    failed |= timed(
        "tests", [str(BIN / "pytest"), "--cov", "--cov-report=term", f"--cov-fail-under={COVERAGE_AT_LEAST}"]
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
