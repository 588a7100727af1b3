"""From every earlier version with data in it, a migration is killed (SIGKILL) before each of its statements."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from archive import schema
from archive.database import connect
from archive.home import open_home

NAMES = [step.name for step in schema.migrations._migrations]
TAKE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def old_home(path: Path, version: int) -> Path:
    """Make a home whose database is at ``version``, with a row in it where there are tables."""
    home = open_home(path)
    conn = sqlite3.connect(home.database, isolation_level=None)
    conn.execute("PRAGMA journal_mode=WAL")
    conn.execute("PRAGMA synchronous=OFF")  # the machine does not lose power here, only the process dies
    db = Database(conn)
    schema.migrations.apply(db, stop_before=NAMES[version] if version < len(NAMES) else None)
    if version > 0:
        conn.execute(
            "INSERT INTO takes (id, kind, prompt, language, site, boot_id, monotonic, wall, clock_trusted) "
            "VALUES (?, 'story', 'river', 'en', '', 'b', 1.0, '2026-01-01T00:00:00+00:00', 1)",
            (TAKE,),
        )
        conn.execute("INSERT INTO wraps VALUES (?, 'box', X'01')", (TAKE,))
    conn.close()
    return path


def tables(path: Path) -> list[tuple[str, str]]:
    conn = sqlite3.connect(path / "hearth.db")
    found = conn.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%sqlite%' ORDER BY name").fetchall()
    conn.close()
    return found


def migrate_and_die(path: Path, statement: int) -> bool:
    """Migrate in a process of its own that is killed before its ``statement``-th statement; tell whether it was."""
    child = os.fork()
    if child == 0:
        left = [statement]

        def count(_: str) -> None:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        conn = sqlite3.connect(path / "hearth.db", isolation_level=None)
        conn.execute("PRAGMA synchronous=OFF")
        conn.set_trace_callback(count)
        schema.migrate(Database(conn))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """What the tables look like at each version."""
    folder = tmp_path_factory.mktemp("shapes")
    return [tables(old_home(folder / f"v{n}", n)) for n in range(len(NAMES) + 1)]


def goes_on(conn: sqlite3.Connection, path: Path, version: int, last: list[tuple[str, str]]) -> None:
    """What was cut is carried through by the next program, and what was kept is there."""
    conn.execute("PRAGMA synchronous=OFF")
    schema.migrate(Database(conn))
    assert tables(path) == last
    assert conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    if version > 0:
        assert conn.execute("SELECT blob FROM wraps WHERE take = ?", (TAKE,)).fetchone() == (b"\x01",)
    conn.close()


@pytest.mark.parametrize("version", range(len(NAMES)))
def test_killed_anywhere_a_migration_is_whole_or_was_never_begun(tmp_path, monkeypatch, shapes, version: int) -> None:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    statement, reached = 0, version
    old = old_home(tmp_path / "old", version)
    # As far as into the step after the next: what follows there is the start of a later version.
    while reached <= version + 1 and statement < 60:
        path = tmp_path / f"k{statement}"
        shutil.copytree(old, path)
        killed = migrate_and_die(path, statement)
        shape = tables(path)
        assert shape in shapes[version:], "half a step was left"
        reached = shapes.index(shape)
        goes_on(sqlite3.connect(path / "hearth.db", isolation_level=None), path, version, shapes[-1])
        if not killed:
            break
        statement += 2
    assert reached > version, "no statement was reached after the first step"
    assert migrate_and_die(old, statement - 2)
    goes_on(connect(open_home(old)).conn, old, version, shapes[-1])
