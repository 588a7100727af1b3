"""Codes: names with a definition, on three levels, in codebooks that people write; every change keeps what was before.

A code is concrete ("the whistle at six"), middle ("signals everybody shared") or conceptual ("time belongs to the
mill"), and may stand under another. Merging leads one code to another for everybody who reads; what was coded with it
stays as it was written and can be told apart again. Functions work inside the caller's transaction and name who.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from archive.catalogue import Row, Tx
from archive.catalogue.changes import note_change, stamp
from archive.errors import ArchiveError, Clash
from archive.takes import fresh_take

LONGEST_NAME: Final = 80
LONGEST_DEFINITION: Final = 1000
FIRST: Final = "Codebook"
"""The name of the codebook that is made when nobody made one."""
_COLUMNS = "id, codebook, name, level, definition, parent, merged_into"


class Level(StrEnum):
    """How far a code is from the words themselves."""

    CONCRETE = "concrete"
    MIDDLE = "middle"
    CONCEPTUAL = "conceptual"


class BadCode(ArchiveError):
    """A code or codebook that cannot be like that."""

    code = "bad-code"


@dataclass(frozen=True, slots=True)
class Codebook:
    """One codebook, and who made it when (ISO 8601, UTC)."""

    id: str
    name: str
    at: str
    who: str


@dataclass(frozen=True, slots=True)
class Code:
    """One code. ``parent`` and ``merged_into`` are identifiers of codes, or empty."""

    id: str
    codebook: str
    name: str
    level: Level
    definition: str
    parent: str
    merged_into: str


@dataclass(frozen=True, slots=True)
class CodeChange:
    """One line of a code's history: ``what`` is made, renamed, defined, leveled, moved, merged or split."""

    at: str
    who: str
    what: str
    before: str
    after: str


# -- codebooks


def make_codebook(tx: Tx, name: str, who: str, now: datetime) -> str:
    """Make an empty codebook; returns its identifier. Raises `BadCode` where the name is taken or none."""
    plain = _line(name, LONGEST_NAME, "A codebook")
    ident = str(fresh_take(now))
    if any(book.name.casefold() == plain.casefold() for book in codebooks(tx)):
        raise BadCode(f"There is a codebook called {plain!r} already.", "Use that one, or choose another name.")
    tx.run("INSERT INTO codebooks (id, name, at, who) VALUES (?, ?, ?, ?)", ident, plain, stamp(now), who)
    note_change(tx, who, "codebook made", ident, "{}", now)
    return ident


def codebooks(tx: Tx) -> list[Codebook]:
    """Every codebook, in the order they were made."""
    return [
        Codebook(*(str(value) for value in row))
        for row in tx.all("SELECT id, name, at, who FROM codebooks ORDER BY id")
    ]


def first_codebook(tx: Tx, who: str, now: datetime) -> str:
    """The first codebook there is; made where there is none."""
    found = codebooks(tx)
    return found[0].id if found else make_codebook(tx, FIRST, who, now)


# -- codes


def make_code(
    tx: Tx, codebook: str, name: str, level: Level, definition: str, who: str, now: datetime, *, parent: str = ""
) -> str:
    """Make a code; returns its identifier. A definition may follow later, but a code without one is shown as such.

    Raises `BadCode` where the name is taken in this codebook, or the parent is none of it.
    """
    plain, said = _line(name, LONGEST_NAME, "A code"), _text(definition)
    _check_free(tx, codebook, plain)
    ident = str(fresh_take(now))
    if parent:
        _check_parent(tx, ident, codebook, parent)
    row = (ident, codebook, plain, level.value, said, parent, "")
    try:
        tx.run(f"INSERT INTO codes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", *row)  # noqa: S608 - constants
    except Clash as error:
        raise BadCode("There is no such codebook here.", "Load the page again.") from error
    _note(tx, ident, "made", "", plain, who, now)
    if said:
        _note(tx, ident, "defined", "", said, who, now)
    return ident


def codes_of(tx: Tx, codebook: str = "", *, merged: bool = False) -> list[Code]:
    """The codes of one codebook, or of all, by name; with ``merged`` also those that lead to another one."""
    rows = tx.all(f"SELECT {_COLUMNS} FROM codes ORDER BY codebook, name, id")  # noqa: S608 - constants
    found = [_code(row) for row in rows]
    return [one for one in found if (not codebook or one.codebook == codebook) and (merged or not one.merged_into)]


def code_of(tx: Tx, ident: str) -> Code:
    """One code. Raises `BadCode`."""
    row = tx.one(f"SELECT {_COLUMNS} FROM codes WHERE id = ?", ident)  # noqa: S608 - constants
    if row is None:
        raise BadCode("There is no such code here.", "Load the page again.")
    return _code(row)


def code_named(tx: Tx, codebook: str, name: str) -> Code | None:
    """The code with this name in a codebook (capitals do not matter), the one it was merged into; None for none."""
    plain = " ".join(name.split()).casefold()
    named = [one for one in codes_of(tx, codebook, merged=True) if one.name.casefold() == plain]
    if not named:
        return None
    found = next((one for one in named if not one.merged_into), named[0])
    return code_of(tx, resolved(tx)[found.id])


def resolved(tx: Tx) -> Mapping[str, str]:
    """Every code's identifier with that of the code it counts as: itself, or where it was merged into."""
    into = {str(row["id"]): str(row["merged_into"]) for row in tx.all("SELECT id, merged_into FROM codes")}
    found = {}
    for ident in into:
        last, seen = ident, {ident}
        while into.get(last) and into[last] not in seen:
            last = into[last]
            seen.add(last)
        found[ident] = last
    return found


def change_code(
    tx: Tx, ident: str, who: str, now: datetime, *, name: str | None = None, definition: str | None = None,
    level: Level | None = None, parent: str | None = None,
) -> list[str]:  # fmt: skip
    """Change what is given of a code; returns what was changed, each a line of its history. Raises `BadCode`."""
    code, done = code_of(tx, ident), []
    if name is not None and (plain := _line(name, LONGEST_NAME, "A code")) != code.name:
        _check_free(tx, code.codebook, plain, but=ident)
        done.append(("renamed", "name", code.name, plain))
    if definition is not None and (said := _text(definition)) != code.definition:
        done.append(("defined", "definition", code.definition, said))
    if level is not None and level is not code.level:
        done.append(("leveled", "level", code.level.value, level.value))
    if parent is not None and parent != code.parent:
        if parent:
            _check_parent(tx, ident, code.codebook, parent)
        done.append(("moved", "parent", code.parent, parent))
    for what, column, before, after in done:
        tx.run(f"UPDATE codes SET {column} = ? WHERE id = ?", after, ident)  # noqa: S608 - our own names
        _note(tx, ident, what, before, after, who, now)
    return [what for what, *_ in done]


def merge(tx: Tx, ident: str, into: str, who: str, now: datetime) -> None:
    """Let ``ident`` count as ``into`` from now on, for every reader. Raises `BadCode`; `split` takes it back."""
    code, target = code_of(tx, ident), code_of(tx, into)
    if code.merged_into:
        raise BadCode(f"{code.name!r} was merged already.", "Load the page again.")
    if code.codebook != target.codebook or resolved(tx)[target.id] == code.id:
        raise BadCode("These two cannot be one code.", "Choose another code of the same codebook.")
    tx.run("UPDATE codes SET merged_into = ? WHERE id = ?", target.id, ident)
    _note(tx, ident, "merged", "", target.id, who, now)
    for child in codes_of(tx, code.codebook, merged=True):
        if child.parent == ident and child.id != target.id:
            change_code(tx, child.id, who, now, parent=target.id)
        elif child.parent == ident:
            change_code(tx, child.id, who, now, parent="")


def split(tx: Tx, ident: str, who: str, now: datetime) -> None:
    """Let a merged code be one of its own again: what was coded with it is told apart again. Raises `BadCode`."""
    code = code_of(tx, ident)
    if not code.merged_into:
        raise BadCode(f"{code.name!r} was not merged.", "Load the page again.")
    _check_free(tx, code.codebook, code.name, but=ident)
    tx.run("UPDATE codes SET merged_into = '' WHERE id = ?", ident)
    _note(tx, ident, "split", code.merged_into, "", who, now)


def history_of(tx: Tx, ident: str) -> list[CodeChange]:
    """Everything that was done with a code, oldest first; a code it leads or led to stands there by its name."""
    rows = tx.all("SELECT at, who, what, before, after FROM code_changes WHERE code = ? ORDER BY id", ident)
    names = {one.id: one.name for one in codes_of(tx, merged=True)}

    def shown(what: str, value: str) -> str:
        return names.get(value, value) if what in {"merged", "split", "moved"} else value

    return [
        CodeChange(
            row["at"], row["who"], row["what"], shown(row["what"], row["before"]), shown(row["what"], row["after"])
        )
        for row in rows
    ]


def _check_free(tx: Tx, codebook: str, name: str, but: str = "") -> None:
    taken = [one for one in codes_of(tx, codebook) if one.name.casefold() == name.casefold() and one.id != but]
    if taken:
        raise BadCode(f"There is a code called {taken[0].name!r} already.", "Use that one, or choose another name.")


def _check_parent(tx: Tx, ident: str, codebook: str, parent: str) -> None:
    above = {one.id: one for one in codes_of(tx, codebook)}
    at, seen = parent, {ident}
    while at:
        if at not in above or at in seen:
            raise BadCode("A code cannot stand under this one.", "Choose another code of the same codebook.")
        seen.add(at)
        at = above[at].parent


def _note(tx: Tx, code: str, what: str, before: str, after: str, who: str, now: datetime) -> None:
    row = (str(fresh_take(now)), code, stamp(now), who, what, before, after)
    tx.run("INSERT INTO code_changes (id, code, at, who, what, before, after) VALUES (?, ?, ?, ?, ?, ?, ?)", *row)


def _line(text: str, longest: int, what: str) -> str:
    plain = " ".join(text.split())
    if not 0 < len(plain) <= longest:
        raise BadCode(f"{what} has a name of at most {longest} signs.", "Say in a few words what it stands for.")
    return plain


def _text(text: str) -> str:
    plain = " ".join(text.split())
    if len(plain) > LONGEST_DEFINITION:
        raise BadCode(
            f"A definition has at most {LONGEST_DEFINITION} signs.", "Say it shorter, or make two codes of it."
        )
    return plain


def _code(row: Row) -> Code:
    ident, codebook, name, level, definition, parent, merged_into = (str(value) for value in row)
    return Code(ident, codebook, name, Level(level), definition, parent, merged_into)
