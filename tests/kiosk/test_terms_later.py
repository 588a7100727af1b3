"""The day from which a yes counts, the words of a question, and slow work beside the main thread."""

from __future__ import annotations

import queue
from datetime import UTC, date, datetime

import pytest

from audio.clock import VirtualClock
from kiosk.later import Beside, Done
from kiosk.terms import asked, waits_until
from kiosk.texts import load


@pytest.mark.parametrize(
    ("today", "years", "day"),
    [
        (datetime(2026, 6, 1, tzinfo=UTC), 10, date(2036, 6, 1)),
        (datetime(2028, 2, 29, tzinfo=UTC), 1, date(2029, 2, 28)),
        (datetime(2026, 6, 1, tzinfo=UTC), 0, None),
    ],
)
def test_a_wait_ends_on_its_day(today: datetime, years: int, day: date | None) -> None:
    clock = VirtualClock()
    clock.set_wall(today)
    assert waits_until(clock, years) == day


def test_a_calendar_nobody_confirmed_opens_nothing_early(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock()
    monkeypatch.setattr(type(clock), "trusted", lambda _self: False)
    assert waits_until(clock, 1) == date.max


def test_the_words_of_a_question_have_a_version_and_a_hash(tmp_path) -> None:
    shipped = asked(load("en"), "consent.age", age=16)
    assert shipped.version == load("en").get("consent.version")
    assert asked(load("en"), "consent.age", age=13).hash != shipped.hash
    (tmp_path / "en.toml").write_text('[consent]\nversion = "ours-3"\nage = "{age} or more?"\n', encoding="utf-8")
    ours = asked(load("en", tmp_path), "consent.age", age=16)
    assert (ours.version, ours.language) == ("ours-3", "en")
    assert ours.hash != shipped.hash


def test_what_ran_beside_arrives_in_the_queue_and_is_finished_by_the_main_thread() -> None:
    arrived: queue.SimpleQueue[Done] = queue.SimpleQueue()
    told: list[object] = []
    beside = Beside(arrived.put)
    beside.do(lambda: 6 * 7, told.append, told.append)
    arrived.get(timeout=10).then()
    assert told == [42]

    def broken() -> int:
        raise MemoryError("no room for argon2")

    beside.do(broken, told.append, told.append)
    arrived.get(timeout=10).then()
    assert isinstance(told[1], MemoryError)
