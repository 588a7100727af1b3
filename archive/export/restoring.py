"""A backup of `archive.export.backups` made an archive again, in a new home, without what was taken back since.

The home gets SQLite and a folder, whatever the archive had; `hearth archive move` carries it on from there. What was
taken back after the backup is looked for in every younger backup beside it and wherever a person points: the old home,
an export, a stick. Boxes tell all they know at their next contact; until people know that all of them came, the public
door stays closed.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from archive.catalogue import open_catalogue
from archive.durable import PART, move, remove
from archive.export.backups import DATABASE, INDEX, OBJECTS, BadBackup, backups, made_at
from archive.export.moving import set_places
from archive.export.plain import Progress, no_progress
from archive.ingest import read_tombstones
from archive.server.audit import audit
from archive.server.custody import stone_of
from archive.server.erase import leave, sweep, withdraw
from archive.server.place import open_archive
from archive.server.settings import located, read_settings
from archive.tombstones import Tombstone

WHO = "restore"
"""Who a withdrawal comes from that was found while a backup was read back."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What is there again: as of when, how many stories, which were taken back since, and what is damaged."""

    made_at: datetime
    stories: int
    taken_back: tuple[str, ...]
    damaged: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {
            "as_of": self.made_at.isoformat(),
            "stories": self.stories,
            "taken_back": list(self.taken_back),
            "damaged": list(self.damaged),
        }


def restore(backup: Path, home: Path, also: Iterable[Path] = (), progress: Progress = no_progress) -> Restored:
    """Make the folder ``home``, which is not there yet, the archive ``backup`` was made of.

    ``also`` are folders that know what was taken back since: an archive's home, an export, a stick. All of them are
    read before anything is written. Raises `BadBackup`, `WrongKeys` where other keys lie beside ``home``,
    `CatalogueTrouble`, `DamagedStore`, `OSError`.
    """
    at = made_at(backup)
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise BadBackup(f"{home} is there already.", "Name a folder that is not there yet.")
    younger = [path for path in backups(backup.parent) if path.name > backup.name]
    stones = [stone for path in (*younger, *also) for stone in _stones(path)]
    part = home.with_name(home.name + PART)
    remove(part)
    try:
        shutil.copytree(backup, part, symlinks=True, copy_function=shutil.copyfile)
        (part / INDEX).unlink()
        config = part / "config.toml"
        set_places(config, {"catalogue": f"sqlite:{DATABASE}", "objects": f"folder:{OBJECTS}"})
        config.write_text(re.sub(r"(?m)^public\s*=.*$", "public = false", config.read_text(encoding="utf-8")))
        part.chmod(0o700)
        os.sync()
        if home.exists():
            home.rmdir()
        move(part, home)
    except BaseException:  # whatever stopped it, half an archive must not be taken for one
        remove(part)
        raise
    with open_archive(home) as place:
        gone = [stone.story for stone in stones if withdraw(place, stone, WHO)]
        with place.catalogue() as catalogue, catalogue.write() as tx:
            # What a withdrawal had still to remove when the backup was made lies in it as well.
            for row in tx.all("SELECT id FROM tombstones WHERE id NOT IN (SELECT id FROM stories)"):
                leave(tx, str(row["id"]), place.now())
        sweep(place)
        with place.catalogue() as catalogue, catalogue.read() as tx:
            held = len(tx.all("SELECT id FROM stories"))
        damaged = tuple(f"{one.subject}: {one.say}" for one in audit(place, progress).damaged)
    return Restored(at, held, tuple(dict.fromkeys(gone)), damaged)


def _stones(path: Path) -> Iterator[Tombstone]:
    """Read what a backup, an archive's home, an export or a stick knows to be taken back. Raises `BadBackup`."""
    database = path / DATABASE
    url = f"sqlite:{database}" if database.is_file() else ""
    if (path / "config.toml").is_file() and not (path / INDEX).is_file():
        url = located(read_settings(path / "config.toml").catalogue, path)
    if url:
        with open_catalogue(url) as catalogue, catalogue.read() as tx:
            yield from [
                stone_of(row) for row in tx.all("SELECT id, at, reach, events, head FROM tombstones ORDER BY id")
            ]
    elif (path / "tombstones").is_dir():
        yield from read_tombstones(path)
    else:
        say = f"{path} says nothing of what was taken back."
        raise BadBackup(say, "Give an archive's home, a backup, an export or a stick.")
