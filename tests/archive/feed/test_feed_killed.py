"""A box killed at any statement while it takes in a feed has the old one or the new one, and the next run finishes."""

from __future__ import annotations

import os
import signal

import pytest

from archive.feed.receive import last_feed, receive
from archive.keycode import Cost
from archive.masters import open_master
from archive.store import Store
from archive.verify import verify

EVERY = 5
"""Every so many statements of the database one kill, and one at every step in between."""


def killed_at(line, store: Store, statement: int, step: str = "") -> bool:
    """Take the feed in with another process that is killed; tell whether it came to its end before."""
    child = os.fork()
    if child == 0:
        # A connection of its own: SQLite's must not be carried over a fork.
        with Store(store.home, store.clock, Cost(8, 1, 1)) as own:
            left = statement

            def count(_: str) -> None:
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

            def told(name: str, _: str) -> None:
                if name == step:
                    os.kill(os.getpid(), signal.SIGKILL)

            if statement:
                own.db.conn.set_trace_callback(count)
            receive(own, line.transport, line.site, told)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFEXITED(status) or os.WTERMSIG(status) == signal.SIGKILL
    return os.WIFEXITED(status)


def whole(store: Store, before: dict, after: dict) -> bool:
    """Whether the buttons are wholly those of one feed, and everything on them can be played; True for the new one."""
    cues = {button: cut.story for button, cut in store.cue_sheet("main").cues.items()}
    new = cues == after
    assert new or cues == before
    for story in cues.values():
        with open_master(store, story, store.cue_reader(story), store.now()) as master:
            assert master.read()
    assert verify(store).damaged == [] or not new
    return new


@pytest.fixture
def between(archive, line, clock):
    """A box with one feed applied and the next one ready: a voice goes, one stays, one comes."""
    gone, stays = archive.lend("near", 1), archive.lend("near", 2)
    line.night()
    before = {1: gone, 2: stays}
    clock.advance(60)
    comes = archive.lend("near", 1)
    line.offer()
    return before, {1: comes, 2: stays}


def test_killed_at_any_statement_a_box_has_one_feed_or_the_other(line, between, tmp_path) -> None:
    before, after = between
    first, _ = last_feed(line.store, line.transport.signer)
    statement, kills, ended = 1, 0, False
    while not ended:
        ended = killed_at(line, line.store, statement)
        new = whole(line.store, before, after)
        assert new is (last_feed(line.store, line.transport.signer)[0] > first)
        kills += not ended
        if new and not ended:
            # From here on only what is left over is tidied up.
            break
        statement += EVERY
    assert kills > 5
    line.take()
    assert whole(line.store, before, after)
    lent = list(line.store.home.stories.rglob("loan-*"))
    assert len(lent) == 2


@pytest.mark.parametrize("step", ["feed", "card", "sound", "apply"])
def test_killed_between_two_steps_the_next_run_finishes(line, between, step) -> None:
    before, after = between
    assert not killed_at(line, line.store, 0, step)
    assert not whole(line.store, before, after)
    assert line.take().fresh
    assert whole(line.store, before, after)
    assert not list(line.store.home.stories.rglob("*.part"))
