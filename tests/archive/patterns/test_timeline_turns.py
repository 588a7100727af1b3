"""A session along its time, and who spoke when: proposed by a machine, corrected by people, never a ranking."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import soundfile

from archive.bag import plan
from archive.catalogue.consents import ask
from archive.errors import Refused
from archive.patterns import corpus, turns
from archive.patterns.codebook import Level, first_codebook, make_code
from archive.patterns.highlights import highlight
from archive.patterns.machines import MachinesOff
from archive.patterns.telling_apart import stretches_of, tell_apart
from archive.patterns.timeline import timeline_of
from archive.patterns.turns import BadTurn, SpokenTurn, TalkTime, talk_time, turns_of
from archive.patterns.voiceprint import RATE, mel_filters, read_weights
from archive.reviewing.told import facts_of
from archive.reviewing.words import DeskWord
from archive.sealedbag import seal_bag
from archive.server.deposits import accept
from archive.server.erase import withdraw
from archive.server.place import open_archive
from archive.tombstones import Tombstone
from archive.types import Reader
from audio.errors import BadSound, NoModel
from audio.resample import at_rate

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class PitchVoices:
    """A fake that tells made voices apart by the pitch they were made with."""

    name = "pitch 1"

    def prints(self, windows):
        rows = np.zeros((len(windows), 12), np.float32)
        for row, window in zip(rows, windows, strict=True):
            power = np.abs(np.fft.rfft(window))
            hz = np.fft.rfftfreq(len(window), 1 / RATE)
            pitches = [95 + 37 * voice for voice in range(12)]
            row[
                int(
                    np.argmax(
                        [sum(power[np.abs(hz - pitch * n) < 3].sum() for n in (1, 2, 3, 4, 5)) for pitch in pitches]
                    )
                )
            ] = 1
        return rows


@pytest.fixture(scope="module")
def talk():
    whole = corpus.small(stories=0, conversations=1)[0]
    return replace(whole, said=whole.said[:10])


@pytest.fixture
def session(place, talk, tmp_path):
    seal_bag(plan(corpus.bag_of(talk)), place.public_key, tmp_path / "bag")
    accept(place, tmp_path / "bag", "front-desk")
    return talk


def test_turns_are_proposed_where_voices_change(place, session):
    found = turns.propose(place, session.id, "Ana", PitchVoices())
    with place.catalogue() as catalogue, catalogue.read() as tx:
        told = turns_of(tx, session.id)
    assert found == len(told)
    assert {turn.by for turn in told} == {"pitch 1"}
    assert all(turn.checked_by is None for turn in told)
    by_voice = {}
    for said in session.said:
        turn = next(one for one in told if one.start <= said.start < one.end)
        by_voice.setdefault(turn.speaker, set()).add(said.speaker)
    assert all(len(speakers) == 1 for speakers in by_voice.values()), by_voice
    assert {"facilitator"} in by_voice.values()


def test_a_person_puts_turns_right_and_the_machine_does_not_write_over_it(place, session):
    turns.propose(place, session.id, "Ana", PitchVoices())
    with place.catalogue() as catalogue:
        with catalogue.write() as tx:
            first = turns_of(tx, session.id)[0]
            assert talk_time(turns_of(tx, session.id)) is None
            turns.correct(tx, session.id, first.number, "facilitator", "Ana", place.now(), everywhere=True)
            with pytest.raises(BadTurn):
                turns.correct(tx, session.id, first.number, "Mrs Somebody", "Ana", place.now())
            with pytest.raises(BadTurn):
                turns.correct(tx, session.id, 9999, "voice 2", "Ana", place.now())
        with pytest.raises(BadTurn, match="corrected"):
            turns.propose(place, session.id, "Ana", PitchVoices())
        with catalogue.write() as tx:
            told = talk_time(turns_of(tx, session.id))
            spoken = sum(one.end - one.start for one in session.said if one.speaker == "facilitator")
            assert told.facilitator == pytest.approx(spoken, rel=0.1)
            assert not told.checked
            turns.check(tx, session.id, "Bo", place.now())
            assert talk_time(turns_of(tx, session.id)).checked


def test_talk_time_knows_two_sides_and_nobody_else():
    some = [SpokenTurn(0, 0, 4000, "facilitator", "m", None), SpokenTurn(1, 4000, 5000, "voice 1", "m", "Ana"),
            SpokenTurn(2, 5000, 9000, "voice 2", "m", None)]  # fmt: skip
    assert talk_time(some) == TalkTime(4000, 5000, False)


def test_marks_are_told_in_words_and_a_voice_only_where_the_desk_may_open_it(place, session):
    stories = [one for one in corpus.small(30, 0) if one.id != session.id]
    with place.catalogue() as catalogue:
        with catalogue.write() as tx:
            corpus.put(tx, stories)
            open_here, closed = [one.id for one in stories if ask(tx, one.id, Reader.DESK, NOW).allowed][:2]
            tx.run("DELETE FROM consents WHERE story = ?", closed)
            refs = [("question", "3"), ("question", "Who was there?"), ("excerpt", open_here), ("excerpt", closed),
                    ("excerpt", "01JC8Q3Y5Z7R9T2V4W6X8Y0A1B")]  # fmt: skip
            tx.run("DELETE FROM spans WHERE story = ?", session.id)
            for number, (kind, ref) in enumerate(refs):
                tx.run("INSERT INTO spans (story, number, kind, start_ms, end_ms, label) VALUES (?, ?, ?, ?, ?, ?)",
                       session.id, number, kind, number, number, ref)  # fmt: skip
        with catalogue.read() as tx:
            named = facts_of(tx, open_here).headline
            told = [mark.label for mark in timeline_of(tx, session.id, "Ana", NOW).marks]
    assert named
    assert told == ["", "Who was there?", named, "", ""]


def test_a_timeline_holds_every_mark_with_its_second(place, session):
    with place.catalogue() as catalogue:
        with catalogue.write() as tx:
            for number, (kind, at) in enumerate((("question", 1000), ("flag", 9000), ("pause", 20_000))):
                tx.run("INSERT INTO spans (story, number, kind, start_ms, end_ms, label) VALUES (?, ?, ?, ?, ?, ?)",
                       session.id, 100 + number, kind, at, at, f"a {kind}")  # fmt: skip
            code = make_code(
                tx, first_codebook(tx, "Ana", NOW), "stuck", Level.CONCRETE, "Cannot get home.", "Ana", NOW
            )
            said = session.planted("last-bus")[0] if session.planted("last-bus") else session.said[3]
            highlight(tx, session.id, said.start, said.end, [code], "", "Ana", NOW)
        with catalogue.read() as tx:
            mine, others = timeline_of(tx, session.id, "Ana", NOW), timeline_of(tx, session.id, "Bo", NOW)
    assert [mark.label for mark in mine.lane("code")] == ["stuck"]
    assert others.lane("code") == [], "a layer stays closed until both have been through"
    assert [(mark.kind, mark.start) for mark in mine.marks if mark.label.startswith("a ")] == [
        ("question", 1000), ("flag", 9000), ("pause", 20_000),
    ]  # fmt: skip
    plain = mine.to_json()
    assert plain["marks"][0]["start"] == min(mark["start"] for mark in plain["marks"])
    assert plain["talk"] is None


def test_turns_go_with_their_session_and_open_for_nobody_the_gate_refuses(place, session, talk):
    turns.propose(place, session.id, "Ana", PitchVoices())
    with place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("INSERT INTO consents (story, number, seq, act, at, by, yes, form, wording_version, wording_hash, "
               "language, link) VALUES (?, 99, 99, 'hold', '2026-01-01', 'x', 0, 'voice', '1', '', 'en', 'x')",
               session.id)  # fmt: skip
    with place.catalogue() as catalogue, catalogue.read() as tx, pytest.raises(Refused):
        timeline_of(tx, session.id, "Ana", NOW)
    with pytest.raises(Refused):
        turns.propose(place, session.id, "Ana", PitchVoices())
    withdraw(place, Tombstone(session.id, place.now()), "a test")
    with place.catalogue() as catalogue, catalogue.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM turns")[0] == 0


def test_with_machines_off_nobody_proposes(place, session):
    (place.path / "config.toml").write_text("[archive]\nai = false\n", encoding="utf-8")
    with open_archive(place.path) as off, pytest.raises(MachinesOff):
        turns.propose(off, session.id, "Ana")


def test_stretches_end_at_pauses_and_leave_blanks_out():
    words = [DeskWord(n * 400, n * 400 + 350, 1.0, False, "word") for n in range(20)]
    words += [DeskWord(10_000, 10_400, 1.0, False, "[…]"), DeskWord(11_000, 11_400, 1.0, False, "end")]
    assert list(stretches_of(words)) == [(0, 5950), (6000, 7950), (11_000, 11_400)]


def test_a_broken_sound_is_said_to_be_one():
    with pytest.raises(BadSound):
        tell_apart(io.BytesIO(b"no sound"), [DeskWord(0, 2000, 1.0, False, "word")], PitchVoices())


def test_only_tensors_are_read_from_a_model(tmp_path):
    evil = tmp_path / "evil.pt"
    evil.write_bytes(b"\x80\x02cos\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03.")
    with pytest.raises(ValueError, match="no model"):
        read_weights(evil)


def test_the_mel_filters_have_equal_area():
    filters = mel_filters()
    assert filters.shape == (201, 40)
    assert np.all(filters >= 0)
    assert np.allclose(filters[:, 20:].sum(axis=0) * 40, 1, atol=0.08)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not on this machine")
def test_the_real_model_tells_spoken_voices_apart(tmp_path):
    try:
        real = turns.load_voices()
    except NoModel as error:
        pytest.skip(f"{error.say} {error.do}")
    said = (
        "It was the best of times, it was the worst of times.",
        "We had everything before us, we had nothing before us.",
    )
    order = ["en-us+f2", "en-us+m1", "en-us+f2", "en-us+m1"]
    pieces, words, at = [], [], 0
    for number, voice in enumerate(order):
        subprocess.run(["espeak-ng", "-v", voice, "-w", str(tmp_path / "v.wav"), said[number // 2]], check=True)
        samples, rate = soundfile.read(tmp_path / "v.wav", dtype="float32")
        pieces += [at_rate(samples, rate, RATE), np.zeros(RATE * 7 // 10, np.float32)]
        end = at + len(pieces[-2]) * 1000 // RATE
        words.append(DeskWord(at, end, 1.0, False, "said"))
        at = end + 700
    made = io.BytesIO()
    soundfile.write(made, np.concatenate(pieces), RATE, format="FLAC")
    made.seek(0)
    found = tell_apart(made, words, real)
    assert [turn.speaker for turn in found] == ["voice 1", "voice 2", "voice 1", "voice 2"]
