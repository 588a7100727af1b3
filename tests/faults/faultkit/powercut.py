"""The power goes: what was not synced is lost. The box lives on an ext4 image, and the image is copied as it stands."""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import time
from pathlib import Path

from faultkit import Fault, Outcome
from faultkit.disks import after_power_cut, image, may_mount, mounted
from faultkit.evening import after, evening, forked, lines_of, write_settings


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome(skipped=may_mount(folder))
    if outcome.skipped:
        return outcome
    died: dict[str, int] = {}
    os.environ["HEARTH_KEYS"] = str(folder / "keys")
    try:
        for seed in range(count):
            last = _one(folder, seed, outcome)
            died[last] = died.get(last, 0) + 1
    finally:
        del os.environ["HEARTH_KEYS"]
    outcome.notes["cut after"] = died
    return outcome


def _one(folder: Path, seed: int, outcome: Outcome) -> str:
    shutil.rmtree(folder / "keys", ignore_errors=True)
    cut = folder / "cut.img"
    with image(folder / "live") as (file, mount):
        home = mount / "home"
        write_settings(home)
        child, reading = forked(lambda pipe: evening(home, seed, pipe))
        select.select([reading], [], [], 60.0)
        time.sleep(random.Random(seed).uniform(0.0, 1.2))
        # Stopped first: what it says and what it syncs must not go on while the image is copied.
        os.kill(child, signal.SIGSTOP)
        after_power_cut(file, cut)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        said = lines_of(reading)
    with mounted(cut, folder / "after") as mount:
        after(mount / "home", said, seed, outcome)
    cut.unlink()
    return said[-1][0] if said else "starting"


FAULT = Fault(
    "powercut",
    sample=3,
    full=200,
    run=run,
    promise="at most 1.0 s lost, no half-written story, no lost acknowledged consent or withdrawal",
)
