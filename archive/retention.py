"""What time does: sealed holds end after a day, stories nobody else may hear after the library's retention.

Time is a trusted wall clock's, or time the box was powered on, whichever comes first: a box without a right clock
must neither keep for ever nor erase because its clock jumped.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import datetime

from archive.ballast import make
from archive.consent import all_events, standing
from archive.database import Moment, transaction
from archive.errors import HomeTrouble
from archive.guests import end_due_loans, is_lent
from archive.shelf import Shelf
from archive.store import Store
from archive.types import ASKED_USES, Act, ConsentEvent, Use
from audio.types import TakeId

DAY_S = 86_400.0
HOLD_S = DAY_S
RETENTION_DAYS = 90


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What one run did."""

    holds_ended: list[TakeId] = field(default_factory=list)
    stories_ended: list[TakeId] = field(default_factory=list)
    erasures_finished: list[TakeId] = field(default_factory=list)
    sealed: list[TakeId] = field(default_factory=list)
    loans_ended: list[TakeId] = field(default_factory=list)


def passed(since: Moment, powered: float, now: Moment, limit: float) -> bool:
    """Tell whether ``limit`` seconds have gone by since ``since``. Pure.

    ``powered`` is how long the box has been on since then; the wall clock counts only if it was trusted both times.
    """
    if powered >= limit:
        return True
    return since.trusted and now.trusted and (now.wall - since.wall).total_seconds() >= limit


def beat(store: Shelf) -> None:
    """Note that this boot has lasted until now. Call at start, and every few minutes while the box is on."""
    now = store.moment()
    with transaction(store.db.conn) as conn:
        conn.execute(
            "INSERT INTO boots (boot_id, first, last) VALUES (?, ?, ?) "
            "ON CONFLICT (boot_id) DO UPDATE SET last = MAX(last, excluded.last)",
            (now.boot_id, now.at, now.at),
        )


def powered_since(store: Shelf, since: Moment) -> float:
    """Seconds the box is known to have been on since ``since``, over restarts; never more than the truth."""
    rows = store.db.conn.execute("SELECT boot_id, last FROM boots ORDER BY number").fetchall()
    boots = [str(row[0]) for row in rows]
    if since.boot_id not in boots:
        return 0.0
    first = boots.index(since.boot_id)
    # A monotonic clock counts from its boot, so the last beat of a later boot is how long that boot lasted.
    return max(0.0, float(rows[first][1]) - since.at) + sum(float(row[1]) for row in rows[first + 1 :])


def run_retention(store: Store, *, days: int = RETENTION_DAYS, hold: float = HOLD_S) -> RetentionReport:
    """Finish erasures, end what is due, seal what no use needs. Safe to run at any time, as often as one likes."""
    make(store.home.path)
    with contextlib.suppress(HomeTrouble):  # on a full disk time is not noted, and what is due goes all the same
        beat(store)
    report = RetentionReport(erasures_finished=store.finish_erasures())
    now = store.moment()
    for take, events in all_events(store.db.conn).items():
        where = standing(events)
        if where.ended is not None or where.held or is_lent(events):
            continue
        if not where.kept:
            since, limit, ended = _since(store, _last(events, Act.CLOSE_REVIEW)), hold, report.holds_ended
        elif where.waits_for_guardian or set(where.uses).isdisjoint(ASKED_USES):
            since, limit, ended = _since(store, _kept(events)), days * DAY_S, report.stories_ended
        else:
            continue
        if passed(since, powered_since(store, since), now, limit):
            store.erase(take, Act.EXPIRE, "retention")
            ended.append(take)
    report.loans_ended.extend(end_due_loans(store))
    for take in store.seal_due():
        store.seal(take, "retention")
        report.sealed.append(take)
    return report


def _last(events: list[ConsentEvent], act: Act) -> ConsentEvent:
    """The last event of a kind; where there is none (the box died in the visit), the first of all."""
    return next((event for event in reversed(events) if event.act is act), events[0])


def _kept(events: list[ConsentEvent]) -> ConsentEvent:
    return next(event for event in reversed(events) if event.use is Use.KEEP and event.yes)


def _since(store: Shelf, event: ConsentEvent) -> Moment:
    query = "SELECT boot_id, monotonic, at, clock_trusted FROM ledger WHERE seq = ?"
    boot, at, wall, trusted = store.db.conn.execute(query, (event.seq,)).fetchone()
    return Moment(boot, at, datetime.fromisoformat(wall), bool(trusted))
