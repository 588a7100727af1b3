"""A box is lent, comes back, and is lent again: what the first borrower told is not there for the second."""

from __future__ import annotations

import pytest

from archive.consent import may, verify_chain
from archive.envelope import BOX, recipients
from archive.lending import (
    BY,
    NotLent,
    NotReturned,
    Stage,
    begin_return,
    finish_return,
    lend_out,
    lent,
    not_handed_on,
    put_away,
    wait_for_the_archive,
)
from archive.phones import Face, pair, phone_paired, put_face, read_face, show_digits
from archive.retention import run_retention
from archive.search import SearchIndex
from archive.stewards import release
from archive.sync import sync
from archive.types import Reader, Use
from audio.types import Ms

HERE, ARCHIVE = Use.PLAY_HERE, Use.ARCHIVE
OTHERS = [reader for reader in Reader if reader is not Reader.TELLER]


@pytest.fixture
def story(store, teller, work):
    """Tell, keep, let the machines finish, and go."""

    def tell(*uses, seed=1):
        take, code = teller.story(*uses, seed=seed)
        work()
        store.close_review(take, "done")
        return take, code

    return tell


@pytest.fixture
def back(store):
    def go(*, anyway=False):
        begin_return(store, anyway=anyway)
        return finish_return(store)

    return go


def nobody_is_let_in(store, take):
    where = store.standing(take)
    return [reader for reader in OTHERS if may(where, reader, store.clock.wall()).allowed] == []


def test_what_one_borrower_told_is_not_there_for_the_next(store, story, back, tmp_path):
    lend_out(store)
    here, code = story(HERE)
    given, _ = story(HERE, ARCHIVE, seed=2)
    alone, _ = story(seed=3)
    cut = store.add_excerpt(here, Ms(0), Ms(900), "the ferry", "ask for it")
    store.set_cue("today", 1, cut.id)
    store.set_rotation([here, given])
    index = SearchIndex(store)
    assert index.search("linden tree")
    with pytest.raises(NotReturned, match="1 story that may leave is not handed on"):
        begin_return(store)
    assert store.cue_sheet("today").cues, "a refusal changes nothing"
    assert not store.standing(here).held
    sync(store, str(tmp_path / "archive"))
    done = back()
    assert set(done.sealed) == {here, given, alone}
    assert done.held == []
    for take in (here, given, alone):
        assert nobody_is_let_in(store, take)
        assert BOX not in recipients(store.db.conn, take)
    assert (store.excerpts(), store.cue_sheets(), store.rotation()) == ([], [], [])
    assert index.search("linden tree") == []
    assert put_away(store) == {here, given, alone}
    assert lent(store).stage is Stage.READY
    visit = store.enter_code(str(code))
    assert visit.take == here, "its teller comes in as ever"
    assert verify_chain(store.db.conn) == []


def test_the_next_borrower_s_own_stories_are_theirs(store, story, back):
    lend_out(store)
    first, _ = story(HERE)
    back()
    lend_out(store)
    second, _ = story(HERE, seed=2)
    assert put_away(store) == {first}
    assert not nobody_is_let_in(store, second)
    back()
    assert put_away(store) == {first, second}


def test_a_story_nobody_signed_for_is_never_sealed_and_a_person_can_still_hand_it_on(store, story, back, tmp_path):
    lend_out(store)
    take, _ = story(HERE, ARCHIVE)
    done = back(anyway=True)
    assert (done.sealed, done.held) == ([], [take])
    assert nobody_is_let_in(store, take)
    assert wait_for_the_archive(store) == [take]
    run_retention(store)
    assert BOX in recipients(store.db.conn, take), "it could not be handed on any more"
    assert sync(store, str(tmp_path / "archive")).bags == []
    release(store, take)
    assert [bag.story for bag in sync(store, str(tmp_path / "archive")).bags if bag.receipt] == [take]
    assert wait_for_the_archive(store) == []


def test_answers_given_after_the_receipt_have_to_get_there_too(store, story, teller, wording, tmp_path):
    lend_out(store)
    take, code = story(ARCHIVE)
    sync(store, str(tmp_path / "archive"))
    assert not_handed_on(store) == []
    visit = store.enter_code(str(code))
    store.decide(take, Use.PUBLIC, yes=True, wording=wording, by="teller", visit=visit)
    assert not_handed_on(store) == [take]


def test_nothing_is_taken_from_under_a_teller_or_a_machine(store, teller, work):
    lend_out(store)
    take = teller.tell()
    with pytest.raises(NotReturned, match="Somebody is telling"):
        begin_return(store, anyway=True)
    teller.keep(take, HERE)
    store.close_review(take, "done")
    with pytest.raises(NotReturned, match="not finished"):
        begin_return(store, anyway=True)
    assert not store.standing(take).held
    assert lent(store).stage is Stage.OUT
    work()
    begin_return(store)


def test_a_power_cut_in_the_middle_leaves_everything_closed_and_the_next_start_goes_on(
    store, story, another_store, monkeypatch
):
    class PowerCut(Exception):
        pass

    lend_out(store)
    takes = [story(HERE, seed=seed)[0] for seed in (1, 2, 3)]
    begin_return(store)
    seal, sealed = store.seal, []

    def once(take, by):
        if sealed:
            raise PowerCut
        sealed.append(take)
        seal(take, by)

    monkeypatch.setattr(store, "seal", once)
    with pytest.raises(PowerCut):
        finish_return(store)
    assert all(nobody_is_let_in(store, take) for take in takes)
    with another_store() as after:
        assert lent(after).stage is Stage.RETURNING
        with pytest.raises(NotLent):
            lend_out(after)
        finish_return(after)
        assert lent(after).stage is Stage.READY
        assert all(after.standing(take).sealed and not after.standing(take).held for take in takes)
        assert finish_return(after).sealed == []


def test_what_a_steward_holds_stays_held(store, story, back):
    lend_out(store)
    take, _ = story(HERE)
    store.hold(take, "facilitator")
    done = back()
    assert take not in done.sealed
    assert store.standing(take).held
    assert wait_for_the_archive(store) == []
    assert put_away(store) == {take}


def test_phones_go(store, back):
    lend_out(store)
    put_face(store, Face("facilitator"))
    pair(store, show_digits(store))
    back()
    assert not phone_paired(store)
    assert read_face(store) is None


def test_a_box_that_is_not_out_cannot_come_back_nor_go_out_twice(store, back):
    with pytest.raises(NotLent, match="not lent"):
        begin_return(store)
    assert lend_out(store).stage is Stage.OUT
    with pytest.raises(NotLent, match="already"):
        lend_out(store)
    back()
    with pytest.raises(NotLent, match="not lent"):
        begin_return(store)
    assert [command.name for command in store.commands_after(0)] == ["returned"]
    assert BY == "lending"
