"""Every verb on a home that was never there: help with examples, exit codes, one JSON object, nothing made up."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from kiosk.cli import VERBS, hearth
from kiosk.config import SECTIONS

PROGRAM = Path(sys.executable).parent / "hearth"


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_verb_helps_with_examples_that_name_real_options(verb, name) -> None:
    told = verb(name, "--help")
    assert told.code == 0
    examples = [line for line in told.out.splitlines() if line.strip().startswith(f"hearth {name}")]
    assert len(examples) >= 2
    command = hearth.get_command(click.Context(hearth), name)
    assert command is not None
    # Some verbs have commands of their own.
    parts = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    known = {option for part in parts for one in part.params for option in one.opts} | {"--help"}
    assert set(re.findall(r"--[a-z-]+", " ".join(examples))) <= known


def test_help_lists_every_verb_and_needs_neither_model_nor_sound() -> None:
    seen = "import sys; sys.argv = ['hearth', '--help']\nfrom kiosk import cli\ncode = cli.run(['--help'])\n"
    seen += "print('LOADED', sorted({m.partition('.')[0] for m in sys.modules} & {'pygame', 'faster_whisper', 'sounddevice'}))"
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert all(re.search(rf"^\s+{name}\s", done.stdout, re.MULTILINE) for name in VERBS)
    assert "LOADED []" in done.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["list"], 0),
        (["list", "--unfinished"], 0),
        (["list", "--unkept"], 0),
        (["search", "river"], 2),
        (["cue"], 0),
        (["retention"], 0),
        (["config"], 0),
        (["config", "--default"], 0),
        (["models"], 0),
        (["devices"], 0),
        (["sync"], 2),
        (["sync", "--to"], 2),
        (["play", "01K"], 2),
        (["withdraw", "417-maple-river-candle-north"], 2),
        (["cue", "set", "1", "01K"], 1),
        (["cue", "set", "1"], 2),
        (["cue", "set", "9", "01K"], 2),
        (["cue", "clear"], 2),
        (["models", "verify"], 2),
        (["models", "verify", "nonsense"], 2),
        (["transcribe"], 2),
        (["simulate"], 2),
        (["screens", "--out", "x", "--size", "big"], 2),
        (["screens", "--out", "x", "--lang", "xx"], 2),
        (["nonsense"], 2),
        (["list", "--nonsense"], 2),
        (["search"], 2),
    ],
)
def test_one_object_and_the_right_exit_code_on_an_absent_home(verb, home, words, code) -> None:
    at_home = words[0] not in {"models", "devices", "transcribe", "screens", "nonsense"}
    answer = verb(*words, *(["--home", home] if at_home else []), "--json")
    assert answer.code == code
    assert len(answer.out.splitlines()) == 1
    if code:
        assert set(answer.json) == {"error"}
        assert set(answer.json["error"]) == {"code", "say", "do"}
        assert answer.json["error"]["say"]
        assert answer.json["error"]["say"] in answer.err
    else:
        assert "error" not in answer.json


def test_an_empty_home_is_made_with_defaults_and_holds_no_keys(verb, home) -> None:
    home.mkdir(parents=True)
    assert verb("list", "--home", home, "--json").json == {"stories": [], "guests": []}
    assert verb("search", "river", "--home", home, "--json").json == {"results": []}
    assert (home / "config.toml").is_file()
    assert not list(home.rglob("*.key"))
    assert (home.with_name("yet-keys") / "box.key").is_file()


def test_keys_stand_where_the_variable_says(verb, home, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HEARTH_KEYS", str(tmp_path / "safe"))
    assert verb("list", "--home", home).code == 0
    assert (tmp_path / "safe" / "box.key").is_file()
    assert not home.with_name("yet-keys").exists()
    monkeypatch.setenv("HEARTH_KEYS", str(tmp_path / "lost"))
    found = {one["code"]: one for one in verb("doctor", "--home", home, "--json").json["findings"]}
    assert not found["keys"]["ok"]
    assert not (tmp_path / "lost").exists(), "keys are never made for a home that has stories"


def test_a_home_that_cannot_be_is_said(verb, tmp_path) -> None:
    (tmp_path / "file").write_text("not a folder")
    answer = verb("list", "--home", tmp_path / "file", "--json")
    assert answer.code == 2
    assert answer.json["error"]["code"] == "home-trouble"
    for words in (["transcribe", "x" * 300], ["list", "--home", tmp_path / ("x" * 300)]):
        answer = verb(*words, "--json")
        assert answer.code == 2
        assert "Traceback" not in answer.err
        assert answer.json["error"]["say"]


def test_a_wrong_word_leads_to_the_help_of_its_command(verb) -> None:
    for words, command in (
        (["transcribe"], "hearth transcribe"),
        (["nonsense"], "hearth"),
        (["archive", "x"], "hearth archive"),
        (["archive", "qda", "import", "/nowhere.qdpx"], "hearth archive qda"),
    ):
        assert verb(*words, "--json").json["error"]["do"] == f"See: {command} --help"


def test_an_answer_without_room_still_tells_the_person() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([PROGRAM, "nonsense", "--json"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert b"There is no verb" in done.stderr
    assert b"Traceback" not in done.stderr


def test_of_a_briefing_nobody_knows_nothing_is_said(verb, tmp_path) -> None:
    answer = verb("archive", "briefing", "open", tmp_path / "gone", "--home", tmp_path / "archive", "--json")
    assert (answer.code, answer.json["error"]["code"]) == (1, "bad-briefing"), "not that nothing was withdrawn"


def test_a_place_that_cannot_be_written_is_named(verb, tmp_path) -> None:
    (tmp_path / "file").write_text("not a folder")
    words = ("archive", "qda", "export", tmp_path / "file" / "tables", "--form", "csv", "--home", tmp_path / "archive")
    answer = verb(*words, "--json")
    assert answer.code == 1
    assert str(tmp_path / "file") in answer.json["error"]["say"]
    assert "Traceback" not in answer.err


def test_the_folder_that_is_in_the_way_is_named(verb, home, monkeypatch) -> None:
    home.mkdir(parents=True)
    (home / "takes").write_text("not a folder")
    assert f"{home / 'takes'} is not a folder" in verb("list", "--home", home, "--json").json["error"]["say"]
    (home / "takes").unlink()
    monkeypatch.setenv("HEARTH_KEYS", "/dev/null/keys")
    assert "/dev/null" in verb("list", "--home", home, "--json").json["error"]["say"]


@pytest.mark.parametrize(
    ("toml", "near"),
    [
        ("[sound]\nmicrofone = 'x'\n", "microphone"),
        ("[soud]\n", "sound"),
        ("[pins]\nleftt = 3\n", "left"),
        ("[times]\nreviw = 100\n", "review"),
    ],
)
def test_an_unknown_setting_is_refused_with_the_nearest(verb, home, toml, near) -> None:
    home.mkdir(parents=True)
    (home / "config.toml").write_text(toml)
    for words in (["config"], ["simulate", "--presses", "talk"], ["sync"]):
        answer = verb(*words, "--home", home, "--json")
        assert answer.code == 2
        assert f"'{near}'" in answer.json["error"]["do"]


def test_settings_are_told_to_programs_and_to_people(verb, home) -> None:
    told = verb("config", "--home", home, "--json").json
    assert set(told["config"]) == {*SECTIONS, "pins"}
    assert "sound.microphone = " in verb("config", "--home", home).out
    home.joinpath("config.toml").write_text(verb("config", "--default").out)
    assert verb("config", "--home", home, "--json").json == told
    home.joinpath("config.toml").write_text('[site]\nname = "Ours"  # as on the door\n')
    built = verb("config", "--build", "large", "--home", home, "--json").json["config"]
    assert (built["screen"]["width"], built["controls"]["driver"], built["site"]["name"]) == (1280, "gpio", "Ours")
    assert "# as on the door" in home.joinpath("config.toml").read_text()
    home.joinpath("config.toml").write_text("not toml")
    assert verb("config", "--home", home, "--json").code == 2


def test_an_absent_home_works_without_any_network(home) -> None:
    """In a namespace of its own without a network; where that is not allowed, with every name unresolvable."""
    alone = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0
    command = [PROGRAM, "list", "--home", home, "--json"]
    done = subprocess.run(["unshare", "-rn", *command] if alone else command, capture_output=True, check=True)
    assert json.loads(done.stdout) == {"stories": [], "guests": []}


def test_doctor_says_what_to_do_for_everything_that_is_not_well(verb, home) -> None:
    answer = verb("doctor", "--home", home, "--json")
    report = answer.json
    assert answer.code == (0 if report["well"] else 1)
    assert ("error" in report) == (answer.code == 1), "whoever reads only the error hears of it too"
    assert report["well"] == all(one["ok"] for one in report["findings"])
    assert all(one["do"] for one in report["findings"] if not one["ok"])
    assert {"keys", "ledger", "jobs", "unfinished", "microphone", "speaker"} <= {
        one["code"] for one in report["findings"]
    }
    assert ("LOOK" in verb("doctor", "--home", home).out) == (not report["well"])


def test_an_altered_consent_record_is_found(verb, home) -> None:
    from archive.home import open_home
    from archive.shelf import Wording
    from archive.store import Store
    from audio.clock import SystemClock

    with Store(open_home(home), SystemClock()) as store:
        store.open_take(prompt="p", language="en", wording=Wording("1", "ab" * 32, "en"), by="key", site="s")
        triggers = [row[0] for row in store.db.conn.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for trigger in triggers:
            store.db.conn.execute(f'DROP TRIGGER "{trigger}"')
        store.db.conn.execute("UPDATE ledger SET by = 'someone'")
        store.db.conn.commit()
    answer = verb("doctor", "--home", home, "--json")
    assert answer.code == 1
    assert not next(one for one in answer.json["findings"] if one["code"] == "ledger")["ok"]


def test_an_interrupted_run_ends_with_130_and_says_so(home) -> None:
    command = [PROGRAM, "simulate", "--home", home, "--presses", "facilitate @600", "--realtime", "--json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not (home / "log" / "transcriber.log").exists() and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1.0)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert json.loads(out)["error"]["code"] == "interrupted"
    assert "Traceback" not in err
    assert not _transcribers(home)


def test_a_reader_that_goes_away_is_no_error(home) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([PROGRAM, "config", "--default"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def _transcribers(home: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if "transcriber" in words and str(home) in words:
                found.append(entry.name)
    return found


def test_play_and_cue_and_screens_for_people(verb, home, tmp_path) -> None:
    assert "No story yet" in verb("list", "--home", home).out
    assert "No take is unfinished" in verb("list", "--unfinished", "--home", home).out
    assert "No cue button" in verb("cue", "--home", home).out
    assert "not said" in verb("search", "river", "--home", home).out
    assert "0 unkept takes" in verb("retention", "--home", home).out
    assert verb("devices").code == 0
    assert "tiny.en" in verb("models").out
    assert verb("cue", "clear", 3, "--home", home).code == 0
