"""Voices an archive lends to this box: kept like any take, but not the box's own.

A guest is a row among the takes (so that sound, words, cue buttons and erasing are the same code) with a second row
here that says who lends it. It is on cue buttons only, where a person asks for it: not in rotation, not searched,
not handed on, because its teller said yes to being played at a library, not to becoming part of its collection. The
gate is asked by `Reader.CUE` for a story told at this very library, and by `Reader.LEND` for every other.

Its consent events stand in the ledger marked `BY`, as the record said them. A loan ends with the feed that no longer
names it, and `LOAN_S` after the last feed came: a box out of reach for a month keeps its cues, one that is never
reached again does not play for ever what may have been taken back meanwhile. Ending a loan is no final act: the
archive may lend the story again.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from archive.consent import events_of, record, standing
from archive.database import Moment, checkpoint, transaction
from archive.durable import PART, remove
from archive.elapsed import passed, powered_since
from archive.envelope import drop_all_wraps
from archive.erasure import drop_rows
from archive.home import Home
from archive.shelf import Shelf
from archive.types import Act, ConsentEvent, Reader
from audio.types import TakeId

BY = "feed/"
"""Before ``by`` in every consent event that came with a loan."""
LOAN_S = 60 * 86_400.0
_FILE = "loan-"


@dataclass(frozen=True, slots=True)
class Guest:
    """A lent story: by which archive (its signing key, hexadecimal), for which reader, and its blobs by SHA-256."""

    take: TakeId
    archive: str
    reader: Reader
    sound: str
    card: str
    events: int
    head: str


def guests(conn: sqlite3.Connection) -> dict[TakeId, Guest]:
    """Every guest here, whether its loan is still on or not."""
    rows = conn.execute("SELECT take, archive, reader, sound, card, events, head FROM guests ORDER BY take")
    return {TakeId(row[0]): Guest(TakeId(row[0]), row[1], Reader(row[2]), *row[3:]) for row in rows}


def is_lent(events: Iterable[ConsentEvent]) -> bool:
    """Tell whether a subject's ledger began with a loan: what time does to own stories is not for it."""
    return next((event.by.startswith(BY) for event in events), False)


def cue_reader(conn: sqlite3.Connection, take: TakeId) -> Reader:
    """Name the reader a cue button asks the gate as."""
    row = conn.execute("SELECT reader FROM guests WHERE take = ?", (take,)).fetchone()
    return Reader.CUE if row is None else Reader(row[0])


def on_loan(store: Shelf, take: TakeId) -> bool:
    """Tell whether a cue button may use this take at all: it is the box's own, or its loan is still on."""
    row = store.db.conn.execute("SELECT archive FROM guests WHERE take = ?", (take,)).fetchone()
    return row is None or not loan_over(store, str(row[0]))


def loan_over(store: Shelf, archive: str) -> bool:
    """Tell whether the last feed of ``archive`` is so long ago that its loans have ended."""
    row = store.db.conn.execute(
        "SELECT boot_id, monotonic, wall, clock_trusted FROM feeds WHERE archive = ?", (archive,)
    ).fetchone()
    if row is None:
        return True
    since = Moment(str(row[0]), float(row[1]), datetime.fromisoformat(row[2]), bool(row[3]))
    return passed(since, powered_since(store, since), store.moment(), LOAN_S)


def loan_file(home: Home, take: TakeId, sound: str) -> Path:
    """Name the sealed sound of a guest. It changes with its blob, so that a new one never stands under the old name."""
    return home.story_folder(take) / f"{_FILE}{sound[:32]}.flac"


def lent_sound(store: Shelf, take: TakeId) -> Path | None:
    """Return where a guest's sound lies; None for a take that is not lent."""
    row = store.db.conn.execute("SELECT sound FROM guests WHERE take = ?", (take,)).fetchone()
    return None if row is None else loan_file(store.home, take, str(row[0]))


def note_consent(store: Shelf, take: TakeId, came: tuple[ConsentEvent, ...], known: int) -> None:
    """Add to the ledger what the record ``came`` says beyond its first ``known`` events. Inside a transaction.

    A hold of this box's own steward outlasts a release that was said elsewhere.
    """
    conn, moment = store.db.conn, store.moment()
    own_hold = _held_here(events_of(conn, take))
    for event in came[known:]:
        record(conn, _as_lent(event), moment)
    if own_hold and not standing(events_of(conn, take)).held:
        store.note(take, Act.HOLD, own_hold)


def end_loan(store: Shelf, take: TakeId) -> None:
    """Destroy a guest's keys and rows; its file goes with `sweep_loans`. Inside a transaction."""
    drop_all_wraps(store.db.conn, take)
    drop_rows(store, take)


def end_due_loans(store: Shelf) -> list[TakeId]:
    """Give back every guest whose archive has not been heard of for `LOAN_S`. Safe to repeat."""
    held = guests(store.db.conn)
    over = {archive for archive in {guest.archive for guest in held.values()} if loan_over(store, archive)}
    due = [guest for guest in held.values() if guest.archive in over]
    for guest in due:
        with transaction(store.db.conn):
            end_loan(store, guest.take)
        remove(loan_file(store.home, guest.take, guest.sound))
        _remove_if_empty(store.home.story_folder(guest.take))
    if due:
        checkpoint(store.db.conn)
    return [guest.take for guest in due]


def sweep_loans(store: Shelf) -> None:
    """Remove lent sounds no row speaks of: given back, or left by a killed run. Only for the one sync that runs."""
    held = {loan_file(store.home, take, guest.sound) for take, guest in guests(store.db.conn).items()}
    for path in sorted(store.home.stories.glob(f"*/{_FILE}*")):
        if path not in held:
            remove(path)
            _remove_if_empty(path.parent)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if not folder.name.endswith(PART):
            folder.rmdir()


def _as_lent(event: ConsentEvent) -> ConsentEvent:
    return ConsentEvent(
        event.subject, event.act, event.at, BY + event.by, event.use, event.yes, event.form, event.embargo,
        event.wording_version, event.wording_hash, event.language, 0, event.start, event.end,
    )  # fmt: skip


def _held_here(events: list[ConsentEvent]) -> str:
    """Say by whom this box itself holds a guest; empty when it does not."""
    said = [event for event in events if event.act in {Act.HOLD, Act.RELEASE} and not event.by.startswith(BY)]
    return said[-1].by if said and said[-1].act is Act.HOLD else ""
