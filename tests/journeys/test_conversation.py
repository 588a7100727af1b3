"""A facilitator, three people, one excerpt from before: a whole group conversation through the real program."""

from __future__ import annotations

import wave

import pytest

PLAYED, FLAGGED, PAUSED = 6.0, 13.0, 19.0


@pytest.fixture(scope="module")
def long_speech(speech):
    return speech[-1]


@pytest.fixture(scope="module")
def long_speech_seconds(long_speech):
    with wave.open(str(long_speech.path)) as file:
        return file.getnframes() / file.getframerate()


@pytest.fixture(scope="module")
def talk(evening, hearth, tmp_path_factory, long_speech):
    """One conversation in a home of its own, with an earlier voice on the first cue button."""
    home = evening.copy(tmp_path_factory.mktemp("hearth") / "home").home
    story = evening.shared["id"]
    assert hearth("cue", "set", "1", story, "--title", "Earlier", "--home", home, "--json").code == 0
    presses = (
        "facilitate group person person person group @6 cue1 @4 cue1 @3 flag question @5 pause @3 resume @speech "
        "stop keep play_here done"
    )
    ran = hearth("simulate", "--home", home, "--mic", long_speech.path, "--presses", presses, "--json")
    assert ran.code == 0, ran.err
    return ran.json, story


def test_it_is_kept_as_a_conversation(talk):
    report, _ = talk
    assert report["stories"][0]["kind"] == "conversation"


def test_excerpt_flag_question_and_pause_are_marked_on_its_own_time_line(talk):
    report, story = talk
    spans = {span["mark"]: span for span in report["stories"][0]["spans"]}
    assert set(spans) == {"excerpt", "flag", "question", "pause"}
    assert spans["excerpt"]["ref"] == story
    assert spans["excerpt"]["start"] == pytest.approx(PLAYED, abs=1.0)
    assert spans["excerpt"]["end"] - spans["excerpt"]["start"] == pytest.approx(4.0, abs=1.0)
    assert spans["flag"]["start"] > spans["excerpt"]["end"]
    assert spans["pause"]["start"] >= spans["question"]["start"]


def test_what_was_played_is_not_put_into_the_groups_mouth(talk):
    report, _ = talk
    kept = report["stories"][0]
    excerpt = next(span for span in kept["spans"] if span["mark"] == "excerpt")
    inside = [w for w in kept["words"] if excerpt["start"] + 0.3 < (w["start"] + w["end"]) / 2 < excerpt["end"]]
    assert inside == []
    assert len(kept["words"]) > 50, "the group itself was written down"


def test_what_was_said_off_the_record_is_not_there(talk, long_speech_seconds):
    report, _ = talk
    assert report["stories"][0]["seconds"] == pytest.approx(long_speech_seconds - 3.0, abs=1.5)


def test_each_person_has_words_of_their_own(talk):
    kept = talk[0]["stories"][0]
    assert len(set(kept["keep_codes"])) == 3
    assert kept["keep_code"] in kept["keep_codes"]


def test_a_conversation_needs_more_than_one_yes(hearth, tmp_path):
    ran = hearth("simulate", "--home", tmp_path / "home", "--presses", "facilitate group person group", "--json")
    assert ran.code == 1
    assert "agreement" in ran.json["error"]["say"]
