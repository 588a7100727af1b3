"""The disk fills although space was held: in the sound, in a sync, in the FLAC, in the database."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from archive.jobs import failed_jobs
from archive.transcription import TranscriberWorker
from audio.transcribe import FixedTranscriber
from faultkit import Fault, Outcome
from faultkit.disks import in_memory, may_mount
from faultkit.evening import clock_at, write_settings
from faultkit.refusals import after_mending, judge, old_is_well, old_story, told_so_far
from faultkit.rig import Rig
from kiosk.types import State

MEGABYTES = 128
WHERE = ("write", "sync", "close", "keep", "flac", "start")


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome(skipped=may_mount(folder))
    if outcome.skipped:
        return outcome
    for number in range(count):
        where = WHERE[number % len(WHERE)]
        os.environ["HEARTH_KEYS"] = str(folder / f"keys{number}")
        try:
            with in_memory(folder / f"disk{number}", MEGABYTES) as mount:
                _one(mount, where, outcome, seconds=2.0 + number * 0.37)
        finally:
            del os.environ["HEARTH_KEYS"]
        outcome.runs += 1
    return outcome


def _one(mount: Path, where: str, outcome: Outcome, seconds: float) -> None:
    home = mount / "home"
    write_settings(home)
    box = Rig(home, clock_at(0.0)).start()
    old = old_story(box)
    box.happened.clear()
    shown, spoken = len(box.shown), len(box.read_aloud)
    if where == "start":
        with full(mount, leave=60 << 20):
            box.press("talk")
            box.press("agree")
            box.until(lambda: box.state is State.OUT_OF_SERVICE)
            judge(box, outcome, where, shown, spoken)
            outcome.check(not box.app.telling.stream_open, "the microphone was opened without room")
        box.until(lambda: box.state is State.ATTRACT)
        old_is_well(box, outcome, old, where)
        box.close()
        return
    box.to_recording()
    take = box.session.take
    assert take is not None
    box.run(seconds)
    told = told_so_far(box)
    if where == "write":
        with full(mount):
            box.until(lambda: box.state is not State.RECORDING)
            box.run(1.0)
            judge(box, outcome, where, shown, spoken)
    elif where == "sync":
        with refusing("fdatasync"):
            box.until(lambda: box.state is not State.RECORDING)
            box.run(1.0)
            judge(box, outcome, where, shown, spoken)
    elif where == "close":
        with full(mount):
            box.press("talk", wait=0.0)
            box.until(lambda: box.state not in {State.RECORDING, State.CLOSING})
            judge(box, outcome, where, shown, spoken)
    else:
        box.press("talk")
        box.until(lambda: box.state is State.REVIEW)
        shown, spoken = len(box.shown), len(box.read_aloud)
        if where == "keep":
            _keep(box, mount, outcome, shown, spoken)
        else:
            _flac(box, mount, outcome)
    old_is_well(box, outcome, old, where)
    box.cut()
    after_mending(home, outcome, take, told, where, clock_at(box.clock.monotonic() + 5.0))


def _keep(box: Rig, mount: Path, outcome: Outcome, shown: int, spoken: int) -> None:
    with full(mount):
        box.press("keep")
        box.until(lambda: not box.session.saving)
        box.run(0.5)
        judge(box, outcome, "keep", shown, spoken)
        outcome.check(box.state is State.REVIEW, "keep: its teller cannot press keep again")
        outcome.check(len(box.store.stories()) == 1, "keep: half kept")
    box.press("keep")
    box.until(lambda: box.state is State.SHARING)
    outcome.check(len(box.store.stories()) == 2, "keep: pressing again did not keep")


def _flac(box: Rig, mount: Path, outcome: Outcome) -> None:
    box.keep()
    story = box.store.stories()[-1]
    with full(mount, leave=40 << 10):
        _work(box)
        raw = box.setting.home.raw_master(story.id)
        outcome.check(raw.exists(), "flac: the only copy of the sound is gone")
    outcome.notes["given up"] = len(failed_jobs(box.store.db.conn))


def _work(box: Rig) -> None:
    worker = TranscriberWorker(box.setting.home, box.clock, lambda _: FixedTranscriber(["Words."]))
    with contextlib.suppress(Exception):  # the worker may die of it: systemd starts it again
        for _ in range(8):
            worker.run_once()
    worker.close()


@contextlib.contextmanager
def full(mount: Path, leave: int = 0, *, ballast: bool = False) -> Iterator[None]:
    """Fill the disk to the brim, taking also the space that was held (the ``ballast`` may stay); then it is free again."""
    if not leave:
        for held in (".room",) if ballast else (".room", ".ballast"):
            with contextlib.suppress(OSError):
                os.truncate(mount / "home" / held, 0)
    fill = mount / "fill"
    with fill.open("wb", buffering=0) as out:
        stat = os.statvfs(mount)
        todo = stat.f_bavail * stat.f_frsize - leave
        with contextlib.suppress(OSError):
            while todo > 0:
                todo -= out.write(bytes(min(1 << 20, todo)))
            while not leave:
                out.write(bytes(4096))
    try:
        yield
    finally:
        fill.unlink()


@contextlib.contextmanager
def refusing(call: str, number: int = errno.ENOSPC) -> Iterator[None]:
    """Let one call of the operating system fail for everybody in this process."""
    real = getattr(os, call)

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    setattr(os, call, refuse)
    try:
        yield
    finally:
        setattr(os, call, real)


FAULT = Fault(
    "diskfull",
    sample=6,
    full=60,
    run=run,
    promise="said and shown, what was captured is kept, old stories untouched, no false 'safe'",
)
