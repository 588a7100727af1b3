"""Run faults by name and tell what came of it: `scripts/faults [--all] [NAME ...] [--json] [--runs N]`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
os.environ.pop("HEARTH_KEYS", None)

from faultkit import NAMES, Outcome, load


def main() -> int:
    """Plant the faults and print one line, or one JSON object, about each."""
    parser = argparse.ArgumentParser(prog="scripts/faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which faults: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--all", action="store_true", help="the full count of each, not the sample")
    parser.add_argument("--runs", type=int, help="this many runs instead")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"there is no fault called {', '.join(unknown)}")
    told = []
    for name in options.names or NAMES:
        told.append(plant(name, full=options.all, runs=options.runs))
        line(told[-1])
    if options.json:
        sys.stdout.write(json.dumps({"passed": all(not one["failures"] for one in told), "faults": told}) + "\n")
    return 0 if all(not one["failures"] for one in told) else 1


def plant(name: str, *, full: bool, runs: int | None) -> dict[str, object]:
    """Plant one fault so many times."""
    fault = load(name)
    count = runs if runs is not None else fault.full if full else fault.sample
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"hearth-{name}-") as folder:
        try:
            outcome = fault.run(count, Path(folder))
        except Exception as error:  # noqa: BLE001 - a fault that cannot even be planted is a failure, not the end
            outcome = Outcome(failures=[f"it could not be planted: {type(error).__name__}: {error}"])
    return {
        "name": name,
        "promise": fault.promise,
        "runs": outcome.runs,
        "worst_loss_s": round(outcome.worst_loss_s, 3),
        "failures": outcome.failures,
        "skipped": outcome.skipped,
        "notes": outcome.notes,
        "seconds": round(time.monotonic() - started, 1),
    }


def line(told: dict[str, object]) -> None:
    """Say one fault's outcome to a person, on standard error."""
    verdict = f"skipped: {told['skipped']}" if told["skipped"] else "FAILED" if told["failures"] else "held"
    sys.stderr.write(
        f"{told['name']:<11} {verdict:<7} {told['runs']:>8} runs, worst loss {told['worst_loss_s']} s, {told['seconds']} s"
        f"  {told['notes'] or ''}\n"
    )
    for failure in list(told["failures"])[:10]:  # type: ignore[call-overload]  # a list, as `plant` made it
        sys.stderr.write(f"            {failure}\n")


if __name__ == "__main__":
    sys.exit(main())
