"""Segments tile the take, close at pauses, and never grow past the limit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.segmenter import ADAPTIVE, STEADY, CutStep, News, Segmenter, SegmentRules
from audio.types import CutReason, MarkKind, Ms, Segment, SpeechMark, TakeId, Tentative

TAKE = TakeId("01TAKE")


def told(rules: SegmentRules, *parts: tuple[int, bool], step: int = 20, loud: float = 0.1) -> list[News]:
    """Feed stretches of (length, speech) in steps; return everything announced, the last segment included."""
    segmenter = Segmenter(TAKE, rules)
    news: list[News] = []
    now = 0
    for length, speech in parts:
        for _ in range(length // step):
            now += step
            news += segmenter.push(Ms(now), speech, loud if speech else 0.001)
    last = segmenter.finish(Ms(now))
    return news + ([last] if last else [])


def segments(news: list[News]) -> list[Segment]:
    return [item for item in news if isinstance(item, Segment)]


def test_half_a_second_of_pause_after_nine_seconds_closes_a_segment() -> None:
    first, rest = segments(told(STEADY, (10_000, True), (600, False), (3000, True)))
    assert (first.start, first.reason, first.voiced, first.index) == (0, CutReason.PAUSE, 10_000, 0)
    assert 10_200 <= first.end <= 10_300
    assert (rest.start, rest.end, rest.reason, rest.voiced, rest.index) == (first.end, 13_600, CutReason.END, 3000, 1)


def test_a_pause_before_nine_seconds_does_not() -> None:
    assert len(segments(told(STEADY, (8000, True), (900, False), (3000, True)))) == 1


def test_a_shorter_pause_does_not() -> None:
    assert len(segments(told(STEADY, (10_000, True), (480, False), (3000, True)))) == 1


@pytest.mark.parametrize(
    ("told_ms", "pause", "cut"),
    [(9000, 400, False), (12_000, 360, True), (12_000, 300, False), (15_000, 200, True), (15_000, 180, False)],
)
def test_adaptive_rules_take_shorter_pauses_later(told_ms: int, pause: int, *, cut: bool) -> None:
    assert (len(segments(told(ADAPTIVE, (told_ms, True), (pause, False), (2000, True)))) == 2) is cut


def test_with_no_pause_it_is_cut_at_the_quietest_of_the_last_six_seconds() -> None:
    segmenter = Segmenter(TAKE)
    found: list[News] = []
    for now in range(20, 30_000, 20):
        # A quieter moment before the look-back must not be chosen; the one at 20.5 s must.
        rms = 0.01 if 10_000 < now <= 10_200 else 0.05 if 20_500 < now <= 20_600 else 0.2
        found += segmenter.push(Ms(now), True, rms)
    (segment,) = segments(found)
    assert (segment.reason, segment.voiced) == (CutReason.FULL, segment.end)
    assert 20_540 <= segment.end <= 20_560


def test_speech_without_a_pause_is_looked_at_up_to_its_quietest_moment() -> None:
    segmenter = Segmenter(TAKE, ADAPTIVE)
    looked: list[Tentative] = []
    for now in range(20, 12_400, 20):
        rms = 0.01 if 2000 < now <= 2200 else 0.05 if 5200 < now <= 5300 else 0.2
        looked += [item for item in segmenter.push(Ms(now), True, rms) if isinstance(item, Tentative)]
    first, second = looked
    assert (first.start, first.end) == (0, second.start)
    assert 5240 <= first.end <= 5260
    assert [span.voiced for span in looked] == [span.end - span.start for span in looked]
    last = segmenter.finish(Ms(12_400))
    assert last is not None
    assert last.start == 0, "a look is no cut"


def test_marks_say_where_speech_began_and_paused() -> None:
    marks = [
        item
        for item in told(STEADY, (1000, False), (2000, True), (300, False), (1000, True), (800, False))
        if isinstance(item, SpeechMark)
    ]
    assert marks == [SpeechMark(MarkKind.STARTED, Ms(1000)), SpeechMark(MarkKind.PAUSED, Ms(4300))]


def test_silence_gives_segments_without_voice() -> None:
    found = segments(told(STEADY, (40_000, False)))
    assert [segment.voiced for segment in found] == [0] * len(found)
    assert found[-1].end == 40_000


def test_the_press_may_come_before_or_after_the_last_verdict() -> None:
    for at, voiced in ((4990, 4990), (5000, 5000), (5030, 5000)):
        segmenter = Segmenter(TAKE)
        segmenter.push(Ms(5000), True, 0.1)
        assert (segmenter.position, segmenter.voiced) == (5000, 5000)
        assert segmenter.finish(Ms(at)) == Segment(TAKE, 0, Ms(0), Ms(at), Ms(voiced), CutReason.END)
    assert Segmenter(TAKE).finish(Ms(0)) is None


def test_a_take_that_goes_on_is_cut_from_there() -> None:
    segmenter = Segmenter(TAKE, first=3, start=Ms(7000))
    assert segmenter.push(Ms(8000), True, 0.1) == [SpeechMark(MarkKind.STARTED, Ms(7000))]
    assert segmenter.finish(Ms(8000)) == Segment(TAKE, 3, Ms(7000), Ms(8000), Ms(1000), CutReason.END)


def test_nothing_is_taken_after_the_end() -> None:
    segmenter = Segmenter(TAKE)
    segmenter.finish(Ms(0))
    with pytest.raises(ValueError, match="finished"):
        segmenter.push(Ms(20), True, 0.1)


@pytest.mark.parametrize(
    "bad",
    [
        {"cuts": (CutStep(Ms(9000), Ms(500)), CutStep(Ms(8000), Ms(400)))},
        {"cuts": (CutStep(Ms(9000), Ms(500)), CutStep(Ms(12_000), Ms(600)))},
        {"cuts": (CutStep(Ms(9000), Ms(0)),)},
        {"look_back": Ms(24_000)},
        {"hint_look_back": Ms(6000)},
        {"quiet": Ms(0)},
    ],
)
def test_rules_that_cannot_be_followed_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        SegmentRules(**bad)  # type: ignore[arg-type]  # each case is wrong on purpose


@settings(max_examples=150)
@given(
    parts=st.lists(st.tuples(st.integers(1, 12_000), st.booleans(), st.floats(0, 1)), max_size=30),
    step=st.sampled_from([10, 30, 32, 97, 512]),
    rules=st.sampled_from([STEADY, ADAPTIVE, SegmentRules(limit=Ms(3000), look_back=Ms(500), cuts=())]),
    late=st.integers(-400, 60),
)
def test_segments_tile_the_take(
    parts: list[tuple[int, bool, float]], step: int, rules: SegmentRules, late: int
) -> None:
    segmenter = Segmenter(TAKE, rules)
    found: list[Segment] = []
    now = heard = 0
    for length, speech, rms in parts:
        end = now + length
        while now < end:
            before, now = now, min(now + step, end)
            heard += (now - before) * speech
            found += segments(segmenter.push(Ms(now), speech, rms))
    at = max(0, now + late)
    last = segmenter.finish(Ms(at))
    found += [last] if last else []
    edges = [0] + [segment.end for segment in found]
    assert [segment.start for segment in found] == edges[:-1], "a gap or an overlap"
    assert edges[-1] == at or (last is None and edges[-1] >= at), "the end is missing"
    assert [segment.index for segment in found] == list(range(len(found)))
    for segment in found:
        assert segment.start < segment.end
        assert segment.end - segment.start <= rules.limit + (max(0, late) if segment is last else 0)
        assert 0 <= segment.voiced <= segment.end - segment.start
    lost = sum(segment.voiced for segment in found) - heard
    assert lost == 0 if late >= 0 else late <= lost <= 0
