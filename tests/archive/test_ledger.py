from __future__ import annotations

import sqlite3
from datetime import date

import pytest

from archive.consent import events_of, verify_chain
from archive.database import transaction
from archive.types import Act, Form, Use


def test_the_ledger_keeps_every_word_of_an_answer(store, teller, wording) -> None:
    take, _ = teller.story()
    day = date(2027, 1, 1)
    store.decide(take, Use.PUBLIC, yes=True, wording=wording, by="left", form=Form.TRANSCRIPT, embargo=day)
    event = events_of(store.db.conn, take)[-1]
    assert (event.act, event.use, event.yes, event.form, event.embargo) == (
        Act.DECIDE,
        Use.PUBLIC,
        True,
        Form.TRANSCRIPT,
        day,
    )
    assert (event.wording_version, event.wording_hash, event.language, event.by) == ("1", "ab" * 32, "en", "left")
    assert event.at == store.clock.wall()


@pytest.mark.parametrize(
    "statement", ["UPDATE ledger SET yes = 1", "DELETE FROM ledger", "REPLACE INTO ledger SELECT * FROM ledger"]
)
def test_the_ledger_refuses_to_be_changed(store, teller, statement: str) -> None:
    teller.tell()
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        store.db.conn.execute(statement)


def test_the_chain_shows_an_altered_and_a_missing_row(store, teller) -> None:
    teller.story(Use.PLAY_HERE)
    conn = store.db.conn
    assert verify_chain(conn) == []
    conn.execute("DROP TRIGGER ledger_no_update")
    conn.execute("DROP TRIGGER ledger_no_delete")
    conn.execute("UPDATE ledger SET yes = 0 WHERE seq = 2")
    assert verify_chain(conn) == [2]
    conn.execute("UPDATE ledger SET yes = 1 WHERE seq = 2")
    assert verify_chain(conn) == []
    conn.execute("DELETE FROM ledger WHERE seq = 2")
    assert verify_chain(conn) == [3]


def test_a_transaction_is_all_or_nothing(store, teller) -> None:
    take = teller.tell()
    before = events_of(store.db.conn, take)

    def fails_late() -> None:
        with transaction(store.db.conn):
            store.note(take, Act.HOLD, "desk")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails_late()
    assert events_of(store.db.conn, take) == before


def test_commands_are_insert_only_and_wake_another_connection(store, another_store) -> None:
    with another_store() as other:
        seen, last = other.version(), other.last_command()
        number = store.add_command("pull", "x")
        assert other.version() != seen
        assert [(c.id, c.name, c.argument) for c in other.commands_after(last)] == [(number, "pull", "x")]
    with pytest.raises(sqlite3.IntegrityError):
        store.db.conn.execute("DELETE FROM command")


def test_a_receipt_is_kept_once(store) -> None:
    for _ in range(2):
        store.add_receipt("S", "bag", "/archive", "{}")
    assert [(r.subject, r.kind, r.place, r.body) for r in store.receipts("S")] == [("S", "bag", "/archive", "{}")]
    assert store.receipts("other") == []
    assert len(store.receipts()) == 1
