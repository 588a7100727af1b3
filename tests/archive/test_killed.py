"""A real process is killed (SIGKILL) at random instants of recording, keeping and erasing; then the box starts again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from archive.consent import all_events, standing, verify_chain
from archive.home import open_home
from archive.keycode import Cost
from archive.masters import open_master
from archive.store import Store
from archive.types import Reader, Use
from audio.clock import SystemClock

CHILD = """
import sys
from archive.home import open_home
from archive.keycode import Cost
from archive.shelf import Wording
from archive.store import Store
from archive.types import Use
from audio.clock import SystemClock
from audio.takewriter import TakeWriter
from audio.types import AudioFormat, CutReason, Ms, Segment

def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()

store = Store(open_home(sys.argv[1]), SystemClock(), Cost(8, 1, 1))
wording, sound = Wording("1", "ab" * 32, "en"), AudioFormat(16000)
say("ready")
while True:
    opened = store.open_take(prompt="p", language="en", wording=wording, by="talk", sound=sound)
    writer = TakeWriter(opened.path, opened.id, sound, opened.key)
    for n in range(4):
        writer.write(bytes([n, 1]) * 4000)
    store.add_segment(Segment(opened.id, 0, Ms(0), Ms(900), Ms(500), CutReason.END))
    store.close_take(writer.close())
    code = store.keep(opened.id, wording=wording, by="keep").code
    say("kept", opened.id)
    store.decide(opened.id, Use.PLAY_HERE, yes=True, wording=wording, by="left")
    say("shared", opened.id)
    if code.number % 2:
        say("withdrawing", opened.id)
        store.withdraw(str(code), "code")
        say("withdrawn", opened.id)
"""


def run_and_kill(home: Path, after: float) -> list[list[str]]:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(home)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    lines = [child.stdout.readline()]
    timer = threading.Timer(after, lambda: child.send_signal(signal.SIGKILL))
    timer.start()
    lines += child.stdout.readlines()
    child.wait()
    child.stdout.close()
    timer.join()
    return [line.split() for line in lines if line.endswith("\n")]


@pytest.mark.parametrize("seed", range(8))
def test_what_was_acknowledged_survives_and_what_was_begun_is_finished(tmp_path, monkeypatch, seed: int) -> None:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    said = run_and_kill(tmp_path / "home", random.Random(seed).uniform(0.01, 0.5))
    kept, shared, begun, gone = (
        {w[1] for w in said if w[0] == word} for word in ("kept", "shared", "withdrawing", "withdrawn")
    )
    home = open_home(tmp_path / "home")
    with Store(home, SystemClock(), Cost(8, 1, 1)) as store:
        assert store.db.conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert verify_chain(store.db.conn) == []
        store.finish_erasures()
        store.recover_open_takes()
        stories = {story.id for story in store.stories()}
        assert kept - begun <= stories
        assert not gone & stories
        for take in shared & stories:
            assert Use.PLAY_HERE in store.standing(take).uses
            with open_master(store, take, Reader.PLAY, store.now()) as master:
                assert master.length == 1000
        ended = {take for take, events in all_events(store.db.conn).items() if standing(events).ended}
        assert gone <= ended
        left = {path.name for path in home.stories.iterdir()} | {path.stem for path in home.takes.iterdir()}
        assert not left & {str(take) for take in ended}
        assert {gone.take for gone in store.tombstones()} >= gone
