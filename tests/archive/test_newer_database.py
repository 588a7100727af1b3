"""An older program on a newer database works where it can and says so where it cannot."""

from __future__ import annotations

import pytest
from sqlite_utils import Database

from archive import schema
from archive.database import connect
from archive.errors import HomeTrouble, NewerDatabase
from archive.home import open_home
from archive.schema import OLDEST_READER, migrations, reader_needed


@pytest.fixture
def home(tmp_path):
    home = open_home(tmp_path / "box")
    connect(home).conn.close()
    return home


def as_a_newer_program_left_it(home, *, needs):
    db = Database(home.database)
    db["_sqlite_migrations"].insert({"migration_set": "hearth", "name": "m999_of_later", "applied_at": "2031-01-01"})
    db.execute("CREATE TABLE of_later (id INTEGER PRIMARY KEY)")
    db.execute(f"PRAGMA user_version = {needs}")
    db.conn.commit()
    db.conn.close()


def test_what_was_only_added_to_stays_usable_and_keeps_what_was_added(home):
    as_a_newer_program_left_it(home, needs=OLDEST_READER)
    db = connect(home)
    assert db["of_later"].exists()
    assert "m999_of_later" in {step.name for step in migrations.applied(db)}
    assert reader_needed(db) == OLDEST_READER


def test_what_was_changed_is_refused_with_a_sentence_and_left_alone(home):
    as_a_newer_program_left_it(home, needs=schema.schema() + 1)
    before = home.database.read_bytes()
    with pytest.raises(NewerDatabase) as refused:
        connect(home)
    assert "newer Digital Hearth" in refused.value.say
    assert refused.value.do
    assert isinstance(refused.value, HomeTrouble)
    assert home.database.read_bytes() == before


def test_a_reader_is_never_asked_for_more_than_the_program_knows():
    assert 0 < OLDEST_READER <= schema.schema()


def test_the_number_a_newer_program_set_is_not_lowered(home):
    as_a_newer_program_left_it(home, needs=schema.schema())
    assert reader_needed(connect(home)) == schema.schema()
