"""Taken back at the archive with the keep-code: held at once, checked by its box alone, then gone on both sides."""

from __future__ import annotations

from itertools import pairwise

import pytest

from archive import askedback
from archive.askedback import NoBoxToAsk
from archive.boxes import revoke_box
from archive.catalogue.consents import ask
from archive.errors import WrongCode
from archive.sync import sync
from archive.throttle import FREE_TRIES
from archive.transports.https import HttpsTransport
from archive.transports.way import Way
from archive.types import Reader, Use


@pytest.fixture
def night(box, url, credential):
    """One sync of the box with the real server."""
    shown = credential("near")

    def run():
        transport = HttpsTransport(url, box.home.path, box.home.keys, box.clock, Way(shown))
        return sync(box, transport, site="Riverside")

    return run


@pytest.fixture
def told(box, own_story, night):
    """A story the archive has, and its code."""
    codes = []
    keep = box.keep
    box.keep = lambda *given, **named: codes.append(keep(*given, **named)) or codes[-1]
    story = own_story(Use.ARCHIVE, Use.PUBLIC)
    del box.keep
    assert [bag.story for bag in night().bags] == [story]
    return story, str(codes[0].code)


def wrong_for(code):
    """The same number and words in another order: no draw of a code's words makes it right."""
    number, *words = code.split("-")
    return "-".join([number, *reversed(words)])


def stories(archive):
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        return [row["id"] for row in tx.all("SELECT id FROM stories")]


def asks(archive, story, code):
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        askedback.take_back(tx, story, code, "omar", archive.place.now())


def asked(archive, story):
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        return askedback.asked_of(tx, story)


def test_held_at_once_and_gone_with_the_next_contact(archive, box, night, told) -> None:
    story, code = told
    asks(archive, story, code)
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        assert not ask(tx, story, Reader.PUBLISH, archive.place.now()).allowed
        stored = repr([list(row) for row in tx.all("SELECT * FROM claims")])
        # One word of a code may by chance be the name of the box, two in a row are not.
        pairs = [between.join(two) for two in pairwise(code.split("-")[1:]) for between in "- "]
        assert not any(pair in stored for pair in pairs), "the code is for the box alone"
    assert not asked(archive, story).refused
    report = night()
    assert report.feed.taken_back == [story]
    assert [stone.story for stone in report.tombstones] == [story]
    assert stories(archive) == []
    assert asked(archive, story) is None
    assert list(box.stories()) == []
    assert night().feed.taken_back == []


def test_a_code_that_does_not_fit_is_said_and_not_tried_again(archive, box, night, told) -> None:
    story, code = told
    wrong = wrong_for(code)
    asks(archive, story, wrong)
    assert night().feed.taken_back == []
    night()  # the box says which feed it has applied
    assert asked(archive, story).refused
    assert stories(archive) == [story]
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        assert askedback.claims_for(tx, "near") == ()
    asks(archive, story, code)
    box.clock.advance(3600)
    assert night().feed.taken_back == [story]
    assert stories(archive) == []


def test_a_code_that_meets_the_throttle_waits_and_is_never_called_wrong(archive, box, night, told) -> None:
    story, code = told
    for _ in range(FREE_TRIES):  # somebody guesses at the box itself
        with pytest.raises(WrongCode):
            box.enter_code(wrong_for(code))
    asks(archive, story, code)
    for _ in range(2):
        assert night().feed.taken_back == []
        assert not asked(archive, story).refused
    box.clock.advance(86_400)  # the archive signs a feed anew, and it still carries what was not checked
    with pytest.raises(WrongCode):
        box.enter_code(wrong_for(code))
    assert night().feed.taken_back == []
    assert not asked(archive, story).refused
    box.clock.advance(3600)
    report = night()
    assert (report.feed.fresh, report.feed.taken_back) == (False, [story])
    assert stories(archive) == []
    assert asked(archive, story) is None


def test_a_wrong_code_is_not_tried_again_while_another_waits(archive, box, night, told, own_story) -> None:
    story, code = told
    other = own_story(Use.ARCHIVE)
    night()
    wrong = wrong_for(code)
    for _ in range(FREE_TRIES):
        with pytest.raises(WrongCode):
            box.enter_code(wrong)
    asks(archive, story, code)
    asks(archive, other, f"{int(code.split('-')[0]) + 1}-{'-'.join(wrong.split('-')[1:])}")
    for _ in range(3):
        night()
    tries = dict(box.db.conn.execute("SELECT number, wrong FROM tries").fetchall())
    assert tries[int(code.split("-")[0]) + 1] == 1


def test_another_storys_code_takes_nothing_back(archive, box, night, told, own_story) -> None:
    story, code = told
    other = own_story(Use.ARCHIVE)
    night()
    asks(archive, other, code)
    assert night().feed.taken_back == []
    assert sorted(stories(archive)) == sorted([story, other])


def test_what_cannot_be_checked_is_refused_with_a_reason(archive, clock, told) -> None:
    story, code = told
    with pytest.raises(WrongCode):
        asks(archive, story, "two words")
    with archive.place.catalogue() as catalogue:
        revoke_box(catalogue, "near", "sam", clock.wall())
    with pytest.raises(NoBoxToAsk):
        asks(archive, story, code)
    assert asked(archive, story) is None
