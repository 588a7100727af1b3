"""Rotation: everybody gets a turn, nobody twice running, the withdrawn never again, and nothing is counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from itertools import pairwise
from random import Random

import pytest

from audio.types import TakeId
from kiosk.rotation import Rotation, turn


def voices(count, start=0):
    return [TakeId(f"voice-{number}") for number in range(start, start + count)]


def play(rotation, playable, chance, times):
    heard = []
    for _ in range(times):
        rotation, voice = turn(rotation, playable, chance)
        heard.append(voice)
    return rotation, heard


@pytest.mark.parametrize("count", [1, 2, 3, 7, 40])
def test_every_voice_once_a_round(count):
    for seed in range(20):
        _, heard = play(Rotation(), voices(count), Random(seed), count * 5)
        for start in range(0, len(heard), count):
            assert sorted(heard[start : start + count]) == sorted(voices(count))


@pytest.mark.parametrize("count", [2, 3, 9])
def test_never_the_same_twice_running(count):
    for seed in range(50):
        _, heard = play(Rotation(), voices(count), Random(seed), 200)
        assert all(one != other for one, other in pairwise(heard))


def test_no_voice_to_play_is_none_and_a_single_one_repeats():
    rotation, voice = turn(Rotation(last=TakeId("x")), [], Random(1))
    assert (voice, rotation.last) == (None, "x")
    assert play(rotation, voices(1), Random(1), 3)[1] == voices(1) * 3


def test_a_new_voice_comes_next():
    rotation, heard = play(Rotation(), voices(10), Random(3), 4)
    rotation, voice = turn(rotation, voices(11), Random(3))
    assert voice == "voice-10"
    _, rest = play(rotation, voices(11), Random(3), 6)
    assert not set(rest) & set(heard), "the round goes on where it was"


def test_a_withdrawn_voice_is_never_heard_again():
    chance = Random(5)
    rotation, _ = play(Rotation(), voices(6), chance, 2)
    left = voices(6)[1:]
    for _ in range(60):
        rotation, voice = turn(rotation, left, chance)
        assert voice in left


def test_withdrawals_and_arrivals_in_between_keep_it_fair():
    chance, rotation, there, heard = Random(8), Rotation(), voices(8), []
    for count in range(400):
        if count % 50 == 20:
            there = there[1:]
        if count % 50 == 40:
            there = [*there, TakeId(f"new-{count}")]
        rotation, voice = turn(rotation, there, chance)
        assert voice in there
        assert not heard or heard[-1] != voice
        heard.append(voice)
    steady = Counter(voice for voice in heard[-24:] if voice in there[:-1])
    assert max(steady.values()) - min(steady.values()) <= 2


def test_the_last_voice_that_returns_alone_lets_another_go_first():
    a, b = voices(2)
    rotation, voice = turn(Rotation(coming=(), been=frozenset({b}), last=a), [a, b], Random(1))
    assert voice == b
    assert rotation.last == b


def test_there_is_nothing_to_rank_by():
    assert {field.name for field in fields(Rotation)} == {"coming", "been", "last"}
