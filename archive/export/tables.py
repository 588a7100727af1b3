"""Every table of a catalogue as plain rows, found in the database's own schema: nobody has to list theirs here.

Tables that are made from others (the search index) are left out because they are no plain tables; those that never
leave an archive are named in `NEVER`, single columns in `SECRET`. Rows come parents first, in the order of their
primary keys, so that the same archive gives the same lines from either database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from archive.catalogue import Tx
from archive.catalogue.index import index_words
from archive.catalogue.migration import Dialect
from archive.catalogue.port import Value
from archive.errors import ArchiveError

NEVER: Final[Mapping[str, str]] = {
    "migrations": "says how this very database was made; the next one knows for itself",
    "people_codes": "opens a door of this archive once",
    "people_sessions": "whoever is signed in here is not signed in elsewhere",
    "people_tries": "slows down guessing at this very door",
    "said": "the search index, made again from the passages",
    "arriving": "what is being taken in at this very moment",
    "leavings": "what is still to be removed here, and is not carried away",
}
"""Tables that go nowhere, whichever way an archive travels, and why."""
OWN: Final[Mapping[str, str]] = {
    "meta": "names this archive's keys; another archive has its own",
    "box_feeds": "was signed with this archive's key",
    "loans": "was wrapped for one box of this archive, and is made again",
    "releases": "offers programs, whose bundles are no part of a collection",
    "box_rings": "says which of this archive's boxes try a release first",
    "partner_stories": "was wrapped for this archive's key, and comes again with the next exchange",
    "partner_cues": "puts a partner's voice on a box's button, and the voice comes again with the next exchange",
    "partner_loans": "was wrapped for one box of this archive, and is made again",
    "partner_ended": "says which of this archive's boxes still hold a partner's voice",
    "partner_fetched": "names sealed blobs that wait for the rest of a partner's bundle, and come again",
    "partner_volumes": "says how far this very archive has read what partners sent",
    "partner_texts": "comes again with the next exchange",
    "exports": "names folders on this archive's own disks",
    "exported": "says what lies in folders this archive wrote",
    "turn_jobs": "is work this machine has not done yet, and is asked for again elsewhere",
    "vectors": "is computed anew from the words, by the model the next archive has",
    "read_stories": "says which words those vectors were computed from",
    "medley_renditions": "holds words of voices together, and is made again from the excerpts",
    "medley_voices": "tells of a rendition that is made again",
}
"""Tables that stay with the archive: not in plain files, but they go along when it moves."""
SECRET: Final[Mapping[tuple[str, str], str]] = {
    ("people", "password"): "a password is set anew at another archive",
    ("boxes", "credential"): "a box is let in anew by another archive",
    ("partners", "credential"): "a partner is let in anew by another archive",
    ("partners", "secret"): "opens a partner's door to this archive alone",
}
"""Columns that stay empty in plain files; only `archive.export.moving` carries them, for it is the same archive."""


class BadExport(ArchiveError):
    """What should be read back is incomplete, altered, or not made by `hearth archive export`."""

    code = "bad-export"


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns in order, its primary key, and which columns refer to which table's key."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    refers: tuple[tuple[str, str], ...]
    counted: str = ""
    """The column whose numbers the database gives itself, if there is one."""

    @property
    def story_column(self) -> str:
        """The column that names the story a row belongs to; empty where rows belong to none."""
        if self.name == "stories":
            return "id"
        return next((column for column, parent in self.refers if parent == "stories"), "")


def tables_of(tx: Tx, *, whole: bool = False) -> list[Table]:
    """Every table that may travel, parents before what refers to them; with ``whole`` also those of `OWN`."""
    found = _sqlite(tx) if tx.dialect is Dialect.SQLITE else _postgres(tx)
    stay = {*NEVER, *(() if whole else OWN)}
    left = {table.name: table for table in sorted(found, key=lambda table: table.name) if table.name not in stay}
    ordered: list[Table] = []
    while left:
        free = [t for t in left.values() if not any(parent in left and parent != t.name for _, parent in t.refers)]
        if not free:
            raise BadExport(f"These tables refer to each other in a circle: {', '.join(left)}.")
        ordered += free
        for table in free:
            del left[table.name]
    return ordered


def rows_of(tx: Tx, table: Table) -> Iterator[tuple[Value, ...]]:
    """Go over the rows of ``table`` in the order of its key, by bytes on both databases."""
    order = ", ".join(f'"{column}"' for column in table.key or table.columns)
    for row in tx.each(f'SELECT {_names(table.columns)} FROM "{table.name}" ORDER BY {order}'):  # noqa: S608 (the database's own names)
        yield tuple(row)


def put_rows(tx: Tx, table: Table, rows: Iterable[tuple[Value, ...]]) -> int:
    """Add rows as `rows_of` gave them; returns how many. Call inside one write transaction for all tables."""
    counts = [0]

    def counted() -> Iterator[tuple[Value, ...]]:
        for row in rows:
            counts[0] += 1
            yield row

    marks = ", ".join("?" * len(table.columns))
    tx.many(f'INSERT INTO "{table.name}" ({_names(table.columns)}) VALUES ({marks})', counted())  # noqa: S608
    if table.counted and counts[0] and tx.dialect is Dialect.POSTGRES:
        # SQLite goes on from the largest number by itself.
        tx.one(
            f'SELECT setval(pg_get_serial_sequence(?, ?), (SELECT max("{table.counted}") FROM "{table.name}"))',  # noqa: S608
            table.name, table.counted,
        )  # fmt: skip
    return counts[0]


def to_line(table: Table, row: tuple[Value, ...]) -> str:
    """Write a row as one line of JSON; bytes as ``{"bytes": hexadecimal}``."""
    plain = {
        name: {"bytes": value.hex()} if isinstance(value, bytes | memoryview) else value
        for name, value in zip(table.columns, row, strict=True)
    }
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


def from_line(table: Table, line: str) -> tuple[Value, ...]:
    """Read a line of `to_line`. A column the line does not know becomes None. Raises `BadExport`."""
    try:
        plain = json.loads(line)
        if set(plain) <= set(table.columns):
            return tuple(_value(plain.get(column)) for column in table.columns)
        error: Exception = KeyError(table.name)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
        error = wrong
    say = f"A line of the table {table.name} cannot be read."
    raise BadExport(say, "Make the export again, or install the version it was made with.") from error


def digest_of(tx: Tx, table: Table) -> tuple[int, str]:
    """How many rows ``table`` has, and the SHA-256 over all of its lines: equal on two databases with equal rows."""
    digest, count = hashlib.sha256(), 0
    for row in rows_of(tx, table):
        digest.update(to_line(table, row).encode())
        count += 1
    return count, digest.hexdigest()


def index_all(tx: Tx) -> None:
    """Make the search index of every story from its passages; belongs in the transaction that put them there."""
    for row in tx.all("SELECT id FROM stories ORDER BY id"):
        index_words(tx, row["id"])


def is_empty(tx: Tx) -> bool:
    """Whether nothing was ever received here: no story, no tombstone, and neither a box nor a person is known."""
    tables = ("stories", "tombstones", "boxes", "people")
    return not any(tx.one(f"SELECT 1 FROM {table} LIMIT 1") for table in tables)  # noqa: S608


def _value(value: Any) -> Value:
    if isinstance(value, dict):
        return bytes.fromhex(value["bytes"])
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _sqlite(tx: Tx) -> list[Table]:
    # Virtual tables and their shadows are the search index: made again from the passages.
    names = [row["name"] for row in tx.all("SELECT name, type FROM pragma_table_list WHERE schema = 'main'")
             if row["type"] == "table" and not row["name"].startswith("sqlite_")]  # fmt: skip
    tables = []
    for name in names:
        columns = tx.all("SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", name)
        keyed = sorted((row["pk"], row["name"]) for row in columns if row["pk"])
        refers = tx.all('SELECT "from", "table" FROM pragma_foreign_key_list(?) ORDER BY id, seq', name)
        made = tx.one("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", name)
        counted = made is not None and "AUTOINCREMENT" in made["sql"].upper()
        tables.append(
            Table(
                name, tuple(row["name"] for row in columns), tuple(column for _, column in keyed),
                tuple((row[0], row[1]) for row in refers), keyed[0][1] if counted else "",
            )
        )  # fmt: skip
    return tables


def _postgres(tx: Tx) -> list[Table]:
    columns = tx.all(
        "SELECT c.table_name, c.column_name, c.is_identity, c.is_generated FROM information_schema.columns c "
        "JOIN information_schema.tables t USING (table_schema, table_name) "
        "WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' ORDER BY 1, c.ordinal_position"
    )
    keys = tx.all(
        "SELECT k.table_name, k.column_name, r.constraint_type, o.relname AS parent "
        "FROM information_schema.key_column_usage k "
        "JOIN information_schema.table_constraints r USING (constraint_schema, constraint_name) "
        "JOIN pg_constraint p ON p.conname = k.constraint_name AND p.connamespace = k.constraint_schema::regnamespace "
        "AND p.conrelid = (quote_ident(k.table_schema) || '.' || quote_ident(k.table_name))::regclass "
        "LEFT JOIN pg_class o ON o.oid = p.confrelid "
        "WHERE k.constraint_schema = current_schema() ORDER BY k.table_name, k.constraint_name, k.ordinal_position"
    )
    tables = []
    for name in dict.fromkeys(row["table_name"] for row in columns):
        own = [row for row in columns if row["table_name"] == name and row["is_generated"] != "ALWAYS"]
        of_key = [row for row in keys if row["table_name"] == name]
        tables.append(
            Table(
                name, tuple(row["column_name"] for row in own),
                tuple(row["column_name"] for row in of_key if row["constraint_type"] == "PRIMARY KEY"),
                tuple((row["column_name"], row["parent"]) for row in of_key if row["constraint_type"] == "FOREIGN KEY"),
                next((row["column_name"] for row in own if row["is_identity"] == "YES"), ""),
            )
        )  # fmt: skip
    return tables
