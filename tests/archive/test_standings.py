"""Where takes stand, followed line by line: always what the whole ledger says, and no slower for what is done."""

from __future__ import annotations

from random import Random

from archive.consent import all_events, standing
from archive.jobs import TRANSCRIBE, claim
from archive.types import Act, Reader, Use


def folded(store):
    return {take: standing(events) for take, events in all_events(store.db.conn).items()}


def test_what_was_read_once_is_what_the_whole_ledger_says(store, teller):
    chance = Random(3)
    takes = [teller.story(Use.PLAY_HERE, seconds=0.3)[0] for _ in range(5)]
    for _ in range(60):
        act = chance.choice([Act.HOLD, Act.RELEASE, Act.SEAL, Act.MINOR, Act.GUARDIAN, Act.DECIDE])
        use, yes = (Use.PLAY_HERE, chance.random() < 0.5) if act is Act.DECIDE else (None, False)
        store.note(chance.choice(takes), act, "test", use=use, yes=yes)
        if chance.random() < 0.5:
            store.standings.follow(chance.choice([1, 3, None]))
        else:
            assert dict(store.standings.now()) == folded(store)
    assert dict(store.standings.now()) == folded(store)
    store.erase(takes[0], Act.WITHDRAW, "test")
    assert takes[0] not in store.allowed(Reader.PLAY)
    assert [story.id for story in store.stories()] == takes[1:]


def test_a_line_that_is_taken_back_leaves_nothing_behind(store, teller):
    take, _ = teller.story(Use.PLAY_HERE, seconds=0.3)
    assert store.allowed(Reader.PLAY) == [take]
    conn = store.db.conn
    conn.execute("BEGIN IMMEDIATE")
    store.note(take, Act.HOLD, "test")
    assert store.standings.now()[take].held
    conn.execute("ROLLBACK")
    assert store.allowed(Reader.PLAY) == [take]
    # The next line gets the number of the one that is gone, and says something else.
    store.note(take, Act.SEAL, "test")
    assert store.allowed(Reader.PLAY) == []
    assert dict(store.standings.now()) == folded(store)


def test_one_story_is_sealed_without_a_look_at_the_others(store, teller):
    (kept, _), (closed, _) = teller.story(Use.PLAY_HERE, seconds=0.3), teller.story(seconds=0.3)
    for take in (kept, closed):
        store.close_review(take, "end")
    store.db.conn.execute("UPDATE jobs SET done_at = 'then'")
    assert store.seal_due() == [closed]
    assert (store.is_seal_due(kept), store.is_seal_due(closed)) == (False, True)


def test_the_next_job_is_found_without_reading_those_that_are_done(store, teller):
    teller.story(seconds=0.3)
    said: list[str] = []
    store.db.conn.set_trace_callback(said.append)
    claim(store.db.conn, store.moment(), (TRANSCRIBE,))
    store.db.conn.set_trace_callback(None)
    looks = [one for one in said if "done_at IS NULL" in one]
    assert len(looks) >= 2
    for look in looks:
        plan = str([row[3] for row in store.db.conn.execute(f"EXPLAIN QUERY PLAN {look}")])
        assert "jobs_open" in plan, (look, plan)
