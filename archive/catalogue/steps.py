"""What both databases do alike: transactions that do not nest, and tables brought up to date under the write lock."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from archive.catalogue.port import Catalogue, Tx
from archive.catalogue.schema import MIGRATIONS

_APPLIED = "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, place INTEGER NOT NULL)"


class SteppedCatalogue(Catalogue):
    """A catalogue over one connection. A class of it says how its database is spoken to."""

    _busy = False

    @abstractmethod
    def _execute(self, sql: str) -> None:
        """Carry out a statement of our own, outside of any `Tx`."""

    @abstractmethod
    def _tx(self) -> Tx:
        """Return what speaks within the transaction that was begun."""

    @abstractmethod
    def _in_transaction(self) -> bool:
        """Tell whether a transaction is still open; the database may have ended it by itself."""

    @abstractmethod
    def _troubles(self) -> AbstractContextManager[None]:
        """Say what the database says in a sentence."""

    @abstractmethod
    def _there(self, tx: Tx) -> bool:
        """Tell whether the table of migrations is there."""

    @abstractmethod
    def _written(self, statement: str) -> str:
        """Write a migration's statement as this database has it."""

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Tx]:
        if self._busy:
            raise RuntimeError("transactions of a catalogue do not nest")
        self._busy = True
        try:
            with self._troubles():
                self._execute(begin)
                yield self._tx()
                self._execute("COMMIT")
        finally:
            self._busy = False
            if self._in_transaction():
                self._execute("ROLLBACK")

    def _migrate(self) -> None:
        if not self._pending():
            return
        with self.write() as tx:
            tx.run(self._written(_APPLIED))
        # Looked at again under the lock each time: another process may be bringing the tables up to date as well.
        while self._pending():
            with self.write() as tx:
                done = _names(tx)
                step = next((step for step in MIGRATIONS if step.name not in done), None)
                if step is not None:
                    for statement in step.of(self.dialect):
                        tx.run(self._written(statement))
                    tx.run("INSERT INTO migrations VALUES (?, ?)", step.name, len(done))

    def _pending(self) -> bool:
        with self.read() as tx:
            done = _names(tx) if self._there(tx) else set()
        return any(step.name not in done for step in MIGRATIONS)


def _names(tx: Tx) -> set[str]:
    return {str(name) for (name,) in tx.all("SELECT name FROM migrations")}
