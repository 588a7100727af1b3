"""The ledger of what people agreed to, and the one gate every reader asks.

The ledger is append-only (triggers) and hash-chained. `standing` folds the events of one subject into where it
stands; `may` is a pure function over that and one table. What the table does not name is denied.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import MappingProxyType

from archive.database import Moment
from archive.types import Act, ConsentEvent, Form, Reader, Use
from audio.types import Ms, TakeId

_GENESIS = "0" * 64
_COLUMNS = "subject, act, at, by, use, yes, form, embargo, wording_version, wording_hash, language"
_SPAN = 'start, "end"'
_CHAINED = f"{_COLUMNS}, boot_id, monotonic, clock_trusted"
_FINAL = frozenset({Act.WITHDRAW, Act.DISCARD, Act.EXPIRE})
_OWN = frozenset({Reader.TELLER, Reader.REVIEW, Reader.TRANSCRIBE})
OUTSIDE = (Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC)


@dataclass(frozen=True, slots=True)
class Yes:
    """A yes that stands: in which form, and the first day on which it counts."""

    form: Form = Form.VOICE
    embargo: date | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one take stands. ``ended`` names the final act, if any."""

    uses: Mapping[Use, Yes] = field(default_factory=lambda: MappingProxyType({}))
    review_closed: bool = False
    held: bool = False
    sealed: bool = False
    ended: Act | None = None
    waits_for_guardian: bool = False
    """Its teller is under age and no guardian has agreed: nothing above sealed."""

    @property
    def kept(self) -> bool:
        """Whether the teller kept it and nothing final has happened since."""
        return Use.KEEP in self.uses and self.ended is None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate says. ``why`` is a plain sentence; ``voice`` is False where only the words may be used."""

    allowed: bool
    why: str
    voice: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    """A reader needs all of ``every`` and, if given, one of ``any``; ``voiced`` readers cannot do without the voice."""

    every: tuple[Use, ...]
    any: tuple[Use, ...] = ()
    voiced: bool = False


_RULES: Mapping[Reader, _Rule] = MappingProxyType(
    {
        Reader.PLAY: _Rule((Use.KEEP,), (Use.PLAY_HERE,), voiced=True),
        Reader.CUE: _Rule((Use.KEEP,), (Use.PLAY_HERE,), voiced=True),
        Reader.CAPTION: _Rule((Use.KEEP,), (Use.PLAY_HERE,)),
        Reader.INDEX: _Rule((Use.KEEP,), (Use.PLAY_HERE,)),
        Reader.SEARCH: _Rule((Use.KEEP,), (Use.PLAY_HERE,)),
        Reader.BAG: _Rule((Use.KEEP,), OUTSIDE),
        Reader.SYNC: _Rule((Use.KEEP,), OUTSIDE),
        Reader.EXPORT: _Rule((Use.KEEP,), OUTSIDE),
        Reader.PUBLISH: _Rule((Use.KEEP,), (Use.PUBLIC,)),
        Reader.QUOTE: _Rule((Use.KEEP,), (Use.QUOTE,)),
        Reader.DESK: _Rule((Use.KEEP,), OUTSIDE),
        Reader.LEND: _Rule((Use.KEEP,), (Use.PARTNERS, Use.PUBLIC), voiced=True),
    }
)


def standing(events: Iterable[ConsentEvent]) -> Standing:
    """Fold the events of one subject, oldest first. Pure. Nothing undoes a final act."""
    uses: dict[Use, Yes] = {}
    closed = held = sealed = minor = guardian = False
    ended: Act | None = None
    for event in events:
        match event.act:
            case Act.DECIDE if event.use is not None:
                if event.yes:
                    uses[event.use] = Yes(event.form, event.embargo)
                    # A use agreed to after sealing opens the story again; only its teller can say so.
                    sealed = sealed and (event.use in {Use.RECORD, Use.KEEP} or (minor and not guardian))
                else:
                    uses.pop(event.use, None)
            case Act.CLOSE_REVIEW:
                closed = True
            case Act.HOLD:
                held = True
            case Act.RELEASE:
                held = False
            case Act.SEAL:
                sealed = True
            case Act.MINOR:
                minor = True
            case Act.GUARDIAN:
                guardian = True
            case Act.OF_AGE if not closed:
                minor = False
            case final if final in _FINAL:
                ended = ended or final
            case _:
                pass
    return Standing(MappingProxyType(uses), closed, held, sealed, ended, minor and not guardian)


def held_by(events: Iterable[ConsentEvent]) -> str:
    """Say what holds a subject now, as the last hold of it is noted; empty where nothing does. Pure."""
    by = ""
    for event in events:
        if event.act in {Act.HOLD, Act.RELEASE}:
            by = event.by if event.act is Act.HOLD else ""
    return by


def may(where: Standing, reader: Reader, now: datetime | None) -> Answer:
    """Say whether ``reader`` may use this subject at ``now``. Pure; the default is no.

    ``now`` is the wall clock, or None where it cannot be trusted: then no embargo counts as passed.
    """
    barred = _barred(where, reader)
    if barred:
        return Answer(False, barred)
    match reader:
        case Reader.TELLER:
            return _yes(where, Use.KEEP)
        case Reader.REVIEW:
            return _yes(where, Use.RECORD)
        case Reader.TRANSCRIBE:
            return _yes(where, Use.KEEP if where.review_closed or Use.KEEP in where.uses else Use.RECORD)
        case _ if reader in _RULES:
            return _by_rule(where, _RULES[reader], now)
        case _:
            return Answer(False, "No rule names this reader.")


def _barred(where: Standing, reader: Reader) -> str:  # noqa: PLR0911 (one answer a reason)
    """Say what stops ``reader`` whatever was agreed; empty when nothing does."""
    if where.ended is not None:
        return f"It is gone ({where.ended})."
    if reader is Reader.TELLER:
        return ""  # hold and seal protect a teller from others, never from themselves
    if where.held:
        return "It is held until a steward has decided."
    if where.sealed:
        return "It is sealed: only its teller's code opens it."
    if where.waits_for_guardian and reader not in _OWN:
        return "Its teller is under age, and no guardian has agreed yet."
    if reader is Reader.REVIEW and (where.review_closed or Use.KEEP in where.uses):
        return "The visit in which it was told is over."
    return ""


def _yes(where: Standing, use: Use) -> Answer:
    if use in where.uses:
        return Answer(True, f"Agreed: {use}.", voice=True)
    return Answer(False, f"Not agreed: {use}.")


def _by_rule(where: Standing, rule: _Rule, now: datetime | None) -> Answer:
    for use in rule.every:
        if use not in where.uses:
            return Answer(False, f"Not agreed: {use}.")
    agreed = [use for use in rule.any if use in where.uses]
    if not agreed:
        return Answer(False, f"Not agreed: {' or '.join(rule.any)}.")
    open_now = [use for use in agreed if _passed(where.uses[use].embargo, now)]
    if not open_now:
        return Answer(False, "Its teller asked to wait until a later day.")
    voice = any(where.uses[use].form is Form.VOICE for use in open_now)
    if rule.voiced and not voice:
        return Answer(False, "Its teller allowed the words, not the voice.")
    return Answer(True, f"Agreed: {', '.join(open_now)}.", voice)


def _passed(embargo: date | None, now: datetime | None) -> bool:
    if embargo is None:
        return True
    return now is not None and now.astimezone(UTC).date() >= embargo


def record(conn: sqlite3.Connection, event: ConsentEvent, moment: Moment) -> int:
    """Append ``event`` and return its number. Call inside a transaction: the chain must not fork.

    ``moment`` says how the box knew the time: embargo and retention never rest on the wall clock alone.
    """
    last = conn.execute("SELECT hash FROM ledger ORDER BY seq DESC LIMIT 1").fetchone()
    prev = _GENESIS if last is None else str(last[0])
    values = (
        event.subject, str(event.act), event.at.astimezone(UTC).isoformat(), event.by,
        None if event.use is None else str(event.use), int(event.yes), str(event.form),
        None if event.embargo is None else event.embargo.isoformat(),
        event.wording_version, event.wording_hash, event.language,
        moment.boot_id, moment.at, int(moment.trusted),
    )  # fmt: skip
    marks = ", ".join("?" * (len(values) + 4))
    done = conn.execute(
        f"INSERT INTO ledger ({_CHAINED}, {_SPAN}, prev, hash) VALUES ({marks})",  # noqa: S608 - constants
        (*values, event.start, event.end, prev, _link(prev, values, (event.start, event.end))),
    )
    return int(done.lastrowid or 0)


def events_of(conn: sqlite3.Connection, subject: TakeId) -> list[ConsentEvent]:
    """Every event of ``subject``, oldest first; an empty list for a subject nobody spoke of."""
    rows = conn.execute(
        f"SELECT seq, {_COLUMNS}, {_SPAN} FROM ledger WHERE subject = ? ORDER BY seq",  # noqa: S608 - constants
        (subject,),
    )
    return [_event(row) for row in rows]


def all_events(conn: sqlite3.Connection) -> dict[TakeId, list[ConsentEvent]]:
    """Every event there is, by subject, oldest first."""
    found: dict[TakeId, list[ConsentEvent]] = {}
    for row in conn.execute(f"SELECT seq, {_COLUMNS}, {_SPAN} FROM ledger ORDER BY seq"):  # noqa: S608 - constants
        event = _event(row)
        found.setdefault(event.subject, []).append(event)
    return found


def verify_chain(conn: sqlite3.Connection) -> list[int]:
    """Return the numbers of ledger rows that do not follow from the one before; empty when all is sound."""
    broken: list[int] = []
    prev = _GENESIS
    for seq, row_prev, row_hash, start, end, *values in conn.execute(
        f"SELECT seq, prev, hash, {_SPAN}, {_CHAINED} FROM ledger ORDER BY seq"  # noqa: S608 - constants
    ):
        if row_prev != prev or row_hash != _link(row_prev, tuple(values), (start, end)):
            broken.append(int(seq))
        prev = str(row_hash)
    return broken


def _link(prev: str, values: tuple[object, ...], span: tuple[int | None, int | None]) -> str:
    # Lines without a span hash as they did before spans were known.
    told = (*values, *span) if span != (None, None) else values
    return hashlib.sha256(json.dumps([prev, *told], ensure_ascii=True).encode("ascii")).hexdigest()


def _event(row: tuple[object, ...]) -> ConsentEvent:
    seq, subject, act, at, by, use, yes, form, embargo, version, digest, language, start, end = row
    return ConsentEvent(
        subject=TakeId(str(subject)), act=Act(str(act)), at=datetime.fromisoformat(str(at)), by=str(by),
        use=None if use is None else Use(str(use)), yes=bool(yes), form=Form(str(form)),
        embargo=None if embargo is None else date.fromisoformat(str(embargo)),
        wording_version=str(version), wording_hash=str(digest), language=str(language), seq=int(str(seq)),
        start=None if start is None else Ms(int(str(start))), end=None if end is None else Ms(int(str(end))),
    )  # fmt: skip
