"""What a migration is: a name, and statements for both databases. The list is in `archive.catalogue.schema`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Dialect(StrEnum):
    """Which database a catalogue lies in."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


@dataclass(frozen=True, slots=True)
class Migration:
    """One change of the tables, applied once and by name, in one transaction.

    ``statements`` are for both: write types as SQLite's strict tables have them (``TEXT INTEGER REAL BLOB``), leave
    ``STRICT`` away, and ``INTEGER PRIMARY KEY AUTOINCREMENT`` for a number the database gives; the port translates.
    ``sqlite`` and ``postgres`` follow on that database alone. A table that says anything about a story refers to it:
    ``story TEXT NOT NULL REFERENCES stories(id) ON DELETE CASCADE``, and goes when its teller takes the story back.
    """

    name: str
    statements: Sequence[str] = ()
    sqlite: Sequence[str] = ()
    postgres: Sequence[str] = ()

    def of(self, dialect: Dialect) -> tuple[str, ...]:
        """Return the statements for ``dialect``, in order, still untranslated."""
        return (*self.statements, *(self.sqlite if dialect is Dialect.SQLITE else self.postgres))


def append_only(table: str) -> dict[str, tuple[str, ...]]:
    """Return the keywords ``sqlite`` and ``postgres`` of a `Migration` that refuses changed or deleted rows."""
    refuse = f"SELECT RAISE(ABORT, '{table} is append-only')"
    return {
        "sqlite": tuple(
            f"CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table} BEGIN {refuse}; END"
            for act in ("update", "delete")
        ),
        "postgres": (
            (
                f"CREATE FUNCTION {table}_stays() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'restrict_violation'; END $$"
            ),
            (
                f"CREATE TRIGGER {table}_stays BEFORE UPDATE OR DELETE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_stays()"
            ),
        ),
    }
