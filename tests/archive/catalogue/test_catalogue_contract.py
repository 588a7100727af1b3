"""What a catalogue promises, proved on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive.catalogue import Catalogue, Tx, open_catalogue
from archive.catalogue.passages import put_passages
from archive.catalogue.pool import Pool
from archive.catalogue.schema import MIGRATIONS
from archive.errors import CatalogueTrouble, Clash, DamagedStore
from archive.reviewing.words import blank_words, correct_word, passages_of, show_words
from archive.vtt import SpokenCue
from audio.types import Ms, Word

STORY = "01JD0000000000000000000001"


def add_story(tx: Tx, story: str = STORY, **given: str | int) -> None:
    values: dict[str, str | int] = {
        "id": story, "bag_sha256": "ab" * 32, "kind": "story", "prompt": "river", "prompt_text": "A river?",
        "language": "en", "site": "Riverside", "recorded_at": "2026-01-02T10:00:00+00:00", "clock_trusted": 1,
        "length_ms": 61_000, "box": "front", "received_at": "2026-01-03T02:00:00+00:00", "title": "A story",
        "has_voice": 1, **given,
    }  # fmt: skip
    marks = ", ".join("?" * len(values))
    tx.run(f"INSERT INTO stories ({', '.join(values)}) VALUES ({marks})", *values.values())


def add_passage(tx: Tx, text: str, story: str = STORY, number: int = 0) -> None:
    tx.run(
        "INSERT INTO passages VALUES (?, ?, 1, 0, 1000, ?, '[]', 0, 'machine', '2026-01-02', NULL, NULL)",
        story, number, text,
    )  # fmt: skip


def test_a_row_is_read_by_name_by_number_and_in_order(catalogue: Catalogue) -> None:
    with catalogue.write() as tx:
        add_story(tx)
    with catalogue.read() as tx:
        row = tx.one("SELECT id, length_ms AS long, '?%' AS signs FROM stories WHERE site = ?", "Riverside")
        assert row is not None
        assert (row["id"], row["long"], row[1], row["signs"]) == (STORY, 61_000, 61_000, "?%")
        assert dict(row) == {"id": STORY, "long": 61_000, "signs": "?%"}
        story, long, _ = row
        assert (story, long) == (STORY, 61_000)
        assert tx.one("SELECT id FROM stories WHERE site = ?", "elsewhere") is None
        assert STORY not in repr(row)


def test_a_change_is_whole_or_absent(catalogue: Catalogue, address: str) -> None:
    def tell_half(tx: Tx) -> None:
        add_story(tx)
        raise LookupError

    with pytest.raises(LookupError), catalogue.write() as tx:
        tell_half(tx)
    with open_catalogue(address) as other, other.read() as tx:
        assert tx.all("SELECT id FROM stories") == []


def test_a_reader_sees_one_state_and_can_change_nothing(catalogue: Catalogue, address: str) -> None:
    with open_catalogue(address) as other:
        with catalogue.read() as tx:
            assert tx.all("SELECT id FROM stories") == []
            with other.write() as writing:
                add_story(writing)
            assert tx.all("SELECT id FROM stories") == []
        with catalogue.read() as tx:
            assert [row["id"] for row in tx.all("SELECT id FROM stories")] == [STORY]
    with pytest.raises(CatalogueTrouble), catalogue.read() as tx:
        tx.run("DELETE FROM stories")


def test_writers_queue_so_what_was_read_is_still_true(catalogue: Catalogue, address: str) -> None:
    with catalogue.write() as tx:
        tx.run("INSERT INTO meta VALUES ('number', '0')")

    def add_many() -> None:
        with open_catalogue(address) as mine:
            for _ in range(20):
                with mine.write() as tx:
                    row = tx.one("SELECT value FROM meta WHERE name = 'number'")
                    assert row is not None
                    tx.run("UPDATE meta SET value = ? WHERE name = 'number'", str(int(row[0]) + 1))

    threads = [threading.Thread(target=add_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with catalogue.read() as tx:
        assert tx.one("SELECT value FROM meta") == ("80",)


def test_a_taken_key_and_a_missing_story_are_a_clash(catalogue: Catalogue) -> None:
    with catalogue.write() as tx:
        add_story(tx)
    with pytest.raises(Clash), catalogue.write() as tx:
        add_story(tx)
    with pytest.raises(Clash), catalogue.write() as tx:
        add_passage(tx, "of nobody", story="01JD0000000000000000000002")
    with catalogue.write() as tx:
        assert tx.run("UPDATE stories SET title = ?", "still usable") == 1


def test_everything_that_speaks_of_a_story_goes_with_it(catalogue: Catalogue) -> None:
    with catalogue.write() as tx:
        add_story(tx)
        add_passage(tx, "of the river")
        assert tx.run("DELETE FROM stories WHERE id = ?", STORY) == 1
        assert tx.all("SELECT story FROM passages") == []


def test_who_changed_what_is_never_rewritten(catalogue: Catalogue) -> None:
    with catalogue.write() as tx:
        tx.run("INSERT INTO changes VALUES ('1', '2026', 'a person', 'held', ?, '{}')", STORY)
    for statement in ("UPDATE changes SET who = 'nobody'", "DELETE FROM changes"):
        with pytest.raises(Clash), catalogue.write() as tx:
            tx.run(statement)
    with catalogue.read() as tx:
        assert tx.one("SELECT who FROM changes") == ("a person",)


def test_rows_come_one_after_the_other_and_returning_returns(catalogue: Catalogue) -> None:
    with catalogue.write() as tx:
        add_story(tx)
        tx.many("INSERT INTO meta VALUES (?, ?)", ((f"{n:04}", "x") for n in range(1200)))
        row = tx.one("INSERT INTO meta VALUES ('z', 'y') RETURNING name, value")
        assert row == ("z", "y")
    with catalogue.read() as tx:
        names = [row["name"] for row in tx.each("SELECT name FROM meta ORDER BY name")]
    assert len(names) == 1201
    assert names == sorted(names)


def test_text_compares_by_its_bytes(catalogue: Catalogue) -> None:
    with catalogue.write() as tx:
        tx.many("INSERT INTO meta VALUES (?, '')", [("b",), ("B",), ("a-",), ("a",), ("é",), ("Z",)])
    with catalogue.read() as tx:
        names = [row[0] for row in tx.all("SELECT name FROM meta ORDER BY name")]
    assert names == sorted(names, key=str.encode)


def test_bytes_and_large_numbers_come_back(catalogue: Catalogue) -> None:
    with catalogue.write() as tx:
        add_story(tx, length_ms=1 << 40)
    with catalogue.read() as tx:
        assert tx.one("SELECT length_ms FROM stories") == (1 << 40,)
        row = tx.one("SELECT ? AS sound", b"\x00\xff?%")
        assert row is not None
        assert bytes(row["sound"]) == b"\x00\xff?%"


def test_transactions_do_not_nest(catalogue: Catalogue) -> None:
    with pytest.raises(RuntimeError), catalogue.write(), catalogue.read():
        pass
    with catalogue.read() as tx:
        assert tx.all("SELECT id FROM stories") == []


def test_a_wrong_statement_is_a_sentence_and_the_next_one_works(catalogue: Catalogue) -> None:
    with pytest.raises(CatalogueTrouble) as caught, catalogue.write() as tx:
        tx.run("INSERT INTO nothing VALUES (1)")
    assert caught.value.do
    with catalogue.write() as tx:
        add_story(tx)


def test_tables_are_brought_up_to_date_once_by_several_at_a_time(address: str) -> None:
    troubles: list[BaseException] = []

    def come() -> None:
        try:
            open_catalogue(address).close()
        except BaseException as error:  # noqa: BLE001 (a thread's failure has to reach the test)
            troubles.append(error)

    threads = [threading.Thread(target=come) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert troubles == []
    with open_catalogue(address) as opened, opened.read() as tx:
        names = [row[0] for row in tx.all("SELECT name FROM migrations ORDER BY place")]
    assert names == [step.name for step in MIGRATIONS]
    assert len(set(names)) == len(names)


def test_scrubbing_leaves_everything_else(catalogue: Catalogue) -> None:
    with catalogue.write() as tx:
        add_story(tx)
    assert catalogue.scrub()
    with catalogue.read() as tx:
        assert tx.one("SELECT id FROM stories") == (STORY,)


def test_a_database_server_that_was_started_again_costs_one_request(postgres: Callable[[], str]) -> None:
    address = postgres()
    pool = Pool(lambda: open_catalogue(address))
    lent = [pool.borrow() for _ in range(3)]
    ended = []
    for one in lent:
        with one.read() as tx:
            ended += [row[0] for row in tx.all("SELECT pg_backend_pid()")]
    for one in lent:
        one.close()
    with open_catalogue(address) as other, other.read() as tx:
        for pid in ended:
            tx.one("SELECT pg_terminate_backend(?, 10000)", pid)
    with pytest.raises(CatalogueTrouble), pool.borrow() as one, one.read() as tx:
        tx.one("SELECT 1")
    with pool.borrow() as one, one.read() as tx:
        assert tx.one("SELECT 1") == (1,)
    pool.close()


def spoken(*said: str) -> list[SpokenCue]:
    """A cue for each text, a second long, at the second of its last letter."""
    cues = []
    for text in said:
        start = Ms(int(text[-1]) * 1000)
        cues.append(SpokenCue(start, Ms(start + 1000), text, (Word(text, start, Ms(start + 900), 0.9),)))
    return cues


def test_what_a_person_corrected_stays_although_the_cues_before_it_went(catalogue: Catalogue, clock: Any) -> None:
    now, machine = clock.wall(), ("machine", "2026-01-02")
    with catalogue.write() as tx:
        add_story(tx)
        put_passages(tx, STORY, spoken("a0", "b1", "c2", "d3", "e4"), *machine)
        correct_word(tx, STORY, 4, 0, "heard", "ana", 1, now)
        blank_words(tx, STORY, [(4000, 5000)], now)
        put_passages(tx, STORY, spoken("a0", "c2", "d3", "e4"), *machine, [(1000, 2000)])
        assert [(one.number, one.text) for one in passages_of(tx, STORY)] == [
            (0, "a0"),
            (1, "c2"),
            (2, "d3"),
            (3, "[…]"),
        ]
        show_words(tx, STORY, (4000, 5000), [], now)
        assert passages_of(tx, STORY)[3].text == "heard", "what it said before went with it"


def test_a_passage_that_goes_and_comes_again_can_be_corrected(catalogue: Catalogue, clock: Any) -> None:
    with catalogue.write() as tx:
        add_story(tx)
        for said in (("a0", "b1"), ("a0",), ("a0", "b1")):
            put_passages(tx, STORY, spoken(*said), "machine", "2026-01-02")
        correct_word(tx, STORY, 1, 0, "heard", "ana", passages_of(tx, STORY)[1].version, clock.wall())
        assert [one.text for one in passages_of(tx, STORY)] == ["a0", "heard"]


@pytest.mark.parametrize("url", ["", "mysql://localhost/x", "archive.db", "postgresql:///x?host=/nowhere/at/all"])
def test_an_address_nobody_answers_is_said(url: str) -> None:
    with pytest.raises(CatalogueTrouble) as caught:
        open_catalogue(url)
    assert caught.value.say
    assert caught.value.do


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "archive.db").write_bytes(b"not a database at all" * 1000)
    with pytest.raises(DamagedStore):
        open_catalogue(f"sqlite:{tmp_path / 'archive.db'}")
