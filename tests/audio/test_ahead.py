"""Words found ahead: where stretches are offered, which words stand, and that nothing is done twice without end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from audio.ahead import Ahead
from audio.segmenter import ADAPTIVE, CutStep, Segmenter, SegmentRules
from audio.types import CutReason, Ms, Segment, TakeId, Tentative, Word

TAKE = TakeId("01TAKE")


class Scribe:
    """Says one word a second of sound, as sure as it is told to be, and remembers how much it was asked."""

    name = language = "scribe"
    cheap_when_short = True

    def __init__(self, sure: float = 0.95) -> None:
        self.sure = sure
        self.asked: list[tuple[int, int]] = []
        self.told: list[str] = []

    def transcribe(self, samples, voiced, before=""):
        self.asked.append((len(samples) // 16, voiced))
        self.told.append(before)
        return [Word(f"w{n}", Ms(n * 1000), Ms(n * 1000 + 500), self.sure) for n in range(len(samples) // 16_000)]


def sound(start: Ms, end: Ms):
    return np.zeros((end - start) * 16, np.float32)


def span(start: int, end: int, index: int = 0) -> Tentative:
    return Tentative(TAKE, index, Ms(start), Ms(end), Ms(end - start))


def segment(start: int, end: int, reason: CutReason = CutReason.PAUSE, index: int = 0, voiced: int = -1) -> Segment:
    return Segment(TAKE, index, Ms(start), Ms(end), Ms(end - start if voiced < 0 else voiced), reason)


def heard(*parts: tuple[int, bool]) -> list[Tentative | Segment]:
    segmenter, now, news = Segmenter(TAKE, ADAPTIVE), 0, []
    for length, speech in parts:
        for _ in range(length // 20):
            now += 20
            news += segmenter.push(Ms(now), speech, 0.1 if speech else 0.001)
    return [item for item in [*news, segmenter.finish(Ms(now))] if isinstance(item, Tentative | Segment)]


@pytest.mark.parametrize(
    ("voiced", "pause", "offered"),
    [(3400, 400, 0), (3500, 180, 0), (3500, 200, 1), (5000, 120, 0), (5000, 140, 1)],
)
def test_the_more_waits_to_be_found_the_shorter_a_pause_will_do(voiced: int, pause: int, offered: int) -> None:
    items = heard((voiced, True), (pause, False), (500, True))
    tried = [item for item in items if isinstance(item, Tentative)]
    assert len(tried) == offered
    # It ends inside the pause: neither the word before it nor the one after it is cut.
    assert all(voiced <= item.end <= voiced + pause for item in tried)


def test_hints_that_ask_for_longer_pauses_later_are_refused() -> None:
    with pytest.raises(ValueError, match="hints"):
        SegmentRules(hints=(CutStep(Ms(3000), Ms(100)), CutStep(Ms(5000), Ms(200))))


def test_a_short_pause_after_enough_voice_offers_a_stretch_and_the_next_one_follows_it() -> None:
    first, second, last = heard((3500, True), (300, False), (2000, True), (300, False), (1500, True), (400, False))
    assert (first.start, first.end, first.voiced, first.index) == (0, 3600, 3500, 0)
    assert (second.start, second.end, second.voiced) == (3600, 7700, 3500)
    assert (last.start, last.end, last.reason) == (0, 8000, CutReason.END)


def test_too_little_voice_and_too_short_a_pause_offer_nothing() -> None:
    assert len(heard((1500, True), (600, False), (400, True), (180, False), (900, True))) == 1


def test_a_segment_takes_in_what_was_tried_in_the_pause_that_closes_it() -> None:
    items = heard((13_000, True), (600, False), (3000, True))
    closed = next(item for item in items if isinstance(item, Segment))
    tried = [item for item in items[: items.index(closed)] if isinstance(item, Tentative)]
    assert tried[0].start == closed.start == 0
    assert 13_000 < tried[-1].end <= closed.end
    assert sum(item.voiced for item in tried) == closed.voiced


def test_what_was_found_ahead_is_not_done_again_and_times_are_those_of_the_take() -> None:
    scribe = Scribe()
    ahead = Ahead(scribe)
    ahead.look(span(0, 3000), sound)
    ahead.look(span(3000, 5000), sound)
    words = ahead.close(segment(0, 5400, CutReason.END, voiced=5000), sound)
    assert [word.start for word in words] == [0, 1000, 2000, 3000, 4000]
    assert scribe.asked == [(3000, 3000), (2000, 2000)]
    assert ahead.used == 5000


def test_only_what_was_said_since_is_left_to_do() -> None:
    scribe = Scribe()
    ahead = Ahead(scribe)
    ahead.look(span(0, 3000), sound)
    assert len(ahead.close(segment(0, 5000, CutReason.END), sound)) == 5
    assert scribe.asked[-1] == (2000, 2000)


@pytest.mark.parametrize(
    ("sure", "reason", "again"),
    [
        (0.79, CutReason.PAUSE, True),
        (0.81, CutReason.PAUSE, False),
        (0.74, CutReason.END, True),
        (0.76, CutReason.END, False),
    ],
)
def test_words_stand_if_the_model_is_sure_and_sooner_at_the_end(sure: float, reason: CutReason, again: bool) -> None:
    scribe = Scribe(sure)
    ahead = Ahead(scribe)
    ahead.look(span(0, 3000), sound)
    words = ahead.close(segment(0, 5000, reason), sound)
    assert len(words) == 5, "no segment is without its words, sure or not"
    assert bool(ahead.doubtful) is again
    assert (5000, 5000) not in scribe.asked, "nobody waits for what is done again"
    if again:
        assert len(ahead.again(segment(0, 5000, reason), "", sound)) == 5
    assert ahead.doubtful is None
    assert ((5000, 5000) in scribe.asked) is again
    assert bool(ahead.wasted) is again


def test_one_stretch_that_is_the_whole_segment_stands_however_unsure() -> None:
    scribe = Scribe(0.1)
    ahead = Ahead(scribe)
    ahead.look(span(0, 3000), sound)
    assert len(ahead.close(segment(0, 3300, voiced=3000), sound)) == 3
    assert len(scribe.asked) == 1


def test_a_stretch_that_reaches_beyond_the_segment_or_belongs_to_another_is_not_used() -> None:
    scribe = Scribe()
    ahead = Ahead(scribe)
    ahead.look(span(0, 3000), sound)
    assert len(ahead.close(segment(0, 2000, CutReason.FULL), sound)) == 2
    ahead.look(span(2000, 5000, index=1), sound)
    assert [word.start for word in ahead.close(segment(7000, 9000, index=2), sound)] == [7000, 8000]
    ahead.look(span(9000, 11_000, index=3), sound)
    ahead.forget()
    ahead.close(segment(9000, 11_000, index=3), sound)
    assert scribe.asked.count((2000, 2000)) == 4


def test_a_stretch_that_does_not_follow_is_not_looked_at() -> None:
    ahead = Ahead(Scribe())
    ahead.look(span(0, 3000), sound)
    assert not ahead.wanted(span(4000, 6000))
    assert ahead.wanted(span(3000, 6000))
    ahead.look(span(4000, 6000), sound)
    assert len(ahead.transcriber.asked) == 1


def test_work_done_twice_has_an_end_and_is_earned_again() -> None:
    scribe = Scribe(0.2)
    ahead = Ahead(scribe)
    at = 0
    for index in range(50):
        assert ahead.wanted(span(at, at + 6000, index)), "whoever ends a story waits no longer for it"
        ahead.look(span(at, at + 6000, index), sound)
        assert len(ahead.close(segment(at, at + 10_000, index=index), sound)) == 10
        if ahead.doubtful is not None:
            ahead.again(ahead.doubtful, "", sound)
        at += 10_000
    assert sum(length for length, _ in scribe.asked) < 1.5 * at
    assert ahead.wasted > 100_000


def told_in_order(scribe: Scribe) -> list[int]:
    """How many words the transcriber was told each time it was asked."""
    return [len(before.split()) for before in scribe.told]


def test_what_was_said_before_is_told_with_each_stretch_and_each_segment() -> None:
    scribe = Scribe()
    ahead = Ahead(scribe)
    ahead.look(span(0, 3000), sound)
    ahead.look(span(3000, 5000), sound)
    ahead.close(segment(0, 7000), sound)
    ahead.look(span(7000, 10_000, index=1), sound)
    ahead.close(segment(7000, 11_000, CutReason.END, index=1), sound)
    assert told_in_order(scribe) == [0, 3, 5, 7, 10]
    assert scribe.told[1] == "w0 w1 w2"


def test_the_part_somebody_waits_for_is_told_less() -> None:
    scribe = Scribe()
    ahead = Ahead(scribe)
    ahead.close(segment(0, 40_000), sound)
    ahead.look(span(40_000, 44_000, index=1), sound)
    ahead.close(segment(40_000, 46_000, CutReason.END, index=1), sound)
    assert told_in_order(scribe) == [0, 40, 12]
    assert scribe.told[-1].endswith("w38 w39 w0 w1 w2 w3")


def test_a_segment_done_again_is_told_what_came_before_it_and_not_itself() -> None:
    scribe = Scribe(0.2)
    ahead = Ahead(scribe)
    ahead.close(segment(0, 4000), sound)
    ahead.look(span(4000, 7000, index=1), sound)
    ahead.close(segment(4000, 9000, index=1), sound)
    doubtful = ahead.doubtful
    ahead.again(doubtful, "one two three", sound)
    assert ahead.doubtful is None
    assert scribe.asked[-1] == (5000, 5000)
    assert told_in_order(scribe) == [0, 4, 7, 3]
    ahead.close(segment(9000, 11_000, index=2), sound)
    assert scribe.told[-1] == "one two three w0 w1 w2 w3 w4", "what follows is told the words found last"


def test_the_end_of_a_story_does_not_wait_for_what_was_to_be_done_again() -> None:
    scribe = Scribe(0.2)
    ahead = Ahead(scribe)
    ahead.look(span(0, 3000), sound)
    ahead.close(segment(0, 5000), sound)
    assert ahead.doubtful == segment(0, 5000)
    ahead.close(segment(5000, 5600, CutReason.END, index=1), sound)
    assert (5000, 5000) not in scribe.asked
    assert [word.text for word in ahead.again(segment(0, 5000), "", sound)] == [f"w{n}" for n in range(5)]
    ahead.close(segment(5600, 7000, index=2), sound)
    assert scribe.told[-1] == "", "words found after the end are told to no other story"


def test_nothing_of_one_story_is_told_in_another_or_kept_after_its_end() -> None:
    scribe = Scribe()
    ahead = Ahead(scribe)
    ahead.close(segment(0, 4000), sound)
    ahead.close(replace(segment(4000, 6000, index=1), take=TakeId("01OTHER")), sound)
    ahead.close(replace(segment(6000, 8000, CutReason.END, index=2), take=TakeId("01OTHER")), sound)
    assert told_in_order(scribe) == [0, 0, 2]
    assert "w0" not in str(vars(ahead))


def test_what_follows_a_gap_or_was_taken_back_is_told_nothing() -> None:
    scribe = Scribe()
    ahead = Ahead(scribe)
    ahead.close(segment(0, 4000), sound)
    ahead.close(segment(5000, 8000, index=2), sound)
    ahead.forget()
    ahead.close(segment(8000, 9000, index=3), sound)
    assert told_in_order(scribe) == [0, 0, 0]


def test_a_long_story_is_not_kept_whole() -> None:
    scribe = Scribe()
    ahead = Ahead(scribe)
    for index in range(60):
        ahead.close(segment(index * 10_000, (index + 1) * 10_000, index=index), sound)
    assert len(scribe.told[-1]) <= 400


def test_nothing_is_looked_at_ahead_by_a_model_to_which_a_short_piece_costs_a_whole_window() -> None:
    scribe = Scribe()
    scribe.cheap_when_short = False
    ahead = Ahead(scribe)
    assert not ahead.wanted(span(0, 4000))
    ahead.look(span(0, 4000), sound)
    assert scribe.asked == []
    assert len(ahead.close(segment(0, 9000), sound)) == 9
    assert scribe.asked == [(9000, 9000)]
