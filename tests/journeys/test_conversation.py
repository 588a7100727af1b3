"""A facilitator, three people, one excerpt from before: a whole group conversation through the real program."""

from __future__ import annotations

import wave

import numpy as np
import pytest

from archive.home import open_home
from archive.masters import open_master
from archive.store import Store
from archive.types import Reader
from audio.clock import SystemClock
from audio.types import TakeId

PLAYED, FLAGGED, PAUSED = 6.0, 13.0, 19.0


@pytest.fixture(scope="module")
def long_speech(speech):
    return speech[-1]


@pytest.fixture(scope="module")
def long_speech_seconds(long_speech):
    with wave.open(str(long_speech.path)) as file:
        return file.getnframes() / file.getframerate()


@pytest.fixture(scope="module")
def told(evening, hearth, tmp_path_factory, long_speech):
    """One conversation in a home of its own, with an earlier voice on the first cue button."""
    home = evening.copy(tmp_path_factory.mktemp("hearth") / "home").home
    story = evening.shared["id"]
    assert hearth("cue", "set", "1", story, "--title", "Earlier", "--home", home, "--json").code == 0
    presses = (
        "facilitate group person person person group @6 cue1 @4 cue1 @3 flag question @5 pause @1 join @1 resume @speech "
        "stop keep play_here done"
    )
    ran = hearth("simulate", "--home", home, "--mic", long_speech.path, "--presses", presses, "--json")
    assert ran.code == 0, ran.err
    return ran.json, story, home


@pytest.fixture(scope="module")
def talk(told):
    return told[:2]


def test_it_is_kept_as_a_conversation(talk):
    report, _ = talk
    assert report["stories"][0]["kind"] == "conversation"


def test_excerpt_flag_question_and_pause_are_marked_on_its_own_time_line(talk):
    report, story = talk
    # What was wrong with the sound is marked, too, and is another matter.
    spans = {span["mark"]: span for span in report["stories"][0]["spans"] if span["mark"] != "sound"}
    assert set(spans) == {"excerpt", "flag", "question", "pause"}
    assert spans["excerpt"]["ref"] == story
    assert spans["excerpt"]["start"] == pytest.approx(PLAYED, abs=1.0)
    assert spans["excerpt"]["end"] - spans["excerpt"]["start"] == pytest.approx(4.0, abs=1.0)
    assert spans["flag"]["start"] > spans["excerpt"]["end"]
    assert spans["pause"]["start"] >= spans["question"]["start"]
    assert " " in spans["question"]["ref"], "a question is marked in its words: its number says nothing elsewhere"


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


def test_no_sample_spoken_off_the_record_was_stored(told, long_speech):
    report, _, home = told
    kept = report["stories"][0]
    with wave.open(str(long_speech.path)) as file:
        spoken = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        rate = file.getframerate()
    with Store(open_home(home), SystemClock()) as store:
        visit = store.enter_code(kept["keep_codes"][-1])
        with open_master(store, TakeId(kept["id"]), Reader.TELLER, store.now(), visit=visit) as master:
            assert master.format.rate == rate
            stored = np.frombuffer(master.read(), np.int16)
    whole = min(len(stored), len(spoken))
    cut = int(np.argmin(stored[:whole] == spoken[:whole]))
    pause = next(span for span in kept["spans"] if span["mark"] == "pause")
    assert cut / rate == pytest.approx(pause["start"], abs=0.2), (
        "up to the pause every sample is the one that was spoken"
    )
    rest = stored[cut : cut + rate]
    places = [
        at for at in range(cut, len(spoken) - rate) if spoken[at] == rest[0] and (spoken[at : at + rate] == rest).all()
    ]
    assert len(places) == 1, "after it the very samples go on"
    left_out = (places[0] - cut) / rate
    assert left_out > 2.0, "and what was said in between is nowhere"
    assert len(stored) + places[0] - cut <= len(spoken) + rate


def test_each_person_has_words_of_their_own(talk):
    kept = talk[0]["stories"][0]
    assert len(set(kept["keep_codes"])) == 4, "three who agreed at the beginning, and one who came late"
    assert kept["keep_code"] in kept["keep_codes"]


def test_a_conversation_needs_more_than_one_yes(hearth, tmp_path):
    ran = hearth("simulate", "--home", tmp_path / "home", "--presses", "facilitate group person group", "--json")
    assert ran.code == 1
    assert "agreement" in ran.json["error"]["say"]
