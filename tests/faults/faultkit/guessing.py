"""A million guesses at keep-codes: as fast as they come, at one number and at all, and no faster for pulling the plug."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

from sqlite_utils import Database

from archive.database import Moment
from archive.errors import TooManyTries
from archive.keycode import new_code
from archive.schema import migrate
from archive.throttle import begin_try
from audio.clock import VirtualClock
from faultkit import Fault, Outcome

MOST_CHANCE = 1e-7
EVERY_S = 1.0
"""Faster than anybody can dial four words."""
NUMBERS = 500


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome(runs=count)
    codes = _codes()
    outcome.notes["codes"] = codes
    for what, numbers in (("at one number", 1), ("at all numbers", NUMBERS)):
        allowed = _attack(count // 2, numbers)
        chance = allowed / codes
        outcome.notes[f"tries let in {what}"] = allowed
        outcome.notes[f"chance {what}"] = f"{chance:.1e}"
        outcome.check(chance < MOST_CHANCE, f"{what}: a chance of {chance:.1e}")
        outcome.check(allowed < count // 2, f"{what}: never locked out")
    return outcome


def _attack(tries: int, numbers: int) -> int:
    """Guess every second; the plug is pulled now and then. Returns how many guesses were looked at at all."""
    conn = sqlite3.connect(":memory:", isolation_level=None)
    migrate(Database(conn))
    clock, chance, allowed = VirtualClock(), random.Random(tries), 0
    for count in range(tries):
        clock.advance(EVERY_S)
        if count % 5000 == 4999:
            clock.boot_id = f"boot-{count}"
        try:
            begin_try(conn, 100 + chance.randrange(numbers), Moment.now(clock))
        except TooManyTries:
            continue
        allowed += 1
    conn.close()
    return allowed


def _codes() -> int:
    """How many codes there are for one number, by what the box really draws: four words out of its list."""
    seen = {word for _ in range(20_000) for word in new_code(1, "en").words}
    words = len(new_code(1, "en").words)
    return len(seen) ** words


FAULT = Fault("guessing", sample=20_000, full=1_000_000, run=run, promise="locked out; chance of success below 1e-7")
