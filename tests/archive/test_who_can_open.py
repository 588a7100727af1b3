"""Who holds a key to a story, for every set of uses and every moment: those whom consent allows, and nobody else."""

from __future__ import annotations

import itertools

import pytest

from archive.cutting import take_back_span
from archive.envelope import ARCHIVE, BOX, CODE, MASTER, STEWARD, open_content, recipients
from archive.errors import NoKey, Refused
from archive.sync import sync
from archive.types import ASKED_USES, Reader, Use
from audio.types import Ms

SETS = [frozenset(some) for n in range(len(ASKED_USES) + 1) for some in itertools.combinations(ASKED_USES, n)]


def needs_the_box(uses: frozenset[Use]) -> bool:
    """As the page says: as long as the room may hear it, it may be quoted, or a bag is still to be made."""
    return bool(uses)


@pytest.mark.parametrize("uses", SETS, ids=lambda uses: "+".join(sorted(uses)) or "keep alone")
def test_only_those_whom_consent_allows_hold_a_key(store, teller, work, uses) -> None:
    take = teller.tell(1.0)
    assert recipients(store.db.conn, take) == {BOX}, "while it is held nobody else can open it"
    code = teller.keep(take, *uses)
    assert recipients(store.db.conn, take) == {BOX, CODE}
    store.close_review(take, "left")
    work()
    assert recipients(store.db.conn, take) == ({BOX, CODE} if needs_the_box(uses) else {CODE})
    assert {ARCHIVE, STEWARD}.isdisjoint(recipients(store.db.conn, take)), "no wording said so"
    assert store.standing(take).sealed is not needs_the_box(uses)
    for use in uses:
        store.decide(take, use, yes=False, wording=teller_wording(store), by="code")
    work()
    assert recipients(store.db.conn, take) == {CODE}
    visit = store.enter_code(str(code))
    assert open_content(store, take, Reader.TELLER, store.now(), derived=visit.derived)
    with pytest.raises((Refused, NoKey)):
        open_content(store, take, Reader.TRANSCRIBE, store.now())
    take_back_span(store, visit, Ms(0), Ms(500), "code")
    assert recipients(store.db.conn, take) == {CODE, MASTER}
    store.withdraw(visit, "code")
    assert recipients(store.db.conn, take) == set()
    assert store.db.conn.execute("SELECT COUNT(*) FROM codes").fetchone() == (0,)


def teller_wording(store):
    from archive.shelf import Wording

    return Wording("1", "ab" * 32, "en")


def test_what_was_only_for_the_archive_is_sealed_here_once_it_was_signed_for(tmp_path, store, teller, work) -> None:
    take, _ = teller.story(Use.ARCHIVE)
    store.close_review(take, "left")
    work()
    assert recipients(store.db.conn, take) == {BOX, CODE}
    sync(store, str(tmp_path / "archive"))
    work()
    assert recipients(store.db.conn, take) == {CODE}
    assert store.standing(take).sealed


def test_a_take_nobody_decided_on_is_opened_by_nobody_although_the_box_has_its_key(store, teller) -> None:
    take = teller.tell(1.0)
    store.close_review(take, "time-out")
    for reader in Reader:
        with pytest.raises(Refused):
            open_content(store, take, reader, store.now())
