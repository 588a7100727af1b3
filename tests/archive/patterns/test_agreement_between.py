"""Krippendorff's alpha against his own example, and disagreements that lead to the passage to talk about."""

from __future__ import annotations

import pytest

from archive.patterns import codebook, highlights
from archive.patterns.agreement import agreement, alpha
from archive.patterns.codebook import Level
from archive.types import Use

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: four observers, twelve units.
OBSERVED = {
    "A": "123321412...",
    "B": "123322412 5.3".replace(" ", ""),
    "C": ".33323422 51.".replace(" ", ""),
    "D": "123324412 51.".replace(" ", ""),
}


def rated(observed):
    return [
        (who, str(unit), label) for who, labels in observed.items() for unit, label in enumerate(labels) if label != "."
    ]


def test_it_is_the_number_of_the_book():
    assert alpha(rated(OBSERVED)) == pytest.approx(0.743, abs=0.0005)


def test_full_agreement_is_one_and_nothing_that_varies_is_no_number():
    assert alpha(rated({"A": "1212", "B": "1212"})) == 1
    assert alpha(rated({"A": "1122", "B": "2211"})) < 0, "worse than chance"
    assert alpha(rated({"A": "1111", "B": "1111"})) is None
    assert alpha(rated({"A": "1212"})) is None
    assert alpha([]) is None
    empty, one = frozenset(), frozenset({"x"})
    assert alpha([("A", "1", empty), ("B", "1", empty), ("A", "2", one), ("B", "2", one)], sets=True) == 1


@pytest.fixture
def two_coders(change, telling):
    book = change(codebook.first_codebook, "ana", telling.now)
    rain, bread = (
        change(codebook.make_code, book, name, Level.CONCRETE, "", "ana", telling.now) for name in ("rain", "bread")
    )
    story = telling.story(
        "It rained for days.", "My father baked bread.", "Then the sun came.", "Nobody had bread left."
    )
    starts = [1000, 3400, 5800, 8200]

    def mark(who, passage, code):
        change(highlights.highlight, story, starts[passage], starts[passage] + 1600, [code], "", who, telling.now)

    for who in ("ana", "ben"):
        mark(who, 0, rain)
        mark(who, 1, bread)
    mark("ana", 3, bread)
    return story, starts, rain, bread


def test_only_stories_two_have_been_through_are_compared(change, see, telling, two_coders):
    story, *_ = two_coders
    change(highlights.be_through, story, "ana", telling.now)
    assert see(agreement, telling.now).units == 0
    change(highlights.be_through, story, "ben", telling.now)
    found = see(agreement, telling.now)
    assert (found.coders, found.stories, found.units) == (("ana", "ben"), 1, 4)
    assert 0 < found.alpha < 1
    by_name = {one.name: one for one in found.codes}
    assert (by_name["rain"].alpha, by_name["rain"].given, by_name["rain"].differing) == (1, 1, 0)
    assert (by_name["bread"].given, by_name["bread"].differing) == (2, 1)
    # Four units, two coders, values 1 1 / 1 0 in two of them: by hand 1 - 7 * 2 / (2 * 3 * 5).
    assert by_name["bread"].alpha == pytest.approx(1 - 7 * 2 / (2 * 3 * 5), abs=1e-4)


def test_a_disagreement_leads_to_the_passage_and_says_who(change, see, telling, two_coders):
    story, starts, _, bread = two_coders
    for who in ("ana", "ben"):
        change(highlights.be_through, story, who, telling.now)
    (one,) = see(agreement, telling.now).disagreements
    assert (one.story, one.start, one.text, one.code) == (story, starts[3], "Nobody had bread left.", bread)
    assert (one.given_by, one.not_by) == (("ana",), ("ben",))


def test_what_the_desk_may_not_read_is_not_compared(change, see, telling, two_coders):
    story, *_ = two_coders
    for who in ("ana", "ben"):
        change(highlights.be_through, story, who, telling.now)
    telling.allow(story, Use.RECORD, Use.KEEP, Use.PLAY_HERE)
    found = see(agreement, telling.now)
    assert (found.units, found.disagreements, found.alpha) == (0, (), None)
