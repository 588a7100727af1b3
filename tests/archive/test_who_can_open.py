"""Who holds a key to a story, for every set of uses and every moment: those whom consent allows, and nobody else."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from nacl.public import PrivateKey

from archive.cutting import take_back_span
from archive.envelope import ARCHIVE, BOX, CODE, MASTER, STEWARD, open_content, recipients
from archive.errors import HomeTrouble, NoKey, Refused
from archive.stewardkey import make_steward_key, open_for_steward, read_steward_key
from archive.sync import sync
from archive.transcripts import read_words
from archive.types import ASKED_USES, Reader, Use
from archive.verify import verify
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


def test_the_steward_holds_a_key_only_where_the_words_said_so(store, teller, work, tmp_path, wording) -> None:
    file = tmp_path / "steward.key"
    says_so = replace(wording, steward=True)
    before = teller.tell(2.0)
    store.keep(before, wording=says_so, by="keep")
    assert STEWARD not in recipients(store.db.conn, before), "there was no steward's key to wrap it for"
    make_steward_key(store, file)
    private = read_steward_key(file)
    silent, said = teller.tell(2.0), teller.tell(6.0)
    store.keep(silent, wording=wording, by="keep")
    code = store.keep(said, wording=says_so, by="keep").code
    for take in (silent, said):
        store.close_review(take, "left")
    work()
    assert recipients(store.db.conn, silent) == {CODE}
    assert recipients(store.db.conn, said) == {CODE, STEWARD}, "it is sealed, and the steward can open it"
    for closed in (before, silent):
        with pytest.raises(NoKey, match="for a steward"):
            open_for_steward(store, closed, private)
    told = " ".join(word.text for word in read_words(store, said, open_for_steward(store, said, private)))
    assert "linden" in told
    with pytest.raises((Refused, NoKey)):
        open_content(store, said, Reader.TRANSCRIBE, store.now())
    with pytest.raises(NoKey):
        open_for_steward(store, said, PrivateKey.generate())
    # A part that is taken out is taken out for the steward, too.
    take_back_span(store, store.enter_code(str(code)), Ms(0), Ms(6000), "code")
    assert recipients(store.db.conn, said) == {CODE, MASTER, STEWARD}
    left = read_words(store, said, open_for_steward(store, said, private))
    assert "linden" not in " ".join(word.text for word in left)
    assert verify(store).sound
    store.withdraw(str(code), "code")
    assert recipients(store.db.conn, said) == set()
    with pytest.raises(Refused):
        open_for_steward(store, said, private)


def test_a_stewards_key_is_made_once_and_never_over_another_file(store, tmp_path) -> None:
    file = tmp_path / "steward.key"
    with pytest.raises(HomeTrouble, match="There is no folder"):
        make_steward_key(store, tmp_path / "stick" / "steward.key")
    for inside in (store.home.path, store.home.keys):
        with pytest.raises(Refused, match="own folders"):
            make_steward_key(store, inside / "steward.key")
    make_steward_key(store, file)
    assert file.stat().st_mode & 0o077 == 0
    kept = file.read_bytes()
    for other in (file, tmp_path / "second.key"):
        with pytest.raises(Refused):
            make_steward_key(store, other)
    assert file.read_bytes() == kept
    assert not (tmp_path / "second.key").exists()
    (tmp_path / "odd").write_text("no key")
    for odd in (tmp_path / "odd", tmp_path / "nowhere"):
        with pytest.raises(NoKey):
            read_steward_key(odd)


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
