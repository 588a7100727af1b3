"""The whole box is killed (SIGKILL, kiosk and transcriber) while a story is told, at random moments; then it starts again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from archive.consent import verify_chain
from archive.masters import open_master
from archive.types import Reader
from audio.takewriter import TakeReader

MOMENTS, AT_ONCE = 20, 5
MOST_LOST_S = 1.0


@dataclass(frozen=True)
class Killed:
    """``told_least`` and ``told_most``: seconds certainly and at most told when the box was killed."""

    home: Path
    told_least: float
    told_most: float


def take_in(home: Path) -> Path | None:
    return next(iter((home / "takes").glob("*.take")), None) if (home / "takes").is_dir() else None


def tell_and_kill(program: Path, home: Path, mic: Path, after: float, env: dict[str, str]) -> Killed:
    """Kill the process group ``after`` seconds into the take; the first sample appears with the take's file."""
    command = [
        program, "simulate", "--home", home, "--mic", mic, "--realtime", "--json",
        "--presses", "talk agree talk @speech talk @600",
    ]  # fmt: skip
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True, env=env)
    try:
        until = time.monotonic() + 90
        before = time.monotonic()
        while take_in(home) is None:
            assert child.poll() is None, "the box ended before anything was told"
            assert time.monotonic() < until
            before = time.monotonic()
            time.sleep(0.002)
        seen = time.monotonic()
        time.sleep(after)
        killing = time.monotonic()
        os.killpg(child.pid, signal.SIGKILL)
        killed = time.monotonic()
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    # The file appears with the first stored block, which was told a block (at most 0.1 s) before.
    return Killed(home, killing - seen, killed - before + 0.6)


@pytest.fixture(scope="module")
def killed(program, clean_environment, speech, tmp_path_factory) -> list[Killed]:
    folder = tmp_path_factory.mktemp("killed")
    longest = next(one.path for one in reversed(speech) if "best of times" in one.text or one is speech[-1])
    chance = random.Random(20)
    moments = [chance.uniform(0.0, 3.0) for _ in range(MOMENTS)]
    env = clean_environment()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(
            pool.map(
                lambda at: tell_and_kill(program, folder / f"box{at[0]}" / "home", longest, at[1], env),
                enumerate(moments),
            )
        )


def test_at_most_a_second_is_lost_and_never_more_is_reported_than_was_told(killed, in_process, look) -> None:
    lost = []
    for one in killed:
        before = {path: path.read_bytes() for path in one.home.rglob("*.take")}
        (take,) = in_process("list", "--unfinished", "--home", one.home, "--json").json["unfinished"]
        assert take["problem"] == ""
        with look(one.home) as store:
            path = one.home / "takes" / f"{take['take']}.take"
            with TakeReader(path, store.open_key(take["take"])) as reader:
                assert take["seconds"] == pytest.approx(reader.length / 1000, abs=0.002), "what can be played"
            assert {path: path.read_bytes() for path in one.home.rglob("*.take")} == before, "looking changes nothing"
        assert take["seconds"] <= one.told_most
        lost.append(one.told_least - take["seconds"])
    assert max(lost) <= MOST_LOST_S, sorted(lost)


def test_what_was_stored_is_what_was_said(killed, pcm_of, speech, look) -> None:
    said = pcm_of(next(one.path for one in reversed(speech) if "best of times" in one.text or one is speech[-1]))
    for one in killed:
        path = take_in(one.home)
        assert path is not None
        with look(one.home) as store, TakeReader(path, store.open_key(path.stem)) as reader:
            stored = reader.read()
        assert stored == said[: len(stored)]


def test_database_and_ledger_are_sound_and_the_transcriber_is_gone(killed, look) -> None:
    for one in killed:
        with look(one.home) as store:
            assert store.db.conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            assert verify_chain(store.db.conn) == []
        assert not running_on(one.home)


def test_the_next_start_offers_it_or_holds_it_and_its_teller_can_keep_it(killed, hearth, look) -> None:
    """One box starts again at once and its teller, still there, goes on, ends and keeps; the others start later."""
    first = max(killed, key=lambda one: one.told_least)
    (take,) = hearth("list", "--unfinished", "--home", first.home, "--json").json["unfinished"]
    ran = hearth("simulate", "--home", first.home, "--presses", "stop keep archive done", "--json", "--realtime")
    assert ran.code == 0, ran.err
    assert next(event["to"] for event in ran.json["events"] if event["event"] == "state") == "recovered"
    (story,) = ran.json["stories"]
    assert story["id"] == take["take"]
    assert story["seconds"] == take["seconds"]
    assert len(story["transcript"].split()) >= 3
    for one in killed:
        if one is first:
            continue
        with look(one.home) as store:
            (found,) = store.recover_open_takes()
            if found.offered:
                store.finish_take(found.take)
                with open_master(store, found.take, Reader.REVIEW, store.now()) as master:
                    assert master.length == found.length
            else:
                assert store.standing(found.take).review_closed
            assert store.unfinished() == []
            assert store.stories() == [], "nothing is kept without a press"


def running_on(home: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(home).encode() in words:
            found.append(entry.name)
    return found


def test_a_transcriber_whose_kiosk_was_killed_alone_does_not_live_for_ever(
    program, clean_environment, speech, tmp_path
) -> None:
    home = tmp_path / "home"
    command = [program, "simulate", "--home", home, "--presses", "facilitate @600", "--realtime"]
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment(), start_new_session=True
    )
    try:
        until = time.monotonic() + 60
        while len(running_on(home)) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        assert len(running_on(home)) == 2
        child.kill()
        child.wait()
        until = time.monotonic() + 60
        while running_on(home) and time.monotonic() < until:
            time.sleep(0.1)
        assert running_on(home) == []
    finally:
        for pid in running_on(home):
            os.kill(int(pid), signal.SIGKILL)
