"""Carrying an archive to another database, another object store, or both: the same archive, in another place.

Objects are copied first, each compared by its digest, then all tables in one transaction, each compared by rows and
digest over its lines; only then the settings name the new places. A move cut off anywhere is finished by the same
command: what arrived whole is compared, not sent again. What lies in the old places stays until a person removes it.

Nobody else may have the archive open: what a server or a visit signed for while we carry would stay in the old place.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from archive.catalogue import Catalogue, Tx, open_catalogue
from archive.durable import write_file
from archive.errors import ArchiveError, DamagedStore, NoSuchObject
from archive.export.plain import Hashing, Progress, no_progress
from archive.export.tables import digest_of, index_all, is_empty, put_rows, rows_of, tables_of
from archive.objects import BLOCK, Objects, open_objects
from archive.server.place import ArchiveHome
from archive.server.settings import located, read_settings

CATALOGUES: Final = ("sqlite:", "postgresql://", "postgres://")
OBJECTS: Final = ("folder:", "s3://")


class CannotMove(ArchiveError):
    """The archive cannot be carried there."""

    code = "cannot-move"


@dataclass(frozen=True, slots=True)
class Moved:
    """What lies in the new places, compared: objects and their bytes, tables and their rows."""

    objects: int
    size: int
    tables: int
    rows: int

    def to_json(self) -> dict[str, int]:
        """Return plain data for `json`."""
        return {"objects": self.objects, "bytes": self.size, "tables": self.tables, "rows": self.rows}


def move_archive(place: ArchiveHome, addresses: tuple[str, ...], progress: Progress = no_progress) -> Moved:
    """Carry ``place`` to ``addresses``: a catalogue's, an object store's, or one of each; then change its settings.

    Raises `CannotMove` for addresses that are unclear or a database that holds another archive; `InUse` where somebody
    else has the archive open; `DamagedStore` where something is missing or would not arrive as it was stored;
    `StoreTrouble`, `CatalogueTrouble`. The settings are as before then.
    """
    catalogue_url, objects_url = _addresses(place, addresses)
    with place.alone():
        return _moved(place, catalogue_url, objects_url, progress)


def _moved(place: ArchiveHome, catalogue_url: str | None, objects_url: str | None, progress: Progress) -> Moved:
    objects, size = 0, 0
    if objects_url is not None:
        target = open_objects(located(objects_url, place.path))
        with place.catalogue() as catalogue, catalogue.read() as tx:
            known = {str(row["key"]): str(row["sha256"]) for row in tx.each("SELECT key, sha256 FROM files")}
        objects, size = carry_objects(place.objects, target, known, progress)
        missing = known.keys() - set(target.keys())
        if missing:
            say = f"{len(missing)} objects are missing here, {min(missing)} among them; the archive was not moved."
            raise DamagedStore(
                say, "Restore them from a backup: hearth archive verify names everything that is damaged."
            )
    tables, rows = 0, 0
    if catalogue_url is not None:
        new = open_catalogue(located(catalogue_url, place.path))
        with new, place.catalogue() as old, old.write() as source:
            tables, rows = carry_tables(source, new, progress)
    set_places(place.config, {"catalogue": catalogue_url, "objects": objects_url})
    return Moved(objects, size, tables, rows)


def _addresses(place: ArchiveHome, addresses: tuple[str, ...]) -> tuple[str | None, str | None]:
    catalogues = [one for one in addresses if one.startswith(CATALOGUES)]
    stores = [one for one in addresses if one.startswith(OBJECTS)]
    if not addresses or len(catalogues) > 1 or len(stores) > 1 or len(catalogues) + len(stores) < len(addresses):
        say = "It is not clear where the archive should be carried to."
        raise CannotMove(say, "Give one database (sqlite:, postgresql://), one object store (folder:, s3://), or both.")
    now = {located(place.settings.catalogue, place.path), located(place.settings.objects, place.path)}
    if any(located(one, place.path) in now for one in addresses):
        raise CannotMove("The archive is there already.", "Give another address.")
    return next(iter(catalogues), None), next(iter(stores), None)


def carry_objects(source: Objects, target: Objects, known: dict[str, str], progress: Progress) -> tuple[int, int]:
    """Copy what is missing and compare everything; returns objects and bytes."""
    keys = list(source.keys())
    size = 0
    for number, key in enumerate(keys):
        progress("objects", number, len(keys))
        try:
            there = source.size(key)
            sha256 = known.get(key) or digest_of_object(source, key)
            if not _arrived(target, key, there, sha256):
                _copy(source, target, key, sha256)
        except NoSuchObject:
            # Gone while we carried, by a program on another machine: it must not stay in the new place either.
            target.delete(key)
            continue
        size += there
    for key in [key for key in target.keys() if not source.exists(key)]:  # noqa: SIM118 (a store is no mapping)
        target.delete(key)
    progress("objects", len(keys), len(keys))
    return len(keys), size


def _arrived(target: Objects, key: str, size: int, sha256: str) -> bool:
    try:
        return target.size(key) == size and digest_of_object(target, key) == sha256
    except NoSuchObject:
        return False


def _copy(source: Objects, target: Objects, key: str, sha256: str) -> None:
    """Copy one object and read it back in its new place."""
    with source.open(key) as stream:
        told: Any = Hashing(stream)
        stored = target.put(key, told)
    if stored.sha256 != sha256:
        say = f"The object {key} is not what was stored, so nothing was carried away."
        raise DamagedStore(say, "Restore it from a backup: hearth archive verify names everything that is damaged.")
    if digest_of_object(target, key) != sha256:
        raise DamagedStore(
            f"The object {key} did not arrive as it was sent.", "Start again; if it stays so, look there."
        )


def digest_of_object(objects: Objects, key: str) -> str:
    """Return the SHA-256 of an object, read in full. Raises `NoSuchObject`, `StoreTrouble`."""
    digest = hashlib.sha256()
    with objects.open(key) as source:
        while block := source.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def carry_tables(source: Tx, new: Catalogue, progress: Progress) -> tuple[int, int]:
    """Copy every table in one transaction and compare; returns tables and rows. Finished before: only compared.

    Raises `CannotMove` where ``new`` holds something else.
    """
    with new.write() as target:
        tables = tables_of(source, whole=True)
        there = {table.name: table for table in tables_of(target, whole=True)}
        if is_empty(target) and not _same(source, target):
            target.run("DELETE FROM meta")
            for number, table in enumerate(tables):
                progress(f"table {table.name}", number, len(tables))
                put_rows(target, there[table.name], (tuple(row) for row in rows_of(source, table)))
            index_all(target)
        rows = 0
        for table in tables:
            progress(f"compare {table.name}", 0, 0)
            mine, theirs = digest_of(source, table), digest_of(target, there[table.name])
            if mine != theirs:
                say = f"The table {table.name} in the new place is another one ({theirs[0]} rows instead of {mine[0]})."
                raise CannotMove(say, "Give an empty database; nothing was changed in it.")
            rows += mine[0]
    return len(tables), rows


def _same(source: Tx, target: Tx) -> bool:
    """Whether an archive without any story was carried over before."""
    return all(digest_of(source, table) == digest_of(target, table) for table in tables_of(source, whole=True))


def set_places(config: Path, values: dict[str, str | None]) -> None:
    """Write where catalogue and objects lie into the settings, leaving every other line as it stands."""
    text = config.read_text(encoding="utf-8")
    for name, value in values.items():
        if value is None:
            continue
        if "'" in value or "\n" in value:
            raise CannotMove(f"The address {value} cannot be written into the settings.", "Leave out the quotes in it.")
        lines = [line for line in text.splitlines() if not re.match(rf"{name}\s*=", line)]
        lines.insert(lines.index("[archive]") + 1 if "[archive]" in lines else len(lines), f"{name} = '{value}'")
        text = "\n".join(lines) + "\n"
    write_file(config, text.encode(), mode=0o600)
    settings = read_settings(config)
    wrong = [name for name, value in values.items() if value is not None and getattr(settings, name) != value]
    if wrong:
        say = f"Everything was carried over, but the settings in {config} could not be changed."
        raise CannotMove(say, "Write by hand: " + ", ".join(f"{name} = '{values[name]}'" for name in wrong))
