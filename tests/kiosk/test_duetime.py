"""A box that was started by hand ends sealed holds itself, hourly and while nobody is at it."""

from __future__ import annotations

import pytest

from archive.elapsed import beat
from archive.home import open_home
from archive.retention import DAY_S
from archive.shelf import Wording
from archive.store import Store
from archive.types import Act
from audio.clock import SystemClock, VirtualClock
from kiosk.config import Retention
from kiosk.duetime import EVERY_S, FIRST_S, DueTime
from kiosk.running import Beats


@pytest.fixture
def held(tmp_path, monkeypatch):
    """A store with a take nobody decided on, its clock, and the hourly look."""
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    clock, home = VirtualClock(), open_home(tmp_path / "home")
    with Store(home, clock) as store:
        beat(store)
        take = store.open_take(prompt="river", language="en", wording=Wording("1", "ab" * 32, "en"), by="talk").id
        store.close_review(take, "time-out")
        due = DueTime(home, clock, Retention())
        yield store, take, clock, due
        due.stop()


def ended(store, due, take, *, free=True):
    due.tick(free=free)
    due.stop()
    return store.standing(take).ended


def test_a_hold_ends_after_its_day_and_only_while_nobody_is_here(held) -> None:
    store, take, clock, due = held
    clock.advance(DAY_S - EVERY_S)
    assert ended(store, due, take) is None, "its day is not over"
    clock.advance(EVERY_S + 1)
    assert ended(store, due, take, free=False) is None
    assert ended(store, due, take) is Act.EXPIRE


def test_it_is_looked_for_once_an_hour_and_not_at_once(held) -> None:
    store, take, clock, due = held
    clock.advance(FIRST_S - 1)
    due.tick(free=True)
    assert due._work is None
    clock.advance(1)
    due.tick(free=True)
    first = due._work
    assert first is not None
    due.stop()
    clock.advance(EVERY_S - 1)
    due.tick(free=True)
    assert due._work is first
    clock.advance(1)
    due.tick(free=True)
    assert due._work is not first
    assert store.standing(take).ended is None


def test_a_disk_that_refuses_costs_the_box_nothing_but_that_hour(held, monkeypatch, caplog) -> None:
    store, take, clock, due = held

    def refuse(*_: object, **__: object) -> None:
        raise OSError("the disk refuses")

    clock.advance(DAY_S + 1)
    with monkeypatch.context() as planted:
        planted.setattr("kiosk.duetime.run_retention", refuse)
        assert ended(store, due, take) is None
    assert "not erased" in caplog.text
    clock.advance(EVERY_S)
    assert ended(store, due, take) is Act.EXPIRE


def test_where_systemd_started_the_box_its_timer_does_it(monkeypatch, tmp_path) -> None:
    for address, by_hand in ((None, True), (str(tmp_path / "manager"), False)):
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
        if address:
            monkeypatch.setenv("NOTIFY_SOCKET", address)
        beats = Beats(SystemClock())
        assert beats.by_hand is by_hand
        beats.stop()
