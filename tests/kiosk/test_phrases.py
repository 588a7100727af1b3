"""Captions as turns of phrase."""

from __future__ import annotations

from audio.types import Ms, Word
from kiosk.phrases import LEAD_MS, LINGER_MS, NEWEST_WORDS, SHOWN_WORDS, growing, played


def words(count):
    return tuple(Word(f" w{n}", Ms(n * 500), Ms(n * 500 + 300), 0.9) for n in range(count))


def test_the_last_words_of_a_long_story_are_shown_and_the_newest_may_change():
    shown = growing(words(1000))
    assert [one.text for one in shown] == [f"w{n}" for n in range(1000 - SHOWN_WORDS, 1000)]
    assert [one.settled for one in shown[-NEWEST_WORDS - 1 :]] == [True, *[False] * NEWEST_WORDS]
    assert growing(words(2))[0].settled is False
    assert growing(()) == ()


def test_a_word_appears_when_it_is_said_and_the_last_one_is_lit():
    story = words(1000)
    assert played(story, None) == ()
    assert [one.text for one in played(story, Ms(499 - LEAD_MS))] == ["w0"]
    shown = played(story, Ms(500 - LEAD_MS))
    assert [(one.text, one.voiced) for one in shown] == [("w0", False), ("w1", True)]
    late = played(story, Ms(499_600))
    assert (len(late), late[-1].text, late[-1].voiced) == (SHOWN_WORDS, "w999", True)
    assert not played(words(3), Ms(1300 + LINGER_MS + 1))[-1].voiced
