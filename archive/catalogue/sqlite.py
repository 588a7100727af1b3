"""The catalogue in one SQLite file: WAL, synced at every commit, deleted bytes overwritten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from archive.catalogue.migration import Dialect
from archive.catalogue.port import Catalogue, Row, Tx, Value
from archive.catalogue.schema import MIGRATIONS
from archive.errors import ArchiveError, CatalogueTrouble, Clash, DamagedStore

BUSY_MS = 30_000
_APPLIED = "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, place INTEGER NOT NULL) STRICT"


class SqliteCatalogue(Catalogue):
    """See `Catalogue`. Readers never wait; writers queue for at most `BUSY_MS`."""

    dialect = Dialect.SQLITE

    def __init__(self, path: Path) -> None:
        """Open or make the file ``path``. Raises `CatalogueTrouble`, `DamagedStore`."""
        self.path = path
        self._busy = False
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

    def scrub(self) -> None:
        """See `Catalogue.scrub`.

        The full-text index keeps the words of a deleted story until its parts are written anew; and old pages of
        the write-ahead log hold whatever stood in them until the log is emptied.
        """
        with self.write() as tx:
            tx.run("INSERT INTO said_index (said_index) VALUES ('optimize')")
        with _troubles():
            busy, _, _ = self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise CatalogueTrouble(
                "Somebody is still reading in the archive's database, so its log could not be emptied.",
                "It is tried again by itself.",
            )

    def close(self) -> None:
        """See `Catalogue.close`."""
        self._conn.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Tx]:
        if self._busy:
            raise RuntimeError("transactions of a catalogue do not nest")
        self._busy = True
        try:
            with _troubles():
                self._conn.execute(begin)
                yield SqliteTx(self._conn)
                self._conn.execute("COMMIT")
        finally:
            self._busy = False
            # SQLite may have ended the transaction by itself, as it does when the disk is full.
            if self._conn.in_transaction:
                self._conn.execute("ROLLBACK")

    def _migrate(self) -> None:
        if not self._pending():
            return
        with self.write() as tx:
            tx.run(_APPLIED)
        # Looked at again under the lock each time: another process may be bringing the tables up to date as well.
        while self._pending():
            with self.write() as tx:
                done = {name for (name,) in tx.all("SELECT name FROM migrations")}
                step = next((step for step in MIGRATIONS if step.name not in done), None)
                if step is not None:
                    for statement in step.of(self.dialect):
                        strict = statement.lstrip().startswith("CREATE TABLE")
                        tx.run(f"{statement} STRICT" if strict else statement)
                    tx.run("INSERT INTO migrations VALUES (?, ?)", step.name, len(done))

    def _pending(self) -> bool:
        with self.read() as tx:
            known = tx.one("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'")
            done = {name for (name,) in tx.all("SELECT name FROM migrations")} if known else set()
        return any(step.name not in done for step in MIGRATIONS)


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
