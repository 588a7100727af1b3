"""Captions as turns of phrase."""

from __future__ import annotations

import numpy as np

from audio.clock import VirtualClock
from audio.player import SilentPlayer
from audio.types import Ms, Word
from kiosk.app import CAPTION_FPS
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


def test_every_word_stands_on_the_screen_within_80_ms_of_its_stored_time():
    """At the pace at which the box draws while a voice sounds, wherever in a frame the voice began."""
    story = tuple(Word(f" w{n}", Ms(n * 137), Ms(n * 137 + 90), 0.9) for n in range(70))
    for phase in range(0, 1000, 125):
        clock = VirtualClock()
        player = SilentPlayer(clock, lambda _: None)
        player.play(np.zeros(10 * 8000, np.float32), 8000)
        clock.advance(phase / 1000 / CAPTION_FPS)
        late = []
        while (position := player.position()) is not None:
            # A frame is seen from when it is drawn until the next one is.
            shown = len(played(story, position))
            late += [position - word.start for word in story[len(late) : shown]]
            clock.advance(1 / CAPTION_FPS)
        assert len(late) == len(story)
        assert max(abs(one) for one in late) <= 80
