"""An archive carried from SQLite and a folder to PostgreSQL and SeaweedFS, and back: the same archive."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive.errors import DamagedStore, StoreTrouble
from archive.export import moving
from archive.export.moving import CannotMove, move_archive
from archive.export.tables import digest_of, tables_of
from archive.objects import open_objects
from archive.server.audit import audit
from archive.server.erase import withdraw
from archive.server.place import ArchiveHome, InUse, open_archive
from archive.tombstones import Tombstone
from archive.types import Use
from audio.types import TakeId

KEPT = (Use.RECORD, Use.KEEP, Use.ARCHIVE)


def state(place: ArchiveHome) -> tuple[dict[str, tuple[int, str]], dict[str, bytes]]:
    """Every table, its rows and digest; every object and its bytes."""
    with place.catalogue() as catalogue, catalogue.read() as tx:
        tables = {table.name: digest_of(tx, table) for table in tables_of(tx, whole=True)}
    return tables, {key: place.objects.open(key).read() for key in list(place.objects.keys())}


@pytest.fixture
def stocked(shelf: Any) -> ArchiveHome:
    place: ArchiveHome = shelf.place
    for number in range(3):
        shelf.put(number, KEPT)
    gone = shelf.put(5, KEPT)
    withdraw(place, Tombstone(TakeId(gone), place.now()), "front")
    with place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run(
            "INSERT INTO boxes (name, added_at, credential, seal, pulse) VALUES ('b', 'x', 'digest', ?, '{}')",
            b"\0\xff",
        )
        tx.run(
            "INSERT INTO people (id, name, roles, added_at, added_by, password) VALUES ('p', 'ida', '[]', 'x', 'x', 'argon2')"
        )
    return place


def test_there_and_back(stocked: ArchiveHome, postgres: Callable[[], str], s3_url: str, shelf: Any, clock: Any) -> None:
    before = state(stocked)
    done = move_archive(stocked, (postgres(), s3_url))
    assert (done.objects, done.rows) == (len(before[1]), sum(rows for rows, _ in before[0].values()))
    stocked.close()
    with open_archive(stocked.path, clock) as far:
        assert far.settings.catalogue.startswith("postgresql://")
        assert far.settings.objects == s3_url
        assert state(far) == before
        assert audit(far).damaged == []
        # It goes on living there: another story comes, one is taken back, and then everything comes home.
        shelf.place = far
        shelf.put(7, KEPT)
        victim = min(key.split("/")[1] for key in before[1])
        withdraw(far, Tombstone(TakeId(victim), far.now()), "front")
        after = state(far)
        move_archive(far, ("sqlite:home.db", "folder:home-objects"))
    with open_archive(stocked.path, clock) as near:
        assert near.settings.catalogue == "sqlite:home.db"
        assert state(near) == after
        assert audit(near).damaged == []
        assert not any(victim in key for key in after[1])


def test_a_move_cut_off_goes_on(stocked: ArchiveHome, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = stocked.config.read_text()
    real, copied = moving._copy, []

    def cut(*arguments: Any) -> None:
        if len(copied) == 11:
            raise StoreTrouble("The line was cut.")
        copied.append(arguments[2])
        real(*arguments)

    monkeypatch.setattr(moving, "_copy", cut)
    with pytest.raises(StoreTrouble):
        move_archive(stocked, (s3_url,))
    assert stocked.config.read_text() == config
    monkeypatch.setattr(moving, "_copy", lambda *arguments: (copied.append(arguments[2]), real(*arguments)))
    move_archive(stocked, (s3_url,))
    # Nothing went twice.
    assert sorted(copied) == sorted(stocked.objects.keys())


def test_a_table_that_fails_half_way_leaves_nothing(
    stocked: ArchiveHome, postgres: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, config = postgres(), stocked.config.read_text()
    real = moving.put_rows

    def cut(tx: Any, table: Any, rows: Any) -> int:
        if table.name == "passages":
            raise StoreTrouble("The power went.")
        return real(tx, table, rows)

    monkeypatch.setattr(moving, "put_rows", cut)
    with pytest.raises(StoreTrouble):
        move_archive(stocked, (url,))
    assert stocked.config.read_text() == config
    monkeypatch.undo()
    done = move_archive(stocked, (url,))
    assert done.rows > 30
    # Once more, as after a kill between the tables and the settings: only compared.
    stocked.config.write_text(config)
    assert move_archive(stocked, (url,)) == done


def test_what_lies_there_wrong_is_put_right_and_what_is_wrong_here_is_not_carried(
    stocked: ArchiveHome, tmp_path: Path
) -> None:
    key = next(key for key in list(stocked.objects.keys()) if key.endswith("story.flac"))
    whole = stocked.objects.open(key).read()
    there = open_objects(f"folder:{tmp_path / 'there'}")
    there.put(key, io.BytesIO(whole[:-1] + b"x"))
    there.put("bags/stranger", io.BytesIO(b"not ours any more"))
    config = stocked.config.read_text()
    move_archive(stocked, (f"folder:{tmp_path / 'there'}",))
    assert there.open(key).read() == whole
    assert not there.exists("bags/stranger")
    stocked.config.write_text(config)
    stocked.objects.put(key, io.BytesIO(whole[:-1] + b"x"))
    with pytest.raises(DamagedStore):
        move_archive(stocked, (f"folder:{tmp_path / 'elsewhere'}",))
    assert stocked.config.read_text() == config


def test_nothing_is_carried_while_somebody_is_at_work(stocked: ArchiveHome, tmp_path: Path, clock: Any) -> None:
    config, target = stocked.config.read_text(), f"folder:{tmp_path / 'there'}"
    with open_archive(stocked.path, clock), pytest.raises(InUse):
        move_archive(stocked, (target,))
    assert stocked.config.read_text() == config
    with stocked.alone(), pytest.raises(InUse):
        open_archive(stocked.path, clock)
    move_archive(stocked, (target,))
    open_archive(stocked.path, clock).close()


def test_an_archive_with_a_hole_is_not_carried(stocked: ArchiveHome, tmp_path: Path) -> None:
    config = stocked.config.read_text()
    stocked.objects.delete(next(key for key in list(stocked.objects.keys()) if key.endswith("story.flac")))
    with pytest.raises(DamagedStore, match="missing"):
        move_archive(stocked, (f"folder:{tmp_path / 'there'}",))
    assert stocked.config.read_text() == config


def test_another_archives_database_is_left_alone(stocked: ArchiveHome, shelf: Any, tmp_path: Path, clock: Any) -> None:
    with open_archive(tmp_path / "other", clock) as other:
        shelf.place = other
        shelf.put(20, KEPT)
        before = state(other)
        with pytest.raises(CannotMove):
            move_archive(stocked, (f"sqlite:{tmp_path / 'other/archive.db'}",))
        assert state(other) == before


@pytest.mark.parametrize(
    "addresses",
    [(), ("nfs:/x",), ("sqlite:a.db", "sqlite:b.db"), ("folder:a", "s3://b"), ("sqlite:archive.db",), ("folder:objects",)],
)  # fmt: skip
def test_addresses_that_are_unclear_are_said(stocked: ArchiveHome, addresses: tuple[str, ...]) -> None:
    with pytest.raises(CannotMove) as told:
        move_archive(stocked, addresses)
    assert told.value.do


def test_other_settings_stay_as_they_were(stocked: ArchiveHome, tmp_path: Path) -> None:
    text = stocked.config.read_text()
    stocked.config.write_text(f"{text}\n# Ours.\n[serve]\nnames = ['a.example']\n")
    move_archive(stocked, (f"folder:{tmp_path / 'it is'}", f"sqlite:{tmp_path / 'new.db'}"))
    after = stocked.config.read_text()
    assert "# Ours.\n[serve]\nnames = ['a.example']" in after
    with open_archive(stocked.path) as again:
        assert again.settings.objects == f"folder:{tmp_path / 'it is'}"
        assert again.settings.more == {"serve": {"names": ["a.example"]}}
