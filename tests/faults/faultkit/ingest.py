"""An archive that takes bags in and back is killed at any step of its own; catalogue, files and index agree after each.

The proof itself is `tests/archive/server/test_ingest_killed.py`, run here as often as asked, on SQLite and a folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from faultkit import Fault, Outcome

_TEST = Path(__file__).parents[2] / "archive" / "server" / "test_ingest_killed.py"
_SHOWN = 2000


def run(count: int, folder: Path) -> Outcome:
    """Kill the archive ``count`` times."""
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        # Five hundred kills take longer than any one test may.
        "--timeout=0",
        f"--basetemp={folder / 'kills'}",
        str(_TEST),
    ]
    done = subprocess.run(
        [*words, "-k", "sqlite"], env={**os.environ, "HEARTH_KILLS": str(count)}, capture_output=True,
        text=True, check=False, cwd=_TEST.parents[3],
    )  # fmt: skip
    outcome = Outcome(runs=count)
    outcome.check(done.returncode == 0 and " passed" in done.stdout, (done.stdout + done.stderr)[-_SHOWN:])
    return outcome


FAULT = Fault(
    "ingest", 2, 500, run, "an archive killed while it takes bags in or back: whole or absent, and everything agrees"
)
