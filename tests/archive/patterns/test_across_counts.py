"""What is held back under five voices cannot be worked out; distinctive words, proposed themes, who is missing."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from archive.patterns import codebook, highlights
from archive.patterns.across import across
from archive.patterns.codebook import Level
from archive.patterns.missing import missing, part_of
from archive.patterns.small import FEWEST, broken_down, crossed
from archive.patterns.snippets import snippets, sources
from archive.patterns.words import corpora
from archive.types import Use


def follows(total, shown):
    """The sum of what is held back, where a total is known: it must be none, or that of five and more."""
    return total - sum(count for count in shown if count is not None)


def test_nothing_held_back_follows_from_a_row_a_column_or_a_total():
    chance = random.Random(4)
    held_back = 0
    for _ in range(400):
        places, prompts = "ABCD"[: chance.randrange(1, 5)], "wxyz"[: chance.randrange(1, 5)]
        cells = {(p, q): chance.choice((0, 0, 1, 2, 4, 5, 6, 9, 30)) for p in places for q in prompts}
        by_place = {p: sum(cells[p, q] for q in prompts) for p in places}
        by_prompt = {q: sum(cells[p, q] for p in places) for q in prompts}
        total = sum(cells.values())
        rows, columns = broken_down(total, by_place), broken_down(total, by_prompt)
        table = crossed(rows, columns, cells)
        lines = [(total, by_place, rows), (total, by_prompt, columns)]
        lines += [(rows[p], {q: cells[p, q] for q in prompts}, {q: table[p, q] for q in prompts}) for p in places]
        lines += [(columns[q], {p: cells[p, q] for p in places}, {p: table[p, q] for p in places}) for q in prompts]
        for whole, true, shown in lines:
            for key, count in shown.items():
                assert count is None or (count == true[key] and not 0 < count < FEWEST)
                held_back += count is None
            if whole is None:
                assert set(shown.values()) <= {None}, "a group under five is not broken down, not even into nobody"
            elif whole >= FEWEST:
                assert not 0 < follows(whole, shown.values()) < FEWEST
    assert held_back > 500
    assert broken_down(12, {"a": 8, "b": 4}) == {"a": None, "b": None}
    assert broken_down(12, {"a": 12, "b": 0}) == {"a": 12, "b": 0}
    assert broken_down(3, {"a": 3, "b": 0}) == {"a": None, "b": None}


@pytest.fixture
def coded(change, telling):
    """Six voices at one library and three at another say it; two codes in four of them, on the same words in one."""
    book = change(codebook.first_codebook, "ana", telling.now)
    bread, father = (
        change(codebook.make_code, book, name, Level.CONCRETE, "", "ana", telling.now) for name in ("bread", "father")
    )
    stories = [
        telling.story("My father baked bread.", "And then it rained.", site="Maple" if n < 6 else "Elm", prompt="work" if n % 2 else "home")
        for n in range(9)
    ]  # fmt: skip
    for number, story in enumerate(stories):
        change(highlights.highlight, story, 1000, 2600, [bread], "", "ana", telling.now)
        if number < 5:
            span = (1000, 2600) if number == 0 else (3000, 5000)
            change(highlights.highlight, story, *span, [father], "", "ben", telling.now)
    return bread, father, stories


def test_codes_by_place_and_prompt_are_voices_and_never_fewer_than_five(see, telling, coded):
    bread, father, stories = coded
    found = see(across, telling.now)
    rows = {row.code.id: row for row in found.codes}
    assert rows[bread].voices == 9
    # 6 and 3: the 3 are held back, and so are the 6, for 9 - 6 is 3.
    assert rows[bread].places == {"Maple": None, "Elm": None}
    assert rows[bread].prompts == {"home": None, "work": None}
    assert set(rows[bread].cells.values()) == {None}
    assert rows[father].places == {"Maple": 5, "Elm": 0}
    assert {one.story for one in rows[bread].moments} == set(stories)
    (pair,) = found.pairs
    # 5 of 9 have both: the 4 that have the one alone would follow.
    assert (pair.voices, pair.touching) == (None, None)
    assert pair.moments[0].story == stories[0], "the moment where both stand on the same words"
    assert pair.moments[0].start == 1000


def test_a_withdrawal_and_a_narrowed_consent_are_out_of_the_counts_at_once(see, telling, coded):
    bread, _, stories = coded
    telling.take_back(stories[0])
    telling.allow(stories[1], Use.RECORD, Use.KEEP, Use.PLAY_HERE)
    (row,) = (row for row in see(across, telling.now).codes if row.code.id == bread)
    assert row.voices == 7
    assert {one.story for one in row.moments} == set(stories[2:])


def words_of(see, telling):
    there = see(sources, telling.now)
    return there, corpora(see(snippets, there), there)


def tell_of_two_things(telling, bakery=8, flood=8):
    for number in range(bakery):
        telling.story(
            "The bakery sold warm bread.",
            f"We queued on {('Monday', 'Tuesday')[number % 2]}.",
            prompt="work",
            site="Maple",
        )
    for number in range(flood):
        telling.story("The flood took the wooden bridge.", f"Water stood {number} days.", prompt="river", site="Elm")


def test_words_that_stand_out_are_said_by_five_and_lead_to_where_they_are_said(see, telling):
    tell_of_two_things(telling)
    telling.story("The secret marzipan bread of the bakery sold warm.", prompt="work", site="Maple")
    telling.story("One lonely word.", prompt="other", site="Oak")
    there, found = words_of(see, telling)
    by_prompt = found["en"].distinctive(lambda story: there[story].prompt)
    assert set(by_prompt) == {"work", "river"}, "no group under five"
    assert {"bakery", "bread", "warm"} <= {one.word for one in by_prompt["work"]}
    assert {"flood", "bridge"} <= {one.word for one in by_prompt["river"]}
    assert "marzipan" not in found["en"].words, "said by one voice alone"
    first = by_prompt["river"][0]
    assert first.voices >= FEWEST
    assert all(there[one.story].prompt == "river" for one in first.moments)
    assert all(first.word in text_at(see, one).casefold() for one in first.moments)


def text_at(see, moment):
    return next(one.text for one in see(snippets, [moment.story]) if one.start == moment.start)


def test_a_proposed_theme_names_its_model_and_leads_to_exemplars(see, telling):
    tell_of_two_things(telling)
    _, found = words_of(see, telling)
    proposed = found["en"].proposals(4)
    assert {frozenset(one.words) & {"bread", "flood"} for one in proposed} >= {
        frozenset({"bread"}),
        frozenset({"flood"}),
    }
    assert not any({"bread", "flood"} <= set(one.words) for one in proposed), "two things are two themes"
    for one in proposed:
        assert one.voices == 8
        assert "NMF" in one.machine.words
        assert one.machine.version in one.machine.words
        assert str(one.voices) in one.why
        assert any(word in text_at(see, one.moments[0]).casefold() for word in one.words)
    assert found["en"].proposals(4) == proposed, "the same words, the same answer"
    assert found["en"].proposals() and all(one.voices >= FEWEST for one in found["en"].proposals())  # noqa: PT018


@pytest.mark.parametrize("stories", [0, 4])
def test_too_few_voices_are_not_looked_into(see, telling, stories):
    for _ in range(stories):
        telling.story("The flood took the bridge.")
    assert words_of(see, telling)[1] == {}


def test_voices_without_a_shared_word_are_no_error(see, telling):
    for number in range(6):
        telling.story(f"{'abcdef'[number] * 5} {'uvwxyz'[number] * 4}")
    found = words_of(see, telling)[1]["en"]
    assert (found.words, found.proposals(), found.distinctive(lambda _: "x")) == ([], (), {})


def test_who_is_missing_names_what_nobody_told_and_no_number_under_five(change, see, telling):
    for hour in (9, 10, 11, 8, 7, 14):
        telling.story("Words.", at=datetime(2026, 1, 5, hour, tzinfo=UTC), site="Maple", prompt="home")
    for _ in range(2):
        telling.story("Palabras.", at=datetime(2026, 3, 7, 9, tzinfo=UTC), language="es", site="Elm", prompt="work")

    def ask(tx):
        tx.run("INSERT INTO prompt_sets VALUES ('set', '{}', 'x', 'ana')")
        text = '{"en": "a", "es": "b", "pl": "c"}'
        tx.run(
            "INSERT INTO prompts (set_name, place, id, text, follow, since, until) VALUES ('set', 0, 'river', ?, '[]', '', '')",
            text,
        )
        tx.run("INSERT INTO box_sites (box, site, at, who) VALUES ('oak-box', 'Oak', 'x', 'ana')")

    change(ask)
    found = {side.by: {one.name: one.voices for one in side.told} for side in see(missing, telling.now, UTC)}
    assert found["language"] == {"en": None, "es": None, "pl": 0}, "6 of 8 would tell of the 2"
    assert found["branch"] == {"Elm": None, "Maple": None, "Oak": 0}
    assert found["prompt"]["river"] == 0
    assert found["month"] == {"2026-01": None, "2026-02": 0, "2026-03": None}
    assert found["time"]["in the evening"] == 0
    assert found["weekday"]["Monday"] is None
    assert set(found) == {"time", "weekday", "month", "branch", "language", "prompt"}, "never a trait of a person"
    assert part_of(datetime(2026, 1, 1, 5, 59, tzinfo=UTC)) == "at night"
    assert part_of(datetime(2026, 1, 1, 18, tzinfo=UTC)) == "in the evening"
