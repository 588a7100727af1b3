"""SIGKILL at a random instant of recording, closing, keeping and erasing."""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import time
from pathlib import Path

from faultkit import Fault, Outcome
from faultkit.evening import after, evening, forked, lines_of


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome()
    died: dict[str, int] = {}
    for seed in range(count):
        home = folder / f"kill{seed}"
        child, reading = forked(lambda pipe, home=home, seed=seed: evening(home, seed, pipe))
        select.select([reading], [], [], 60.0)
        time.sleep(random.Random(seed).uniform(0.0, 0.9))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        said = lines_of(reading)
        last = said[-1][0] if said else "starting"
        died[last] = died.get(last, 0) + 1
        after(home, said, seed, outcome)
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(home.with_name(f"{home.name}-keys"), ignore_errors=True)
    outcome.notes["killed after"] = died
    return outcome


FAULT = Fault(
    "sigkill",
    sample=6,
    full=1000,
    run=run,
    promise="at most 1.0 s lost, database sound, story recovered or held, erasure finished at the restart",
)
