"""What the command says when a box is taken, its keys are gone, or something happens that nobody foresaw."""

from __future__ import annotations

import json
import os
import wave
from pathlib import Path

import numpy as np
import pytest

from archive.home import UNPACKED
from audio.pcm import from_floats
from audio.tracks import native_format
from kiosk import simulation
from kiosk.commands import list_
from kiosk.commands.common import emit
from kiosk.setting import Occupied, only_kiosk, read_home


@pytest.mark.parametrize("words", [("simulate", "--presses", "talk decline", "--json"), ("run", "--headless")])
def test_a_second_kiosk_on_one_home_is_refused(verb, home, words) -> None:
    with only_kiosk(read_home(home).home):
        answer = verb(*words, "--home", home)
    assert answer.code == 2
    assert "Another box is at work on" in answer.err
    if "--json" in words:
        assert answer.json["error"]["code"] == "occupied"


def test_the_claim_on_a_home_ends_with_its_kiosk(home) -> None:
    place = read_home(home).home
    with only_kiosk(place), pytest.raises(Occupied), only_kiosk(place):
        pass
    with only_kiosk(place):
        pass


def test_a_box_that_starts_keeps_nothing_of_a_restore_that_was_killed(home) -> None:
    place = read_home(home).home
    for folder in (place.path, place.keys):
        (folder / UNPACKED).mkdir()
        (folder / UNPACKED / "x").write_bytes(b"x")
    with only_kiosk(place):
        assert not [left for folder in (place.path, place.keys) for left in folder.glob(UNPACKED)]


def test_a_box_without_its_keys_says_so_and_does_not_hang(verb, home, tmp_path, monkeypatch) -> None:
    assert verb("list", "--home", home).code == 0
    monkeypatch.setenv("HEARTH_KEYS", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(simulation, "REPAIR_S", 0.0)
    told = verb("simulate", "--presses", "talk", "--home", home, "--json")
    assert told.code == 1
    assert "The keys of this box are not at" in told.json["error"]["say"]
    # Every story is closed now: "not said in any story" would be untrue.
    searched = verb("search", "river", "--home", home, "--json")
    assert (searched.code, searched.json["error"]["code"]) == (1, "no-key")


@pytest.mark.parametrize(
    ("surprise", "said"), [(RuntimeError("no"), "nobody expected"), (OSError(5, "Input/output error"), "Input/output")]
)
def test_what_nobody_expected_is_one_object_and_a_trace(verb, home, monkeypatch, surprise, said) -> None:
    def stumble(_home: object) -> None:
        raise surprise

    monkeypatch.setattr(list_, "reading", stumble)
    answer = verb("list", "--home", home, "--json")
    assert answer.code == 1
    assert answer.json["error"]["code"] == "unexpected"
    assert said in answer.json["error"]["say"]
    assert "Traceback" in answer.err


@pytest.mark.parametrize(
    ("refusal", "code", "said"),
    [
        (OSError(28, "No space left on device"), "disk-full", "No space left"),
        (PermissionError(13, "Permission denied", "/media/stick/a"), "no-access", "/media/stick/a: Permission denied"),
    ],
)
def test_what_a_person_can_mend_is_a_sentence_without_a_trace(verb, home, monkeypatch, refusal, code, said) -> None:
    def stumble(_home: object) -> None:
        raise refusal

    monkeypatch.setattr(list_, "reading", stumble)
    answer = verb("list", "--home", home, "--json")
    assert (answer.code, answer.json["error"]["code"]) == (1, code)
    assert said in answer.json["error"]["say"]
    assert "Traceback" not in answer.err


def test_a_name_that_is_no_text_stops_no_answer(capsys) -> None:
    emit({"file": "b\udcff.wav"}, str, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"file": "b\udcff.wav"}
    emit({}, lambda: "b\udcff.wav", as_json=False)
    assert capsys.readouterr().out == "b\\udcff.wav\n"


def test_no_name_of_a_file_steers_the_terminal(verb, tmp_path) -> None:
    title = "\x1b]0;pwned\x07\x9b2J\r"
    (tmp_path / f"{title}.wav").write_bytes(b"no sound")
    answer = verb("transcribe", tmp_path / f"{title}.wav")
    assert answer.code == 1
    assert r"\x1b]0;pwned\x07\x9b2J\x0d.wav" in answer.out + answer.err
    as_json = verb("transcribe", tmp_path / f"{title}.wav", "--json")
    assert "pwned" in str(as_json.json)
    for told in (answer.out, answer.err, as_json.out, as_json.err):
        assert not set(told) & set("\x1b\x07\x9b\r"), told


def test_a_sound_file_whose_name_is_no_text_is_read(tmp_path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.wav"))
    with wave.open(os.fsencode(path).decode("utf-8", "surrogateescape"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(3200))
    assert native_format(path).rate == 16_000


def test_what_is_no_number_in_a_sound_file_is_silence_not_a_bang() -> None:
    samples = np.array([np.nan, np.inf, -np.inf, 0.5])
    assert np.frombuffer(from_floats(samples, 2), "<i2").tolist() == [0, 32767, -32768, 16384]
