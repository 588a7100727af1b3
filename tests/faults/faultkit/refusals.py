"""What every disk that refuses must bring about: a notice said and shown, nothing false, nothing old touched."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from archive.envelope import _unwrap_private
from archive.transcription import TranscriberWorker
from archive.verify import verify
from audio.takewriter import recover
from audio.transcribe import FixedTranscriber
from audio.types import TakeId
from faultkit import Outcome
from faultkit.rig import Rig
from kiosk.types import State

SAFE = "your story is safe"
NOTICES = ("memory", "no room", "could not be kept", "box", "stop here")


def old_story(box: Rig) -> tuple[TakeId, dict[str, str]]:
    """Tell and keep a first story, finished by the worker; returns it and the sums of its files."""
    box.tell(2.0)
    box.keep("play_here")
    box.press("done")
    box.until(lambda: box.state is State.ATTRACT)
    worker = TranscriberWorker(box.setting.home, box.clock, lambda _: FixedTranscriber(["An old story."]))
    while worker.run_once():
        pass
    worker.close()
    take = box.store.stories()[0].id
    return take, sums(box.setting.home.story_folder(take))


def sums(folder: Path) -> dict[str, str]:
    """The hash of every file in a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def judge(box: Rig, outcome: Outcome, what: str, from_screen: int, from_spoken: int) -> None:
    """After a refusal: it was shown and said, and nobody was told that a story is safe which is not."""
    shown, spoken = box.shown[from_screen:], box.read_aloud[from_spoken:]
    outcome.check(any(_is_notice(text) for text in shown), f"{what}: no notice was shown")
    outcome.check(any(_is_notice(text) for text in spoken), f"{what}: no notice was said")
    outcome.check(not any(SAFE in text.lower() for text in [*shown, *spoken]), f"{what}: a false 'safe'")


def _is_notice(text: str) -> bool:
    return any(word in text.lower() for word in NOTICES)


def old_is_well(box: Rig, outcome: Outcome, old: tuple[TakeId, dict[str, str]], what: str) -> None:
    """The story that was there before is untouched."""
    take, before = old
    outcome.check(sums(box.setting.home.story_folder(take)) == before, f"{what}: an old story was touched")
    outcome.check(take in {story.id for story in box.store.stories()}, f"{what}: an old story is gone")


def after_mending(home: Path, outcome: Outcome, take: TakeId, told: float, what: str, clock: object) -> None:
    """With a disk that works again: the box starts, nothing is damaged, what was captured is there."""
    box = Rig(home, clock)  # type: ignore[arg-type]  # the clock of the box before
    try:
        box.start()
        row = box.store.db.conn.execute("SELECT length FROM closings WHERE take = ?", (take,)).fetchone()
        length = row[0] / 1000 if row is not None else on_disk(box, take)
        outcome.lost(max(0.0, told - length), what=what)
        outcome.check(verify(box.store).sound, f"{what}: {[one.say for one in verify(box.store).damaged]}")
        kept = {story.id for story in box.store.stories()}
        outcome.notes[f"kept, {what}"] = take in kept
    finally:
        with contextlib.suppress(Exception):  # the verdict is in; how it ends is not judged here
            box.close()


def on_disk(box: Rig, take: TakeId) -> float:
    """Seconds of an open take that can be read with the box's key, whether or not anybody may read it now."""
    path = box.store.open_file(take)
    row = box.store.db.conn.execute("SELECT blob FROM wraps WHERE take = ? AND recipient = 'box'", (take,)).fetchone()
    if path is None or row is None:
        return 0.0
    return recover(path, _unwrap_private(row[0], take, box.store.keys.box)) / 1000


def told_so_far(box: Rig) -> float:
    """Seconds the microphone has given since the first stored sample."""
    first = next(at for at, what, _ in reversed(box.happened) if what == "FirstSample")
    return max(0.0, box.source.heard_at - first)
