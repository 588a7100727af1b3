"""What time does: sealed holds end after a day, stories nobody else may hear after the library's retention.

How long ago something was: `archive.elapsed`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import datetime

from archive.ballast import make
from archive.consent import all_events, standing
from archive.cutlater import finish_waiting_cuts
from archive.database import Moment
from archive.elapsed import beat, passed, powered_since
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
    cut: list[TakeId] = field(default_factory=list)
    """Back in use without a part there was no room to take out before."""


def run_retention(store: Store, *, days: float = RETENTION_DAYS, hold: float = HOLD_S) -> RetentionReport:
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
    # After what was erased here: that may have been the room it lacked.
    report.cut.extend(finish_waiting_cuts(store))
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
