"""Screens are read aloud: the box's own words once, a person's recording first, nothing personal on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.chime import TONE_S, TONES_HZ, chime
from kiosk import prompts, speech
from kiosk.screens.samples import sample_views
from kiosk.speech import RATE, Reading, Voice, lines_of
from kiosk.texts import load, shipped_languages
from kiosk.view import spoken

EN = load("en")
YES = "Left key: Yes."
CODE = EN.get("spoken.code", code="417 maple river candle north")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every line the machine was asked for; each sounds a tenth of a second a letter."""
    lines: list[str] = []

    def read(text: str, language: str) -> Reading:
        lines.append(text)
        return Reading(np.full(len(text) * RATE // 10, 0.1, np.float32), RATE)

    monkeypatch.setattr(speech, "read_aloud", read)
    return lines


def test_the_box_s_own_words_are_made_once(tmp_path: Path, made: list[str]) -> None:
    voice = Voice({"en": EN}, cache=tmp_path)
    first = voice.read(f"Thank you.\n{YES}", "en")
    assert first is not None
    assert first.samples.size == (10 + 14) * RATE // 10 + round(speech.PAUSE_S * RATE)
    voice.read(YES, "en")
    assert made == ["Thank you.", YES]
    again = Voice({"en": EN}, cache=tmp_path).read(YES, "en")
    assert again is not None
    assert again.samples.size == 14 * RATE // 10
    assert made == ["Thank you.", YES]
    assert Voice({"en": EN}, cache=None).line(YES, "en") is not None
    assert len(made) == 3


def test_nothing_personal_is_kept(tmp_path: Path, made: list[str]) -> None:
    voice = Voice({"en": EN}, cache=tmp_path)
    for line in (CODE, "Kept at the archive.", "A cue's title"):
        voice.read(line, "en")
        voice.read(line, "en")
        assert made.count(line) == 2
    assert not list(tmp_path.rglob("*"))
    assert voice._kept == {}


def test_a_person_s_recording_wins(tmp_path: Path, made: list[str]) -> None:
    own = tmp_path / "texts"
    (own / "en").mkdir(parents=True)
    soundfile.write(own / "en" / "consent.record.wav", np.zeros(44_100), 44_100)
    soundfile.write(own / "en" / "spoken.left+keys.agree.wav", np.zeros(2 * RATE), RATE)
    (own / "en" / "thanks.headline.wav").write_bytes(b"not sound")
    soundfile.write(tmp_path / "q.wav", np.zeros(3 * RATE), RATE)
    asked = prompts.Prompt("q", {"en": "Tell us"}, spoken={"en": "q.wav"})
    voice = Voice({"en": EN}, [asked], recordings=own, prompt_recordings=tmp_path)
    seconds = {
        line: reading.samples.size / RATE
        for line in (EN.get("consent.record"), YES, "Tell us.")
        if (reading := voice.read(line, "en")) is not None
    }
    assert list(seconds.values()) == pytest.approx([1.0, 2.0, 3.0], abs=0.01)
    assert made == []
    assert voice.read(EN.get("thanks.headline"), "en") is not None
    assert made == [EN.get("thanks.headline")]


def test_trouble_chimes_before_its_words_and_without_any(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rung = chime(RATE)
    said = Voice({"en": EN}).alarm(YES, "en").samples
    assert np.array_equal(said[: rung.size], rung)
    assert said.size == rung.size + (14 + 2.8) * RATE // 10
    monkeypatch.setattr(speech, "read_aloud", lambda text, language: None)
    assert np.array_equal(Voice({"en": EN}).alarm(YES, "en").samples, rung)


def test_a_chime_is_two_soft_falling_tones() -> None:
    rung = chime(RATE)
    assert rung.size / RATE == pytest.approx(2 * TONE_S, abs=0.001)
    loud = [np.argmax(np.abs(np.fft.rfft(tone))) / TONE_S for tone in np.split(rung, 2)]
    assert loud == pytest.approx(TONES_HZ, abs=1 / TONE_S)
    assert 0.1 < np.abs(rung).max() < 0.2, "as loud as words"
    edges = [tone[np.r_[:20, -20:0]] for tone in np.split(rung, 2)]
    assert np.abs(edges).max() < 0.01, "a click"


def test_a_cache_that_cannot_be_written_is_no_trouble(tmp_path: Path, made: list[str]) -> None:
    (tmp_path / "file").touch()
    assert Voice({"en": EN}, cache=tmp_path / "file").read(YES, "en") is not None


@pytest.mark.parametrize("language", shipped_languages())
def test_most_of_every_screen_can_be_made_beforehand(language: str) -> None:
    texts = load(language)
    known = {line for line, _ in lines_of(texts)}
    for name, shown in sample_views(texts).items():
        lines = spoken(shown, texts).split("\n")
        assert lines[0], name
        if shown.keys:
            assert set(lines[-len(shown.keys) :]) <= known or shown.lines, name


@pytest.mark.parametrize("language", shipped_languages())
def test_the_key_in_the_corner_is_read_too(language: str) -> None:
    texts = load(language)
    views = sample_views(texts)
    for name in ("facilitator", "facilitator_told"):
        corner = views[name].corner
        assert corner is not None, name
        assert texts.get("spoken.corner", label=corner.label) in spoken(views[name], texts).split("\n"), name


def test_no_machine_voice_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert Voice({"en": EN}).read(YES, "en") is None


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not on this machine")
@pytest.mark.parametrize("language", shipped_languages())
def test_the_machine_speaks_every_language(language: str) -> None:
    reading = speech.read_aloud(load(language).get("consent.record"), language)
    assert reading is not None
    assert reading.rate == RATE
    assert 4.0 < reading.samples.size / RATE < 25.0
    assert np.abs(reading.samples).max() > 0.05


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
@pytest.mark.parametrize("language", shipped_languages())
def test_consent_and_mic_check_are_read_before_anyone_is_tired_of_them(language):
    texts = load(language)
    views, voice = sample_views(texts), Voice({})
    read = [voice.read(spoken(views[name], texts), language) for name in ("consent", "ready")]
    seconds = sum(len(one.samples) / one.rate for one in read if one is not None)
    assert 10 < seconds < 40, "45 s from the first press to the first word, presses included"
