"""SIGKILL at a random instant of recording, closing, keeping, erasing and taking a part out."""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import time
from pathlib import Path

from faultkit import Fault, Outcome
from faultkit.cuttings import cuttings
from faultkit.evening import after, clock_at, evening, forked, lines_of
from faultkit.rig import Rig


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome()
    died: dict[str, int] = {}
    for seed in range(count):
        home = folder / f"kill{seed}"
        child, reading = forked(lambda pipe, home=home, seed=seed: _visitors(home, seed, pipe))
        # On a machine busy with other things it takes long to come to the first word; before it nothing is planted.
        select.select([reading], [], [], 600.0)
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


def _visitors(home: Path, seed: int, pipe: int) -> None:
    # Taking a part out is over in a blink: every third run does nothing else.
    if seed % 3:
        evening(home, seed, pipe)
    else:
        cuttings(Rig(home, clock_at(0.0)).start(), seed, pipe)


FAULT = Fault(
    "sigkill",
    sample=6,
    full=1000,
    run=run,
    promise="at most 1.0 s lost, database sound, story recovered or held, erasure finished at the restart, a part that is "
    "taken out wholly there or wholly gone",
)
