"""The disk answers a sync with an error, from the n-th sync on, or once: planted into the system calls by strace."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from faultkit import Fault, Outcome

WORKER = """
import json, sys
from pathlib import Path
from faultkit import Outcome
from faultkit.eio import visitor
print("ANSWER " + json.dumps(visitor(Path(sys.argv[1]))))
"""


def visitor(home: Path) -> dict[str, object]:
    """One visit from telling to keeping, in this process; says what it was shown and told."""
    from faultkit.evening import clock_at
    from faultkit.refusals import told_so_far
    from faultkit.rig import Rig
    from kiosk.types import State

    box = Rig(home, clock_at(100.0))
    told, take, safe = 0.0, None, False
    try:
        box.start()
        box.to_recording()
        take = box.session.take
        for _ in range(60):
            box.turn()
            if box.state is not State.RECORDING:
                break
            told = told_so_far(box)
        if box.state is State.RECORDING:
            box.press("talk", wait=0.0)
        box.until(lambda: box.state is not State.CLOSING)
        if box.state is State.REVIEW:
            box.press("keep")
            box.until(lambda: not box.session.saving)
            safe = box.state is State.SHARING
        box.run(0.5)
    except (TimeoutError, RuntimeError, OSError) as error:
        # A box that rests looks again after a while; that it rested, and why, is what a visitor has to be told.
        if box.state is not State.OUT_OF_SERVICE and not any("is resting" in text for text in box.shown):
            box.shown.append(f"! {type(error).__name__}: {error}")
    answer = {
        "take": take, "told": told, "safe": safe, "shown": box.shown, "spoken": box.read_aloud,
        "state": box.state.value, "at": box.clock.monotonic(),
    }  # fmt: skip
    box.cut()
    return answer


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome()
    strace = shutil.which("strace")
    if strace is None:
        outcome.skipped = "strace is not installed"
        return outcome
    from faultkit.evening import clock_at
    from faultkit.refusals import old_is_well, old_story
    from faultkit.rig import Rig

    for number in range(count):
        home = folder / f"eio{number}"
        box = Rig(home, clock_at(0.0)).start()
        old = old_story(box)
        box.close()
        # strace counts for each thread: the main one syncs the database, the one that captures the sound.
        when = f"{3 + number * 2 % 26}{'+' if number % 3 else ''}"
        answer = _under(strace, home, when)
        if isinstance(answer, str):
            outcome.skipped = answer
            return outcome
        outcome.runs += 1
        _judge(home, answer, outcome, f"sync {when}")
        with Rig(home, clock_at(float(answer["at"]) + 900.0)) as after:
            old_is_well(after, outcome, old, f"sync {when}")
    return outcome


def _under(strace: str, home: Path, when: str) -> dict[str, object] | str:
    """Run the visitor with the fault; a sentence when this machine does not allow it."""
    kit = str(Path(__file__).parents[1])
    command = [strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", "signal=none",
               "-e", f"inject=fsync,fdatasync:error=EIO:when={when}", sys.executable, "-c", WORKER, str(home)]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": kit}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=120)
    for line in done.stdout.splitlines():
        if line.startswith("ANSWER "):
            answer: dict[str, object] = json.loads(line.removeprefix("ANSWER "))
            return answer
    if "ptrace" in done.stderr or "Operation not permitted" in done.stderr:
        return "this machine does not allow strace"
    raise RuntimeError(done.stderr[-400:])


def _judge(home: Path, answer: dict[str, object], outcome: Outcome, what: str) -> None:
    from archive.verify import verify
    from audio.types import TakeId
    from faultkit.evening import clock_at
    from faultkit.refusals import NOTICES, SAFE, on_disk
    from faultkit.rig import Rig

    shown = [str(text).lower() for text in answer["shown"]]  # type: ignore[union-attr, attr-defined]
    outcome.notes["kept"] = outcome.notes.get("kept", 0) + bool(answer["safe"])
    claimed = any(SAFE in text for text in shown)
    outcome.check(claimed <= bool(answer["safe"]), f"{what}: a false 'safe'")
    outcome.check(
        not any(text.startswith("!") for text in shown), f"{what}: {[text for text in shown if text.startswith('!')]}"
    )
    take = TakeId(str(answer["take"]))
    box = Rig(home, clock_at(float(str(answer["at"])) + 5.0))
    kept = {story.id for story in box.store.stories()}
    if answer["safe"]:
        outcome.check(take in kept, f"{what}: said to be safe, and gone")
    else:
        outcome.check(any(word in text for text in shown for word in NOTICES), f"{what}: no notice")
    row = box.store.db.conn.execute("SELECT length FROM closings WHERE take = ?", (take,)).fetchone()
    length = row[0] / 1000 if row else on_disk(box, take) if answer["take"] else 0.0
    outcome.lost(max(0.0, float(str(answer["told"])) - length), what=what)
    box.start()
    outcome.check(verify(box.store).sound, f"{what}: {[one.say for one in verify(box.store).damaged]}")
    box.close()


FAULT = Fault(
    "eio",
    sample=3,
    full=60,
    run=run,
    promise="said and shown, what was captured is kept, old stories untouched, no false 'safe'",
)
