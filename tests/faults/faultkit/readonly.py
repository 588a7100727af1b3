"""The data disk turns read-only under the box, as ext4 does when it finds an error."""

from __future__ import annotations

import os
from pathlib import Path

from faultkit import Fault, Outcome
from faultkit.disks import NotAllowed, break_ext4, command, image, may_mount
from faultkit.evening import clock_at, write_settings
from faultkit.refusals import after_mending, judge, old_is_well, old_story, told_so_far
from faultkit.rig import Rig
from kiosk.types import State

WHERE = ("recording", "keep", "attract")


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome(skipped=may_mount(folder))
    if outcome.skipped:
        return outcome
    for number in range(count):
        os.environ["HEARTH_KEYS"] = str(folder / f"keys{number}")
        try:
            _one(folder / f"disk{number}", WHERE[number % len(WHERE)], outcome, 2.0 + number * 0.41)
        except NotAllowed as error:
            outcome.skipped = str(error)
            return outcome
        finally:
            del os.environ["HEARTH_KEYS"]
        outcome.runs += 1
    return outcome


def _one(folder: Path, where: str, outcome: Outcome, seconds: float) -> None:
    with image(folder) as (file, mount):
        home = mount / "home"
        write_settings(home)
        box = Rig(home, clock_at(0.0)).start()
        old = old_story(box)
        box.happened.clear()
        if where == "attract":
            shown, spoken = len(box.shown), len(box.read_aloud)
            break_ext4(mount)
            box.press("talk")
            box.press("agree")
            box.until(lambda: box.state is State.OUT_OF_SERVICE)
            judge(box, outcome, where, shown, spoken)
            outcome.check(not box.app.telling.stream_open, "the microphone was opened on a read-only disk")
            old_is_well(box, outcome, old, where)
            box.cut()
            return
        box.to_recording()
        take = box.session.take
        assert take is not None
        box.run(seconds)
        told = told_so_far(box)
        if where == "keep":
            box.press("talk")
            box.until(lambda: box.state is State.REVIEW)
            told = box.session.seconds
        shown, spoken = len(box.shown), len(box.read_aloud)
        break_ext4(mount)
        if where == "keep":
            box.press("keep")
            box.until(lambda: not box.session.saving)
            box.run(0.5)
        else:
            box.until(lambda: box.state is State.OUT_OF_SERVICE)
        judge(box, outcome, where, shown, spoken)
        old_is_well(box, outcome, old, where)
        box.cut()
        command("umount", "-l", mount)
        command("e2fsck", "-fy", file)
        command("mount", "-o", "loop", file, mount)
        after_mending(home, outcome, take, told, where, clock_at(box.clock.monotonic() + 5.0))


FAULT = Fault(
    "readonly",
    sample=3,
    full=30,
    run=run,
    promise="said and shown, what was captured is kept, old stories untouched, no false 'safe'",
)
