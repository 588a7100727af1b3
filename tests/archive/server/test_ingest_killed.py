"""A process that takes bags in and back is killed at any instant; catalogue, files and index agree after every kill.

An instant is a step of the program's own: the child counts its calls (Python's and those into the database, the
system and the key library) and kills itself with SIGKILL before the one it was told. So every instant can be hit, and
hit again. `HEARTH_KILLS` asks for more kills than the few of a normal run.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive.catalogue.search import search
from archive.server.agreement import disagreements
from archive.server.deposits import accept
from archive.server.erase import sweep, withdraw
from archive.server.place import ArchiveHome, open_archive
from archive.tombstones import Tombstone
from archive.types import Act, Reader, Use
from audio.clock import VirtualClock
from audio.types import TakeId

KILLS = int(os.environ.get("HEARTH_KILLS", "6"))
KEPT, GONE = TakeId("01JC8Q3Y5Z7R9T2V4W6X8Y0A1B"), TakeId("01JC8Q3Y5Z7R9T2V4W6X8Y0A2C")
Step = tuple[str, Path]


@pytest.fixture
def steps(told: Any, sealed: Callable[[Any], Path], tmp_path: Path) -> list[Step]:
    """One story comes, another comes, the first one's consent grows, the other is taken back."""

    def file(story: Any, name: str) -> Path:
        return sealed(story).rename(tmp_path / name)

    kept = told(KEPT, "The lighthouse stood on the rock.")
    first = file(kept, "first")
    kept.add(Act.DECIDE, use=Use.PUBLIC, yes=True)
    other = file(told(GONE, "The quagmire took it."), "other")
    return [("in", first), ("in", other), ("in", file(kept, "again")), ("back", other)]


def work(place: ArchiveHome, steps: list[Step], acknowledge: Callable[[str], None]) -> None:
    for number, (what, source) in enumerate(steps):
        if what == "in":
            acknowledge(json.dumps([number, accept(place, source, "front").to_json()]))
        else:
            withdraw(place, Tombstone(GONE, place.now()), "front")
            acknowledge(json.dumps([number, None]))


def run_child(home: Path, clock: VirtualClock, steps: list[Step], kill_at: int | None) -> tuple[list[Any], int]:
    """Run `work` in a process of its own, killed before its call ``kill_at``; what it acknowledged, calls it made."""
    out, back = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        calls = 0

        def count(_frame: object, event: str, _argument: object) -> None:
            nonlocal calls
            if event in {"call", "c_call"}:
                calls += 1
                if calls == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        def acknowledge(line: str) -> None:
            os.write(back, line.encode() + b"\n")

        try:
            with open_archive(home, clock) as place:
                sys.setprofile(count)
                work(place, steps, acknowledge)
                sys.setprofile(None)
            acknowledge(json.dumps(["calls", calls]))
        except BaseException:  # noqa: BLE001 (nothing of the tests' own may run on in the child)
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(back)
    with os.fdopen(out) as lines:
        said = [json.loads(line) for line in lines if line.endswith("\n")]
    _, status = os.waitpid(child, 0)
    # The last few instants may lie behind the end: not every run takes the very same number of calls.
    assert (os.WIFSIGNALED(status) and kill_at is not None) or os.WEXITSTATUS(status) == 0, said
    calls = next((line[1] for line in said if line[0] == "calls"), 0)
    return [line for line in said if line[0] != "calls"], calls


def found(place: ArchiveHome, words: str) -> list[str]:
    with place.catalogue() as catalogue, catalogue.read() as tx:
        return [hit.story for hit in search(tx, words, Reader.DESK, place.now())]


def look(place: ArchiveHome, said: list[Any]) -> None:
    """What was acknowledged is there, what was taken back is not, and everything agrees."""
    done = {number for number, _ in said}
    sweep(place)
    assert disagreements(place) == []
    assert [path.name for path in place.work.iterdir()] == [".turn"]
    if 0 in done:
        assert found(place, "lighthouse") == [KEPT]
    if 1 in done and not {2, 3} & done:
        assert found(place, "quagmire") in ([GONE], [])
    if 3 in done:
        assert found(place, "quagmire") == []
        assert not any(GONE in key for key in place.objects.keys(""))


def test_killed_at_any_instant_it_is_whole_or_absent_and_the_next_run_finishes(
    place: ArchiveHome, clock: VirtualClock, steps: list[Step], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    place.close()
    _, calls = run_child(place.path, clock, steps, None)
    assert calls > 1000
    look(place, [[number, None] for number in range(4)])
    chance = random.Random(6)
    for number in range(KILLS):
        home = tmp_path / f"home{number}"
        home.mkdir()
        if request.node.callspec.params["place"] == "postgres":
            url = request.getfixturevalue("postgres")()
            (home / "config.toml").write_text(f'[archive]\ncatalogue = "{url}"\n')
        keys = home.with_name(f"{home.name}-keys")
        keys.symlink_to(place.path.with_name(f"{place.path.name}-keys"))
        open_archive(home, clock).close()
        kill_at = chance.randrange(1, calls)
        said, _ = run_child(home, clock, steps, kill_at)
        # Identifiers made within one millisecond follow each other, and the child had our own generator of them.
        clock.advance(1)
        with open_archive(home, clock) as left:
            look(left, said)
            again: list[str] = []
            if len(said) == len(steps):
                continue
            # Whoever was not answered comes again; what was signed for before is signed for the same.
            undone = steps[len(said) :]
            work(left, undone, again.append)
            look(left, [[len(said) + n, None] for n in range(len(undone))] + said)
            assert found(left, "lighthouse") == [KEPT]
            assert found(left, "quagmire") == []
