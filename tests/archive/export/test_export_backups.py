"""Backups beside a living archive: whole, compared, gone in time; and read back without what was taken back since."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.catalogue.search import search
from archive.errors import DamagedStore
from archive.export import backups, moving
from archive.export.backups import BadBackup, back_up
from archive.export.restoring import restore
from archive.sealedbag import KEY_FILE
from archive.server.audit import audit
from archive.server.erase import bury, withdraw
from archive.server.lastbackup import last_backup
from archive.server.place import ArchiveHome, open_archive
from archive.tombstones import Tombstone
from archive.types import Reader, Use
from audio.types import TakeId
from kiosk.cli import run

KEPT = (Use.RECORD, Use.KEEP, Use.ARCHIVE)


def take_back(place: ArchiveHome, story: str) -> None:
    withdraw(place, Tombstone(TakeId(story), place.now()), "front")


def again(path: Path, home: Path, keys: Path, *also: Path) -> Any:
    shutil.copytree(keys, home.with_name(f"{home.name}-keys"))
    return restore(path, home, also)


def test_out_and_in_again_without_what_was_taken_back_since(shelf: Any, clock: Any, tmp_path: Path) -> None:
    place, keys = shelf.place, tmp_path / "archive-keys"
    stays, gone, late = (shelf.put(number, KEPT, words=f"ferry{number}") for number in range(3))
    half = shelf.put(9, KEPT)
    with place.catalogue() as catalogue, catalogue.write() as tx:
        # Killed between the rows and the objects.
        bury(tx, Tombstone(TakeId(half), place.now()), "front", place.now())
    place.config.write_text(place.config.read_text().replace("public = false", "public = true"))
    first = back_up(place, tmp_path / "kept", 30)
    take_back(place, gone)
    clock.advance(86_400)
    second = back_up(place, tmp_path / "kept", 30)
    sound = next(path for path in (second.path / "objects").rglob("story.flac") if stays in str(path))
    assert sound.stat().st_nlink == 2, "what is the same takes no room twice"
    take_back(place, late)
    restored = again(first.path, tmp_path / "new", keys, place.path)
    assert (restored.stories, set(restored.taken_back), restored.damaged) == (1, {gone, late}, ())
    with open_archive(tmp_path / "new", clock) as new:
        assert not new.settings.public
        assert (new.path / KEY_FILE).read_bytes() == (place.path / KEY_FILE).read_bytes(), "partners are shown it again"
        assert audit(new).sound
        assert not any(story in key for story in (gone, late, half) for key in list(new.objects.keys()))
        with new.catalogue() as catalogue, catalogue.read() as tx:
            found = [hit.story for hit in search(tx, "ferry0 OR ferry1 OR ferry2", Reader.DESK, clock.wall())]
        assert found == [stays]
        shelf.place = new
        shelf.put(4, KEPT)
    with pytest.raises(BadBackup):
        restore(first.path, tmp_path / "new")


def test_no_backup_is_kept_longer_than_tellers_are_told(shelf: Any, clock: Any, tmp_path: Path) -> None:
    shelf.put(1, KEPT)
    kept = tmp_path / "kept"
    (kept / "mine").mkdir(parents=True)
    (kept / "2020-01-01T00-00-00Z.part").mkdir()
    first = back_up(shelf.place, kept, 30)
    clock.advance(timedelta(days=29).total_seconds())
    second = back_up(shelf.place, kept, 30)
    assert second.removed == ()
    clock.advance(timedelta(days=2).total_seconds())
    third = back_up(shelf.place, kept, 30)
    assert third.removed == (first.path.name,)
    assert {path.name for path in kept.iterdir()} == {"mine", second.path.name, third.path.name}
    with pytest.raises(BadBackup):
        back_up(shelf.place, kept, 31)


def test_what_comes_and_goes_meanwhile_fits_together(
    shelf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays, gone = shelf.put(1, KEPT), shelf.put(2, KEPT)
    real, came = moving.carry_objects, []

    def slow(*arguments: Any) -> tuple[int, int]:
        done = real(*arguments)
        if not came:
            came.append(shelf.put(3, KEPT))
            take_back(shelf.place, gone)
        return done

    monkeypatch.setattr(backups, "carry_objects", slow)
    made = back_up(shelf.place, tmp_path / "kept", 30)
    assert {path.name for path in (made.path / "objects/bags").iterdir() if any(path.iterdir())} == {stays, *came}
    assert again(made.path, tmp_path / "new", tmp_path / "archive-keys").damaged == ()


def test_a_damaged_archive_keeps_the_backups_it_has(shelf: Any, clock: Any, tmp_path: Path) -> None:
    shelf.put(1, KEPT)
    first = back_up(shelf.place, tmp_path / "kept", 30)
    shelf.place.objects.delete(next(key for key in list(shelf.place.objects.keys()) if key.endswith("story.flac")))
    clock.advance(60 * 86_400)
    with pytest.raises(DamagedStore):
        back_up(shelf.place, tmp_path / "kept", 30)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [first.path.name]


def test_the_commands_say_what_they_did(shelf: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.put(1, KEPT)
    home = str(shelf.place.path)
    assert run(["archive", "backup", str(tmp_path / "kept"), "--home", home, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["objects"], made["removed"]) == (11, [])
    shutil.copytree(tmp_path / "archive-keys", tmp_path / "new-keys")
    assert run(["archive", "restore", made["folder"], "--home", str(tmp_path / "new")]) == 0
    assert "1 stories" in capsys.readouterr().out
    (Path(made["folder"]) / "backup.json").unlink()
    assert run(["archive", "restore", made["folder"], "--home", str(tmp_path / "other")]) == 1
    assert "no whole backup" in capsys.readouterr().err


def test_what_became_of_the_last_one_is_written_down(shelf: Any, clock: Any, tmp_path: Path) -> None:
    place, folder = shelf.place, tmp_path / "kept"
    assert last_backup(place) is None
    with pytest.raises(BadBackup, match="No disk is mounted"):
        back_up(place, folder, 30, own_disk=True)
    assert not folder.exists()
    failed = last_backup(place)
    assert failed is not None
    assert (failed.made, failed.why) == (None, f"No disk is mounted at {folder}.")
    back_up(place, folder, 30)
    made = last_backup(place)
    assert made is not None
    assert (made.made, made.why, made.overdue(place.now())) == (place.now(), "", False)
    clock.advance(2 * 86_400 + 1)
    assert made.overdue(place.now())
    with pytest.raises(BadBackup):
        back_up(place, folder, 30, own_disk=True)
    again = last_backup(place)
    assert again is not None
    assert (again.made, again.tried) == (made.made, place.now()), "when one was last whole stays known"
