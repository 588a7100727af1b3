"""Accounts: who they are, what they may do, and the one-time codes by which a person sets a password.

A name is never given away again, also not after its account ended: the list of changes names people by it. Every
function here belongs inside a transaction of the catalogue; each writes who did what in that same transaction.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from archive.catalogue.changes import note_change, stamp
from archive.catalogue.port import Row, Tx
from archive.errors import ArchiveError, WrongCode
from archive.people.passwords import CODE_DAYS, hash_code, new_code
from archive.people.roles import Permission, Role, allowed
from archive.takes import fresh_take

FIRST_ROLES = (Role.ORGANIZER, Role.SYSADMIN)
"""What the first person is; they add the others, and may give themselves more."""
_NAME = re.compile(r"[\w][\w .'-]{0,38}[\w]")
_WRONG = "This one-time code is not known here, was used already, or is too old."
_ANOTHER = "Ask for another: 'hearth archive person code NAME' on the archive's own machine prints one."


class PersonTrouble(ArchiveError):
    """An account cannot be added, changed or ended like that."""

    code = "person-trouble"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. ``ready`` is False until they have set a password."""

    id: str
    name: str
    roles: tuple[Role, ...]
    ready: bool
    added_at: str
    ended_at: str | None = None

    def may(self, permission: Permission) -> bool:
        """Whether one of the roles of a person who is still here has ``permission``."""
        return self.ended_at is None and allowed(self.roles, permission)

    def to_json(self) -> dict[str, object]:
        """Return plain data for `json`."""
        return {
            "name": self.name,
            "roles": [role.value for role in self.roles],
            "ready": self.ready,
            "added": self.added_at,
            "ended": self.ended_at,
        }


def clean_name(name: str) -> str:
    """Bring a name to the form it is stored and compared in. Raises `PersonTrouble`."""
    plain = " ".join(unicodedata.normalize("NFC", name).casefold().split())
    if _NAME.fullmatch(plain) is None:
        raise PersonTrouble("A name has 2 to 40 letters, digits, spaces, dots or hyphens.", "For example: ana-maria")
    return plain


def people(tx: Tx) -> list[Person]:
    """Everybody with an account, also ended ones, by name."""
    return [_person(row) for row in tx.all("SELECT * FROM people ORDER BY name")]


def person_named(tx: Tx, name: str) -> Person:
    """Find somebody by name. Raises `PersonTrouble`."""
    row = tx.one("SELECT * FROM people WHERE name = ?", clean_name(name))
    if row is None:
        raise PersonTrouble(f"Nobody here is called '{name}'.", "'hearth archive person list' shows every name.")
    return _person(row)


def person_by_id(tx: Tx, ident: str) -> Person | None:
    """Find somebody by identifier."""
    row = tx.one("SELECT * FROM people WHERE id = ?", ident)
    return None if row is None else _person(row)


def add_person(tx: Tx, name: str, roles: Iterable[Role], by: str, now: datetime) -> tuple[Person, str]:
    """Add an account and return it with its one-time code, which is stored nowhere. Raises `PersonTrouble`."""
    plain, given = clean_name(name), _known(roles)
    if tx.one("SELECT id FROM people WHERE name = ?", plain) is not None:
        raise PersonTrouble(f"'{plain}' is a name already, or was one once.", "Choose another name.")
    person = Person(str(fresh_take(now)), plain, given, ready=False, added_at=stamp(now))
    tx.run(
        "INSERT INTO people (id, name, roles, added_at, added_by) VALUES (?, ?, ?, ?, ?)",
        person.id, plain, _roles_text(given), person.added_at, by,
    )  # fmt: skip
    note_change(tx, by, "person added", plain, ", ".join(given), now)
    return person, _make_code(tx, person.id, now)


def give_code(tx: Tx, name: str, by: str, now: datetime) -> str:
    """Make a new one-time code for somebody who is still here; codes given before stop working."""
    person = _still_here(person_named(tx, name))
    note_change(tx, by, "one-time code given", person.name, "", now)
    return _make_code(tx, person.id, now)


def first_code(tx: Tx, now: datetime) -> str | None:
    """Make the code for the very first person of a new archive; None as soon as anybody has a password.

    Codes made by earlier starts stop working: only what was printed last opens the archive.
    """
    if tx.one("SELECT id FROM people WHERE password IS NOT NULL AND ended_at IS NULL") is not None:
        return None
    return _make_code(tx, None, now)


def code_owner(tx: Tx, code: str, now: datetime) -> Person | None:
    """Whose a code is; None for the first code, whose user chooses a name. Raises `WrongCode`."""
    row = tx.one(
        "SELECT person FROM people_codes WHERE hash = ? AND used_at IS NULL AND until > ?", hash_code(code), stamp(now)
    )
    if row is None:
        raise WrongCode(_WRONG, _ANOTHER)
    if row["person"] is None:
        if first_code_spent(tx):
            raise WrongCode(_WRONG, _ANOTHER)
        return None
    return _still_here(_person(_row(tx, str(row["person"]))))


def first_code_spent(tx: Tx) -> bool:
    """Whether somebody has already come in, so that no first code opens anything any more."""
    return tx.one("SELECT id FROM people WHERE password IS NOT NULL AND ended_at IS NULL") is not None


def use_code(tx: Tx, code: str, name: str, hashed: str, now: datetime) -> Person:
    """Set a password by a one-time code; the first code makes the first person, called ``name``.

    Ends every session the person had. Raises `WrongCode`, `PersonTrouble`.
    """
    owner = code_owner(tx, code, now)
    if owner is None:
        owner, _ = add_person(tx, name, FIRST_ROLES, "first start", now)
        tx.run("DELETE FROM people_codes WHERE person = ?", owner.id)
    tx.run("UPDATE people_codes SET used_at = ? WHERE hash = ?", stamp(now), hash_code(code))
    set_password(tx, owner, hashed, now)
    return person_named(tx, owner.name)


def set_password(tx: Tx, person: Person, hashed: str, now: datetime) -> None:
    """Store a new password's hash; every session begun with the old one ends."""
    tx.run("UPDATE people SET password = ? WHERE id = ?", hashed, person.id)
    tx.run("UPDATE people_sessions SET ended_at = ? WHERE person = ? AND ended_at IS NULL", stamp(now), person.id)
    # A slip with a code that was not needed must not open the account a week later.
    tx.run("DELETE FROM people_codes WHERE person = ? AND used_at IS NULL", person.id)
    note_change(tx, person.name, "password set", person.name, "", now)


def set_roles(tx: Tx, name: str, roles: Iterable[Role], by: str, now: datetime) -> Person:
    """Say anew what somebody may do. Raises `PersonTrouble`, also where nobody would be left to add people."""
    person, given = _still_here(person_named(tx, name)), _known(roles)
    if not allowed(given, Permission.PEOPLE):
        _someone_else(tx, person)
    tx.run("UPDATE people SET roles = ? WHERE id = ?", _roles_text(given), person.id)
    before, after = (", ".join(some) for some in (person.roles, given))
    note_change(tx, by, "roles changed", person.name, f"{before} -> {after}", now)
    return person_named(tx, person.name)


def end_person(tx: Tx, name: str, by: str, now: datetime) -> Person:
    """End an account and every session of it. What the person did keeps their name. Raises `PersonTrouble`."""
    person = _still_here(person_named(tx, name))
    _someone_else(tx, person)
    tx.run("UPDATE people SET ended_at = ?, password = NULL WHERE id = ?", stamp(now), person.id)
    tx.run("UPDATE people_sessions SET ended_at = ? WHERE person = ? AND ended_at IS NULL", stamp(now), person.id)
    tx.run("DELETE FROM people_codes WHERE person = ?", person.id)
    note_change(tx, by, "person ended", person.name, "", now)
    return person_named(tx, person.name)


def password_of(tx: Tx, name: str) -> tuple[Person, str] | None:
    """Somebody who may come in, with the stored hash; None for everybody else."""
    row = tx.one("SELECT * FROM people WHERE name = ? AND ended_at IS NULL AND password IS NOT NULL", name)
    return None if row is None else (_person(row), str(row["password"]))


def _make_code(tx: Tx, person: str | None, now: datetime) -> str:
    if person is None:
        tx.run("DELETE FROM people_codes WHERE person IS NULL AND used_at IS NULL")
    else:
        tx.run("DELETE FROM people_codes WHERE person = ? AND used_at IS NULL", person)
    code = new_code()
    tx.run(
        "INSERT INTO people_codes (hash, person, made_at, until) VALUES (?, ?, ?, ?)",
        hash_code(code), person, stamp(now), stamp(now + timedelta(days=CODE_DAYS)),
    )  # fmt: skip
    return code


def _someone_else(tx: Tx, person: Person) -> None:
    """Let the last one who can add people not go: the desk would have nobody to let others in."""
    others = [one for one in people(tx) if one.id != person.id and one.ready and one.may(Permission.PEOPLE)]
    if person.ready and person.may(Permission.PEOPLE) and not others:
        raise PersonTrouble(
            f"'{person.name}' is the last one here who can add people.",
            "Give somebody else the role of organizer or sysadmin first.",
        )


def _still_here(person: Person) -> Person:
    if person.ended_at is not None:
        raise PersonTrouble(f"The account of '{person.name}' has ended.", "Add the person under another name.")
    return person


def _known(roles: Iterable[Role]) -> tuple[Role, ...]:
    given = set(roles)
    if not given:
        raise PersonTrouble("A person needs at least one role.", f"One of: {', '.join(Role)}.")
    return tuple(role for role in Role if role in given)


def _roles_text(roles: tuple[Role, ...]) -> str:
    return json.dumps([role.value for role in roles])


def _row(tx: Tx, ident: str) -> Row:
    row = tx.one("SELECT * FROM people WHERE id = ?", ident)
    assert row is not None  # a code's person is a foreign key
    return row


def _person(row: Row) -> Person:
    known = {role.value: role for role in Role}
    return Person(
        str(row["id"]), str(row["name"]),
        tuple(known[name] for name in json.loads(row["roles"]) if name in known),
        ready=row["password"] is not None,
        added_at=str(row["added_at"]),
        ended_at=None if row["ended_at"] is None else str(row["ended_at"]),
    )  # fmt: skip
