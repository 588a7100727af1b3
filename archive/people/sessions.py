"""Sessions: one a browser, by the hash of its cookie; listed, ended, and over by themselves.

Nothing here is kept of what a person looked at: only when a session began, when it was last seen (to the minute), on
what kind of device, and when it ended.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from archive.catalogue.changes import note_change, stamp
from archive.catalogue.port import Catalogue, Row, Tx
from archive.errors import ArchiveError
from archive.keycode import Cost
from archive.people import accounts
from archive.people.accounts import Person
from archive.people.passwords import check_new, code_mark, hash_password, password_fits
from archive.people.tries import begin_try, end_try
from archive.portal.guard import new_token
from archive.takes import fresh_take
from audio.clock import Clock

IDLE = timedelta(hours=2)
LONGEST = timedelta(hours=12)
FRESH = timedelta(minutes=5)
"""How long a password proves that it is still the same person, for what cannot be undone."""
_SEEN_STEP = timedelta(minutes=1)


class NotYou(ArchiveError):
    """The name and the password do not fit, or the session is over."""

    code = "not-you"


@dataclass(frozen=True, slots=True)
class Session:
    """One browser in which somebody is at work. ``proved_at`` is when the password was last given."""

    id: str
    person: Person
    begun_at: str
    seen_at: str
    proved_at: str
    device: str

    def proved(self, now: datetime) -> bool:
        """Whether the password was given moments ago."""
        return timedelta(0) <= now - datetime.fromisoformat(self.proved_at) <= FRESH


@dataclass(frozen=True)
class Door:
    """The way in. Every method takes its own short transactions; hashing never happens inside one."""

    catalogue: Catalogue
    clock: Clock
    cost: Cost

    def enter(self, name: str, password: str, address: str, device: str = "") -> str:
        """Open a session and return its token, for the cookie alone. Raises `NotYou`, `TooManyTries`."""
        known = self._checked(name, password, address)
        token, now = new_token(), self.clock.wall()
        with self.catalogue.write() as tx:
            _open(tx, known, token, device, now)
        return token

    def enter_with_code(self, code: str, name: str, password: str, address: str, device: str = "") -> str:
        """Set a password by a one-time code and open a session. Raises `WrongCode`, `WeakPassword`, `PersonTrouble`."""
        # Counted for the code that is meant, by its first group: who guesses at one keeps nobody else out, whatever
        # address everybody seems to come from. No person's name has a colon in it.
        key = f"code: {code_mark(code)}"
        with self.catalogue.write() as tx:
            begin_try(tx, key, address, self.clock.wall())
        with self.catalogue.read() as tx:
            owner = accounts.code_owner(tx, code, self.clock.wall())
        called = accounts.clean_name(name) if owner is None else owner.name
        with self.catalogue.write() as tx:
            end_try(tx, key, address)
        check_new(password, called)
        hashed = hash_password(password, self.cost)
        token, now = new_token(), self.clock.wall()
        with self.catalogue.write() as tx:
            person = accounts.use_code(tx, code, called, hashed, now)
            _open(tx, person, token, device, now)
        return token

    def change_password(self, session: Session, old: str, new: str, address: str) -> None:
        """Give somebody another password; every session ends. Raises `NotYou`, `TooManyTries`, `WeakPassword`."""
        person = self._checked(session.person.name, old, address)
        check_new(new, person.name)
        hashed = hash_password(new, self.cost)
        with self.catalogue.write() as tx:
            accounts.set_password(tx, person, hashed, self.clock.wall())

    def prove(self, session: Session, password: str, address: str) -> None:
        """Note that the password was given again just now. Raises `NotYou`, `TooManyTries`."""
        self._checked(session.person.name, password, address)
        with self.catalogue.write() as tx:
            tx.run("UPDATE people_sessions SET proved_at = ? WHERE id = ?", stamp(self.clock.wall()), session.id)

    def session_of(self, token: str) -> Session | None:
        """The session of a cookie, None where it never was, ended or ran out. Looking keeps it warm."""
        now = self.clock.wall()
        with self.catalogue.read() as tx:
            row = tx.one(
                "SELECT * FROM people_sessions WHERE token_hash = ? AND ended_at IS NULL "
                "AND begun_at > ? AND seen_at > ?",
                _hash(token), stamp(now - LONGEST), stamp(now - IDLE),
            )  # fmt: skip
            person = None if row is None else accounts.person_by_id(tx, str(row["person"]))
        if row is None or person is None or person.ended_at is not None:
            return None
        if now - datetime.fromisoformat(str(row["seen_at"])) >= _SEEN_STEP:
            with self.catalogue.write() as tx:
                tx.run("UPDATE people_sessions SET seen_at = ? WHERE id = ?", stamp(now), row["id"])
        return _session(row, person)

    def _checked(self, name: str, password: str, address: str) -> Person:
        try:
            plain = accounts.clean_name(name)
        except accounts.PersonTrouble:
            plain = ""
        with self.catalogue.write() as tx:
            begin_try(tx, plain, address, self.clock.wall())
            known = accounts.password_of(tx, plain)
        # A name nobody has costs the same time: the answer must not tell who works here.
        stored = _nobody(self.cost) if known is None else known[1]
        if not password_fits(password, stored, self.cost) or known is None:
            raise NotYou("This name and password do not fit.", "Check both, and try again.")
        with self.catalogue.write() as tx:
            end_try(tx, plain, address)
        return known[0]


def sessions_of(tx: Tx, person: Person, now: datetime) -> list[Session]:
    """Sessions that are still open, the one seen last first."""
    rows = tx.all(
        "SELECT * FROM people_sessions WHERE person = ? AND ended_at IS NULL AND begun_at > ? AND seen_at > ? "
        "ORDER BY seen_at DESC, id DESC",
        person.id, stamp(now - LONGEST), stamp(now - IDLE),
    )  # fmt: skip
    return [_session(row, person) for row in rows]


def end_session(tx: Tx, ident: str, person: Person, by: str, now: datetime) -> None:
    """End one session of ``person``, at once. Safe to repeat."""
    done = tx.one(
        "UPDATE people_sessions SET ended_at = ? WHERE id = ? AND person = ? AND ended_at IS NULL RETURNING id",
        stamp(now), ident, person.id,
    )  # fmt: skip
    if done is not None and by != person.name:
        note_change(tx, by, "session ended", person.name, "", now)


def end_session_of_token(tx: Tx, token: str, now: datetime) -> None:
    """End the session of a cookie: its person leaves."""
    tx.run(
        "UPDATE people_sessions SET ended_at = ? WHERE token_hash = ? AND ended_at IS NULL", stamp(now), _hash(token)
    )


def _open(tx: Tx, person: Person, token: str, device: str, now: datetime) -> None:
    at = stamp(now)
    tx.run(
        "DELETE FROM people_sessions WHERE person = ? AND (ended_at IS NOT NULL OR begun_at < ?)",
        person.id, stamp(now - 10 * LONGEST),
    )  # fmt: skip
    tx.run(
        "INSERT INTO people_sessions (id, token_hash, person, begun_at, seen_at, proved_at, device) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        str(fresh_take(now)), _hash(token), person.id, at, at, at, device[:60],
    )  # fmt: skip


def _hash(token: str) -> str:
    return hashlib.sha256(f"hearth-session-1 {token}".encode()).hexdigest()


_NOBODY: dict[Cost, str] = {}


def _nobody(cost: Cost) -> str:
    """A hash that no password fits, made once a process."""
    if cost not in _NOBODY:
        _NOBODY[cost] = hash_password(new_token(), cost)
    return _NOBODY[cost]


def _session(row: Row, person: Person) -> Session:
    return Session(
        str(row["id"]), person, str(row["begun_at"]), str(row["seen_at"]), str(row["proved_at"]), str(row["device"])
    )
