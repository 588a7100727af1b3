"""What analysts count with: stories, words, codes and coded spans as CSV, as Parquet, or as a read-only database.

Only stories that may leave (`Reader.EXPORT`, asked for each, and once more when all is written) are in it, with their
words as they stand now: passage by passage, a scholar's copy. The words of a coded span stand there as a quote stands
by itself, and so only where their teller allows being quoted in writing and a person checked them. The database is a
copy for Datasette: what somebody does to it reaches nobody's archive.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from archive.catalogue import Tx
from archive.catalogue.consents import asks
from archive.errors import ArchiveError
from archive.export.cells import csv_text
from archive.export.telling import read_tellings
from archive.patterns.codebook import codes_of
from archive.patterns.highlights import all_highlights, words_between, words_checked
from archive.patterns.leaving import write_to_leave
from archive.server.place import ArchiveHome
from archive.types import Reader

Value = str | int
DATABASE: Final = "archive.db"
METADATA: Final = "metadata.json"
_COLUMNS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "stories": (
        ("story", "VARCHAR"), ("site", "VARCHAR"), ("recorded_at", "VARCHAR"), ("language", "VARCHAR"),
        ("kind", "VARCHAR"), ("prompt", "VARCHAR"), ("prompt_text", "VARCHAR"), ("length_ms", "BIGINT"),
        ("voice", "BIGINT"), ("checked", "BIGINT"),
    ),
    "passages": (
        ("story", "VARCHAR"), ("number", "BIGINT"), ("start_ms", "BIGINT"), ("end_ms", "BIGINT"),
        ("text", "VARCHAR"), ("written_by", "VARCHAR"), ("checked_by", "VARCHAR"),
    ),
    "codes": (
        ("code", "VARCHAR"), ("codebook", "VARCHAR"), ("name", "VARCHAR"), ("level", "VARCHAR"),
        ("definition", "VARCHAR"), ("parent", "VARCHAR"),
    ),
    "codings": (
        ("highlight", "VARCHAR"), ("story", "VARCHAR"), ("start_ms", "BIGINT"), ("end_ms", "BIGINT"),
        ("code", "VARCHAR"), ("name", "VARCHAR"), ("coder", "VARCHAR"), ("at", "VARCHAR"), ("text", "VARCHAR"),
    ),
}  # fmt: skip


class BadTables(ArchiveError):
    """Tables that cannot be written there."""

    code = "bad-tables"


class Form(StrEnum):
    """How tables are written."""

    CSV = "csv"
    PARQUET = "parquet"
    DATASETTE = "datasette"


@dataclass(frozen=True, slots=True)
class Written:
    """Which files were written, and how many rows each table has."""

    files: tuple[str, ...]
    rows: Mapping[str, int]


def write_tables(place: ArchiveHome, folder: Path, form: Form) -> Written:
    """Write every table into the new folder ``folder``, whole or not at all.

    Raises `BadTables`, `archive.patterns.leaving.Narrowed`, `OSError`.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadTables(f"{folder} is there already.", "Name a folder that is not there yet.")

    def written(tx: Tx, part: Path, now: datetime) -> Written:
        tables = rows_of(tx, now)
        part.mkdir(mode=0o700, parents=True)
        _WRITERS[form](part, tables)
        files = tuple(sorted(path.name for path in part.iterdir()))
        return Written(files, {name: len(rows) for name, rows in tables.items()})

    return write_to_leave(place, folder, written)


def rows_of(tx: Tx, now: datetime) -> dict[str, list[tuple[Value, ...]]]:
    """Every row that may leave now, by table; columns as `_COLUMNS` names them."""
    wanted = [str(row["id"]) for row in tx.all("SELECT id FROM stories ORDER BY id")]
    tellings = read_tellings(tx, wanted, Reader.EXPORT, now)
    codes = codes_of(tx)
    names = {code.id: code.name for code in codes}
    tables: dict[str, list[tuple[Value, ...]]] = {name: [] for name in _COLUMNS}
    for one in tellings.values():
        at = one.recorded_at.isoformat()
        plain = (one.id, one.site, at, one.language, one.kind.value, one.prompt, one.prompt_text)
        tables["stories"].append((*plain, int(one.length), int(one.voice), int(one.checked)))
        tables["passages"] += [
            (one.id, part.number, part.start, part.end, part.text, part.by, part.checked_by or "")
            for part in one.passages
        ]
    for code in codes:
        tables["codes"].append((code.id, code.codebook, code.name, code.level.value, code.definition, code.parent))
    quoted = asks(tx, tellings, Reader.QUOTE, now)
    for mark in all_highlights(tx, tellings):
        passages, text = tellings[mark.story].passages, ""
        if quoted[mark.story].allowed and words_checked(passages, mark.start, mark.end):
            text = words_between(passages, mark.start, mark.end)
        for ident in mark.codes or ("",):
            span = (mark.id, mark.story, mark.start, mark.end)
            tables["codings"].append((*span, ident, names.get(ident, ""), mark.who, mark.at, text))
    return tables


def _csv(folder: Path, tables: Mapping[str, Iterable[tuple[Value, ...]]]) -> None:
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            file.write(csv_text([[column for column, _ in _COLUMNS[name]], *rows]))


def _parquet(folder: Path, tables: Mapping[str, list[tuple[Value, ...]]]) -> None:
    import duckdb  # thirty megabytes that nothing else needs

    with duckdb.connect(":memory:") as db:
        for name, rows in tables.items():
            columns = ", ".join(f'"{column}" {kind}' for column, kind in _COLUMNS[name])
            db.execute(f'CREATE TABLE "{name}" ({columns})')
            if rows:
                marks = ", ".join("?" * len(_COLUMNS[name]))
                db.executemany(f'INSERT INTO "{name}" VALUES ({marks})', rows)  # noqa: S608 - our own names
            db.table(name).write_parquet(str(folder / f"{name}.parquet"))


def _datasette(folder: Path, tables: Mapping[str, list[tuple[Value, ...]]]) -> None:
    path = folder / DATABASE
    with sqlite3.connect(path) as db:
        for name, rows in tables.items():
            columns = ", ".join(
                f'"{column}" {"INTEGER" if kind == "BIGINT" else "TEXT"}' for column, kind in _COLUMNS[name]
            )
            db.execute(f'CREATE TABLE "{name}" ({columns})')
            marks = ", ".join("?" * len(_COLUMNS[name]))
            db.executemany(f'INSERT INTO "{name}" VALUES ({marks})', rows)  # noqa: S608 - our own names
    db.close()
    path.chmod(0o400)
    told = {
        "title": "A copy of what tellers allow to leave",
        "description": "Read-only, made for counting. People may take back what they allowed: make it anew each time.",
        "license": "Nobody may train machines with any of it.",
    }
    (folder / METADATA).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


_WRITERS = {Form.CSV: _csv, Form.PARQUET: _parquet, Form.DATASETTE: _datasette}
