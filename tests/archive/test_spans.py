from __future__ import annotations

import numpy as np

from archive.spans import ECHO, Mark, Span, add_moment, close_span, hush, open_span, spans_of
from archive.types import Act
from audio.chime import TIME_HZ, time_tones
from audio.types import Ms, TakeId

TAKE = TakeId("T")


def excerpt(start: int, end: int | None) -> Span:
    return Span(1, TAKE, Mark.EXCERPT, Ms(start), None if end is None else Ms(end))


def test_a_span_is_open_until_it_is_closed_and_keeps_its_first_end(store, teller):
    take = teller.tell()
    number = open_span(store, take, Mark.EXCERPT, Ms(500), "STORY")
    assert spans_of(store, take) == [Span(number, take, Mark.EXCERPT, Ms(500), None, "STORY")]
    close_span(store, number, Ms(900))
    close_span(store, number, Ms(1900))
    assert spans_of(store, take)[0].end == 900
    assert spans_of(store, take)[0].to_json() == {"mark": "excerpt", "start": 0.5, "end": 0.9, "ref": "STORY"}


def test_a_span_never_ends_before_it_starts(store, teller):
    take = teller.tell()
    close_span(store, open_span(store, take, Mark.EXCERPT, Ms(800)), Ms(200))
    assert spans_of(store, take)[0].end == 800


def test_moments_come_back_in_order_of_time(store, teller):
    take = teller.tell()
    add_moment(store, take, Mark.FLAG, Ms(1500))
    add_moment(store, take, Mark.PAUSE, Ms(300))
    assert [(span.mark, span.start, span.end) for span in spans_of(store, take)] == [
        (Mark.PAUSE, 300, 300),
        (Mark.FLAG, 1500, 1500),
    ]


def test_erasing_a_take_erases_its_spans(store, teller):
    take = teller.tell()
    add_moment(store, take, Mark.FLAG, Ms(100))
    store.erase(take, Act.DISCARD, "test")
    assert spans_of(store, take) == []


def test_an_excerpt_and_its_echo_are_silenced_and_nothing_else():
    samples = np.ones(16_000, np.float32)
    quiet, taken = hush(samples, 16_000, Ms(10_000), [excerpt(10_200, 10_400)])
    last = (400 + ECHO) * 16
    assert not quiet[200 * 16 : last].any()
    assert quiet[: 200 * 16].all()
    assert quiet[last:].all()
    assert taken == 200 + ECHO
    assert samples.all(), "the sound given is left as it was"


def test_an_excerpt_that_still_plays_silences_the_rest():
    quiet, taken = hush(np.ones(16_000, np.float32), 16_000, Ms(0), [excerpt(250, None)])
    assert quiet[: 250 * 16].all()
    assert not quiet[250 * 16 :].any()
    assert taken == 750


def test_the_tones_of_little_time_go_and_a_word_over_them_stays():
    rate = 16_000
    chance = np.random.default_rng(7)
    voice = (0.05 * chance.standard_normal(4 * rate)).astype(np.float32)
    tones = time_tones(rate)
    heard, alone = voice.copy(), np.zeros_like(voice)
    heard[rate : rate + len(tones)] += tones
    alone[rate : rate + len(tones)] += tones
    mark = Span(1, TAKE, Mark.TONES, Ms(11_000), Ms(11_900))
    left, taken = hush(heard, rate, Ms(10_000), [mark])
    assert taken == 0
    assert np.array_equal(left[:rate], voice[:rate])
    stretch = slice(rate, rate + len(tones))
    assert np.corrcoef(left[stretch], voice[stretch])[0, 1] > 0.98
    at_tone = abs(np.fft.rfftfreq(len(tones), 1 / rate) - TIME_HZ) < 2

    def loud(sound):
        return float(np.abs(np.fft.rfft(sound[stretch]))[at_tone].max())

    assert loud(left) < loud(heard) / 30
    silent, taken = hush(alone, rate, Ms(10_000), [mark])
    assert not silent.any(), "a machine has nothing to hear words in"
    assert taken == 900 + ECHO
    cut_off = Span(1, TAKE, Mark.TONES, Ms(11_000), None)
    left, _ = hush(heard, rate, Ms(10_000), [cut_off])
    assert np.array_equal(left[rate + 2 * rate + ECHO * 16 :], voice[rate + 2 * rate + ECHO * 16 :])


def test_marks_other_than_excerpts_and_those_outside_silence_nothing():
    samples = np.ones(1600, np.float32)
    flag = Span(1, TAKE, Mark.FLAG, Ms(0), Ms(100))
    same, taken = hush(samples, 16_000, Ms(60_000), [flag, excerpt(0, 1000), excerpt(90_000, None)])
    assert same is samples
    assert taken == 0
