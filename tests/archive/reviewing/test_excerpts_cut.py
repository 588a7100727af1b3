"""An excerpt begins and ends in a pause, has 20 to 75 seconds, and holds nothing that was blanked out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.reviewing.decisions import redact
from archive.reviewing.excerpts import (
    LONGEST_MS,
    SHORTEST_MS,
    BadExcerpt,
    cut,
    end_excerpt,
    excerpts_of,
    snap,
    suggest,
    touched_by_redaction,
)
from archive.reviewing.words import DeskWord

STORY = "01JD0000000000000000000001"


def words(*spans):
    return [DeskWord(start, end, 1.0, doubtful=False, text="word") for start, end in spans]


TOLD = words((1000, 4000), (4100, 9000), (10_000, 30_000), (30_100, 39_000), (41_000, 70_000), (72_000, 118_000))


def test_both_ends_snap_into_the_nearest_pause():
    snapped = snap(TOLD, 120_000, 9_700, 40_500)
    assert (snapped.start, snapped.end) == (9850, 39_300)
    assert snapped.fits
    assert snapped.earlier_start == 850
    assert snapped.later_start is None, "40 850 comes after its end"
    assert (snapped.earlier_end, snapped.later_end) == (None, 70_300)


def test_a_gap_between_two_words_is_no_pause():
    assert snap(TOLD, 120_000, 4_050, 30_050).start in {850, 9850}


def test_a_story_without_words_is_cut_at_its_own_ends():
    snapped = snap([], 30_000, 4000, 9000)
    assert (snapped.start, snapped.end, snapped.fits) == (0, 30_000, True)


def test_a_first_suggestion_is_about_as_long_as_an_excerpt_is():
    start, end = suggest(TOLD, 120_000, 41_500)
    assert (start, end) == (40_850, 70_300)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 200_000), st.integers(1, 8000)), max_size=40),
    st.integers(0, 220_000),
    st.integers(0, 220_000),
)
def test_no_word_is_ever_cut(made, start, end):
    told = words(*[(at, at + long) for at, long in made])
    length = max([word.end for word in told], default=0) + 500
    snapped = snap(told, length, start, end)
    assert 0 <= snapped.start < snapped.end <= length
    for word in told:
        assert not word.start < snapped.start < word.end
        assert not word.start < snapped.end < word.end


def test_what_is_cut_is_found_until_it_is_taken_out_of_use(catalogue, clock):
    with catalogue.write() as tx:
        tx.run("UPDATE stories SET length_ms = 120000")
        later = cut(tx, STORY, 50_000, 80_000, "The mill", "", "ana", clock.wall())
        first = cut(tx, STORY, 9_850, 39_300, "  The   fire ", "ask", "ana", clock.wall())
        found = excerpts_of(tx, STORY)
        assert [(one.id, one.title, one.length) for one in found] == [(first, "The fire", 29_450), (later, "The mill", 30_000)]  # fmt: skip
        end_excerpt(tx, STORY, first, "ben", clock.wall())
        assert [one.id for one in excerpts_of(tx, STORY)] == [later]
        with pytest.raises(BadExcerpt):
            end_excerpt(tx, STORY, first, "ben", clock.wall())


@pytest.mark.parametrize(
    ("start", "end", "title"),
    [(0, SHORTEST_MS - 1, "x"), (0, LONGEST_MS + 1, "x"), (0, 30_000, "  "), (0, 30_000, "x" * 91)],
)
def test_what_is_no_excerpt_is_refused(catalogue, clock, start, end, title):
    with catalogue.write() as tx, pytest.raises(BadExcerpt):
        cut(tx, STORY, start, end, title, "", "ana", clock.wall())


def test_nothing_blanked_out_is_cut_and_nothing_cut_stays_whole_when_blanked(catalogue, clock):
    with catalogue.write() as tx:
        tx.run("UPDATE stories SET length_ms = 120000")
        cut(tx, STORY, 50_000, 80_000, "The mill", "", "ana", clock.wall())
        redact(tx, STORY, 79_000, 82_000, "", "ana", 0, clock.wall())
        with pytest.raises(BadExcerpt):
            cut(tx, STORY, 60_000, 90_000, "Later", "", "ana", clock.wall())
        assert [touched_by_redaction(tx, one) for one in excerpts_of(tx, STORY)] == [True]
