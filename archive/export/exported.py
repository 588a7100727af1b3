"""Folders that were exported, kept to what tellers say afterwards: what is taken back goes from them as well.

An export is noted with its folder and its stories. Once a story was taken back, it is removed from every such folder
that can be reached, with its rows and with a tombstone in its place, so that the folder can still be read back. Where
the folder is not there (a disk in a drawer), the teller's receipt goes on saying that a copy remains, and it is looked
for again. A copy of such a folder is known to nobody: its README tells its people what they have to do.
"""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final

from archive.catalogue import Tx
from archive.catalogue.changes import stamp
from archive.durable import PART, move, remove, write_file
from archive.errors import ArchiveError
from archive.export.plain import INDEX, kept_rows, stone_json
from archive.export.tables import OWN, Table, from_line, tables_of, to_line
from archive.server.oneatatime import one_at_a_time
from archive.server.place import ArchiveHome

EVERY_S: Final = 60.0
_SHEETS: Final = ("omeka.csv", "archivesspace.csv", "cue-sheets.csv")
_DUE: Final = (
    "SELECT e.id, e.folder, d.story FROM exports e JOIN exported d ON d.export = e.id WHERE d.gone_at IS NULL "
    "AND d.story IN (SELECT id FROM tombstones) AND d.story NOT IN (SELECT id FROM stories) ORDER BY e.id, d.story"
)
_log = logging.getLogger(__name__)


def clean_exports(place: ArchiveHome) -> int:
    """Remove what was taken back from every exported folder that is there; returns how many copies went.

    Raises `BadExport` where a folder was altered so that it cannot be read, `CatalogueTrouble`, `OSError`: what could
    not be removed is tried again the next time.
    """
    gone = 0
    with one_at_a_time(place.work, "exports"):
        with place.catalogue() as catalogue, catalogue.read() as tx:
            due: dict[tuple[str, Path], set[str]] = {}
            for row in tx.all(_DUE):
                due.setdefault((str(row["id"]), Path(row["folder"])), set()).add(str(row["story"]))
            tables = {table.name: table for table in tables_of(tx)} if due else {}
        for (ident, folder), stories in due.items():
            index = _index(folder, ident)
            if index is None:
                continue
            with place.catalogue() as catalogue, catalogue.read() as tx:
                _clean(tx, folder, index, tables, stories)
            with place.catalogue() as catalogue, catalogue.write() as tx:
                for story in sorted(stories):
                    tx.run(
                        "UPDATE exported SET gone_at = ? WHERE export = ? AND story = ?",
                        stamp(place.now()), ident, story,
                    )  # fmt: skip
            gone += len(stories)
    return gone


def keep_exports_clean(place: ArchiveHome, stop: threading.Event, every: float = EVERY_S) -> None:
    """Do so every ``every`` seconds, until ``stop`` is set."""
    while not stop.wait(every):
        for line in left_in_exports(place):
            _log.warning("%s", line)


def left_in_exports(place: ArchiveHome) -> list[str]:
    """Clean the exports; returns a sentence where something could not be removed, to be tried again the next time."""
    try:
        clean_exports(place)
    except (ArchiveError, OSError) as error:
        return [f"What was taken back still lies in an export: {error}"]
    return []


def _index(folder: Path, ident: str) -> dict[str, Any] | None:
    """The index of the export ``ident``, None where it does not lie in ``folder`` now."""
    try:
        plain: dict[str, Any] = json.loads((folder / INDEX).read_bytes())
        return plain if plain.get("id") == ident else None
    except (OSError, ValueError, AttributeError):
        return None


def _clean(tx: Tx, folder: Path, index: dict[str, Any], tables: dict[str, Table], stories: set[str]) -> None:
    """Killed anywhere, the next call finishes it: the index, which makes the folder whole, is written last."""
    for story in sorted(stories):
        remove(folder / "bags" / story)
        remove(folder / "stories" / story)
    for name in _SHEETS:
        _without(folder / name, stories)
    marks = ", ".join("?" * len(stories))
    stones = tx.all(f"SELECT * FROM tombstones WHERE id IN ({marks}) ORDER BY id", *sorted(stories))  # noqa: S608
    (folder / "tombstones").mkdir(exist_ok=True)
    for row in stones:
        write_file(folder / "tombstones" / f"{row['id']}.json", stone_json(row).encode())
    for name in OWN.keys() & index["tables"].keys():
        # An earlier version wrote it, in columns of then: what is made anew everywhere is not worth reading for that.
        remove(folder / "tables" / f"{name}.jsonl")
        del index["tables"][name]
    dropped: dict[str, set[Any]] = {}
    for name, table in tables.items():
        if name not in index["tables"]:
            continue
        more = [tuple(row[column] for column in table.columns) for row in stones] if name == "tombstones" else []
        index["tables"][name] |= _rewritten(folder / "tables" / f"{name}.jsonl", table, stories, dropped, more)
    index["stories"] = index["tables"]["stories"]["rows"]
    write_file(folder / INDEX, (json.dumps(index, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode())


def _rewritten(
    path: Path, table: Table, stories: set[str], dropped: dict[str, set[Any]], more: Iterable[tuple[Any, ...]]
) -> dict[str, Any]:
    """Write a table anew without the rows of ``stories``, with ``more`` at its end; returns its line of the index."""
    digest, count = hashlib.sha256(), 0
    with path.open(encoding="utf-8", newline="\n") as source, _anew(path) as out:
        there = (from_line(table, line) for line in source)
        fresh = set(more)
        rows = (row for row in there if row not in fresh)
        for row in chain(kept_rows(table, rows, dropped, dict.fromkeys(stories, "")), sorted(fresh)):
            line = to_line(table, row)
            out.write(line)
            digest.update(line.encode())
            count += 1
    return {"rows": count, "sha256": digest.hexdigest(), "columns": table.columns}


def _without(path: Path, stories: set[str]) -> None:
    """Write a sheet anew without the rows that name one of ``stories``."""
    with path.open(encoding="utf-8", newline="") as source, _anew(path) as out:
        keep: Callable[[list[str]], bool] = lambda row: not any(story in cell for story in stories for cell in row)  # noqa: E731
        csv.writer(out).writerows(row for row in csv.reader(source) if keep(row))


@contextmanager
def _anew(path: Path) -> Iterator[IO[str]]:
    """Give a file to write, which takes the place of ``path`` when the block was left well."""
    part = path.with_name(path.name + PART)
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            yield out
        move(part, path)
    finally:
        remove(part)
