from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from archive.database import Moment
from archive.durable import move
from archive.errors import NoSuchStory, Refused
from archive.recovery import Anchor, known_gap
from archive.types import Act, Use
from audio.clock import VirtualClock
from audio.types import CutReason, Ms, Segment

WALL = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float, boot: str = "a", *, trusted: bool = True, wall: float | None = None) -> Moment:
    return Moment(boot, seconds, WALL + timedelta(seconds=seconds if wall is None else wall), trusted)


@pytest.mark.parametrize(
    ("anchor", "now", "gap"),
    [
        (at(100), at(170), 60.0),
        (at(100), at(170, trusted=False, wall=3.2e8), 60.0),
        (at(100), at(5, "b", wall=170), 60.0),
        (at(100), at(5, "b", wall=170, trusted=False), None),
        (at(100, trusted=False), at(5, "b", wall=170), None),
        (at(100), at(5, "b", wall=50), None),
        (at(100), at(105), 0.0),
    ],
)
def test_a_gap_is_known_only_by_a_clock_that_can_tell(anchor: Moment, now: Moment, gap: float | None) -> None:
    assert known_gap([Anchor(anchor, Ms(0))], Ms(10_000), now) == gap


def test_the_nearest_anchor_tells_and_none_tells_nothing() -> None:
    assert known_gap([Anchor(at(0), Ms(0)), Anchor(at(300), Ms(200_000))], Ms(210_000), at(320)) == 10.0
    assert known_gap([], Ms(1), at(0)) is None


def test_within_two_minutes_a_take_is_offered_and_can_go_on_or_be_finished(store, teller, clock, home) -> None:
    take, writer = teller.open(2.0)
    store.add_segment(Segment(take, 0, Ms(0), Ms(800), Ms(500), CutReason.PAUSE))
    writer.leave()
    clock.advance(100)
    [found] = store.recover_open_takes()
    assert (found.take, found.length, found.offered, found.problem) == (take, 2000, True, "")
    assert home.take_file(take).exists()
    assert store.next_segment(take) == (1, 800)
    done = store.finish_take(take)
    assert done.length == 2000
    rows = store.db.conn.execute('SELECT number, start, "end" FROM segments ORDER BY number').fetchall()
    assert rows == [(0, 0, 800), (1, 800, 2000)]
    with pytest.raises(NoSuchStory):
        store.finish_take(take)
    teller.keep(take)


def test_a_long_tail_is_cut_into_pieces_a_model_can_take(store, teller) -> None:
    take, writer = teller.open(0.5)
    writer.leave()
    pieces = store.add_missing_segments(take, Ms(50_000))
    assert [(p.index, p.start, p.end) for p in pieces] == [(0, 0, 24_000), (1, 24_000, 48_000), (2, 48_000, 50_000)]


@pytest.mark.parametrize("rebooted", [False, True])
def test_after_longer_or_unknown_time_it_is_held_sealed(store, teller, clock, rebooted: bool) -> None:
    take, writer = teller.open(2.0)
    writer.leave()
    if rebooted:
        store.clock = VirtualClock(trusted=False)
    else:
        clock.advance(123)
    [found] = store.recover_open_takes()
    assert (found.length, found.offered) == (2000, False)
    assert store.story_facts(take).length == 2000
    with pytest.raises(Refused):
        store.open_key(take)
    assert store.unfinished() == []
    assert [(held.take, held.length) for held in store.unkept()] == [(take, 2000)]
    assert store.recover_open_takes() == []
    store.discard(take, "test")
    assert store.unkept() == []


def test_a_crash_between_the_two_halves_of_closing_is_mended(store, teller, home) -> None:
    take, writer = teller.open(1.0)
    writer.close()
    home.story_folder(take).mkdir()
    move(home.take_file(take), home.raw_master(take))
    assert [u.length for u in store.unfinished()] == [1000]
    [found] = store.recover_open_takes()
    assert found.offered
    assert store.finish_take(take).length == 1000


def test_an_agreement_without_a_sample_is_thrown_away(store, wording) -> None:
    take = store.open_take(prompt="p", language="en", wording=wording, by="talk").id
    assert store.recover_open_takes() == []
    assert store.standing(take).ended is Act.DISCARD


def test_damage_is_said_and_kept_for_a_steward(store, teller, home) -> None:
    take, writer = teller.open(1.0)
    writer.leave()
    path = home.take_file(take)
    path.write_bytes(path.read_bytes()[:40])
    [unfinished] = store.unfinished()
    assert unfinished.length == 0
    assert unfinished.problem
    [found] = store.recover_open_takes()
    assert not found.offered
    assert found.problem
    assert path.exists()
    assert store.recover_open_takes() == []
    assert store.unfinished()[0].problem == "sealed hold"


def test_visits_left_open_are_ended(store, teller) -> None:
    waiting, (kept, _) = teller.tell(), teller.story(Use.PLAY_HERE)
    assert store.recover_open_takes() == []
    assert store.standing(waiting).review_closed
    assert store.standing(kept).review_closed
    assert [story.id for story in store.stories()] == [kept]
