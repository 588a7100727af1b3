"""Reading plain files back into an empty archive: the same identifiers, digests, consents and cue sheets.

Everything is checked before anything is stored: digests of tables, every bag in full, consent records against the
rows. Objects are stored first and the rows last, in one transaction; before that nothing is there, and the same call
again finishes what a kill cut off.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archive.bag import PAYLOAD, TAGS, is_bag_id
from archive.bagcheck import CheckedBag, check_bag
from archive.catalogue import Tx
from archive.catalogue.changes import note_change
from archive.catalogue.consents import read_stored
from archive.consentrecord import links
from archive.errors import BadBag
from archive.export.plain import FORMAT, INDEX, VERSION, Progress, no_progress
from archive.export.tables import OWN, BadExport, Table, from_line, index_all, is_empty, put_rows, tables_of
from archive.objects import Objects
from archive.patterns.dropping import BRIDGES
from archive.server.place import ArchiveHome

_PATHS = frozenset({*PAYLOAD, *TAGS})
_SHA256 = re.compile(r"[0-9a-f]{64}")
_AGAIN = "Make the export again, or fetch it again from where it was kept. Nothing was taken in."


@dataclass(frozen=True, slots=True)
class Imported:
    """What was read back: how many stories and rows, and bytes of bags."""

    stories: int
    rows: int
    size: int

    def to_json(self) -> dict[str, int]:
        """Return plain data for `json`."""
        return {"stories": self.stories, "rows": self.rows, "bytes": self.size}


def read_back(place: ArchiveHome, source: Path, who: str, progress: Progress = no_progress) -> Imported:
    """Read the folder ``source``, made by `archive.export.plain.export`, into ``place``, which has to be empty.

    Raises `BadExport` where it is not empty, or ``source`` is incomplete, altered or of a later version; `BadBag` for
    a bag that fails its check. Nothing is taken in then.
    """
    index = _index(source)
    with place.catalogue() as catalogue, catalogue.read() as tx:
        tables = {table.name: table for table in tables_of(tx)}
        if not is_empty(tx):
            say = "This archive is not empty: it knows stories, boxes or people already."
            raise BadExport(say, "Read plain files back into a new folder, before anybody comes in: --home NEW.")
    _check_tables(source, index, tables)
    files = [from_line(tables["files"], line) for line in _lines(source, "files")]
    _check_bags(place, source, tables, progress)
    size = _put_objects(place.objects, source, tables["files"], files, progress)
    if "medley_items" in index["tables"]:
        _put_bridges(place.objects, source, tables["medley_items"])
    with place.catalogue() as catalogue, catalogue.write() as tx:
        if not is_empty(tx):
            raise BadExport("Something came into this archive meanwhile.", "Read back into a new folder.")
        rows = 0
        for table in tables_of(tx):
            if table.name in index["tables"]:
                progress(f"table {table.name}", 0, 0)
                rows += put_rows(tx, table, (from_line(table, line) for line in _lines(source, table.name)))
        _check_consents(tx)
        index_all(tx)
        note_change(tx, who, "imported", "", json.dumps({"rows": rows}), place.now())
        stories = _count(tx)
    _put_texts(place, source)
    return Imported(stories, rows, size)


def _index(source: Path) -> dict[str, Any]:
    try:
        index = json.loads((source / INDEX).read_bytes())
        known = index["format"] == FORMAT and isinstance(index["tables"], dict)
        version = int(index["version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        say = f"{source} holds no complete export of an archive: {INDEX} is missing or cannot be read."
        raise BadExport(say, _AGAIN) from error
    if not known or version > VERSION:
        raise BadExport(f"{source} was made by a later version than this one.", "Install that version first.")
    return dict(index)


def _check_tables(source: Path, index: dict[str, Any], tables: dict[str, Table]) -> None:
    for name, told in index["tables"].items():
        if name in OWN:
            continue  # an earlier version wrote it; it is made anew here
        if name not in tables or set(told["columns"]) - set(tables[name].columns):
            raise BadExport(f"The export holds a table this version does not know: {name}.", "Install a later version.")
        digest, count = hashlib.sha256(), 0
        for line in _lines(source, name):
            digest.update(line.encode())
            count += 1
        if (count, digest.hexdigest()) != (told["rows"], told["sha256"]):
            raise BadExport(f"The table {name} of this export was altered or is incomplete.", _AGAIN)


def _check_bags(place: ArchiveHome, source: Path, tables: dict[str, Table], progress: Progress) -> None:
    """Check every bag in full, and that rows and bags tell of the same stories, consents and digests."""
    stories = tables["stories"]
    told = {row[0]: row for row in (_named(stories, line, "id", "bag_sha256") for line in _lines(source, "stories"))}
    heads: dict[str, list[str]] = {}
    for line in _lines(source, "consents"):
        story, link = _named(tables["consents"], line, "story", "link")
        heads.setdefault(story, []).append(link)
    for number, (story, (_, sha256)) in enumerate(told.items()):
        progress("bags", number, len(told))
        if not is_bag_id(story):
            raise BadExport("The export names a story by something that is no identifier.", _AGAIN)
        checked = _checked(source / "bags" / story, place)
        if checked.sha256 != sha256 or list(checked.consent.links) != heads.get(story):
            raise BadExport(f"The bag of story {story} is not the one its rows tell of.", _AGAIN)


def _checked(folder: Path, place: ArchiveHome) -> CheckedBag:
    try:
        return check_bag(folder, place.now())
    except BadBag as error:
        raise BadExport(f"The bag of story {folder.name} fails its check: {error.say}", _AGAIN) from error


def _check_consents(tx: Tx) -> None:
    """Work the chain of every consent record out again: a line that says something else has another link."""
    for row in tx.all("SELECT id FROM stories ORDER BY id"):
        record = read_stored(tx, row["id"])
        if record is None or links(record.events) != record.links:
            raise BadExport(f"The consent record of story {row['id']} was altered.", _AGAIN)


def _put_objects(objects: Objects, source: Path, table: Table, files: list[tuple[Any, ...]], progress: Progress) -> int:
    at = {name: number for number, name in enumerate(table.columns)}
    size = 0
    for number, row in enumerate(files):
        progress("objects", number, len(files))
        story, path, key, sha256 = (row[at[name]] for name in ("story", "path", "key", "sha256"))
        if path not in _PATHS:
            raise BadExport(f"A row names a file no bag has, for story {story}.", _AGAIN)
        # The bag was checked: these files are plain ones in it.
        with (source / "bags" / str(story) / str(path)).open("rb") as stream:
            stored = objects.put(str(key), stream)
        if stored.sha256 != sha256:
            raise BadExport(f"A file of story {story} is not the one its row tells of.", _AGAIN)
        size += stored.size
    return size


def _put_bridges(objects: Objects, source: Path, table: Table) -> None:
    """Take in the recorded bridges that are there; those of medleys that were ended, and of older exports, are not."""
    for sha256 in sorted({sound for line in _lines(source, table.name) for (sound,) in [_named(table, line, "sound")]}):
        path = source / BRIDGES / sha256
        if not _SHA256.fullmatch(sha256) or path.is_symlink() or not path.is_file():
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise BadExport(f"The recording {path.name} for a medley was altered.", _AGAIN)
        with path.open("rb") as stream:
            objects.put(f"{BRIDGES}{sha256}", stream)


def _put_texts(place: ArchiveHome, source: Path) -> None:
    for path in sorted((source / "texts").rglob("*")):
        target = place.texts / path.relative_to(source / "texts")
        if path.is_file() and not path.is_symlink() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())


def _lines(source: Path, name: str) -> Iterator[str]:
    """Give the lines of a table one by one; a missing one is an altered export."""
    try:
        with (source / "tables" / f"{name}.jsonl").open(encoding="utf-8", newline="\n") as file:
            yield from file
    except (OSError, UnicodeDecodeError) as error:
        raise BadExport(f"The table {name} of this export cannot be read.", _AGAIN) from error


def _named(table: Table, line: str, *names: str) -> tuple[str, ...]:
    row = dict(zip(table.columns, from_line(table, line), strict=True))
    return tuple(str(row[name]) for name in names)


def _count(tx: Tx) -> int:
    row = tx.one("SELECT COUNT(*) AS held FROM stories")
    return int(row["held"]) if row else 0
