"""Actions on kept stories: keep, decide, enter a code, withdraw, seal, list."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from archive.ballast import gets_through
from archive.consent import Standing, Yes, events_of, may
from archive.consentrecord import revision_of
from archive.database import checkpoint, get_meta, set_meta, transaction
from archive.envelope import (
    BOX,
    CODE,
    UNCUT,
    ContentKey,
    add_wrap,
    drop_wrap,
    new_ring,
    open_content,
    open_ring,
    opened_by,
    recipients,
    seal_ring,
    wrap_for_code,
    wrap_for_public,
)
from archive.erasure import Gone
from archive.errors import DamagedStore, NoKey, NoSuchStory, Refused
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
from archive.receipts import BAG
from archive.shelf import Wording
from archive.stewardkey import wrap_for_steward
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

_OWN = f"{_SELECT} WHERE id NOT IN (SELECT take FROM guests) ORDER BY sequence"  # noqa: S608 - constants
_OWN_PROMPTS = "SELECT id, prompt FROM takes WHERE id NOT IN (SELECT take FROM guests) ORDER BY sequence"


@dataclass(frozen=True, slots=True)
class Kept:
    """What pressing keep gave: the story and, this once, its codes in plain words, one a person."""

    story: Story
    codes: tuple[KeepCode, ...]

    @property
    def code(self) -> KeepCode:
        """The code of the teller; of a group, that of its first person."""
        return self.codes[0]


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
    ring: bytes | None = None

    def derive(self) -> Derived:
        """Do the slow part. Any thread may; a number that does not exist takes as long."""
        return derive(self.code, self.salt, self.cost)

    def __repr__(self) -> str:
        """Name the number alone."""
        return f"Attempt({self.code.number})"


class Stories(Takes):
    """Keep, decide, come back, withdraw, seal, list."""

    @gets_through
    def keep(
        self,
        take: TakeId,
        *,
        wording: Wording,
        by: str,
        fresh: FreshCode | Sequence[FreshCode] | None = None,
        people: int = 1,
        age: Wording | None = None,
    ) -> Kept:
        """Keep a closed take: its yes, its codes and their wraps, durable and read back when this returns.

        Each of ``people`` gets a code, and any of them opens, narrows and withdraws. A withdrawal by one takes the
        whole conversation out: a voice cannot be told apart from those it answers, and no majority may outvote the one
        who says no. Where ``wording`` said so, the steward's key opens it as well. The codes are in the result and
        nowhere else; ``fresh`` were made in another thread, what is missing is made here. With ``age``, in which
        words it is asked next, the teller is under age until `say_of_age`: whatever cuts the visit short, who did not
        answer is not taken for older. Raises `Refused` (kept before, visit over), `NoSuchStory`.
        """
        content = open_content(self, take, Reader.REVIEW, self.now())
        made = [fresh] if isinstance(fresh, FreshCode) else list(fresh or ())[:people]
        made += [fresh_code(wording.language, self.cost) for _ in range(people - len(made))]
        ring = Derived(b"", new_ring()) if people > 1 else made[0].derived
        with transaction(self.db.conn) as conn:
            # Asked again with the write lock held: two presses must not keep one take twice.
            if self.standing(take).kept:
                raise Refused("It was kept already.")
            story = self.story_facts(take)
            number = int(get_meta(conn, _NEXT_CODE) or FIRST_NUMBER)
            set_meta(conn, _NEXT_CODE, str(number + people))
            for place, code in enumerate(made):
                sealed = seal_ring(ring.key, take, code.derived) if people > 1 else None
                row = (number + place, take, _hash(code.derived, code.cost), code.salt, sealed)
                conn.execute("INSERT INTO codes (number, take, hash, salt, ring) VALUES (?, ?, ?, ?, ?)", row)
            add_wrap(conn, take, CODE, wrap_for_code(content, take, ring))
            if wording.steward:
                wrap_for_steward(conn, take, content)
            self.note(take, Act.DECIDE, by, use=Use.KEEP, yes=True, wording=wording)
            if age is not None:
                self.note(take, Act.MINOR, by, wording=age)
            add_job(conn, FLAC, take)
        if any(self._read_back(take, number + place, code.derived) != content for place, code in enumerate(made)):
            raise DamagedStore("What was just kept cannot be read back.", "Tell the steward of the box at once.")
        return Kept(story, tuple(KeepCode(number + place, code.words) for place, code in enumerate(made)))

    def _read_back(self, take: TakeId, number: int, derived: Derived) -> ContentKey:
        row = self.db.conn.execute("SELECT ring FROM codes WHERE number = ? AND take = ?", (number, take)).fetchone()
        opens = derived if row[0] is None else open_ring(bytes(row[0]), take, derived)
        return open_content(self, take, Reader.TELLER, self.now(), derived=opens)

    @gets_through
    def decide(
        self,
        take: TakeId,
        use: Use,
        *,
        yes: bool,
        wording: Wording,
        by: str,
        form: Form | None = None,
        embargo: date | None = None,
        visit: Visit | None = None,
    ) -> None:
        """Note the answer to one use of a kept story.

        Form and day are part of a yes. Where no ``form`` is given, a yes with ``visit`` has that of `terms_of`, and its
        day where none is given either: it never gives out a voice of which only the words were allowed, nor before the
        day its teller asked for.

        No is always taken. Yes is taken in the visit in which it was told, afterwards only with ``visit``: widening
        needs the teller, and of a group none alone can (no code undoes another person's no);
        a sealed story is opened for this box again. A no to one use of a sealed story opens it, with
        ``visit``, until an archive has signed for what is left (`reopen_for_archive`). Raises `Refused`.
        """
        if use not in ASKED_USES:
            raise Refused("This is not asked that way.")
        blob = None
        if visit is not None:
            self._of(visit, take)
        if yes and visit is not None:
            self._must_be_one(take)
            blob = wrap_for_public(self._content(visit), take, self.keys.box.public_key)
        with transaction(self.db.conn) as conn:
            where = self.standing(take)
            if not where.kept:
                raise Refused("Only a kept story can be shared.")
            if yes and where.review_closed and visit is None:
                raise Refused("More can be allowed only by its teller, with the keep-code.")
            terms = Yes(form or Form.VOICE, embargo)
            if yes and visit is not None and form is None:
                before = self.terms_of(take)
                terms = Yes(before.form, embargo or before.embargo)
            self.note(take, Act.DECIDE, by, use=use, yes=yes, form=terms.form, embargo=terms.embargo, wording=wording)
            # Under age the wish is on record, but nothing above sealed comes of it.
            if blob is not None and not where.waits_for_guardian:
                add_wrap(conn, take, BOX, blob)
            if not yes and visit is not None and where.sealed:
                self.reopen_for_archive(visit, by)

    def terms_of(self, take: TakeId) -> Yes:
        """In what form and from which day its teller last allowed a use: the box asks both once, for all of them."""
        for event in reversed(events_of(self.db.conn, take)):
            if event.act is Act.DECIDE and event.yes and event.use in ASKED_USES:
                return Yes(event.form, event.embargo)
        return Yes()

    def reopen_for_archive(self, visit: Visit, by: str) -> None:
        """Give the box its wrap back where less may be done with a sealed story now. Inside a transaction.

        Only so a bag can be made that replaces the archive's copy; else that had to be recalled. The yeses that stand
        are said again, nothing is added to them, and the story is sealed once the new bag is signed for. Changes
        nothing where nobody outside may have the story, or something on this box would come back into use with it.
        """
        take, where = visit.take, self.standing(visit.take)
        asked = set(where.uses) & set(ASKED_USES)
        if not where.sealed or where.waits_for_guardian or not asked or not asked <= _OUTSIDE:
            return
        try:
            blob = wrap_for_public(self._content(visit), take, self.keys.box.public_key)
        except NoKey:
            # A no is always taken: without the box's keys the archive's copy goes.
            return
        add_wrap(self.db.conn, take, BOX, blob)
        self._say_again(take, where, by)

    def _say_again(self, take: TakeId, where: Standing, by: str) -> None:
        """Note each yes that stands once more, in the words it was given in: that opens a sealed story."""
        events = events_of(self.db.conn, take)
        said = {event.use: event for event in events if event.act is Act.DECIDE and event.yes}
        for use in ASKED_USES:
            if use in where.uses:
                yes = said[use]
                shown = Wording(yes.wording_version, yes.wording_hash, yes.language)
                self.note(take, Act.DECIDE, by, use=use, yes=True, form=yes.form, embargo=yes.embargo, wording=shown)

    @gets_through
    def say_of_age(self, take: TakeId, by: str, *, wording: Wording) -> None:
        """Note that the teller, asked in ``wording``, is not under the library's age.

        Raises `Refused` once the visit is over: only a guardian's consent counts then.
        """
        with transaction(self.db.conn):
            where = self.standing(take)
            if where.review_closed or not where.kept:
                raise Refused("The age is asked in the visit in which a story is told.")
            if where.waits_for_guardian:
                self.note(take, Act.OF_AGE, by, wording=wording)

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
                self._say_again(take, where, by)

    def enter_code(self, text: str) -> Visit:
        """Check a keep-code as typed or spoken. Slow by design; wrong tries slow down further.

        Raises `WrongCode` (never telling whether the number exists) or `TooManyTries`.
        """
        attempt = self.begin_code(text)
        return self.finish_code(attempt, attempt.derive())

    @gets_through
    def begin_code(self, text: str) -> Attempt:
        """Note a try with a keep-code; its slow part is `Attempt.derive`. Raises `WrongCode` or `TooManyTries`."""
        code = parse(text)
        conn = self.db.conn
        begin_try(conn, code.number, self.moment())
        row = conn.execute("SELECT take, hash, salt, ring FROM codes WHERE number = ?", (code.number,)).fetchone()
        if row is None:
            # The same work as for a number that exists, so that time tells nothing either.
            return Attempt(code, None, secrets.token_bytes(SALT_BYTES), self.cost, "")
        cost, _, proof = str(row[1]).partition("$")
        ring = None if row[3] is None else bytes(row[3])
        return Attempt(code, TakeId(row[0]), bytes(row[2]), Cost.parse(cost), proof, ring)

    @gets_through
    def finish_code(self, attempt: Attempt, derived: Derived) -> Visit:
        """Open the visit, if the words were right. Raises `WrongCode`, never telling whether the number exists."""
        right = hmac.compare_digest(derived.proof.hex(), attempt.proof)
        if attempt.take is None or not right:
            raise wrong_code()
        end_try(self.db.conn, attempt.code.number)
        opens = derived if attempt.ring is None else open_ring(attempt.ring, attempt.take, derived)
        return Visit(attempt.take, attempt.code.number, opens)

    def codes_of(self, take: TakeId) -> int:
        """Count the keep-codes of a kept story: one, or one for each person of a group."""
        return int(self.db.conn.execute("SELECT COUNT(*) FROM codes WHERE take = ?", (take,)).fetchone()[0])

    def withdraw(self, code: str | Visit, by: str) -> Gone:
        """Take a story back, at once and for good, offline. Returns its tombstone.

        Raises `WrongCode`, `TooManyTries`. The screen says before that this cannot be undone.
        """
        visit = self.enter_code(code) if isinstance(code, str) else code
        gone = self.erase(visit.take, Act.WITHDRAW, by)
        if gone is None:
            raise DamagedStore("The withdrawal could not be read back.", "Tell the steward of the box at once.")
        return gone

    @gets_through
    def seal(self, take: TakeId, by: str) -> None:
        """Close a story to this box: only its code opens it from here on. Safe to repeat. Raises `Refused`."""
        with transaction(self.db.conn) as conn:
            where = self.standing(take)
            if not where.kept:
                raise Refused("Only a kept story can be sealed.")
            if open_jobs(conn, take) or UNCUT in recipients(conn, take):
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
        opened = opened_by(self.db.conn, BOX)
        alike: dict[int, bool] = {}
        due = []
        for take, where in self.standings.now().items():
            # Takes that stand alike share one standing: what it says is found out once a look, not once a take.
            if alike.setdefault(id(where), _may_be_sealed(where)) and self._is_due(take, where, take in opened):
                due.append(take)
        return due

    def is_seal_due(self, take: TakeId) -> bool:
        """Tell whether `seal_due` names ``take``, without a look at the others. Raises `NoSuchStory`."""
        where = self.standing(take)
        return _may_be_sealed(where) and self._is_due(take, where, BOX in recipients(self.db.conn, take))

    def allowed(self, reader: Reader, prompts: Collection[str] | None = None) -> list[TakeId]:
        """Name the box's own stories which the gate lets ``reader`` use at this moment, in the order of recording.

        ``prompts`` leaves only answers to those. Whoever then opens one of them asks the gate again, for that one.
        """
        now, there = self.now(), self.standings.now()
        kinds = {id(where): where for where in there.values()}
        asked = {kind: may(where, reader, now).allowed for kind, where in kinds.items()}
        rows = self.db.conn.execute(_OWN_PROMPTS).fetchall()
        return [
            take
            for take, prompt in rows
            if (where := there.get(take)) is not None and asked[id(where)] and (prompts is None or prompt in prompts)
        ]

    def stories(self) -> list[Story]:
        """List the box's own kept stories that are not gone, in the order of recording. Says nothing about who may
        hear them; what an archive lends is `archive.guests`.
        """
        there = self.standings.now()
        rows = self.db.conn.execute(_OWN).fetchall()
        return [_story(row) for row in rows if row[0] in there and there[row[0]].kept]

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

    def _must_be_one(self, take: TakeId) -> None:
        if self.codes_of(take) > 1:
            raise Refused(
                "Several people told this together: one of them alone cannot allow more.",
                "What was allowed on the day can be narrowed, a part taken out, or all of it taken back.",
            )

    def _is_due(self, take: TakeId, where: Standing, opened: bool) -> bool:
        return not (opened and self._needed(take, where)) and not open_jobs(self.db.conn, take)

    def _needed(self, take: TakeId, where: Standing) -> bool:
        """Tell whether a use needs a take that the box can open."""
        if where.waits_for_guardian:
            return False
        asked = set(where.uses) & set(ASKED_USES)
        if asked and asked <= _OUTSIDE:
            # Until the story as it stands now was signed for: one before a later no or a cut has to be replaced.
            query = "SELECT body FROM receipts WHERE subject = ? AND kind = ?"
            bodies = self.db.conn.execute(query, (take, BAG)).fetchall()
            now = revision_of(events_of(self.db.conn, take)) if bodies else ""
            return all(json.loads(body).get("revision") != now for (body,) in bodies)
        return bool(asked)


def _may_be_sealed(where: Standing) -> bool:
    return where.kept and where.review_closed and not where.sealed and not where.held


def _hash(derived: Derived, cost: Cost) -> str:
    return f"{cost.text()}${derived.proof.hex()}"


def _story(row: tuple[str, str, str, str, str, str, int, int, str, int]) -> Story:
    take, kind, prompt, language, site, wall, trusted, length, digest, sequence = row
    return Story(
        TakeId(take), Kind(kind), prompt, language, site, datetime.fromisoformat(wall), bool(trusted), Ms(length),
        Sha256(digest), sequence,
    )  # fmt: skip
