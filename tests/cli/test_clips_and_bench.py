"""``hearth transcribe`` over a folder of every kind of file, and the first figures of ``hearth bench``."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.clips import must_be_sound
from audio.errors import BadSound, NoModel
from audio.models import find
from audio.speech import Spoken, on_this_machine, word_error_rate
from kiosk.commands.bench_ import KEYS

GOOD = {"eight_bit", "float", "good", "half", "six_channels", "twenty_four_bit", "very_fast"}
BAD = {"empty", "head", "nothing", "text"}


@pytest.fixture(scope="module")
def spoken() -> Spoken:
    try:
        find("tiny.en")
        found = [one for one in on_this_machine() if soundfile.info(one.path).duration < 8]
    except NoModel as error:
        pytest.skip(f"{error.say} {error.do}")
    return min(found, key=lambda one: soundfile.info(one.path).duration)


@pytest.fixture(scope="module")
def folder(spoken, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("clips")
    samples, rate = soundfile.read(spoken.path)
    for name, kind in (("eight_bit", "PCM_U8"), ("twenty_four_bit", "PCM_24"), ("float", "FLOAT")):
        soundfile.write(place / f"{name}.wav", samples, rate, subtype=kind)
    soundfile.write(place / "six_channels.wav", np.stack([samples] * 6, axis=1), rate, subtype="PCM_16")
    soundfile.write(place / "very_fast.wav", np.repeat(samples, 192_000 // rate), 192_000, subtype="PCM_16")
    soundfile.write(place / "nothing.wav", samples[:0], rate, subtype="PCM_16")
    shutil.copy(spoken.path, place / "good.wav")
    whole = spoken.path.read_bytes()
    (place / "half.wav").write_bytes(whole[: len(whole) // 2])
    (place / "head.wav").write_bytes(whole[:30])
    (place / "empty.wav").touch()
    (place / "text.wav").write_text("once upon a time\n" * 20)
    (place / "notes.txt").write_text("no sound at all")
    return place


def test_every_kind_of_file_is_written_down_or_gets_its_sentence(verb, folder, spoken) -> None:
    answer = verb("transcribe", folder, "--streamed", "--json")
    assert answer.code == 1, "some could not be read"
    clips = {Path(clip["file"]).stem: clip for clip in answer.json["clips"]}
    assert set(clips) == GOOD | BAD
    assert answer.json["error"]["say"] == f"{len(BAD)} of {len(BAD | GOOD)} files could not be read."
    for name in BAD:
        assert set(clips[name]["error"]) == {"code", "say", "do"}
        assert f"{name}.wav" in clips[name]["error"]["say"]
        assert clips[name]["error"]["do"]
    for name in GOOD:
        clip = clips[name]
        assert set(clip) == {"file", "text", "words", "cpu_s", "audio_s", "final_text_s"}
        assert clip["audio_s"] == pytest.approx(clips["good"]["audio_s"] / (2 if name == "half" else 1), rel=0.02)
        assert clip["text"].split() == [word["text"].strip() for word in clip["words"]]
        assert all(set(word) == {"text", "start", "end", "probability", "unclear"} for word in clip["words"])
        if name != "half":
            assert word_error_rate([(spoken.text, clip["text"])]) < 0.5, name
    assert clips["good"]["text"] == clips["twenty_four_bit"]["text"] == clips["float"]["text"]


def test_sound_behind_a_header_that_denies_it_is_not_called_none(tmp_path) -> None:
    soundfile.write(tmp_path / "cut.wav", np.full(16_000, 0.1), 16_000, subtype="PCM_16")
    whole = (tmp_path / "cut.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[:40] + bytes(4) + whole[44:])
    with pytest.raises(BadSound, match=r"says that it holds no sound, but it is 32,044 bytes long"):
        must_be_sound(tmp_path / "cut.wav")


@pytest.mark.parametrize("how", [[], ["--streamed"], ["--language", "es"]])
def test_nothing_is_invented_where_nobody_speaks(verb, how, tmp_path) -> None:
    hush = np.random.default_rng(7).normal(0, 60, 5 * 16_000).astype(np.int16)
    soundfile.write(tmp_path / "room.wav", hush, 16_000, subtype="PCM_16")
    answer = verb("transcribe", tmp_path / "room.wav", *how, "--json")
    assert answer.code == 0
    assert [(clip["text"], clip["words"], clip["audio_s"]) for clip in answer.json["clips"]] == [("", [], 5.0)]


def test_a_good_file_alone_ends_with_0_for_people_and_programs(verb, folder, spoken) -> None:
    answer = verb("transcribe", folder / "good.wav", "--json")
    assert answer.code == 0
    assert word_error_rate([(spoken.text, answer.json["clips"][0]["text"])]) < 0.5
    told = verb("transcribe", folder / "text.wav")
    assert told.code == 1
    assert "could not be read" in told.out
    assert "not a sound file" in told.err


@pytest.mark.parametrize(
    "words",
    [
        ["nowhere.wav"],
        ["nowhere.wav", "--streamed"],
        [".", "--model", "nonsense"],
        ["some.wav", "--language", "xx"],
        ["some.wav", "--model", "base", "--language", "xx"],
        ["some.wav", "--model", "tiny.en", "--language", "es"],
    ],
)
def test_what_cannot_be_transcribed_at_all_is_one_error(verb, words, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write(tmp_path / "some.wav", np.zeros(16_000, np.float32), 16_000)
    answer = verb("transcribe", *words, "--json")
    assert answer.code in {1, 2}
    assert set(answer.json) == {"error"}


def test_a_demonstration_without_a_model_says_what_to_fetch_and_begins_nothing(verb, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HEARTH_CACHE", str(tmp_path / "nothing"))
    for how in ("--headless", "--archive"):
        told = verb("demo", how, "--out", tmp_path / "out", "--json")
        assert (told.code, told.json["error"]["code"]) == (2, "no-model")
        assert "hearth models fetch" in told.json["error"]["do"]
    assert not (tmp_path / "out").exists()


def test_bench_measures_itself_beside_the_plain_model(verb, folder, spoken, tmp_path) -> None:
    shutil.copy(spoken.path, tmp_path / "one.WAV")
    (tmp_path / "one.Txt").write_text(spoken.text, encoding="utf-8-sig")
    for name, sound, text in (("torn", b"RIFF", b"Said."), ("latin", spoken.path.read_bytes(), b"Se\xf1or")):
        (tmp_path / f"{name}.wav").write_bytes(sound)
        (tmp_path / f"{name}.txt").write_bytes(text)
    (tmp_path / "untold.wav").write_bytes(b"RIFF")
    answer = verb("bench", "--quick", "--only", "words", "--clips", tmp_path, "--json")
    assert answer.code == 0
    figures = answer.json
    ways = figures.pop("frontier")
    assert ways, "words against latency, way by way"
    assert all(way["cpu_s"] > 0 and way["wall_s"] > 0 for way in ways), "the baseline in both kinds of seconds"
    assert set(figures.pop("not_measured")) == {"torn.wav", "latin.txt", "untold.wav"}, "what cannot be used is named"
    assert figures["clips"] == 1
    assert len(figures) >= 5
    measured = {name for name, value in figures.items() if isinstance(value, int | float)}
    of_words = set(KEYS[: KEYS.index("press_to_sound_ms_p95")])
    assert of_words <= measured
    assert set(KEYS) - of_words == set(figures) - measured, "what was not measured is null"
    missing = verb("bench", "--quick", "--clips", tmp_path / "empty", "--json")
    assert missing.code in {1, 2}
    assert missing.json["error"]["code"] == "bad-sound"


def test_texts_without_a_word_are_refused_before_anything_is_measured(verb, folder, tmp_path) -> None:
    shutil.copy(folder / "good.wav", tmp_path / "one.wav")
    (tmp_path / "one.txt").write_text("...\n")
    answer = verb("bench", "--only", "words", "--clips", tmp_path, "--json")
    assert answer.code == 1
    assert "No text in" in answer.json["error"]["say"]
    assert "story 1" not in answer.err
