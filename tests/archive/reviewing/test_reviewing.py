"""What curators decide and correct: beside the original, with a name, and never over somebody else's decision."""

from __future__ import annotations

from datetime import timedelta

import pytest

from archive.catalogue.changes import changes_of
from archive.reviewing.decisions import (
    BadDecision,
    Verdict,
    blank_again,
    decide,
    decisions_of,
    lift,
    note_content,
    redact,
)
from archive.reviewing.versions import Overtaken
from archive.reviewing.waiting import MOST, held, queue
from archive.reviewing.words import BLANK, BadWord, check_words, correct_word, passages_of, words_version

STORY = "01JD0000000000000000000001"


def texts(tx):
    return [passage.text for passage in passages_of(tx, STORY)]


def test_the_newest_decision_counts_and_every_one_stays(catalogue, clock):
    with catalogue.write() as tx:
        decide(tx, STORY, Verdict.HOLD, "  names   a neighbour ", "ana", 0, clock.wall())
        clock.sleep(60)
        decide(tx, STORY, Verdict.KEEP, "", "ben", 1, clock.wall())
        note_content(tx, STORY, "Speaks of a fire.", "ben", 2, clock.wall())
        found = decisions_of(tx, STORY)
        who = [(one.who, one.what) for one in changes_of(tx, STORY)]
    assert (found.version, found.verdict, found.content_note) == (3, Verdict.KEEP, "Speaks of a fire.")
    assert [(step.who, step.what, step.text) for step in found.steps][:2] == [
        ("ana", "held", "names a neighbour"), ("ben", "kept", ""),
    ]  # fmt: skip
    assert ("ana", "story held") in who
    assert ("ben", "story kept") in who


def test_two_curators_do_not_overwrite_each_other(catalogue, clock):
    with catalogue.write() as tx:
        decide(tx, STORY, Verdict.HOLD, "ask the family", "ana", 0, clock.wall())
    for change in (
        lambda tx: decide(tx, STORY, Verdict.KEEP, "fine", "ben", 0, clock.wall()),
        lambda tx: redact(tx, STORY, 0, 1000, "", "ben", 0, clock.wall()),
        lambda tx: note_content(tx, STORY, "A fire.", "ben", 0, clock.wall()),
    ):
        with catalogue.write() as tx, pytest.raises(Overtaken) as told:
            change(tx)
        assert "ana" in told.value.theirs
        assert "ask the family" in told.value.theirs
        assert told.value.yours
    with catalogue.read() as tx:
        assert decisions_of(tx, STORY).version == 1


def test_a_hold_needs_its_reason(catalogue, clock):
    with catalogue.write() as tx, pytest.raises(BadDecision):
        decide(tx, STORY, Verdict.HOLD, " ", "ana", 0, clock.wall())
    with catalogue.write() as tx, pytest.raises(BadDecision):
        decide(tx, STORY, Verdict.HOLD, "x" * 1001, "ana", 0, clock.wall())


def test_a_corrected_word_stands_beside_what_the_machine_wrote(catalogue, clock):
    with catalogue.write() as tx:
        passage = correct_word(tx, STORY, 0, 2, " mill-house ", "ana", 1, clock.wall())
        assert (passage.text, passage.version) == ("The old mill-house burned", 2)
        word = passage.words[2]
        assert (word.start, word.end, word.doubtful) == (1600, 2400, False)
        assert passage.by == "whisper base, corrected by ana"
        assert passage.checked_by is None, "one word heard is not all words checked"
        before = tx.one("SELECT text, by, version FROM passage_versions WHERE story = ?", STORY)
        assert before == ("The old mill burned", "whisper base", 1)
        correct_word(tx, STORY, 0, 0, "", "ana", 2, clock.wall())
        assert texts(tx)[0] == "old mill-house burned"


def test_a_word_somebody_else_corrected_meanwhile_is_not_overwritten(catalogue, clock):
    with catalogue.write() as tx:
        correct_word(tx, STORY, 0, 2, "mall", "ana", 1, clock.wall())
    with catalogue.write() as tx, pytest.raises(Overtaken) as told:
        correct_word(tx, STORY, 0, 2, "meal", "ben", 1, clock.wall())
    assert (told.value.theirs, told.value.yours) == ("The old mall burned", "meal")
    with catalogue.write() as tx:
        correct_word(tx, STORY, 1, 2, "spring", "ben", 1, clock.wall())
        assert texts(tx)[:2] == ["The old mall burned", "in the spring"]


@pytest.mark.parametrize(("number", "index", "text"), [(9, 0, "x"), (0, 99, "x"), (0, -1, "x"), (0, 0, "x" * 201), (0, 0, BLANK)])  # fmt: skip
def test_corrections_that_cannot_be_made(catalogue, clock, number, index, text):
    with catalogue.write() as tx, pytest.raises(BadWord):
        correct_word(tx, STORY, number, index, text, "ana", 1, clock.wall())


def test_words_are_checked_by_a_person_for_the_very_words_that_were_read(catalogue, clock):
    with catalogue.write() as tx:
        seen = words_version(passages_of(tx, STORY))
        correct_word(tx, STORY, 0, 2, "mall", "ben", 1, clock.wall())
        with pytest.raises(Overtaken):
            check_words(tx, STORY, seen, "ana", clock.wall())
        check_words(tx, STORY, words_version(passages_of(tx, STORY)), "ana", clock.wall())
        assert {passage.checked_by for passage in passages_of(tx, STORY)} == {"ana"}


def test_a_blanked_span_is_gone_from_every_reading_and_comes_back_when_lifted(catalogue, clock):
    with catalogue.write() as tx:
        first = redact(tx, STORY, 1700, 5700, "a name", "ana", 0, clock.wall())
        assert texts(tx) == [f"The old {BLANK} {BLANK}", f"{BLANK} {BLANK} winter", "Rosa saw"]
        assert not any(word.doubtful for passage in passages_of(tx, STORY) for word in passage.words)
        redact(tx, STORY, 5650, 11_000, "", "ben", 1, clock.wall())
        lift(tx, STORY, first, "ben", 2, clock.wall())
        assert texts(tx) == ["The old mill burned", f"in {BLANK} {BLANK}", f"{BLANK} {BLANK}"]
        found = decisions_of(tx, STORY)
        assert [one.lifted_by for one in found.redactions] == ["ben", None]
        assert len(found.blanked) == 1
        with pytest.raises(BadWord):
            correct_word(tx, STORY, 2, 0, "Anna", "ben", 2, clock.wall())
        with pytest.raises(BadDecision):
            lift(tx, STORY, first, "ben", 3, clock.wall())


def test_what_was_corrected_before_it_was_blanked_comes_back_corrected(catalogue, clock):
    with catalogue.write() as tx:
        correct_word(tx, STORY, 2, 0, "Rosalía", "ana", 1, clock.wall())
        ident = redact(tx, STORY, 9500, 10_600, "", "ana", 0, clock.wall())
        assert texts(tx)[2] == f"{BLANK} saw"
        correct_word(tx, STORY, 2, 1, "heard", "ana", 3, clock.wall())
        lift(tx, STORY, ident, "ana", 1, clock.wall())
        assert texts(tx)[2] == "Rosalía heard"


def test_words_whose_times_were_guessed_are_blanked_by_the_passage(catalogue, clock):
    with catalogue.write() as tx:
        tx.run("UPDATE passages SET approximate = 1 WHERE number = 1")
        ident = redact(tx, STORY, 8500, 8700, "", "ana", 0, clock.wall())
        assert texts(tx)[1] == f"{BLANK} {BLANK} {BLANK}"
        lift(tx, STORY, ident, "ana", 1, clock.wall())
        assert texts(tx)[1] == "in the winter"


@pytest.mark.parametrize(("start", "end"), [(5000, 5000), (9000, 4000), (12_000, 13_000), (-5000, 0), (0, 50)])
def test_spans_outside_the_story_are_refused(catalogue, clock, start, end):
    with catalogue.write() as tx, pytest.raises(BadDecision):
        redact(tx, STORY, start, end, "", "ana", 0, clock.wall())


def test_everything_goes_with_the_story(catalogue, clock):
    with catalogue.write() as tx:
        decide(tx, STORY, Verdict.KEEP, "neighbour Rosa", "ana", 0, clock.wall())
        ident = redact(tx, STORY, 1700, 5700, "a name", "ana", 1, clock.wall())
        lift(tx, STORY, ident, "ana", 2, clock.wall())
        note_content(tx, STORY, "A fire.", "ana", 3, clock.wall())
        tx.run("DELETE FROM stories WHERE id = ?", STORY)
    with catalogue.read() as tx:
        for table in ("reviews", "redactions", "redaction_lifts", "content_notes", "passages", "passage_versions"):
            assert tx.all(f"SELECT * FROM {table}") == [], table
        left = " ".join(f"{one.what} {one.detail}" for one in changes_of(tx, STORY))
    for content in ("Rosa", "fire", "a name"):
        assert content not in left


class Counting:
    """A transaction that counts how often the index of a story is written."""

    def __init__(self, tx):
        self._tx = tx
        self.written = 0

    def __getattr__(self, name):
        return getattr(self._tx, name)

    def run(self, statement, *values):
        self.written += statement.startswith("INSERT INTO said")
        return self._tx.run(statement, *values)


def test_blanking_and_opening_write_the_index_once_however_many_passages_they_touch(catalogue, clock):
    with catalogue.write() as tx:
        counted = Counting(tx)
        ident = redact(counted, STORY, 0, 12_000, "", "ana", 0, clock.wall())
        assert texts(tx) == [" ".join([BLANK] * count) for count in (4, 3, 2)]
        assert counted.written == 0, "nothing is left to be found"
        assert tx.all("SELECT * FROM said WHERE story = ?", STORY) == []
        lift(counted, STORY, ident, "ana", 1, clock.wall())
        assert counted.written == 1
        redact(counted, STORY, 0, 5500, "", "ana", 2, clock.wall())
        redact(counted, STORY, 10_000, 10_600, "", "ana", 3, clock.wall())
        assert counted.written == 3
        tx.run("UPDATE passages SET words = replace(words, ?, 'loud'), version = version + 1", BLANK)
        blank_again(counted, STORY, clock.wall())
        assert counted.written == 4
        assert tx.one("SELECT text FROM said WHERE story = ?", STORY)["text"] == "the winter saw"


def test_open_stories_are_shown_however_many_closed_ones_came_before(catalogue, clock, tell):
    now = clock.wall()
    names = [f"01JD{number:022}" for number in range(2 * MOST + 30)]
    closed, open_ones = names[: 2 * MOST + 20], names[2 * MOST + 20 :]
    with catalogue.write() as tx:
        tx.run("DELETE FROM stories")
        for number, name in enumerate(names):
            tell(tx, name, now.date() + timedelta(days=30) if name in closed else None)
            decide(tx, name, Verdict.HOLD, "ask the family", "ana", 0, now + timedelta(minutes=number))
        assert [one.id for one in held(tx, now)] == open_ones
        tx.run("DELETE FROM reviews")
        assert [one.id for one in queue(tx, now)] == open_ones
        month = now + timedelta(days=31)
        assert [one.id for one in queue(tx, month)] == names[:MOST]
