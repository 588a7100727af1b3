"""Visitors who tell, keep, share, take back and throw away, and what must be true whenever they were cut off.

`evening` runs in a process that may die at any instant and says on a pipe what it was told and what it acknowledged;
`aftermath` starts the box again over what is left and compares.
"""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from archive.consent import verify_chain
from archive.masters import open_master
from archive.types import Reader, Use
from archive.verify import verify
from audio.clock import VirtualClock
from audio.types import TakeId
from faultkit import Outcome
from faultkit.cuttings import cut_or_whole
from faultkit.rig import Rig
from kiosk.types import State

SMALL = "[times]\nstory = 60.0\nconversation = 300.0\n"
"""Settings under which space for the longest take fits on a small disk."""
GAP_S = 5.0
BOOT = "virtual-boot"


def clock_at(seconds: float) -> VirtualClock:
    """A clock of the same boot, ``seconds`` after it."""
    clock = VirtualClock()
    clock.boot_id = BOOT
    clock.advance(seconds)
    return clock


def forked(work: Callable[[int], None]) -> tuple[int, int]:
    """Run ``work`` in a process of its own; returns its id and where it speaks. It gets the pipe's other end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    code = 1
    try:
        os.close(reading)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        work(writing)
        code = 0
    except BaseException as error:  # noqa: BLE001 - the parent is told, whatever it was
        os.write(writing, f"! {type(error).__name__}: {error}".replace("\n", " ").encode())
    finally:
        os._exit(code)


def lines_of(reading: int) -> list[list[str]]:
    """Read what a process said until it was gone; a torn last line does not count."""
    with os.fdopen(reading) as pipe:
        return [line.split() for line in pipe.read().splitlines(keepends=True) if line.endswith("\n")]


def evening(home: Path, seed: int, pipe: int, start: float = 0.0) -> None:
    """Let visitors come for ever. Needs an empty or well home."""
    chance = random.Random(seed)

    def say(*words: object) -> None:
        os.write(pipe, (" ".join(map(str, words)) + "\n").encode())

    box = Rig(home, clock_at(start)).start()
    say("ready")
    while True:
        _visit(box, chance, say)


def _visit(box: Rig, chance: random.Random, say: Callable[..., None]) -> None:
    box.press("talk")
    box.press("agree")
    box.until(lambda: box.state is State.READY)
    box.run(chance.uniform(0.2, 1.0))
    box.happened.clear()
    box.press("talk")
    take = box.session.take
    say("telling", take)
    first = None
    until = box.clock.monotonic() + chance.uniform(0.5, 8.0)
    while box.clock.monotonic() < until:
        box.turn()
        first = first or next((at for at, what, _ in box.happened if what == "FirstSample"), None)
        if first is not None:
            # What the microphone has given to the program since the press, whether or not anything has become of it.
            say("told", take, round(box.source.heard_at - first, 3), round(box.clock.monotonic(), 3))
    say("closing", take)
    box.press("talk", wait=0.0)
    box.until(lambda: box.state is State.REVIEW)
    say("closed", take, box.session.seconds)
    way = chance.random()
    if way < 0.2:
        box.press("discard")
        say("discarding", take)
        box.press("confirm")
        box.until(lambda: box.state is State.ATTRACT)
        say("discarded", take)
        return
    say("keeping", take)
    box.press("keep")
    box.until(lambda: box.state is State.SHARING)
    code = box.session.keep_code
    say("kept", take)
    box.press("yes")
    say("yes", take)
    box.press("done")
    box.until(lambda: box.state is State.THANKS)
    box.press("done")
    box.until(lambda: box.state is State.ATTRACT)
    say("left", take)
    if way < 0.6:
        say("withdrawing", take)
        box.store.withdraw(code, "code")
        say("withdrawn", take)


def aftermath(home: Path, said: list[list[str]], seed: int, pipe: int) -> None:
    """Start the box again and look; say every mistake, and the loss, as JSON."""
    outcome = Outcome()
    told = {words[1]: float(words[2]) for words in said if words[0] == "told"}
    at = max((float(words[3]) for words in said if words[0] == "told"), default=0.0)
    by = {word: {words[1] for words in said if words[0] == word} for word in WORDS}
    box = Rig(home, clock_at(at + GAP_S + 1.0))
    conn = box.store.db.conn
    outcome.check(conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok", "the database is damaged")
    outcome.check(verify_chain(conn) == [], "the record of consents is broken")
    box.start()
    _kept(box, outcome, by)
    _gone(box, outcome, by)
    cut_or_whole(box, outcome, said)
    ended = by["discarding"] | by["withdrawing"]
    for take, seconds in told.items():
        if take not in ended:
            _length(box, outcome, TakeId(take), seconds)
    damaged = [one.say for one in verify(box.store).damaged]
    outcome.check(not damaged, f"damaged: {damaged}")
    if box.state is State.RECOVERED:
        outcome.notes["offered"] = 1
        _go_on(box, outcome, go_on=seed % 2 == 0)
    elif box.state is not State.ATTRACT:
        outcome.check(False, f"after the restart the box is in {box.state}")
    os.write(pipe, (json.dumps([outcome.worst_loss_s, outcome.failures, outcome.notes]) + "\n").encode())
    os._exit(0)


WORDS = (
    "telling",
    "closing",
    "closed",
    "keeping",
    "kept",
    "yes",
    "left",
    "discarding",
    "discarded",
    "withdrawing",
    "withdrawn",
)


def _kept(box: Rig, outcome: Outcome, by: dict[str, set[str]]) -> None:
    stories = {str(story.id) for story in box.store.stories()}
    outcome.check(by["kept"] - by["withdrawing"] <= stories, "a kept story is gone")
    outcome.check(stories <= by["keeping"], "something was kept without a press")
    for take in stories & by["left"]:
        outcome.check(Use.PLAY_HERE in box.store.standing(TakeId(take)).uses, "an acknowledged yes is gone")
    for take in stories:
        where = box.store.standing(TakeId(take))
        if Use.PLAY_HERE in where.uses:
            with open_master(box.store, TakeId(take), Reader.PLAY, box.store.now()) as master:
                outcome.check(master.length == box.store.story(TakeId(take)).length, "a kept story cannot be heard")


def _gone(box: Rig, outcome: Outcome, by: dict[str, set[str]]) -> None:
    home = box.setting.home
    left = {path.name for path in home.stories.iterdir()} | {path.stem for path in home.takes.iterdir()}
    for take in by["withdrawn"] | by["discarded"]:
        outcome.check(box.store.standing(TakeId(take)).ended is not None, "an acknowledged withdrawal is gone")
    for take in by["withdrawing"] | by["discarding"]:
        if box.store.standing(TakeId(take)).ended is not None:
            outcome.check(take not in left, "an erasure was not finished at the restart")


def _length(box: Rig, outcome: Outcome, take: TakeId, told: float) -> None:
    row = box.store.db.conn.execute("SELECT length FROM closings WHERE take = ?", (take,)).fetchone()
    if row is not None:
        length = row[0] / 1000
    elif box.session.take == take:
        length = box.session.seconds
    else:
        length = 0.0
    outcome.lost(max(0.0, told - length), what="after the restart")


def _go_on(box: Rig, outcome: Outcome, *, go_on: bool) -> None:
    """The teller goes on and keeps it, or walks away."""
    take, before = box.session.take, box.session.seconds
    assert take is not None
    if not go_on:
        box.until(lambda: box.state is State.ATTRACT, 400.0)
        where = box.store.standing(take)
        outcome.check(where.review_closed and not where.kept, "walking away did not hold it")
        return
    box.press("go_on")
    box.until(lambda: box.state is State.RECORDING)
    box.run(2.0)
    box.press("talk")
    box.until(lambda: box.state is State.REVIEW)
    outcome.check(box.session.seconds >= before + 1.5, f"going on added {box.session.seconds - before:.2f} of 2.6 s")
    box.press("keep")
    box.until(lambda: box.state is State.SHARING)
    outcome.check(take in {story.id for story in box.store.stories()}, "going on and keeping did not keep")


def after(home: Path, said: list[list[str]], seed: int, outcome: Outcome) -> None:
    """Run `aftermath` in a process of its own and add what it found."""
    child, reading = forked(lambda pipe: aftermath(home, said, seed, pipe))
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    outcome.runs += 1
    try:
        loss, failures, notes = json.loads(answer)
    except ValueError:
        outcome.failures.append(f"run {seed}: the box did not start again {answer}")
        return
    outcome.worst_loss_s = max(outcome.worst_loss_s, loss)
    outcome.failures += [f"run {seed}: {failure}" for failure in failures]
    for name, count in notes.items():
        outcome.notes[name] = outcome.notes.get(name, 0) + count


def write_settings(home: Path) -> None:
    """Make a home with settings for a small disk."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text(SMALL)


def numbered(folder: Path) -> Iterator[Path]:
    """Yield fresh folders."""
    number = 0
    while True:
        number += 1
        yield folder / f"run{number}"
