from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.controls import SETTLE_MS, STUCK_S, Debouncer
from hardware.errors import Misused
from hardware.types import Control, ControlEvent

KEY, OTHER = Control.LEFT, Control.RIGHT


def feed_all(debouncer, edges, control=KEY):
    return [event for pressed, at in edges for event in debouncer.feed(control, pressed, at)]


def test_a_press_counts_at_its_first_edge():
    assert Debouncer().feed(KEY, True, 5.0) == (ControlEvent(KEY, 5.0),)


def test_chatter_on_the_way_down_and_up_is_one_press():
    edges = [(True, 0.0), (False, 0.001), (True, 0.002), (False, 0.004), (True, 0.006)]
    edges += [(False, 0.3), (True, 0.302), (False, 0.304), (True, 0.310), (False, 0.315)]
    assert feed_all(Debouncer(), edges) == [ControlEvent(KEY, 0.0)]


def test_two_real_presses_are_two():
    edges = [(True, 0.0), (False, 0.05), (True, 0.2), (False, 0.25)]
    assert [e.at for e in feed_all(Debouncer(), edges)] == [0.0, 0.2]


def test_the_settling_time_is_the_border():
    assert len(feed_all(Debouncer(25), [(True, 0.0), (False, 1.0), (True, 1.0249)])) == 1
    assert len(feed_all(Debouncer(25), [(True, 0.0), (False, 1.0), (True, 1.0251)])) == 2


def test_without_settling_every_touch_counts():
    assert len(feed_all(Debouncer(0), [(True, 0.0), (False, 0.0), (True, 0.0)])) == 2


def test_a_keyboards_repeats_are_no_presses():
    assert len(feed_all(Debouncer(), [(True, n / 30) for n in range(100)])) == 1


def test_two_keys_at_once_both_count_in_order():
    debouncer = Debouncer()
    told = debouncer.feed(KEY, True, 1.0) + debouncer.feed(OTHER, True, 1.0)
    assert told == (ControlEvent(KEY, 1.0), ControlEvent(OTHER, 1.0))


def test_a_key_down_from_the_start_must_first_be_let_go():
    debouncer = Debouncer()
    debouncer.already_down(KEY, 0.0)
    assert feed_all(debouncer, [(True, 1.0), (False, 2.0)]) == []
    assert feed_all(debouncer, [(True, 3.0)]) == [ControlEvent(KEY, 3.0)]


def test_a_stuck_key_is_named_and_the_others_still_work():
    debouncer = Debouncer()
    debouncer.feed(KEY, True, 0.0)
    assert debouncer.stuck(STUCK_S - 0.1) == frozenset()
    assert debouncer.stuck(STUCK_S) == {KEY}
    assert debouncer.feed(OTHER, True, 60.0) == (ControlEvent(OTHER, 60.0),)
    debouncer.feed(KEY, False, 61.0)
    assert debouncer.stuck(62.0) == frozenset()
    assert debouncer.held(60.5) == {OTHER: 0.5}


def test_releases_are_told_when_asked_for_and_certain():
    debouncer = Debouncer(25, releases=True)
    debouncer.feed(KEY, True, 1.0)
    debouncer.feed(KEY, False, 2.0)
    assert debouncer.settle(2.02) == ()
    assert debouncer.settle(2.03) == (ControlEvent(KEY, 2.0, released=True),)
    assert debouncer.settle(9.0) == ()


def test_a_release_nobody_settled_is_told_before_the_next_press():
    debouncer = Debouncer(25, releases=True)
    debouncer.feed(KEY, True, 1.0)
    debouncer.feed(KEY, False, 2.0)
    assert debouncer.feed(KEY, True, 3.0) == (ControlEvent(KEY, 2.0, released=True), ControlEvent(KEY, 3.0))


def test_ready_at_tells_when_a_touch_would_count():
    debouncer = Debouncer(25)
    assert debouncer.ready_at(KEY) == float("-inf")
    debouncer.feed(KEY, True, 1.0)
    assert debouncer.ready_at(KEY) == float("inf")
    debouncer.feed(KEY, False, 2.0)
    assert debouncer.ready_at(KEY) == pytest.approx(2.025)


def test_an_edge_from_the_past_counts_as_of_now():
    debouncer = Debouncer(25)
    debouncer.feed(KEY, True, 5.0)
    debouncer.feed(KEY, False, 4.0)
    assert debouncer.feed(KEY, True, 5.01) == ()
    debouncer.feed(KEY, False, 5.02)
    assert debouncer.feed(KEY, True, 5.1) == (ControlEvent(KEY, 5.1),)


def test_a_negative_settling_time_is_refused():
    with pytest.raises(Misused, match="-1 ms"):
        Debouncer(-1)


edges_of_a_key = st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=80)


def timed(steps):
    at, edges = 0, []
    for pressed, gap in steps:
        at += gap
        edges.append((pressed, at / 1000))
    return edges


@given(edges_of_a_key)
def test_whatever_the_switch_does_presses_are_edges_and_never_closer_than_settling(steps):
    edges = timed(steps)
    told = feed_all(Debouncer(), edges)
    assert all((True, event.at) in edges for event in told)
    assert all(b.at - a.at >= SETTLE_MS / 1000 - 1e-9 for a, b in pairwise(told))
    assert bool(told) == any(pressed for pressed, _ in edges)


@given(edges_of_a_key)
def test_presses_and_releases_alternate(steps):
    debouncer = Debouncer(releases=True)
    told = feed_all(debouncer, timed(steps)) + list(debouncer.settle(1e9))
    assert [event.released for event in told] == [bool(n % 2) for n in range(len(told))]
    assert all(a.at <= b.at for a, b in pairwise(told))


@given(st.lists(st.lists(st.integers(0, 8), max_size=6), min_size=1, max_size=8))
def test_every_real_press_with_any_chatter_is_counted_once(chatters):
    edges, presses = [], []
    for n, gaps in enumerate(chatters):
        down = float(n)
        presses.append(down)
        for start in (down, down + 0.5):
            level, at = start == down, start
            edges.append((level, at))
            for gap in gaps:
                for contact in (not level, level):
                    at += gap / 2000
                    edges.append((contact, at))
    assert [event.at for event in feed_all(Debouncer(), edges)] == presses


@given(edges_of_a_key, edges_of_a_key)
def test_keys_do_not_disturb_each_other(left, right):
    both = sorted(
        [(at, 0, KEY, p) for p, at in timed(left)] + [(at, 1, OTHER, p) for p, at in timed(right)],
        key=lambda edge: edge[:2],
    )
    debouncer = Debouncer()
    together = [event for at, _, control, pressed in both for event in debouncer.feed(control, pressed, at)]
    assert [e for e in together if e.control == KEY] == feed_all(Debouncer(), timed(left))
    assert [e for e in together if e.control == OTHER] == feed_all(Debouncer(), timed(right), OTHER)
