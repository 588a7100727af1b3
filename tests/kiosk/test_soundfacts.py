"""What was wrong with the sound of a take, and where."""

from __future__ import annotations

from archive.spans import Mark, Stretch
from audio.levels import Hint
from kiosk.soundfacts import MOST, SoundFacts


def noted(*told, length=90_000):
    facts = SoundFacts()
    for hint, at in told:
        facts.hear(hint, at)
    return facts.stretches(length)


def test_good_sound_leaves_no_trace():
    assert noted((None, 100), (Hint.GOOD, 200), (Hint.GOOD, 900)) == []


def test_a_stretch_lasts_from_the_first_to_the_last_time_it_was_told():
    assert noted((Hint.GOOD, 900), (Hint.HUM, 1000), (Hint.HUM, 1100), (Hint.HUM, 4000), (Hint.GOOD, 4100)) == [
        Stretch(Mark.SOUND, 1000, 4000, "hum")
    ]


def test_trouble_does_not_last_over_a_pause_in_which_nothing_was_wrong():
    assert noted((Hint.HUM, 1000), (None, 1100), (None, 59_900), (Hint.HUM, 60_000)) == [
        Stretch(Mark.SOUND, 1000, 1000, "hum"),
        Stretch(Mark.SOUND, 60_000, 60_000, "hum"),
    ]


def test_the_same_trouble_soon_again_is_one_stretch_and_another_is_not():
    told = [(Hint.TOO_LOUD, 1000), (Hint.GOOD, 1500), (Hint.TOO_LOUD, 3000), (Hint.SILENCE, 3100), (Hint.GOOD, 3500)]
    assert noted(*told, (Hint.SILENCE, 9000)) == [
        Stretch(Mark.SOUND, 1000, 3000, "too_loud"),
        Stretch(Mark.SOUND, 3100, 3100, "silence"),
        Stretch(Mark.SOUND, 9000, 9000, "silence"),
    ]


def test_nothing_lies_behind_the_end_of_the_take():
    assert noted((Hint.CLOSER, 500), (Hint.CLOSER, 2500), length=2000) == [Stretch(Mark.SOUND, 500, 2000, "closer")]
    assert noted((Hint.CLOSER, 2500), length=2000) == []


def test_a_cable_that_crackles_for_ever_is_bounded():
    told = [(hint, 5000 * n) for n in range(3 * MOST) for hint in (Hint.TOO_LOUD, Hint.GOOD)]
    assert len(noted(*told, length=10**9)) == MOST
