"""A teller comes back, in the real program: by the box's own keys, from another process, and without any network."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.stories import Attempt
from archive.tellers import my_story
from archive.types import Use
from kiosk import types as t
from kiosk.presses import parse
from kiosk.setting import read_home
from kiosk.simulation import Simulation

TELL = "talk agree talk @speech talk keep"


def everything_in(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def phrases(text: str) -> list[bytes]:
    """Three words in a row, from all over a transcript: no settings file says those by chance."""
    words = re.findall(r"\w+", text.lower())
    return [" ".join(words[at : at + 3]).encode() for at in range(0, max(0, len(words) - 2), 2)]


def samples(path: Path) -> list[bytes]:
    with wave.open(str(path)) as file:
        pcm = file.readframes(file.getnframes())
    return [pcm[at : at + 32] for at in range(1024, len(pcm) - 32, 4001) if any(pcm[at : at + 32])]


def leaks(home: Path, needles: list[bytes]) -> list[bytes]:
    whole = everything_in(home)
    lower = whole.lower()
    return [needle for needle in needles if needle in whole or needle in lower]


def network_calls(lines: list[str]) -> list[str]:
    """System calls that reach, or wait, beyond this process's own files and pipes."""
    return [
        line for line in lines if re.search(r"\b(connect|bind|listen|sendto|sendmsg)\(.*AF_(INET|INET6|PACKET)", line)
    ]


def test_a_card_without_its_keys_holds_no_word_title_sample_or_code(evening, in_process, tmp_path) -> None:
    copy = evening.copy(tmp_path / "home")
    told = copy.report["stories"]
    in_process("cue", "set", "1", copy.shared["id"], "--end", "2", "--title", "Zanzibar quartet", "--home", copy.home)
    for story, path in zip(told, copy.files, strict=False):
        words = phrases(story["transcript"])
        assert len(words) > 2
        code = story["keep_code"].partition("-")[2]
        assert leaks(copy.home, [*words, *samples(path), code.encode(), code.replace("-", " ").encode()]) == []
    assert leaks(copy.home, [b"zanzibar"]) == []
    assert leaks(copy.home, [b"[sound]"]), "the search can find what is there in the clear"
    home_alone = tmp_path / "card"
    shutil.copytree(copy.home, home_alone)
    ran = in_process("play", copy.shared["id"], "--silent", "--json", "--home", home_alone)
    assert (ran.code, ran.json["error"]["code"]) == (1, "no-key")


def test_a_teller_narrows_and_takes_back_at_the_box_with_three_keys(hearth, speech, tmp_path) -> None:
    home = tmp_path / "home"
    own = "next story code:last uses no yes where back hear @1 stop"
    script = f"{TELL} play_here archive done {own} withdraw back listen"
    ran = hearth("simulate", "--home", home, "--mic", speech[0].path, "--presses", script, "--json")
    assert ran.code == 0, ran.err
    happened = [event["event"] for event in ran.json["events"]]
    order = [name for name in happened if name in {"CodeAccepted", "Narrowed", "PlaybackStarted", "Withdrawn"}]
    assert order == ["CodeAccepted", "Narrowed", "PlaybackStarted", "Withdrawn"]
    assert "NothingToPlay" in happened
    assert ran.json["stories"] == []
    assert leaks(home, samples(speech[0].path)) == []
    assert list((home / "stories").iterdir()) == []


def test_wrong_codes_are_told_slow_down_and_nothing_is_lost(hearth, in_process, speech, tmp_path) -> None:
    home = tmp_path / "home"
    wrong = "next story code:101-abandon-abandon-abandon-abandon"
    script = f"{TELL} done {wrong} back back back back back back back back back @1"
    ran = hearth("simulate", "--home", home, "--mic", speech[0].path, "--presses", script, "--json")
    assert ran.code == 0, ran.err
    assert "CodeRefused" in [event["event"] for event in ran.json["events"]]
    for _ in range(4):
        ran = in_process("story", "101-abandon-abandon-abandon-abandon", "--home", home, "--json")
    assert ran.json["error"]["code"] == "too-many-tries"
    assert "wait" in ran.json["error"]["say"]
    held = in_process("hold", "--home", home, "--json")
    assert held.code == 0, "a steward is never slowed down"


def test_what_is_withdrawn_elsewhere_falls_silent_here(evening, hearth, tmp_path) -> None:
    copy = evening.copy(tmp_path / "home")
    code = copy.shared["keep_code"]
    with Simulation(read_home(copy.home), copy.files) as box:
        box.visit(parse("listen"))
        for _ in range(40):
            box.turn(fast=True)
            if box.app.session.playing is not None and box.app.session.playing.started is not None:
                break
        assert box.app.session.playing is not None
        assert box.app.session.playing.story == copy.shared["id"]
        assert box.app._parts.playing.words(), "its captions are on the screen"
        gone = hearth("withdraw", code, "--json", "--home", copy.home)
        assert gone.json["withdrawn"]["story"] == copy.shared["id"]
        turns = 0
        while box.app.session.playing is not None and turns < 40:
            box.turn(fast=True)
            turns += 1
        # A quarter of a second of the visit's clock, and a turn or two for the news of it.
        assert turns <= 8
        assert box.app._parts.playing.words() == ()
        assert box.app._parts.store.rotation() == []
        assert box.app.session.state in {t.State.ATTRACT, t.State.LISTENING}
    assert leaks(copy.home, [copy.shared["sha256"].encode(), *phrases(copy.shared["transcript"])]) == []
    assert not (copy.home / "stories" / copy.shared["id"]).exists()


def test_the_commands_of_tellers_and_stewards(evening, in_process, tmp_path) -> None:
    copy = evening.copy(tmp_path / "home")
    where = ("--home", copy.home, "--json")
    code, story = copy.shared["keep_code"], copy.shared["id"]
    told = in_process("story", code, "--words", *where).json
    assert told["story"]["consent"]["play_here"] == {"yes": True, "form": "voice"}
    assert told["story"]["training_of_models"] is False
    assert told["words"] == copy.shared["transcript"]
    assert in_process("withdraw", code, "--span", "0-1.5", *where).json["taken_back"]["span"] == [0.0, 1.5]
    again = in_process("story", code, "--words", "--hear", "--silent", *where).json
    assert again["story"]["spans_taken_back"] == [[0.0, 1.5]]
    assert again["words"] != told["words"]
    assert again["heard"] == pytest.approx(copy.shared["seconds"], abs=0.1)
    assert in_process("hold", story, *where).json["held"][0]["story"] == story
    assert in_process("play", story, "--silent", *where).json["error"]["code"] == "refused"
    assert in_process("release", story, *where).json == {"released": {"story": story}}
    assert in_process("play", story, "--silent", *where).code == 0
    assert in_process("story", code, "--no", "play_here", *where).json["story"]["consent"]["play_here"] == {
        "yes": False
    }
    assert in_process("play", story, "--silent", *where).code == 1
    assert in_process("guardian", story, *where).json["error"]["code"] == "refused"
    assert in_process("erase", story, *where).json["error"]["code"] == "not-confirmed"
    assert in_process("erase", story, "--yes", *where).json["erased"]["receipt"] == story
    told = in_process("story", story, *where).json["withdrawn"]
    assert "sound" in told["erased_here"]
    assert in_process("story", code, *where).json["error"]["code"] == "wrong-code"
    text = in_process("story", story, "--home", copy.home)
    assert text.out.startswith("Taken back ")


def test_what_only_its_teller_may_hear_is_sealed_at_once_when_narrowed(evening, in_process, tmp_path) -> None:
    copy = evening.copy(tmp_path / "home")
    code = copy.shared["keep_code"]
    assert in_process("transcriber", "--once", "--home", copy.home).code == 0
    told = in_process("story", code, "--only-me", "--home", copy.home, "--json").json["story"]
    assert told["sealed"] is True
    assert not any(answer["yes"] for answer in told["consent"].values())
    assert in_process("story", code, "--hear", "--silent", "--home", copy.home, "--json").json["heard"] > 1.0
    wide = in_process("story", code, "--yes", "play_here", "--home", copy.home, "--json").json["story"]
    assert (wide["sealed"], wide["consent"]["play_here"]["yes"]) == (False, True)
    assert in_process("play", copy.shared["id"], "--silent", "--home", copy.home, "--json").code == 0


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("strace"),
                    reason="needs root, unshare and strace to look at every system call in a network of its own")  # fmt: skip
def test_a_whole_journey_in_an_empty_network_tries_no_connection(program, clean_environment, speech, tmp_path) -> None:
    home, seen, place = tmp_path / "home", tmp_path / "calls", tmp_path / "archive"
    script = f"{TELL} play_here archive done listen @1 stop next story code:last uses yes yes withdraw back"
    visit = [program, "simulate", "--home", home, "--mic", speech[0].path, "--presses", script, "--json"]
    hand_on = [program, "sync", "--to", place, "--home", home, "--json"]
    both = " && ".join(" ".join(f"'{word}'" for word in line) for line in (visit, hand_on))
    watched = ["unshare", "-n", "strace", "-f", "-qq", "-e", "trace=connect,bind,listen,sendto,sendmsg", "-o", seen]
    done = subprocess.run(
        [*watched, "sh", "-c", both], capture_output=True, text=True, timeout=300, check=False, env=clean_environment(),
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if "PTRACE" in done.stderr or "unshare failed" in done.stderr:
        pytest.skip("this machine does not let a process be watched")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["tombstones"]
    calls = seen.read_text(errors="replace").splitlines()
    assert network_calls(calls) == []
    tried = (
        "import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(('192.0.2.1', 80)); s.bind(('0.0.0.0', 0))"
    )
    subprocess.run([*watched, sys.executable, "-c", tried], capture_output=True, timeout=60, check=False)
    assert len(network_calls(seen.read_text(errors="replace").splitlines())) == 2, (
        "the watching can see what it looks for"
    )


def test_the_words_of_the_screen_are_those_of_the_ledger(evening, tmp_path) -> None:
    """What a teller sees of their uses is what the gate goes by."""
    copy = evening.copy(tmp_path / "home")
    with Simulation(read_home(copy.home), copy.files) as box:
        visit = box.store.enter_code(copy.shared["keep_code"])
        told = my_story(box.store, visit)
        box.visit(parse(f"next story code:{copy.shared['keep_code']} @0.5"))
        assert set(box.app.session.mine.uses) == set(told.uses)
        assert Use.PLAY_HERE in told.uses
        # One word of a code may by chance be a word of the session's own description, all of them are not.
        assert not all(word in repr(box.app.session) for word in copy.shared["keep_code"].split("-")[1:])


def test_the_screen_stays_alive_while_a_code_is_checked(evening, tmp_path, monkeypatch) -> None:
    copy = evening.copy(tmp_path / "home")
    go, derive = threading.Event(), Attempt.derive

    def slow(attempt: Attempt) -> object:
        go.wait(60)
        return derive(attempt)

    monkeypatch.setattr(Attempt, "derive", slow)
    with Simulation(read_home(copy.home), copy.files) as box:
        box.visit(parse("next story"))
        box.app.post(t.CodeTyped(copy.shared["keep_code"], box.app._clock.monotonic()))
        box.turn(fast=False)
        for _ in range(10):
            box.turn(fast=False)
            assert (box.app.session.saving, box.app.session.state) == (True, t.State.CODE_ENTRY)
        go.set()
        for _ in range(500):
            box.turn(fast=False)
            if not box.app.session.saving:
                break
        assert box.app.session.story == copy.shared["id"]


def test_two_presses_put_a_voice_before_a_librarian_and_out_of_play(evening, hearth, in_process, tmp_path) -> None:
    copy = evening.copy(tmp_path / "home")
    where = ("--home", copy.home, "--json")
    ran = hearth("simulate", *where, "--presses", "listen @1 tell @1 stop listen")
    assert ran.code == 0, ran.err
    happened = [event["event"] for event in ran.json["events"]]
    assert happened.count("StoryChosen") == 1
    assert happened.index("PlaybackEnded") < happened.index("NothingToPlay")
    waiting = in_process("hold", *where).json["held"]
    assert [(one["story"], one["by"]) for one in waiting] == [(copy.shared["id"], "key")]
    assert in_process("release", copy.shared["id"], *where).code == 0
    assert in_process("hold", *where).json["held"] == []


def test_a_young_teller_who_wants_only_words_and_later_is_taken_at_their_word(
    hearth, in_process, speech, tmp_path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    asked = "[consent]\nask_age = 16\nask_form = true\nembargo_years = 10\n"
    (home / "config.toml").write_text(asked, encoding="utf-8")
    script = f"{TELL} younger only_words wait play_here public done listen"
    began = datetime.now(UTC)
    ran = hearth("simulate", "--home", home, "--mic", speech[0].path, "--presses", script, "--json")
    assert ran.code == 0, ran.err
    assert "NothingToPlay" in [event["event"] for event in ran.json["events"]]
    code, story = ran.json["stories"][0]["keep_code"], ran.json["stories"][0]["id"]
    where = ("--home", home, "--json")
    told = in_process("story", code, *where).json["story"]
    assert told["waits_for_guardian"] is True
    assert told["consent"]["public"]["form"] == "transcript"
    assert int(told["consent"]["public"]["not_before"][:4]) - 10 in {began.year, datetime.now(UTC).year}
    assert told["consent"]["archive"] == {"yes": False}
    assert in_process("play", story, "--silent", *where).json["error"]["code"] == "refused"
    line = in_process("list", "--home", home).out
    assert f"public (words) from {told['consent']['public']['not_before']}]  WAITS FOR A GUARDIAN" in line
    assert in_process("guardian", story, "--code", code, *where).json["guardian"]["story"] == story
    assert in_process("story", code, *where).json["story"]["waits_for_guardian"] is False
    assert "later day" in in_process("play", story, "--silent", *where).json["error"]["say"]
