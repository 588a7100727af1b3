"""A theme stands on three voices and a counter-example or a look for one, and says what became of its voices."""

from __future__ import annotations

import pytest

from archive.patterns import codebook, highlights, themes
from archive.patterns.codebook import Level
from archive.patterns.highlights import BadHighlight
from archive.patterns.snippets import Looked
from archive.patterns.themes import BadTheme, Side
from archive.types import Use


@pytest.fixture
def voices(change, telling):
    """Four stories about bread, one against, with a highlight in each."""
    book = change(codebook.first_codebook, "ana", telling.now)
    bread = change(codebook.make_code, book, "bread", Level.CONCRETE, "", "ana", telling.now)
    stories = [telling.story("My father learned to bake bread.") for _ in range(4)]
    stories.append(telling.story("We bought ours and never baked."))
    return [
        (story, change(highlights.highlight, story, 1000, 9000, [bread], "", "ana", telling.now)) for story in stories
    ]


@pytest.fixture
def theme(change, telling, voices):
    ident = change(themes.make_theme, "After the mill closed, fathers baked.", "ana", telling.now)
    for _, marked in voices[:4]:
        change(themes.put_voice, ident, marked, Side.FOR, "ana", telling.now)
    return ident


def test_it_needs_three_voices_and_a_counter_example(change, see, telling, voices):
    ident = change(themes.make_theme, "Fathers baked.", "ana", telling.now)
    assert see(themes.theme_of, ident, telling.now).says == (
        "It needs 3 voices to stand, and has 0.",
        "Nobody has looked for a counter-example yet.",
    )
    for _, marked in voices[:3]:
        change(themes.put_voice, ident, marked, Side.FOR, "ana", telling.now)
    assert not see(themes.theme_of, ident, telling.now).stands
    change(themes.put_voice, ident, voices[4][1], Side.COUNTER, "ana", telling.now)
    found = see(themes.theme_of, ident, telling.now)
    assert (found.stands, found.says) == (True, ())
    assert [voice.words for voice in found.of(Side.COUNTER)] == ["We bought ours and never baked."]
    assert {voice.story for voice in found.of(Side.FOR)} == {story for story, _ in voices[:3]}


def test_two_highlights_of_one_story_are_one_voice(change, see, telling, voices):
    ident = change(themes.make_theme, "Fathers baked.", "ana", telling.now)
    story = voices[0][0]
    for end in (1300, 1700, 2100):
        marked = change(highlights.highlight, story, 1000, end, [], "", "ana", telling.now)
        change(themes.put_voice, ident, marked, Side.FOR, "ana", telling.now)
    found = see(themes.theme_of, ident, telling.now)
    assert (len(found.voices), found.now.voices, found.stands) == (3, 1, False)


def test_a_look_that_found_none_says_where_it_looked(change, see, telling, theme):
    hits, stories = see(themes.look_for, "bought", Looked(), telling.now)
    assert ([hit.said for hit in hits], stories) == (["bought"], 5)
    with pytest.raises(BadTheme):
        change(themes.none_found, theme, " ", Looked(), "", "ana", telling.now)
    with pytest.raises(BadTheme, match="no story"):
        change(themes.none_found, theme, "bakery", Looked(site="Nowhere"), "", "ana", telling.now)
    change(
        themes.none_found, theme, "bakery OR shop", Looked(prompt="mill"), "also listened to two", "ben", telling.now
    )
    found = see(themes.theme_of, theme, telling.now)
    assert found.stands
    (look,) = found.looks
    assert (look.who, look.asked, look.looked, look.stories) == ("ben", "bakery OR shop", Looked(prompt="mill"), 5)
    assert (look.voices, look.through) == (None, "five voices or more"), "how many a question has would follow from it"
    change(themes.none_found, theme, "bakery", Looked(), "", "ben", telling.now)
    everywhere = see(themes.theme_of, theme, telling.now).looks[-1]
    assert (everywhere.voices, everywhere.through) == (5, "5 voices")


@pytest.mark.parametrize("how", ["taken back", "allowed less"])
def test_it_says_that_voices_left_and_counts_anew_at_the_next_look(change, see, telling, voices, theme, how):
    change(themes.put_voice, theme, voices[4][1], Side.COUNTER, "ana", telling.now)
    assert see(themes.theme_of, theme, telling.now).stands
    for story, _ in voices[:2]:
        if how == "taken back":
            telling.take_back(story)
        else:
            telling.allow(story, Use.RECORD, Use.KEEP, Use.PLAY_HERE)
    found = see(themes.theme_of, theme, telling.now)
    assert (found.stands, found.now.voices, found.now.closed) == (False, 2, 0 if how == "taken back" else 2)
    assert "It had 4 voices and has 2 now: tellers took stories back or allow less." in found.says
    assert not any("bake" in voice.words for voice in found.voices if not voice.open)
    assert all(voice.why for voice in found.voices if not voice.open)
    assert see(themes.themes, telling.now) == [found]
    assert themes.changed([found])
    assert change(themes.recount, telling.now) == [theme]
    assert change(themes.recount, telling.now) == [], "once is enough"
    again = see(themes.theme_of, theme, telling.now)
    assert not themes.changed([again])
    assert (again.counts[-1].voices, again.counts[-1].who) == (2, "")
    assert again.says == found.says, "it goes on saying so until a person works on it"
    change(themes.take_voice, theme, voices[2][1], "ana", telling.now)
    assert not any("took stories back" in say for say in see(themes.theme_of, theme, telling.now).says)


def test_who_allows_again_counts_again(change, see, telling, voices, theme):
    telling.allow(voices[0][0], Use.RECORD, Use.KEEP)
    change(themes.recount, telling.now)
    telling.allow(voices[0][0], Use.RECORD, Use.KEEP, Use.ARCHIVE)
    assert see(themes.theme_of, theme, telling.now).now.voices == 4


def test_a_highlight_that_was_removed_stands_behind_nothing(change, see, telling, voices, theme):
    change(highlights.remove, voices[0][1], "ana", telling.now)
    assert see(themes.theme_of, theme, telling.now).now.voices == 3
    with pytest.raises(BadHighlight):
        change(themes.put_voice, theme, voices[0][1], Side.FOR, "ana", telling.now)


def test_a_sentence_is_a_persons_and_the_ones_before_stay(change, see, telling, theme):
    change(themes.rewrite, theme, "Some fathers baked.", "ben", telling.now)
    assert see(themes.theme_of, theme, telling.now).sentence == "Some fathers baked."
    assert [(who, said) for _, who, said in see(themes.sentences_of, theme)] == [
        ("ana", "After the mill closed, fathers baked."),
        ("ben", "Some fathers baked."),
    ]
    for wrong in ("", "x" * 401):
        with pytest.raises(BadTheme):
            change(themes.rewrite, theme, wrong, "ben", telling.now)
    with pytest.raises(BadTheme, match="no such theme"):
        see(themes.theme_of, "01J0000000000000000000000A", telling.now)
