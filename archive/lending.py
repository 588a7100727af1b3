"""A box that is lent from one group to the next: what is put away when it comes back, so that the next finds nothing.

Every story that was kept is held in one transaction, and from that moment no reader but its teller is let in. Then
each is sealed to what its teller agreed: its archive has it already, or its keep-code alone opens it. A story that
may leave the box and has not been signed for is never sealed, because nobody could hand it on any more: it stays held
until a person releases it. What the group had on cue buttons, and what an archive sent for it, goes.

How far a box is stands in one row (`lent`), so that a return cut short by a power cut is finished at the next start.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from archive.consent import all_events, events_of, held_by, standing
from archive.consentrecord import revision_of
from archive.cutting import NO_ROOM
from archive.database import checkpoint, get_meta, set_meta, transaction
from archive.durable import remove
from archive.errors import ArchiveError, Refused
from archive.feed.sent import write_sent
from archive.guests import end_loan, guests, is_lent, loan_file
from archive.jobs import open_jobs
from archive.phones import end_phones
from archive.receipts import BAG, RECALL, SENT
from archive.store import Store
from archive.sync import OUTSIDE
from archive.types import Act, ConsentEvent
from audio.types import TakeId

BY = "lending"
RETURNED = "returned"
"""The command that tells a running kiosk that its box was taken back: it ends once nobody is at it."""
_META = "lending"


class NotReturned(ArchiveError):
    """Something has to be done before the box can be put away for the next borrower; nothing was changed."""

    code = "not-returned"


class NotLent(ArchiveError):
    """A box that is not out cannot come back, and one that is out cannot be lent again."""

    code = "not-lent"


class Stage(StrEnum):
    """Where a box for lending is."""

    HERE = "here"
    """It was never lent."""
    OUT = "out"
    RETURNING = "returning"
    """Being put away; a power cut in the middle leaves it here, and the next start goes on."""
    READY = "ready"
    """Put away: the next borrower finds nothing of the one before."""


@dataclass(frozen=True, slots=True)
class Lent:
    """Where the box is, since when (None where no clock could tell), and the number of the last take put away."""

    stage: Stage = Stage.HERE
    since: datetime | None = None
    until: int = 0


@dataclass(frozen=True, slots=True)
class PutAway:
    """What a return did: stories sealed, and stories held because no archive has signed for them."""

    sealed: list[TakeId] = field(default_factory=list)
    held: list[TakeId] = field(default_factory=list)


def lent(store: Store) -> Lent:
    """Where this box is."""
    told = get_meta(store.db.conn, _META)
    if told is None:
        return Lent()
    plain = json.loads(told)
    since = plain["since"]
    return Lent(Stage(plain["stage"]), None if since is None else datetime.fromisoformat(since), int(plain["until"]))


def lend_out(store: Store) -> Lent:
    """Note that the box goes out. Raises `NotLent` where it is out already."""
    with transaction(store.db.conn):
        now = lent(store)
        if now.stage in {Stage.OUT, Stage.RETURNING}:
            raise NotLent("This box is lent already.", "Take it back first: hearth lend --back")
        return _put(store, Stage.OUT, now.until)


def not_handed_on(store: Store) -> list[TakeId]:
    """Name the own stories whose tellers let them leave the box, and for whose present answers no archive has signed.

    One that waits for a later day or a guardian is among them: it has not left the box either.
    """
    facts: dict[str, list[tuple[str, str]]] = {}
    for receipt in store.receipts():
        if receipt.kind in {SENT, BAG, RECALL}:
            body = json.loads(receipt.body)
            facts.setdefault(receipt.subject, []).append((receipt.kind, str(body.get("revision", ""))))
    waiting = []
    for take, events in all_events(store.db.conn).items():
        where = standing(events)
        if not where.kept or where.sealed or is_lent(events) or not set(where.uses) & OUTSIDE:
            continue
        if (BAG, revision_of(events)) not in facts.get(take, [])[-1:]:
            waiting.append(take)
    return waiting


def begin_return(store: Store, *, anyway: bool = False) -> Lent:
    """Close the stories of this borrower to everybody but their tellers, in one transaction; `finish_return` follows.

    ``anyway`` also where stories were not handed on. Raises `NotLent`, and `NotReturned` while somebody is at the box,
    while machines still work on a story, or while stories are not handed on: then nothing has changed.
    """
    with transaction(store.db.conn) as conn:
        if lent(store).stage not in {Stage.OUT, Stage.RETURNING}:
            raise NotLent("This box is not lent, so it cannot come back.", "Lend it: hearth lend --out")
        ledger = {take: events for take, events in all_events(conn).items() if not is_lent(events)}
        _refuse_too_early(store, ledger, anyway=anyway)
        for take, events in ledger.items():
            where = standing(events)
            if where.kept and not where.sealed and held_by(events) in {"", NO_ROOM}:
                store.note(take, Act.HOLD, BY)
        last = conn.execute("SELECT COALESCE(MAX(sequence), 0) FROM takes").fetchone()[0]
        return _put(store, Stage.RETURNING, int(last))


def finish_return(store: Store) -> PutAway:
    """Seal what was handed on or never leaves, clear buttons, phones and what an archive sent. Safe to repeat.

    Does nothing unless a return was begun.
    """
    now, done = lent(store), PutAway()
    if now.stage is not Stage.RETURNING:
        return done
    waiting, conn = set(not_handed_on(store)), store.db.conn
    for take in _until(store, now.until):
        events = events_of(conn, take)
        where = standing(events)
        if not where.kept or is_lent(events) or not _held_by_lending(events):
            continue
        if take in waiting or not _sealed(store, take):
            done.held.append(take)
            continue
        with transaction(conn):
            store.note(take, Act.RELEASE, BY)
        done.sealed.append(take)
    _clear(store)
    with transaction(conn):
        _put(store, Stage.READY, now.until)
    checkpoint(conn)
    store.add_command(RETURNED)
    return done


def put_away(store: Store) -> frozenset[TakeId]:
    """Name the takes of earlier borrowers: told before the last return, and out of every use since."""
    conn, until = store.db.conn, lent(store).until
    standings = {take: standing(events_of(conn, take)) for take in _until(store, until)}
    return frozenset(take for take, where in standings.items() if where.sealed or where.held or not where.kept)


def wait_for_the_archive(store: Store) -> list[TakeId]:
    """Name the stories a return has held because nobody had signed for them, and which still wait for a person."""
    conn = store.db.conn
    return [take for take in _until(store, lent(store).until) if _held_by_lending(events_of(conn, take))]


def _refuse_too_early(store: Store, ledger: dict[TakeId, list[ConsentEvent]], *, anyway: bool) -> None:
    where = {take: standing(events) for take, events in ledger.items()}
    if any(one.ended is None and not one.review_closed for one in where.values()):
        raise NotReturned("Somebody is telling a story at this box.", "Let them finish, then take it back.")
    busy = [take for take, one in where.items() if one.kept and not one.sealed and open_jobs(store.db.conn, take)]
    if busy:
        say = f"The words or the sound of {len(busy)} of its stories are not finished yet."
        raise NotReturned(say, "Leave the box on for some minutes, then take it back.")
    waiting = [take for take in not_handed_on(store) if not where[take].held]
    if waiting and not anyway:
        which = "1 story that may leave is" if len(waiting) == 1 else f"{len(waiting)} stories that may leave are"
        raise NotReturned(
            f"{which} not handed on yet.",
            "Hand on first: hearth sync, or leave the box on overnight. Or take it back all the same: what was not "
            "handed on stays on the box, closed to everybody, until somebody releases it.",
        )


def _until(store: Store, number: int) -> list[TakeId]:
    rows = store.db.conn.execute("SELECT id FROM takes WHERE sequence <= ? ORDER BY sequence", (number,))
    return [TakeId(row[0]) for row in rows.fetchall()]


def _held_by_lending(events: list[ConsentEvent]) -> bool:
    return standing(events).ended is None and held_by(events) == BY


def _sealed(store: Store, take: TakeId) -> bool:
    try:
        store.seal(take, BY)
    except Refused:
        # A machine began to work on it meanwhile: held is as closed as sealed, and a person looks at it.
        return False
    return True


def _clear(store: Store) -> None:
    """Take away what stood on buttons, what archives sent, and whose phone was paired. One transaction, then files."""
    lent_here = list(guests(store.db.conn).values())
    with transaction(store.db.conn) as conn:
        for table in ("cues", "cues_off", "excerpts", "rotation", "sent_prompts", "sent_settings", "sent_lines"):
            conn.execute(f"DELETE FROM {table}")  # noqa: S608 (names written here)
        for guest in lent_here:
            end_loan(store, guest.take)
        # The newest feed is applied once more at the next hand-on; one older than it stays refused.
        conn.execute("UPDATE feeds SET sequence = sequence - 1, sha256 = '' WHERE sha256 <> ''")
    for guest in lent_here:
        remove(loan_file(store.home, guest.take, guest.sound))
    write_sent(store)
    end_phones(store)


def _put(store: Store, stage: Stage, until: int) -> Lent:
    since = store.now()
    told = {"stage": stage.value, "since": None if since is None else since.isoformat(), "until": until}
    set_meta(store.db.conn, _META, json.dumps(told))
    return Lent(stage, since, until)
