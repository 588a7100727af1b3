"""The catalogue in one SQLite file: WAL, synced at every commit, deleted bytes overwritten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from archive.catalogue.migration import Dialect
from archive.catalogue.port import Row, Tx, Value
from archive.catalogue.steps import SteppedCatalogue
from archive.errors import ArchiveError, CatalogueTrouble, Clash, DamagedStore

BUSY_MS = 30_000
SCRUB_MS = 1_000
"""So long `scrub` waits for readers: who takes a story back must not stand before somebody's long read."""


class SqliteCatalogue(SteppedCatalogue):
    """See `Catalogue`. Readers never wait; writers queue for at most `BUSY_MS`."""

    dialect = Dialect.SQLITE

    def __init__(self, path: Path) -> None:
        """Open or make the file ``path``. Raises `CatalogueTrouble`, `DamagedStore`."""
        self.path = path
        with _troubles():
            # Lent from thread to thread by a pool, never used by two at once.
            self._conn = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
            self._conn.row_factory = _row
            # Never changed back: a file that is in WAL already needs no lock for this.
            self._conn.execute("PRAGMA journal_mode=WAL")
            for pragma in ("synchronous=FULL", "secure_delete=ON", "foreign_keys=ON", "temp_store=MEMORY"):
                self._conn.execute(f"PRAGMA {pragma}")
        self._migrate()

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """See `Catalogue.write`."""
        with self._transaction("BEGIN IMMEDIATE") as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """See `Catalogue.read`."""
        with self._transaction("BEGIN") as tx:
            self._conn.execute("PRAGMA query_only=ON")
            try:
                yield tx
            finally:
                self._conn.execute("PRAGMA query_only=OFF")

    def scrub(self) -> bool:
        """See `Catalogue.scrub`.

        The full-text index keeps the words of a deleted story until its parts are written anew; and old pages of
        the write-ahead log hold whatever stood in them until the log is emptied.
        """
        with self.write() as tx:
            tx.run("INSERT INTO said_index (said_index) VALUES ('optimize')")
        with _troubles():
            self._conn.execute(f"PRAGMA busy_timeout={SCRUB_MS}")
            try:
                busy, _, _ = self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                self._conn.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        return not busy

    def close(self) -> None:
        """See `Catalogue.close`."""
        self._conn.close()

    def _execute(self, sql: str) -> None:
        self._conn.execute(sql)

    def _tx(self) -> SqliteTx:
        return SqliteTx(self._conn)

    def _in_transaction(self) -> bool:
        # SQLite may have ended the transaction by itself, as it does when the disk is full.
        return self._conn.in_transaction

    def _troubles(self) -> AbstractContextManager[None]:
        return _troubles()

    def _there(self, tx: Tx) -> bool:
        return tx.one("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'") is not None

    def _written(self, statement: str) -> str:
        return f"{statement} STRICT" if statement.lstrip().startswith("CREATE TABLE") else statement


class SqliteTx:
    """See `Tx`."""

    dialect = Dialect.SQLITE

    def __init__(self, conn: sqlite3.Connection) -> None:
        """Speak within the transaction that ``conn`` is in."""
        self._conn = conn

    def run(self, sql: str, *params: Value) -> int:
        """See `Tx.run`."""
        return max(0, self._conn.execute(sql, params).rowcount)

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """See `Tx.many`."""
        self._conn.executemany(sql, rows)

    def all(self, sql: str, *params: Value) -> list[Row]:
        """See `Tx.all`."""
        return self._conn.execute(sql, params).fetchall()

    def one(self, sql: str, *params: Value) -> Row | None:
        """See `Tx.one`."""
        # Fetched to the end: a statement with RETURNING takes effect only when it was run through.
        rows = self._conn.execute(sql, params).fetchall()
        return rows[0] if rows else None

    def each(self, sql: str, *params: Value) -> Iterator[Row]:
        """See `Tx.each`."""
        return iter(self._conn.execute(sql, params))


def _row(cursor: sqlite3.Cursor, values: tuple[object, ...]) -> Row:
    return Row({column[0]: place for place, column in enumerate(cursor.description)}, values)


@contextmanager
def _troubles() -> Iterator[None]:
    """Say what the database says in a sentence."""
    try:
        yield
    except ArchiveError:
        raise
    except sqlite3.IntegrityError as error:
        raise Clash(
            f"The archive's database refused this: {error}.", "Look again: somebody else was faster."
        ) from error
    except (sqlite3.OperationalError, sqlite3.ProgrammingError) as error:
        raise CatalogueTrouble(
            f"The archive's database did not take this: {error}.",
            "Check the disk: is it there, writable, and not full?",
        ) from error
    except sqlite3.DatabaseError as error:
        raise DamagedStore(f"The archive's database is damaged: {error}.", "Restore it from a backup.") from error
