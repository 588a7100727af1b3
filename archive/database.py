"""One connection to the database: durable, short transactions, and a cheap way to notice others' writes."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from archive.ballast import give, is_full
from archive.errors import DamagedStore, HomeTrouble, NewerDatabase
from archive.home import Home
from archive.schema import is_behind, migrate, reader_needed, schema
from audio.clock import Clock

BUSY_MS = 10_000


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant as the box knows it: ``at`` is monotonic seconds of ``boot_id``, ``wall`` may be wrong (UTC)."""

    boot_id: str
    at: float
    wall: datetime
    trusted: bool

    @classmethod
    def now(cls, clock: Clock) -> Moment:
        """Read every clock once."""
        return cls(clock.boot_id, clock.monotonic(), clock.wall(), clock.trusted())


def connect(home: Home) -> Database:
    """Open the database of ``home`` and bring its tables up to date.

    WAL with ``synchronous=FULL``: a transaction that returned is on disk. ``secure_delete`` overwrites what is
    deleted. On a full disk the ballast makes room for its log. Raises `HomeTrouble` (cannot be opened), `NewerDatabase`
    (this program is too old for it) or `DamagedStore` (is not a sound database).
    """
    while True:
        try:
            return _connect(home)
        except HomeTrouble as error:
            # Nobody could take anything back in a database that does not open.
            if not is_full(error, home.path) or not give(home.path):
                raise


def _connect(home: Home) -> Database:
    try:
        # Autocommit: transactions are begun explicitly, never by a statement in passing.
        conn = sqlite3.connect(home.database, timeout=BUSY_MS / 1000, isolation_level=None)
        with _migration_lock(home):
            conn.execute("PRAGMA journal_mode=WAL")
            conn.execute("PRAGMA synchronous=FULL")
            conn.execute("PRAGMA secure_delete=ON")
            conn.execute("PRAGMA foreign_keys=ON")
            conn.execute("PRAGMA temp_store=MEMORY")
            db = Database(conn, execute_plugins=False)
            if reader_needed(db) > schema():
                conn.close()
                raise NewerDatabase(
                    f"The stories in {home.path} were last used by a newer Digital Hearth than this one.",
                    "Install that version or a newer one. Nothing was changed.",
                )
            migrate(db)
    except sqlite3.OperationalError as error:
        raise HomeTrouble(
            f"The database in {home.path} cannot be used: {error}.", "Check the disk: is it there, writable, not full?"
        ) from error
    except sqlite3.DatabaseError as error:
        raise DamagedStore(f"The database in {home.path} is damaged: {error}.", "Restore it from a backup.") from error
    return db


@contextmanager
def transaction(conn: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Hold the write lock for one short change: all of it or nothing, durable when the block was left.

    Raises `HomeTrouble` when the disk is full or refuses, or another process held the lock for too long.
    """
    try:
        conn.execute("BEGIN IMMEDIATE")
        yield conn
        conn.execute("COMMIT")
    except sqlite3.OperationalError as error:
        _roll_back(conn)
        raise HomeTrouble(
            f"The database did not take this: {error}.", "Check the disk: is it full, or may it not be written?"
        ) from error
    except BaseException:  # also a keyboard interrupt must leave no open transaction behind
        _roll_back(conn)
        raise


def _roll_back(conn: sqlite3.Connection) -> None:
    # SQLite may have ended the transaction by itself, as it does when the disk is full.
    if conn.in_transaction:
        conn.execute("ROLLBACK")


def data_version(conn: sqlite3.Connection) -> int:
    """A number that changes when *another* connection has committed; asking takes microseconds."""
    return int(conn.execute("PRAGMA data_version").fetchone()[0])


def checkpoint(conn: sqlite3.Connection) -> bool:
    """Move the write-ahead log into the database and empty its file; False when a reader was in the way."""
    busy, _, _ = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def get_meta(conn: sqlite3.Connection, name: str) -> str | None:
    """Read a setting the box keeps about itself."""
    row = conn.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def set_meta(conn: sqlite3.Connection, name: str, value: str) -> None:
    """Write a setting the box keeps about itself."""
    conn.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
    )


def connect_to_read(home: Home) -> Database:
    """Open the database of a home that may not be written (a read-only disk, a copy on a medium); nothing is changed.

    What a crash left in the write-ahead log is read along where SQLite's index beside it is there, too. Raises
    `HomeTrouble` where it is not, or where the tables are older than this program; `NewerDatabase`; `DamagedStore`.
    """
    log = home.database.with_name(home.database.name + "-wal")
    # Without a log nobody can be writing it: the file system itself forbids that.
    how = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    conn = sqlite3.connect(f"{home.database.as_uri()}?{how}", uri=True, isolation_level=None)
    try:
        conn.execute("PRAGMA query_only=ON")
        conn.execute("PRAGMA temp_store=MEMORY")
        db = Database(conn, execute_plugins=False)
        newer, older = reader_needed(db) > schema(), is_behind(db)
    except sqlite3.OperationalError as error:
        conn.close()
        raise HomeTrouble(
            f"The database in {home.path} was not closed and cannot be read without writing: {error}.",
            "Copy the folder to a disk that may be written, and look there.",
        ) from error
    except sqlite3.DatabaseError as error:
        conn.close()
        raise DamagedStore(f"The database in {home.path} is damaged: {error}.", "Restore it from a backup.") from error
    if newer:
        conn.close()
        raise NewerDatabase(
            f"The stories in {home.path} were last used by a newer Digital Hearth than this one.",
            "Install that version or a newer one. Nothing was changed.",
        )
    if older:
        conn.close()
        raise HomeTrouble(
            f"The tables in {home.path} are older than this program, and may not be written.",
            "Copy the folder to a disk that may be written, and look there.",
        )
    return db


@contextmanager
def _migration_lock(home: Home) -> Iterator[None]:
    """Let one process at a time bring the tables up to date."""
    with (home.path / ".migrating").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
