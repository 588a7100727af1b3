"""Keep-codes for each person of a group: each opens, narrows, withdraws alone; none widens or knows another's."""

from __future__ import annotations

import pytest
from sqlite_utils import Database

from archive import schema
from archive.cutting import take_back_span
from archive.envelope import CODE, recipients
from archive.errors import NoKey, Refused, WrongCode
from archive.masters import open_master
from archive.stories import fresh_code
from archive.tellers import my_story
from archive.types import Reader, Use
from archive.verify import verify
from audio.types import Ms
from kiosk.cli import run

PEOPLE = 3


@pytest.fixture
def group(store, teller, wording):
    take = teller.tell(seconds=4.0)
    kept = store.keep(take, wording=wording, by="keep", people=PEOPLE)
    store.decide(take, Use.PLAY_HERE, yes=True, wording=wording, by="left")
    return take, kept.codes


def hears(store, take, code) -> bytes:
    visit = store.enter_code(str(code))
    with open_master(store, take, Reader.TELLER, store.now(), visit=visit) as master:
        return master.read()


def test_each_person_has_a_code_of_their_own_and_every_one_opens(store, teller, group) -> None:
    take, codes = group
    assert len({code.number for code in codes}) == len({code.words for code in codes}) == PEOPLE
    assert all(hears(store, take, code) == teller.told[take] for code in codes)
    rows = store.db.conn.execute("SELECT hash, salt, ring FROM codes WHERE take = ?", (take,)).fetchall()
    assert [len({row[column] for row in rows}) for column in range(3)] == [PEOPLE] * 3


def test_one_persons_number_with_anothers_words_opens_nothing(store, group) -> None:
    first, second, _ = group[1]
    with pytest.raises(WrongCode):
        store.enter_code("-".join((str(first.number), *second.words)))


def test_anothers_ring_does_not_open_with_ones_own_words(store, group) -> None:
    _, codes = group
    conn = store.db.conn
    (ring,) = conn.execute("SELECT ring FROM codes WHERE number = ?", (codes[0].number,)).fetchone()
    conn.execute("UPDATE codes SET ring = ? WHERE number = ?", (ring, codes[1].number))
    with pytest.raises(NoKey):
        store.enter_code(str(codes[1]))


def test_any_of_them_withdraws_and_then_none_opens_anything(store, group) -> None:
    take, codes = group
    store.withdraw(str(codes[1]), "teller")
    assert recipients(store.db.conn, take) == set()
    for code in codes:
        with pytest.raises(WrongCode):
            store.enter_code(str(code))


def test_none_of_them_alone_makes_a_yes_of_anothers_no(store, group, wording) -> None:
    take, codes = group
    store.db.conn.execute("UPDATE jobs SET done_at = 'x'")
    store.close_review(take, "end")
    store.decide(take, Use.PLAY_HERE, yes=False, wording=wording, by="teller")
    store.seal(take, "night")
    visit = store.enter_code(str(codes[2]))
    told = my_story(store, visit)
    assert told.people == PEOPLE
    assert told.to_json()["may"]["widen"] == []
    for use in (Use.PLAY_HERE, Use.ARCHIVE):
        with pytest.raises(Refused, match="alone"):
            store.decide(take, use, yes=True, wording=wording, by="teller", visit=visit)
    assert recipients(store.db.conn, take) == {CODE}
    assert store.standing(take).sealed


def test_at_the_desk_a_no_stands_whatever_becomes_of_a_yes_beside_it(store, group, capsys) -> None:
    take, codes = group
    store.close_review(take, "end")
    words = ["story", str(codes[1]), "--home", str(store.home.path)]
    assert run([*words, "--no", "play_here", "--yes", "play_here"]) == 2
    assert "Nothing was changed" in capsys.readouterr().err
    assert Use.PLAY_HERE in store.standing(take).uses
    assert run([*words, "--no", "play_here", "--yes", "quote"]) == 1
    said = capsys.readouterr().err
    assert "The no is noted" in said
    assert "alone cannot allow more" in said
    assert not {Use.PLAY_HERE, Use.QUOTE} & set(store.standing(take).uses)


def test_a_part_taken_out_by_one_is_out_for_all_and_no_code_is_lost(store, teller, worker, group) -> None:
    take, codes = group
    while worker.run_once():
        pass
    take_back_span(store, store.enter_code(str(codes[0])), Ms(1000), Ms(2000), "teller")
    heard = {hears(store, take, code) for code in codes}
    assert len(heard) == 1
    assert heard != {teller.told[take]}


def test_codes_made_beside_are_used_and_missing_ones_are_made(store, teller, wording) -> None:
    take = teller.tell()
    made = [fresh_code("en", store.cost) for _ in range(2)]
    kept = store.keep(take, wording=wording, by="keep", fresh=made, people=PEOPLE)
    assert [code.words for code in kept.codes[:2]] == [one.words for one in made]
    assert len(kept.codes) == PEOPLE
    assert hears(store, take, kept.codes[2]) == teller.told[take]


def test_the_next_story_takes_the_number_after_the_groups(store, teller, group) -> None:
    assert teller.keep(teller.tell()).number == group[1][-1].number + 1


def test_the_ledger_tells_how_many_agreed(store, teller, wording) -> None:
    take = teller.tell()
    assert store.people_of(take) == 1
    store.agree(take, wording=wording, by="key, person 2")
    assert store.people_of(take) == 2


def test_a_box_with_a_group_is_sound(store, worker, group) -> None:
    while worker.run_once():
        pass
    assert verify(store).sound


def test_a_code_from_before_groups_still_opens(home, clock, tmp_path) -> None:
    from archive.database import connect

    db = connect(home)
    names = [step.name for step in schema.migrations._migrations]
    db.conn.close()
    other = Database(tmp_path / "old.db")
    schema.migrations.apply(other, stop_before="m008_codes_of_a_group")
    other.conn.execute(
        "INSERT INTO takes (id, kind, prompt, language, site, boot_id, monotonic, wall, clock_trusted) "
        "VALUES ('T', 'story', '', 'en', '', '', 0, '2026-01-01', 1)"
    )
    other.conn.execute("INSERT INTO codes VALUES (101, 'T', 'h', x'00')")
    other.conn.commit()
    assert schema.migrate(other) == names[names.index("m008_codes_of_a_group") :]
    assert other.execute("SELECT * FROM codes").fetchall() == [(101, "T", "h", b"\0", None)]


def test_a_group_that_was_kept_cannot_be_kept_again(store, group, wording) -> None:
    with pytest.raises(Refused):
        store.keep(group[0], wording=wording, by="keep", people=PEOPLE)
