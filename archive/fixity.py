"""Sums of sealed bytes: so that a file nobody here can open any more can still be checked.

A sum is taken when the box has just proved what it wrote, and says nothing about what is inside.
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from audio.types import TakeId

MASTER = "master.flac"
RAW = "master.take"
WORDS = "words/"
"""Sums of sealed words begin so; the number of the segment follows."""
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Sum:
    """SHA-256 and size of one sealed file or blob as it was when it was proved."""

    size: int
    sha256: str


def words_name(segment: int) -> str:
    """Name the sealed words of a segment among a take's sums."""
    return f"{WORDS}{segment}"


def second_name(segment: int) -> str:
    """Name what another model heard in a segment among a take's sums."""
    return f"second/{segment}"


def sum_of_file(path: Path) -> Sum:
    """Read ``path`` whole. Raises `OSError`."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while block := file.read(_PIECE):
            digest.update(block)
            size += len(block)
    return Sum(size, digest.hexdigest())


def sum_of_blob(blob: bytes) -> Sum:
    """Sum a blob of the database."""
    return Sum(len(blob), hashlib.sha256(blob).hexdigest())


def drop_sum(conn: sqlite3.Connection, take: TakeId, name: str) -> None:
    """Forget a sum, with the file it is of. Inside a transaction."""
    conn.execute("DELETE FROM fixity WHERE take = ? AND name = ?", (take, name))


def sums_of_words(conn: sqlite3.Connection, take: TakeId) -> list[tuple[str, str]]:
    """Name and SHA-256 of everything sealed that machines wrote down of ``take``, by name."""
    query = "SELECT name, sha256 FROM fixity WHERE take = ? AND name LIKE '%/%' ORDER BY name"
    return [(str(name), str(sha256)) for name, sha256 in conn.execute(query, (take,))]


def put_sum(conn: sqlite3.Connection, take: TakeId, name: str, value: Sum) -> None:
    """Note a sum. Inside a transaction."""
    conn.execute("INSERT OR REPLACE INTO fixity VALUES (?, ?, ?, ?)", (take, name, value.size, value.sha256))


def get_sum(conn: sqlite3.Connection, take: TakeId, name: str) -> Sum | None:
    """Read a sum; None where none was ever taken."""
    row = conn.execute("SELECT size, sha256 FROM fixity WHERE take = ? AND name = ?", (take, name)).fetchone()
    return None if row is None else Sum(int(row[0]), str(row[1]))
