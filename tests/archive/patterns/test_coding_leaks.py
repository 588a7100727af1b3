"""Every new reader over the generated consent matrix: of a story its teller did not open to the archive, nothing.

Each story says one word nobody else says and was coded, highlighted and put behind a theme while everything was
allowed; then its teller's decisions are put in the place of that.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict
from datetime import date

import pytest

from archive.errors import Refused
from archive.patterns import codebook, highlights, suggesting, themes
from archive.patterns.across import across
from archive.patterns.agreement import agreement
from archive.patterns.codebook import Level
from archive.patterns.corpus import put
from archive.patterns.missing import missing
from archive.patterns.overview import overview
from archive.patterns.snippets import Looked, snippets, sources
from archive.patterns.themes import Side
from archive.patterns.waiting import waiting
from archive.patterns.words import corpora
from archive.server.settings import ArchiveSettings
from archive.types import ASKED_USES, Act, Form, Use

ON = ArchiveSettings()
ENDS = ((), (Act.HOLD,), (Act.SEAL,), (Act.WITHDRAW,), (Act.MINOR,), (Act.MINOR, Act.GUARDIAN), (Act.HOLD, Act.RELEASE))
OUTSIDE = {Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC}


def states():
    """Subsets of what is asked, with and without keeping, in both forms, before and after its day, in every end."""
    subsets = [set(some) for n in range(len(ASKED_USES) + 1) for some in itertools.combinations(ASKED_USES, n)]
    for number, (uses, keep, embargo, ends) in enumerate(
        itertools.product(subsets, (True, False), (None, date(2999, 1, 1)), ENDS)
    ):
        if keep or (not uses and not embargo):
            yield uses | ({Use.KEEP} if keep else set()), list(Form)[number % 2], embargo, ends


def promised(uses, embargo, ends):
    """What tellers were told, written down once more: who works at the archive works with what was opened to it."""
    closed = bool({Act.SEAL, Act.WITHDRAW} & set(ends)) or ends in {(Act.HOLD,), (Act.MINOR,)}
    return Use.KEEP in uses and bool(uses & OUTSIDE) and embargo is None and not closed


@pytest.fixture
def matrix(place, telling, change, made):
    """Stories in every state; returns which may be read, and the word of each that may not."""
    book = change(codebook.first_codebook, "ana", telling.now)
    code = change(codebook.make_code, book, "anything", Level.CONCRETE, "", "ana", telling.now)
    theme = change(themes.make_theme, "Something was said.", "ana", telling.now)
    opened, closed = {}, {}
    plan = list(states())
    with place.catalogue() as catalogue, catalogue.write() as tx:
        stories = put(tx, [made(f"The word xq{number}x was said at the river.") for number in range(len(plan))])
        for story in stories:
            for who in ("ana", "ben"):
                marked = highlights.highlight(
                    tx, story, 1000, 9000, [code] if who == "ana" else [], "", who, telling.now
                )
                highlights.be_through(tx, story, who, telling.now)
            tx.run("INSERT INTO theme_voices VALUES (?, ?, ?, 'for', 'ana', 'x')", theme, marked, story)
    for number, (story, (uses, form, embargo, ends)) in enumerate(zip(stories, plan, strict=True)):
        telling.allow(story, *uses, more=ends, form=form, embargo=embargo)
        (opened if promised(uses, embargo, ends) else closed)[story] = f"xq{number}x"
    assert len(closed) > 200
    assert len(opened) > 50
    return opened, closed, code, theme


def test_no_reader_of_patterns_tells_anything_of_what_is_closed(matrix, telling, see, change, place):
    opened, closed, _, theme = matrix
    there = see(sources, telling.now)
    assert set(there) == set(opened)
    found = see(agreement, telling.now)
    told = {
        "snippets": see(snippets, there),
        "across": see(across, telling.now),
        "agreement": found,
        "words": [[one.places, one.words] for one in corpora(see(snippets, there), there).values()],
        "proposals": [one.proposals() for one in corpora(see(snippets, there), there).values()],
        "theme": [
            (voice.words, voice.story if voice.open else "")
            for voice in see(themes.theme_of, theme, telling.now).voices
        ],
        "look": see(themes.look_for, "river", Looked(), telling.now),
        "waiting": see(waiting, "ana", telling.now),
        "overview": overview(place, telling.now),
    }
    leaks = {name: [one for one in (*closed, *closed.values()) if one in repr(what)] for name, what in told.items()}
    assert leaks == {name: [] for name in told}
    assert all(word in repr(told["snippets"]) for word in opened.values()), "the search for leaks can find words"
    assert found.stories == len(opened)
    assert see(themes.theme_of, theme, telling.now).now.voices == len(opened)
    assert see(themes.look_for, "river", Looked(), telling.now)[1] == len(opened)
    (row,) = told["across"].codes
    assert row.voices == len(opened)
    language = next(side for side in see(missing, telling.now) if side.by == "language")
    assert [asdict(one) for one in language.told] == [{"name": "en", "voices": len(opened)}]


def test_no_action_of_patterns_is_carried_out_on_what_is_closed(matrix, telling, see, change):
    _, closed, code, theme = matrix
    marked = {
        row["story"]: row["id"] for row in see(lambda tx: tx.all("SELECT id, story FROM highlights WHERE who = 'ana'"))
    }

    def tried(tx, story):
        for how, arguments in (
            (highlights.highlight, (story, 1000, 2000, [code], "memo", "ana")),
            (highlights.put_memo, (marked[story], "memo", "ana")),
            (highlights.take_code, (marked[story], code, "ana")),
            (themes.put_voice, (theme, marked[story], Side.COUNTER, "ana")),
            (suggesting.suggest, (ON, story)),
        ):
            with pytest.raises(Refused):
                how(tx, *arguments, telling.now)

    for story in list(closed)[::3]:
        change(tried, story)


def test_proposals_learn_from_nothing_that_is_closed(matrix, telling, see, change):
    opened, *_ = matrix
    fresh = telling.story("The word was said at the river.")
    assert change(suggesting.suggest, ON, fresh, telling.now) == 1
    near = [one["id"] for one in see(lambda tx: tx.all("SELECT id FROM highlights"))]
    assert near
    (one,) = see(suggesting.suggestions_of, ON, fresh, "ben", telling.now)
    assert {near.story for near in one.near} <= set(opened)
    for story in {near.story for near in one.near}:
        telling.allow(story, Use.KEEP)
    assert see(suggesting.suggestions_of, ON, fresh, "ben", telling.now) == []
