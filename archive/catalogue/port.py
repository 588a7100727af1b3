"""What a catalogue promises, whichever database it lies in.

Statements are the common subset of SQLite and PostgreSQL, with ``?`` for parameters; ``ON CONFLICT ... DO UPDATE`` and
``RETURNING`` are common to both. Values are text, whole numbers (64 bits), real numbers, bytes and None: times are
ISO 8601 text in UTC, ids ULIDs, JSON is text, yes and no are 1 and 0, milliseconds are whole numbers. Text compares by
its bytes on both. What is not common: ``LIKE`` (fold case yourself), ``rowid``, ``INSERT OR REPLACE``, date functions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Protocol, Self, final

from archive.catalogue.migration import Dialect

Value = str | int | float | bytes | None


@final
class Row:
    """One row: a value by its column's name or number; unpacks in the order of the statement."""

    __slots__ = ("_names", "_values")

    def __init__(self, names: dict[str, int], values: Sequence[Any]) -> None:
        """Hold ``values``, which ``names`` number."""
        self._names = names
        self._values = values

    def __getitem__(self, key: str | int) -> Any:
        """Return one value. Raises `KeyError` for a column the statement did not name."""
        return self._values[self._names[key] if isinstance(key, str) else key]

    def __iter__(self) -> Iterator[Any]:
        """Go over the values in order."""
        return iter(self._values)

    def __len__(self) -> int:
        """How many columns there are."""
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        """Equal to a row or a tuple with the same values."""
        return isinstance(other, Row | tuple) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        """Hash the values."""
        return hash(tuple(self._values))

    def __repr__(self) -> str:
        """Name columns only: a row may hold what somebody said."""
        return f"Row({', '.join(self._names)})"

    def keys(self) -> Iterable[str]:
        """Name the columns in order, so that ``dict(row)`` works."""
        return self._names.keys()


class Tx(Protocol):
    """One transaction. It ends with the block that gave it; a value of it must not be used later."""

    @property
    def dialect(self) -> Dialect:
        """Which database this is; only the full-text search and the bench have to know."""
        ...

    def run(self, sql: str, *params: Value) -> int:
        """Carry out one statement; return how many rows it changed."""
        ...

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Carry out one statement for each of ``rows``."""
        ...

    def all(self, sql: str, *params: Value) -> list[Row]:
        """Return every row of a query."""
        ...

    def one(self, sql: str, *params: Value) -> Row | None:
        """Return the first row of a query, None where there is none."""
        ...

    def each(self, sql: str, *params: Value) -> Iterator[Row]:
        """Go over the rows of a query without holding them all in memory. Finish, or leave, before the block ends."""
        ...


class Catalogue(ABC):
    """One connection to the catalogue; it belongs to the thread that opened it, another thread opens its own.

    Every method raises `archive.errors.CatalogueTrouble` when the database cannot be reached or does not take
    something, and `archive.errors.Clash` when a row breaks a rule of its table (its key is taken, what it refers to
    is gone): catch `Clash` where two people may do the same thing at once.
    """

    dialect: Dialect

    @abstractmethod
    def write(self) -> AbstractContextManager[Tx]:
        """Hold the one write lock for a short change: all of it or nothing, durable when the block was left.

        Writers queue on both databases, so what is read inside is still true when it is written. Nothing slow
        belongs in here: no digests, no objects, no network. Blocks do not nest (`RuntimeError`).
        """

    @abstractmethod
    def read(self) -> AbstractContextManager[Tx]:
        """See one consistent state of everything for the length of the block; nothing can be written in it."""

    @abstractmethod
    def scrub(self) -> bool:
        """Overwrite what was deleted, as far as the database can: index and log too. Seconds in a large archive.

        False where it could not be finished because somebody is still reading what was there before: again later.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the database. Closing twice is harmless."""

    def __enter__(self) -> Self:
        """Be closed at the end of the block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
