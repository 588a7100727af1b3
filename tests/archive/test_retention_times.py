from __future__ import annotations

from datetime import UTC, datetime, timedelta

from archive.database import Moment
from archive.elapsed import beat, passed, powered_since
from archive.errors import HomeTrouble
from archive.retention import DAY_S, HOLD_S, run_retention
from archive.types import Act, Use
from audio.clock import VirtualClock

WALL = datetime(2026, 1, 1, tzinfo=UTC)


def moment(wall_s: float = 0, *, trusted: bool = True) -> Moment:
    return Moment("a", 0, WALL + timedelta(seconds=wall_s), trusted)


def test_time_has_passed_by_trusted_wall_or_powered_on_whichever_first() -> None:
    assert passed(moment(), 0, moment(HOLD_S), HOLD_S)
    assert not passed(moment(), 0, moment(HOLD_S - 1), HOLD_S)
    assert passed(moment(), HOLD_S, moment(5), HOLD_S)
    assert not passed(moment(trusted=False), 0, moment(1e9), HOLD_S)
    assert not passed(moment(), 0, moment(1e9, trusted=False), HOLD_S)


def test_powered_on_time_adds_up_over_restarts(store, clock) -> None:
    clock.advance(100)
    since = store.moment()
    assert powered_since(store, since) == 0
    beat(store)
    clock.advance(50)
    beat(store)
    assert powered_since(store, since) == 50
    store.clock = VirtualClock()
    store.clock.advance(30)
    beat(store)
    assert powered_since(store, since) == 80


def test_a_sealed_hold_ends_after_a_day_and_not_before(store, teller, clock, home) -> None:
    take = teller.tell()
    store.close_review(take, "time-out")
    clock.advance(HOLD_S - 10)
    assert run_retention(store).holds_ended == []
    clock.advance(10)
    assert run_retention(store).holds_ended == [take]
    assert store.standing(take).ended is Act.EXPIRE
    assert list(home.stories.iterdir()) == []
    assert store.tombstones() == []
    assert run_retention(store).holds_ended == []


def test_a_disk_that_takes_no_note_of_the_time_keeps_nothing_beyond_its_time(store, teller, clock, monkeypatch) -> None:
    take = teller.tell()
    store.close_review(take, "end")
    clock.advance(HOLD_S + 1)

    def refused(_: object) -> None:
        raise HomeTrouble("The database did not take this.", "Check the disk.")

    monkeypatch.setattr("archive.retention.beat", refused)
    assert run_retention(store).holds_ended == [take]


def test_an_untrusted_clock_ten_years_ahead_ends_nothing(store, teller, clock) -> None:
    take = teller.tell()
    store.close_review(take, "time-out")
    clock.set_wall(clock.wall() + timedelta(days=3650), trusted=False)
    assert run_retention(store).holds_ended == []
    assert store.standing(take).ended is None


def test_a_take_the_box_died_on_ends_too_but_one_held_by_a_steward_waits(store, teller, clock) -> None:
    dead, held = teller.tell(), teller.tell()
    store.hold(held, "desk")
    clock.advance(HOLD_S)
    assert run_retention(store).holds_ended == [dead]


def test_a_story_for_nobody_else_ends_after_the_retention_and_a_shared_one_stays(store, teller, clock) -> None:
    alone, _ = teller.story()
    shared, _ = teller.story(Use.PLAY_HERE)
    clock.advance(89 * DAY_S)
    assert run_retention(store).stories_ended == []
    clock.advance(DAY_S)
    assert run_retention(store).stories_ended == [alone]
    assert [story.id for story in store.stories()] == [shared]
    assert [gone.take for gone in store.tombstones()] == [alone]


def test_a_run_finishes_erasures_and_seals_what_is_due(store, home, teller, worker) -> None:
    take, _ = teller.story()
    while worker.run_once():
        pass
    store.close_review(take, "left")
    (home.stories / "01GONE").mkdir()
    from archive.database import transaction
    from audio.types import TakeId

    with transaction(store.db.conn):
        store.note(TakeId("01GONE"), Act.WITHDRAW, "code")
    report = run_retention(store)
    assert report.sealed == [take]
    assert report.erasures_finished == ["01GONE"]
