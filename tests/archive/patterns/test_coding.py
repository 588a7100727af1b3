"""Codebooks with a history, merges that can be taken back, highlights in layers, proposals that people decide about."""

from __future__ import annotations

import numpy as np
import pytest

from archive.errors import Refused
from archive.patterns import codebook, highlights, suggesting
from archive.patterns.codebook import BadCode, Level
from archive.patterns.highlights import BadHighlight
from archive.patterns.machines import MachinesOff
from archive.patterns.vectors import build
from archive.server.settings import ArchiveSettings
from archive.types import Use

ON, OFF = ArchiveSettings(), ArchiveSettings(ai=False)
SAID = ("I was eleven when the mill whistle stopped.", "Nobody on our street knew what time it was.")


@pytest.fixture
def book(change, telling):
    return change(codebook.first_codebook, "ana", telling.now)


@pytest.fixture
def code(change, telling, book):
    def make(name, level=Level.CONCRETE, definition="", **more):
        return change(codebook.make_code, book, name, level, definition, "ana", telling.now, **more)

    return make


def test_a_code_keeps_everything_it_ever_was(change, see, telling, code):
    whistle = code("the whistle", definition="Whoever names the whistle of the mill.")
    change(codebook.change_code, whistle, "ben", telling.now, name="signals", level=Level.MIDDLE)
    assert change(codebook.change_code, whistle, "ben", telling.now, name="signals") == [], (
        "nothing changed, nothing noted"
    )
    assert see(codebook.code_of, whistle).name == "signals"
    history = see(codebook.history_of, whistle)
    assert [(one.who, one.what, one.before, one.after) for one in history] == [
        ("ana", "made", "", "the whistle"),
        ("ana", "defined", "", "Whoever names the whistle of the mill."),
        ("ben", "renamed", "the whistle", "signals"),
        ("ben", "leveled", "concrete", "middle"),
    ]


def test_two_codes_of_one_name_or_one_under_itself_are_refused(change, telling, book, code):
    whistle, time = code("the whistle"), code("time", Level.CONCEPTUAL)
    with pytest.raises(BadCode, match="already"):
        code("The  Whistle")
    change(codebook.change_code, whistle, "ana", telling.now, parent=time)
    for parent in (whistle, time):
        with pytest.raises(BadCode):
            change(codebook.change_code, time, "ana", telling.now, parent=parent if parent != time else whistle)
    with pytest.raises(BadCode):
        change(codebook.make_codebook, "codebook", "ana", telling.now)


def test_merged_codes_count_as_one_and_can_be_told_apart_again(change, see, telling, book, code):
    story = telling.story(*SAID)
    whistle, horn, time = code("the whistle"), code("the horn"), code("time", Level.CONCEPTUAL)
    child = code("six o'clock", parent=horn)
    marked = change(highlights.highlight, story, 1000, 2000, [horn], "", "ana", telling.now)
    change(codebook.merge, horn, whistle, "ben", telling.now)
    change(codebook.merge, whistle, time, "ben", telling.now)
    assert see(highlights.highlight_of, marked).codes == (time,)
    assert see(codebook.code_of, child).parent == time, "what stood under a code stands where it leads"
    assert see(codebook.code_named, book, "The Horn").id == time
    assert {one.name for one in see(codebook.codes_of, book)} == {"time", "six o'clock"}
    with pytest.raises(BadCode):
        change(codebook.merge, time, whistle, "ben", telling.now)
    change(codebook.split, whistle, "ben", telling.now)
    assert see(highlights.highlight_of, marked).codes == (whistle,)
    assert [one.what for one in see(codebook.history_of, horn)] == ["made", "merged"]
    assert see(codebook.history_of, horn)[1].after == "the whistle"


def test_a_highlight_takes_whole_words_and_belongs_to_who_made_it(change, see, telling, code):
    story, whistle = telling.story(*SAID), code("the whistle")
    marked = change(highlights.highlight, story, 1500, 2300, [whistle], "at six?", "ana", telling.now)
    again = change(highlights.highlight, story, 1450, 2250, [code("time")], "", "ana", telling.now)
    assert again == marked, "the same words are one highlight"
    found = see(highlights.highlight_of, marked)
    assert (found.start, found.end, len(found.codes), found.memos[0].text) == (1400, 2550, 2, "at six?")
    for how, more in ((highlights.put_code, [whistle]), (highlights.put_memo, ["mine"]), (highlights.remove, [])):
        with pytest.raises(BadHighlight, match="somebody else"):
            change(how, marked, *more, "ben", telling.now)
    change(highlights.take_code, marked, whistle, "ana", telling.now)
    assert len(see(highlights.highlight_of, marked).codes) == 1
    with pytest.raises(BadHighlight, match="no words"):
        change(highlights.highlight, story, 900_000, 900_400, [whistle], "", "ana", telling.now)


def test_layers_open_when_both_have_been_through(change, see, telling, code):
    story, whistle = telling.story(*SAID), code("the whistle")
    for who in ("ana", "ben"):
        change(highlights.highlight, story, 1000, 2000, [whistle], f"a memo of {who}", who, telling.now)
    own, others, closed = see(highlights.layers, story, "ana")
    assert ([one.who for one in own], others, closed) == (["ana"], [], 1)
    change(highlights.be_through, story, "ben", telling.now)
    assert see(highlights.layers, story, "ana")[1:] == ([], 1), "ana has not been through yet"
    change(highlights.be_through, story, "ana", telling.now)
    assert [one.who for one in see(highlights.layers, story, "ana")[1]] == ["ben"]


def test_nothing_is_coded_where_the_desk_may_not_read(change, telling, code):
    story, whistle = telling.story(*SAID), code("the whistle")
    marked = change(highlights.highlight, story, 1000, 2000, [whistle], "", "ana", telling.now)
    telling.allow(story, Use.RECORD, Use.KEEP, Use.PLAY_HERE)
    for how, more in (
        (highlights.highlight, [story, 1000, 2000, [whistle], ""]), (highlights.put_code, [marked, whistle]),
        (highlights.put_memo, [marked, "more"]), (highlights.be_through, [story]),
    ):  # fmt: skip
        with pytest.raises(Refused):
            change(how, *more, "ana", telling.now)
    with pytest.raises(Refused):
        change(suggesting.suggest, ON, story, telling.now)


@pytest.fixture
def taught(change, telling, code):
    whistle = code("the whistle")
    old = telling.story("When the mill whistle stopped the street was silent.")
    change(highlights.highlight, old, 1000, 9000, [whistle], "", "ana", telling.now)
    fresh = telling.story("The whistle of the mill stopped in the spring.", "My aunt bred grey rabbits.")
    return whistle, old, fresh


def test_a_machine_proposes_and_says_why_and_a_person_decides(change, see, telling, taught):
    whistle, old, fresh = taught
    assert change(suggesting.suggest, ON, fresh, telling.now) == 1, "the rabbits are nobody's"
    (one,) = see(suggesting.suggestions_of, ON, fresh, "ben", telling.now)
    assert (one.code, one.name, one.start) == (whistle, "the whistle", 1000)
    assert "scikit-learn" in one.machine.model
    assert one.machine.version[0].isdigit()
    assert one.near[0].story == old
    assert "whistle" in one.near[0].words
    assert see(highlights.highlights_of, fresh) == [], "nobody but a person codes"
    change(suggesting.decide, ON, one.id, True, "ben", telling.now)
    (mine,) = see(highlights.highlights_of, fresh)
    assert (mine.who, mine.codes) == ("ben", (whistle,))
    assert see(suggesting.suggestions_of, ON, fresh, "ben", telling.now) == []
    assert change(suggesting.suggest, ON, fresh, telling.now) == 0, "it was decided about"
    # Each coder has a layer of their own, and decides for it alone.
    assert see(suggesting.suggestions_of, ON, fresh, "ana", telling.now) == [one]
    change(suggesting.decide, ON, one.id, False, "ana", telling.now)
    assert see(suggesting.suggestions_of, ON, fresh, "ana", telling.now) == []
    done = see(lambda tx: tx.all("SELECT who, verdict FROM suggestion_decisions ORDER BY who"))
    assert [tuple(row) for row in done] == [("ana", "refused"), ("ben", "accepted")]


class TwoMeanings:
    """A fake model that knows two meanings: work that ended, and everything else."""

    name = "two-meanings 1"

    def vectors(self, texts, *, asked=False):
        ended = ("whistle", "gates", "laid off")
        return np.array([[1.0, 0.0] if any(one in text for one in ended) else [0.0, 1.0] for text in texts], np.float32)


def test_a_machine_proposes_by_meaning_what_shares_no_word(change, see, telling, taught, place):
    whistle, old, _ = taught
    other = telling.story("They shut those gates one morning.", "My aunt bred grey rabbits.")
    assert change(suggesting.suggest, ON, other, telling.now) == 0, "no word is shared, and there is no vector yet"
    build(place, TwoMeanings())
    assert change(suggesting.suggest, ON, other, telling.now) == 1
    (one,) = see(suggesting.suggestions_of, ON, other, "ben", telling.now)
    assert (one.code, one.start, one.near[0].story, one.near[0].likeness) == (whistle, 1000, old, 1.0)
    assert one.machine.words == "nearest coded passages by two-meanings 1"
    assert one.why.startswith("It may mean the like of one coded so")
    change(suggesting.decide, ON, one.id, False, "ben", telling.now)
    assert change(suggesting.suggest, ON, other, telling.now) == 0
    assert see(suggesting.suggestions_of, OFF, other, "ben", telling.now) == []
    telling.take_back(old)
    third = telling.story("Everybody was laid off at once.")
    build(place, TwoMeanings())
    assert change(suggesting.suggest, ON, third, telling.now) == 0


def test_a_refused_proposal_is_not_made_again(change, see, telling, taught):
    *_, fresh = taught
    change(suggesting.suggest, ON, fresh, telling.now)
    (one,) = see(suggesting.suggestions_of, ON, fresh, "ben", telling.now)
    change(suggesting.decide, ON, one.id, False, "ben", telling.now)
    assert change(suggesting.suggest, ON, fresh, telling.now) == 0
    assert see(highlights.highlights_of, fresh) == []
    with pytest.raises(BadHighlight):
        change(suggesting.decide, ON, one.id, True, "ben", telling.now)


@pytest.mark.parametrize("how", ["taken back", "allowed less", "removed"])
def test_a_proposal_that_rests_on_nothing_any_more_is_not_shown(change, see, telling, taught, how):
    _, old, fresh = taught
    change(suggesting.suggest, ON, fresh, telling.now)
    if how == "taken back":
        telling.take_back(old)
    elif how == "allowed less":
        telling.allow(old, Use.RECORD, Use.KEEP)
    else:
        change(highlights.remove, see(highlights.highlights_of, old)[0].id, "ana", telling.now)
    assert see(suggesting.suggestions_of, ON, fresh, "ben", telling.now) == []
    assert change(suggesting.suggest, ON, fresh, telling.now) == 0


def test_with_machines_off_nothing_is_computed_and_people_go_on(change, see, telling, taught):
    whistle, _, fresh = taught
    change(suggesting.suggest, ON, fresh, telling.now)
    assert see(suggesting.suggestions_of, OFF, fresh, "ben", telling.now) == [], "not even what was proposed before"
    with pytest.raises(MachinesOff):
        change(suggesting.suggest, OFF, fresh, telling.now)
    assert change(highlights.highlight, fresh, 1000, 2000, [whistle], "", "ben", telling.now)


def test_what_was_coded_goes_with_its_story(change, see, telling, taught):
    _, old, fresh = taught
    change(suggesting.suggest, ON, fresh, telling.now)
    change(highlights.put_memo, see(highlights.highlights_of, old)[0].id, "a memo", "ana", telling.now)
    change(highlights.be_through, old, "ana", telling.now)
    for story in (old, fresh):
        telling.take_back(story)
    for table in ("highlights", "highlight_codes", "memos", "codings", "suggestions"):
        assert see(lambda tx, table=table: tx.one(f"SELECT COUNT(*) FROM {table}"))[0] == 0, table
