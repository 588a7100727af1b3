"""Backups of an archive: the whole of it, each in a folder of its own, and none kept longer than tellers are told.

::

    2026-03-01T02-00-00Z/
        archive.db        every table but those of this very door and moment; SQLite, whatever the archive has
        objects/          every object, each compared by its digest
        config.toml, texts/, aside/
        backup.json       what it is of and when; written last

Made beside a server at work: nobody waits for it, and rows and objects fit together. What has not changed since the
backup before is one file under two names where the disk can do that. The archive's keys are not in it: keep a copy of
them apart. Whoever has this folder has what the archive holds, as with the archive's home itself.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from archive.catalogue import open_catalogue
from archive.durable import PART, move, remove, write_file
from archive.errors import ArchiveError, DamagedStore
from archive.export.moving import carry_objects, carry_tables
from archive.export.plain import Progress, no_progress
from archive.feed.erased import BACKUP_DAYS
from archive.objects import Objects, open_objects
from archive.server.lastbackup import note_backup
from archive.server.oneatatime import one_at_a_time
from archive.server.place import ArchiveHome

INDEX: Final = "backup.json"
DATABASE: Final = "archive.db"
OBJECTS: Final = "objects"
FORMAT: Final = "digital-hearth-archive-backup"
_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ")
_TRIES = 3


class BadBackup(ArchiveError):
    """A backup cannot be made there, or what should be one is none."""

    code = "bad-backup"


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A backup that was made: where, what is in it, and the names of those that were removed for their age."""

    path: Path
    objects: int
    size: int
    rows: int
    removed: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {
            "folder": str(self.path),
            "objects": self.objects,
            "bytes": self.size,
            "rows": self.rows,
            "removed": list(self.removed),
        }


def back_up(
    place: ArchiveHome, target: Path, keep_days: int, progress: Progress = no_progress, *, own_disk: bool = False
) -> BackedUp:
    """Make a backup of ``place`` in the folder ``target``; then remove those there older than ``keep_days``.

    ``keep_days`` is at most `BACKUP_DAYS`: that is what every receipt of an erasure says. A backup is whole or absent,
    and the archive's home says which (`archive.server.lastbackup`). With ``own_disk`` a disk has to be mounted at
    ``target``. Raises `BadBackup`; `DamagedStore` where an object is not what was stored or is missing: the backups
    before stay then; `StoreTrouble`, `CatalogueTrouble`, `OSError`.
    """
    if not 1 <= keep_days <= BACKUP_DAYS:
        say = f"Backups are kept for 1 to {BACKUP_DAYS} days: that is what tellers are told."
        raise BadBackup(say, "Give another number of days.")
    try:
        if own_disk and not target.is_mount():
            raise BadBackup(f"No disk is mounted at {target}.", "Mount the disk for backups there.")
        done = _back_up(place, target, keep_days, progress)
    except (ArchiveError, OSError) as error:
        # A disk that is full may not take the note either; what stopped the backup is what is told.
        with suppress(OSError):
            note_backup(place, target, error.say if isinstance(error, ArchiveError) else str(error))
        raise
    note_backup(place, target)
    return done


def _back_up(place: ArchiveHome, target: Path, keep_days: int, progress: Progress) -> BackedUp:
    now = place.now()
    path = target / now.astimezone(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    with one_at_a_time(place.work, "backup"):
        if path.exists():
            raise BadBackup(f"{path} is there already.", "Wait a second, and start again.")
        for left in target.glob(f"*{PART}"):
            if _NAME.fullmatch(left.name.removesuffix(PART)):
                remove(left)
        part = path.with_name(path.name + PART)
        try:
            objects, size, rows = _fill(place, part, next(iter(backups(target)), None), progress)
            told = {"format": FORMAT, "version": 1, "name": place.name, "made_at": now.isoformat()}
            write_file(part / INDEX, (json.dumps({**told, "objects": objects, "rows": rows}, indent=1) + "\n").encode())
            # One call for everything that was not synced file by file; then the name says it is whole.
            os.sync()
            move(part, path)
        except BaseException:  # whatever stopped it, half an archive must not be taken for one
            remove(part)
            raise
        return BackedUp(path, objects, size, rows, _expire(target, now - timedelta(days=keep_days)))


def backups(target: Path) -> Iterator[Path]:
    """Give every whole backup in the folder ``target``, the newest first."""
    for path in sorted(target.iterdir(), reverse=True) if target.is_dir() else ():
        if _NAME.fullmatch(path.name) and not path.is_symlink() and (path / INDEX).is_file():
            yield path


def made_at(path: Path) -> datetime:
    """When the backup in the folder ``path`` was made. Raises `BadBackup` for what is none."""
    try:
        plain = json.loads((path / INDEX).read_bytes())
        if plain["format"] == FORMAT and plain["version"] == 1:
            return datetime.fromisoformat(plain["made_at"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise BadBackup(f"{path} is no whole backup of an archive.", f"Give a folder that holds a {INDEX}.")


def _fill(place: ArchiveHome, part: Path, before: Path | None, progress: Progress) -> tuple[int, int, int]:
    """Write everything but the index; returns objects, their bytes, and rows."""
    part.mkdir(mode=0o700)
    if before is not None:
        _link(before / OBJECTS, part / OBJECTS)
    target = open_objects(f"folder:{part / OBJECTS}")
    for _ in range(_TRIES):
        objects, size = carry_objects(place.objects, target, _known(place), progress)
        for file in part.glob(f"{DATABASE}*"):
            file.unlink()
        with open_catalogue(f"sqlite:{part / DATABASE}") as new, place.catalogue() as old, old.read() as tx:
            _, rows = carry_tables(tx, new, progress)
            known = {str(row["key"]) for row in tx.each("SELECT key FROM files")}
        missing = known - set(target.keys())
        if not missing:
            break
        # They came while the others were copied: once more, with rows that are as young.
    else:
        _say_missing(place.objects, missing)
    shutil.copyfile(place.config, part / "config.toml")
    for folder in (place.texts, place.aside):
        shutil.copytree(folder, part / folder.name, symlinks=True, copy_function=shutil.copyfile)
    return objects, size, rows


def _say_missing(source: Objects, missing: set[str]) -> None:
    lost = sorted(key for key in missing if not source.exists(key))
    if lost:
        say = f"{len(lost)} objects are missing in the archive, {lost[0]} among them; no backup was made."
        raise DamagedStore(say, "hearth archive verify names everything that is damaged; an older backup may have it.")
    raise BadBackup("Too much came in while the backup was made.", "Start again at a quieter hour.")


def _known(place: ArchiveHome) -> dict[str, str]:
    with place.catalogue() as catalogue, catalogue.read() as tx:
        return {str(row["key"]): str(row["sha256"]) for row in tx.each("SELECT key, sha256 FROM files")}


def _link(before: Path, target: Path) -> None:
    """Give the objects of the backup before a second name; each is compared afterwards. Where links fail: nothing."""
    try:
        shutil.copytree(before, target, symlinks=True, copy_function=os.link)
    except OSError:
        # This disk has no second names (or not so many): everything is copied then.
        shutil.rmtree(target, ignore_errors=True)


def _expire(target: Path, before: datetime) -> tuple[str, ...]:
    old = [path for path in backups(target) if made_at(path) < before]
    for path in old:
        remove(path)
    return tuple(path.name for path in old)
