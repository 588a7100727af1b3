from __future__ import annotations

import pytest

from archive.elapsed import beat
from archive.types import Use
from archive.usage import DAY_S, bytes_a_day


def test_a_usual_day_is_what_stories_took_for_each_day(store, teller, clock) -> None:
    assert bytes_a_day(store) is None
    teller.story(Use.PLAY_HERE)
    assert bytes_a_day(store) is None, "not a day to judge by yet"
    clock.advance(2 * DAY_S)
    teller.story(Use.PLAY_HERE, seed=2)
    used = sum(path.stat().st_size for path in store.home.stories.rglob("*.take"))
    assert bytes_a_day(store) == pytest.approx(used / 2, rel=0.01)


def test_without_a_clock_powered_on_time_counts(store, teller, clock) -> None:
    clock.set_wall(clock.wall(), trusted=False)
    beat(store)
    teller.story(Use.PLAY_HERE)
    clock.advance(4 * DAY_S)
    beat(store)
    used = sum(path.stat().st_size for path in store.home.stories.rglob("*.take"))
    assert bytes_a_day(store) == pytest.approx(used / 4)
