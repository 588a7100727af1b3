"""The wrong speech model for a language is refused by the doctor, not discovered in the archive."""

from __future__ import annotations

from datetime import date

import pytest

from audio.errors import NoModel
from kiosk.config import Config, Sound
from kiosk.setting import model_for
from kiosk.signing import sign
from kiosk.texts import load


def findings(verb, home, setting: str) -> dict:
    home.mkdir(parents=True)
    sign(home / "texts", load("es"), "A reader of Spanish", date(2026, 3, 1))
    (home / "config.toml").write_text(f'[site]\nlanguages = ["en", "es"]\n[sound]\n{setting}\n', encoding="utf-8")
    found = verb("doctor", "--home", home, "--json").json["findings"]
    return {one["code"]: one for one in found}


def test_an_english_model_is_refused_for_spanish_and_named(verb, home) -> None:
    found = findings(verb, home, 'model = "tiny.en"')
    assert found["model-en"]["ok"]
    refused = found["model-es"]
    assert not refused["ok"]
    assert "tiny.en" in refused["say"]
    assert "does not understand 'es'" in refused["say"]
    assert "sound.model" in refused["do"]


def test_without_a_choice_each_language_has_the_model_that_understands_it(verb, home) -> None:
    found = findings(verb, home, "")
    assert found["model-en"]["ok"]
    assert found["model-es"]["ok"]


def test_a_language_no_model_understands_is_told_and_nothing_is_to_be_fetched_for_it() -> None:
    with pytest.raises(NoModel, match="No speech model there is understands 'qu'") as refused:
        model_for(Config(), "qu")
    assert "fetch" not in refused.value.do


@pytest.mark.parametrize(("name", "said"), [("nonsense", "which is none"), ("speech", "which is none")])
def test_what_is_no_speech_model_is_refused_by_name(verb, home, name: str, said: str) -> None:
    refused = findings(verb, home, f'model = "{name}"')["model-en"]
    assert not refused["ok"]
    assert said in refused["say"]


def test_a_model_that_is_not_here_is_named_with_how_to_fetch_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HEARTH_CACHE", str(tmp_path))
    monkeypatch.setattr("audio.models.SYSTEM_CACHE", tmp_path)
    with pytest.raises(NoModel) as refused:
        model_for(Config(sound=Sound(model="base")), "es")
    assert "base" in refused.value.say
    assert refused.value.do.endswith("hearth models fetch base")
