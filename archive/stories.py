"""Actions on kept stories: keep, decide, enter a code, withdraw, seal, list."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import date, datetime

from archive.consent import Standing, all_events, standing
from archive.database import checkpoint, get_meta, set_meta, transaction
from archive.envelope import (
    BOX,
    CODE,
    ContentKey,
    add_wrap,
    drop_wrap,
    open_content,
    recipients,
    wrap_for_code,
    wrap_for_public,
)
from archive.erasure import Gone
from archive.errors import DamagedStore, NoSuchStory, Refused
from archive.jobs import FLAC, add_job, open_jobs
from archive.keycode import (
    FIRST_NUMBER,
    SALT_BYTES,
    Cost,
    Derived,
    KeepCode,
    derive,
    new_code,
    parse,
    wrong_code,
)
from archive.shelf import Wording
from archive.takes import Takes
from archive.throttle import begin_try, end_try
from archive.types import ASKED_USES, Act, Form, Kind, Reader, Story, Use
from audio.types import Ms, Sha256, TakeId

_NEXT_CODE = "next_code"
_OUTSIDE = frozenset({Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC})
_SELECT = (
    "SELECT id, kind, prompt, language, site, wall, clock_trusted, length, sha256, sequence "
    "FROM takes JOIN closings ON take = id"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What pressing keep gave: the story and, this once, its code in plain words."""

    story: Story
    code: KeepCode


@dataclass(frozen=True, slots=True)
class Visit:
    """A teller who came back and gave the right code. Hold it for that visit alone; it opens the story."""

    take: TakeId
    number: int
    derived: Derived

    def __repr__(self) -> str:
        """Name the number alone: what it holds opens a story."""
        return f"Visit({self.number})"


@dataclass(frozen=True, slots=True)
class FreshCode:
    """The words of a new keep-code and what they derive to; its number comes with the keeping."""

    words: tuple[str, ...]
    salt: bytes
    cost: Cost
    derived: Derived

    def __repr__(self) -> str:
        """Show nothing: what it holds opens a story."""
        return "FreshCode(...)"


def fresh_code(language: str, cost: Cost | None = None) -> FreshCode:
    """Choose words and derive from them. Slow by design and without a database: any thread may do it."""
    price = cost or Cost()
    code = new_code(0, language)
    salt = secrets.token_bytes(SALT_BYTES)
    return FreshCode(code.words, salt, price, derive(code, salt, price))


@dataclass(frozen=True, slots=True)
class Attempt:
    """A keep-code on its way to be checked: it counts as wrong until `Stories.finish_code` found it right."""

    code: KeepCode
    take: TakeId | None
    salt: bytes
    cost: Cost
    proof: str

    def derive(self) -> Derived:
        """Do the slow part. Any thread may; a number that does not exist takes as long."""
        return derive(self.code, self.salt, self.cost)

    def __repr__(self) -> str:
        """Name the number alone."""
        return f"Attempt({self.code.number})"


class Stories(Takes):
    """Keep, decide, come back, withdraw, seal, list."""

    def keep(self, take: TakeId, *, wording: Wording, by: str, fresh: FreshCode | None = None) -> Kept:
        """Keep a closed take: its yes, its code and the code's wrap, durable and read back when this returns.

        The code is in the result and nowhere else; ``fresh`` was made in another thread, else it is made here.
        Raises `Refused` (kept before, visit over), `NoSuchStory`.
        """
        content = open_content(self, take, Reader.REVIEW, self.now())
        code = fresh or fresh_code(wording.language, self.cost)
        derived = code.derived
        with transaction(self.db.conn) as conn:
            # Asked again with the write lock held: two presses must not keep one take twice.
            if self.standing(take).kept:
                raise Refused("It was kept already.")
            story = self.story_facts(take)
            number = int(get_meta(conn, _NEXT_CODE) or FIRST_NUMBER)
            set_meta(conn, _NEXT_CODE, str(number + 1))
            conn.execute("INSERT INTO codes VALUES (?, ?, ?, ?)", (number, take, _hash(derived, code.cost), code.salt))
            add_wrap(conn, take, CODE, wrap_for_code(content, take, derived))
            self.note(take, Act.DECIDE, by, use=Use.KEEP, yes=True, wording=wording)
            add_job(conn, FLAC, take)
        if open_content(self, take, Reader.TELLER, self.now(), derived=derived) != content:
            raise DamagedStore("What was just kept cannot be read back.", "Tell the steward of the box at once.")
        return Kept(story, KeepCode(number, code.words))

    def decide(
        self,
        take: TakeId,
        use: Use,
        *,
        yes: bool,
        wording: Wording,
        by: str,
        form: Form = Form.VOICE,
        embargo: date | None = None,
        visit: Visit | None = None,
    ) -> None:
        """Note the answer to one use of a kept story.

        No is always taken. Yes is taken in the visit in which it was told, afterwards only with ``visit``: widening
        needs the teller; a sealed story is opened for this box again. Raises `Refused`.
        """
        if use not in ASKED_USES:
            raise Refused("This is not asked that way.")
        blob = None
        if yes and visit is not None:
            self._of(visit, take)
            blob = wrap_for_public(self._content(visit), take, self.keys.box.public_key)
        with transaction(self.db.conn) as conn:
            where = self.standing(take)
            if not where.kept:
                raise Refused("Only a kept story can be shared.")
            if yes and where.review_closed and visit is None:
                raise Refused("More can be allowed only by its teller, with the keep-code.")
            self.note(take, Act.DECIDE, by, use=use, yes=yes, form=form, embargo=embargo, wording=wording)
            # Under age the wish is on record, but nothing above sealed comes of it.
            if blob is not None and not where.waits_for_guardian:
                add_wrap(conn, take, BOX, blob)

    def say_age(self, take: TakeId, by: str, *, under: bool, wording: Wording) -> None:
        """Note that the teller is under the library's age, or did not say otherwise. Of age leaves no trace."""
        with transaction(self.db.conn):
            if under and self.standing(take).kept:
                self.note(take, Act.MINOR, by, wording=wording)

    def add_guardian(self, take: TakeId, by: str, *, visit: Visit | None = None) -> None:
        """Note that a steward has the guardian's consent: what the teller wished counts from here on.

        A story sealed meanwhile opens again only with ``visit``, the teller's own code. Raises `Refused`.
        """
        blob = None
        if visit is not None:
            self._of(visit, take)
            blob = wrap_for_public(self._content(visit), take, self.keys.box.public_key)
        with transaction(self.db.conn) as conn:
            where = self.standing(take)
            if not where.kept or not where.waits_for_guardian:
                raise Refused("No guardian is waited for here.")
            self.note(take, Act.GUARDIAN, by)
            if where.sealed and blob is not None and set(where.uses) & set(ASKED_USES):
                add_wrap(conn, take, BOX, blob)
                for use in ASKED_USES:
                    if use in where.uses:
                        yes = where.uses[use]
                        self.note(take, Act.DECIDE, by, use=use, yes=True, form=yes.form, embargo=yes.embargo)

    def enter_code(self, text: str) -> Visit:
        """Check a keep-code as typed or spoken. Slow by design; wrong tries slow down further.

        Raises `WrongCode` (never telling whether the number exists) or `TooManyTries`.
        """
        attempt = self.begin_code(text)
        return self.finish_code(attempt, attempt.derive())

    def begin_code(self, text: str) -> Attempt:
        """Note a try with a keep-code; its slow part is `Attempt.derive`. Raises `WrongCode` or `TooManyTries`."""
        code = parse(text)
        conn = self.db.conn
        begin_try(conn, code.number, self.moment())
        row = conn.execute("SELECT take, hash, salt FROM codes WHERE number = ?", (code.number,)).fetchone()
        if row is None:
            # The same work as for a number that exists, so that time tells nothing either.
            return Attempt(code, None, secrets.token_bytes(SALT_BYTES), self.cost, "")
        cost, _, proof = str(row[1]).partition("$")
        return Attempt(code, TakeId(row[0]), bytes(row[2]), Cost.parse(cost), proof)

    def finish_code(self, attempt: Attempt, derived: Derived) -> Visit:
        """Open the visit, if the words were right. Raises `WrongCode`, never telling whether the number exists."""
        right = hmac.compare_digest(derived.proof.hex(), attempt.proof)
        if attempt.take is None or not right:
            raise wrong_code()
        end_try(self.db.conn, attempt.code.number)
        return Visit(attempt.take, attempt.code.number, derived)

    def withdraw(self, code: str | Visit, by: str) -> Gone:
        """Take a story back, at once and for good, offline. Returns its tombstone.

        Raises `WrongCode`, `TooManyTries`. The screen says before that this cannot be undone.
        """
        visit = self.enter_code(code) if isinstance(code, str) else code
        gone = self.erase(visit.take, Act.WITHDRAW, by)
        if gone is None:
            raise DamagedStore("The withdrawal could not be read back.", "Tell the steward of the box at once.")
        return gone

    def seal(self, take: TakeId, by: str) -> None:
        """Close a story to this box: only its code opens it from here on. Safe to repeat. Raises `Refused`."""
        with transaction(self.db.conn) as conn:
            where = self.standing(take)
            if not where.kept:
                raise Refused("Only a kept story can be sealed.")
            if open_jobs(conn, take):
                raise Refused("Its words and its sound are not finished yet.")
            if not where.sealed:
                self.note(take, Act.SEAL, by)
            drop_wrap(conn, take, BOX)
            # Titles are the box's own notes about the story; nobody here can open them any more.
            conn.execute("DELETE FROM excerpts WHERE take = ?", (take,))
            conn.execute("DELETE FROM rotation WHERE take = ?", (take,))
        checkpoint(self.db.conn)

    def seal_due(self) -> list[TakeId]:
        """Name the kept stories no use on this box needs any more: visit over, work done, nothing allowed here."""
        due = []
        for take, where in self._standings().items():
            if not where.kept or not where.review_closed or where.sealed or where.held:
                continue
            if not self._needed(take, where) and not open_jobs(self.db.conn, take):
                due.append(take)
        return due

    def stories(self) -> list[Story]:
        """List every kept story that is not gone, in the order of recording. Says nothing about who may hear it."""
        kept = {take for take, where in self._standings().items() if where.kept}
        rows = self.db.conn.execute(f"{_SELECT} ORDER BY sequence").fetchall()
        return [_story(row) for row in rows if row[0] in kept]

    def story(self, take: TakeId) -> Story:
        """Read the facts of one kept story. Raises `NoSuchStory`."""
        if not self.standing(take).kept:
            raise NoSuchStory("There is no story with this identifier here.")
        return self.story_facts(take)

    def story_facts(self, take: TakeId) -> Story:
        """Read the facts of a closed take, kept or not. Raises `NoSuchStory`."""
        row = self.db.conn.execute(f"{_SELECT} WHERE id = ?", (take,)).fetchone()
        if row is None:
            raise NoSuchStory("There is no closed take with this identifier here.")
        return _story(row)

    def _content(self, visit: Visit) -> ContentKey:
        return open_content(self, visit.take, Reader.TELLER, self.now(), derived=visit.derived)

    def _of(self, visit: Visit, take: TakeId) -> None:
        if visit.take != take:
            raise Refused("This keep-code belongs to another story.")

    def _standings(self) -> dict[TakeId, Standing]:
        return {take: standing(events) for take, events in all_events(self.db.conn).items()}

    def _needed(self, take: TakeId, where: Standing) -> bool:
        if BOX not in recipients(self.db.conn, take):
            return False
        if where.waits_for_guardian:
            return False
        asked = set(where.uses) & set(ASKED_USES)
        if asked and asked <= _OUTSIDE:
            query = "SELECT 1 FROM receipts WHERE subject = ? AND kind = 'bag'"
            return self.db.conn.execute(query, (take,)).fetchone() is None
        return bool(asked)


def _hash(derived: Derived, cost: Cost) -> str:
    return f"{cost.text()}${derived.proof.hex()}"


def _story(row: tuple[str, str, str, str, str, str, int, int, str, int]) -> Story:
    take, kind, prompt, language, site, wall, trusted, length, digest, sequence = row
    return Story(
        TakeId(take), Kind(kind), prompt, language, site, datetime.fromisoformat(wall), bool(trusted), Ms(length),
        Sha256(digest), sequence,
    )  # fmt: skip
