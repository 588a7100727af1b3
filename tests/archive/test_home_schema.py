from __future__ import annotations

import os
import sqlite3
import stat

import pytest
from sqlite_utils import Database

from archive import schema
from archive.database import connect, data_version, get_meta, set_meta
from archive.errors import DamagedStore, HomeTrouble, NoKey
from archive.home import checked, open_home
from archive.store import Store
from audio.clock import SystemClock


def test_a_home_is_made_with_defaults_and_keys_beside_it(home) -> None:
    assert {path.name for path in home.path.iterdir()} == {"takes", "stories", "outbox", "texts", "prompts", "log"}
    assert home.keys == home.path.with_name("home-keys")
    for path in (home.path, home.keys, home.takes):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in home.keys.iterdir())
    assert bytes(open_home(home.path).load_keys().box) == bytes(home.load_keys().box)
    assert (home.config.name, home.database.name, home.log.name) == ("config.toml", "hearth.db", "log")
    assert home.texts.is_dir()
    assert home.prompts.is_dir()


def test_hearth_keys_says_where_the_keys_live(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HEARTH_KEYS", str(tmp_path / "stick"))
    home = open_home(tmp_path / "deep" / "home")
    assert home.keys == tmp_path / "stick"
    assert len(list(home.keys.iterdir())) == 2
    assert not (tmp_path / "deep" / "home-keys").exists()


def test_a_home_that_cannot_be_one_is_said_in_a_sentence(tmp_path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(HomeTrouble, match="not a folder"):
        open_home(tmp_path / "file")
    with pytest.raises(HomeTrouble, match="cannot be used"):
        open_home(tmp_path / "file" / "below")
    with pytest.raises(HomeTrouble):
        checked("../../etc/passwd")


def test_damaged_keys_are_said(home) -> None:
    (home.keys / "box.key").write_bytes(b"short")
    with pytest.raises(NoKey, match="damaged"):
        home.load_keys()


def test_a_database_that_is_none_is_said(home) -> None:
    home.database.write_bytes(b"not a database at all" * 500)
    with pytest.raises(DamagedStore):
        connect(home)
    home.database.unlink()
    home.database.mkdir()
    with pytest.raises(HomeTrouble):
        connect(home)


NAMES = [step.name for step in schema.migrations._migrations]


@pytest.mark.parametrize("done", range(len(NAMES)))
def test_every_earlier_version_is_brought_up_to_date(home, done: int) -> None:
    db = Database(sqlite3.connect(home.database, isolation_level=None))
    schema.migrations.apply(db, stop_before=NAMES[done])
    assert [step.name for step in schema.migrations.applied(db)] == NAMES[:done]
    db.conn.close()
    whole = connect(home)
    assert [step.name for step in schema.migrations.applied(whole)] == NAMES
    assert schema.migrate(whole) == []
    whole.conn.close()


@pytest.mark.parametrize("broken", range(len(NAMES)))
def test_a_migration_that_dies_in_the_middle_leaves_no_half(home, broken: int, monkeypatch) -> None:
    step = schema.migrations._migrations[broken]
    real = step.fn

    def dies(db: Database) -> None:
        real(db)
        raise KeyboardInterrupt

    monkeypatch.setattr(step, "fn", dies)
    with pytest.raises(KeyboardInterrupt):
        connect(home)
    monkeypatch.undo()
    raw = sqlite3.connect(home.database)
    tables = {row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert ("meta" in tables) == (broken > 0)
    assert ("words" in tables) == (broken > 1)
    assert ("tombstones" in tables) == (broken > 2)
    assert [step.name for step in schema.migrations.applied(Database(raw))] == NAMES[:broken]
    raw.close()
    connect(home).conn.close()


def test_meta_and_data_version(home) -> None:
    one, two = connect(home), connect(home)
    before = data_version(two.conn)
    set_meta(one.conn, "site", "a")
    set_meta(one.conn, "site", "b")
    assert data_version(two.conn) != before
    assert get_meta(two.conn, "site") == "b"
    assert get_meta(two.conn, "nothing") is None
    one.conn.close()
    two.conn.close()


def test_a_store_opens_on_the_real_clock_too(home) -> None:
    with Store(home, SystemClock()) as store:
        assert store.stories() == []
        assert store.now() is None or store.now().tzinfo is not None
        assert os.path.exists(home.database)  # noqa: PTH110 - the database is made by opening
