"""What was asked is kept with the take: the bag of an unchanged story is the same, byte for byte, whenever it is made."""

from __future__ import annotations

import json

from archive.bag import EVENTS, plan
from archive.handing import story_content
from archive.types import Use

ASKED = "Tell us about the river, and who took you there."


def told(store, teller, asked):
    """A kept story whose question was asked in these words."""
    opened = store.open_take

    def with_words(**facts):
        return opened(**facts, asked=asked)

    store.open_take = with_words
    take = teller.tell()
    del store.open_take
    return take, teller.keep(take, Use.ARCHIVE)


def recorded(bag):
    events = next(file for file in bag.files if file.path == EVENTS)
    with events.open() as lines:
        return json.loads(lines.readline())


def test_a_bag_says_what_was_asked_and_says_it_again(store, teller) -> None:
    take, _ = told(store, teller, ASKED)
    first = plan(story_content(store, take))
    assert recorded(first)["prompt_text"] == ASKED
    again = plan(story_content(store, take))
    assert {file.path: file.digests for file in again.files} == {file.path: file.digests for file in first.files}


def test_a_take_of_which_no_words_were_noted_says_none(store, teller) -> None:
    take, _ = teller.story(Use.ARCHIVE)
    assert store.asked(take) == ""
    assert "prompt_text" not in recorded(plan(story_content(store, take)))


def test_what_was_asked_goes_with_the_story(store, teller) -> None:
    take, code = told(store, teller, ASKED)
    assert store.asked(take) == ASKED
    store.withdraw(str(code), "code")
    assert store.db.conn.execute("SELECT COUNT(*) FROM asked").fetchone()[0] == 0
