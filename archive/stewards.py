"""What a steward decides about a story without opening it: hold, release, erase, a guardian's consent.

Each asks no code and is never slowed down by wrong ones. What is held stays out of every use until a person decides:
nothing that was told to a librarian, or that names others, goes back into use by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive.consent import all_events, events_of, held_by, standing
from archive.cutting import NO_ROOM
from archive.erasure import Gone
from archive.errors import NoSuchStory, Refused
from archive.restorehold import BY as RESTORED
from archive.restorehold import waits
from archive.store import Store
from archive.types import ASKED_USES, Act
from audio.types import TakeId

BY_STEWARD = "steward"
_ENDING = 6


@dataclass(frozen=True, slots=True)
class Held:
    """A story out of every use: since when, and by what (a key at the box, a steward)."""

    take: TakeId
    since: datetime
    by: str

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {"story": self.take, "since": self.since.isoformat(timespec="seconds"), "by": self.by}


@dataclass(frozen=True, slots=True)
class Card:
    """A story on a steward's page: its question in the words it was asked in, its day, its length as ``2:05``.

    Empty is what is not known. Nothing of what was told is among it.
    """

    take: TakeId
    asked: str
    day: str
    length: str

    @property
    def ending(self) -> str:
        """The end of its number, as people call it."""
        return self.take[-_ENDING:]


def find_take(store: Store, name: str) -> TakeId:
    """Find a take that is not gone, kept or not, by its id or an unmistakable beginning or end of it.

    Raises `NoSuchStory`, also where several fit.
    """
    wanted = name.strip().upper()
    there = [take for take, events in all_events(store.db.conn).items() if standing(events).ended is None]
    fitting = [take for take in there if wanted and (take.upper().startswith(wanted) or take.upper().endswith(wanted))]
    if len(fitting) != 1:
        say = "Several stories are called like this." if fitting else "There is no story with this identifier here."
        raise NoSuchStory(say, "hearth list shows the identifiers; the last six characters mostly are enough.")
    return fitting[0]


def held(store: Store) -> list[Held]:
    """List the stories that wait for a steward's decision, the oldest first."""
    found = []
    for take, events in all_events(store.db.conn).items():
        where = standing(events)
        if where.held and where.ended is None:
            last = next(event for event in reversed(events) if event.act is Act.HOLD)
            found.append(Held(take, last.at, last.by))
    return sorted(found, key=lambda one: one.since)


def to_decide(store: Store) -> list[Held]:
    """List what waits for a steward alone, the oldest first: not what a restored box holds until it was told more,
    nor what waits for room.
    """
    return [one for one in held(store) if one.by != NO_ROOM and not (one.by == RESTORED and waits(store))]


def in_use(store: Store) -> list[TakeId]:
    """List the stories somebody may use now or on a later day, here or elsewhere, the newest first."""
    found = []
    for take, events in all_events(store.db.conn).items():
        where = standing(events)
        if where.kept and not where.held and not where.sealed and set(where.uses) & set(ASKED_USES):
            found.append(take)
    return found[::-1]


def card(store: Store, take: TakeId) -> Card:
    """Say what a steward may know of a story to tell it from others; of one an archive lends its number alone."""
    try:
        facts = store.story_facts(take)
    except NoSuchStory:
        return Card(take, "", "", "")
    day = facts.recorded_at.date().isoformat() if facts.clock_trusted else ""
    return Card(take, store.asked(take), day, f"{facts.length // 60_000}:{facts.length // 1000 % 60:02}")


def hold(store: Store, name: str) -> TakeId:
    """Pull a story out of every use, at once. Safe to repeat. Raises `NoSuchStory`, `Refused` in its teller's visit."""
    take = find_take(store, name)
    where = store.standing(take)
    if not where.kept and not where.review_closed:
        # Nobody uses it yet, and nobody at a desk may stop a teller in the middle, or a keep that is pressed now.
        raise Refused("Its teller has not told it to the end, or has not decided yet.", "Until then nobody hears it.")
    # A hold the box itself put on (restored, lent) ends by itself; a steward's has to outlast it.
    if held_by(events_of(store.db.conn, take)) != BY_STEWARD:
        store.hold(take, BY_STEWARD)
    return take


def release(store: Store, name: str) -> TakeId:
    """Put a held story back to where its teller allowed it. Raises `NoSuchStory`, `Refused`."""
    take = find_take(store, name)
    if held_by(events_of(store.db.conn, take)) == NO_ROOM:
        raise Refused(
            "A part of it was taken out, and the disk has no room for the rest.", "It is back by itself once it has."
        )
    store.release(take, BY_STEWARD)
    return take


def erase(store: Store, name: str) -> Gone:
    """Erase a story for good, here and (by its tombstone) wherever it went. Raises `NoSuchStory`.

    A take nobody kept is thrown away: it went nowhere, and no tombstone tells of it. Whoever calls asks a second time
    before: this cannot be undone.
    """
    take = find_take(store, name)
    gone = store.erase(take, Act.WITHDRAW if store.standing(take).kept else Act.DISCARD, BY_STEWARD)
    return gone or Gone(take, store.clock.wall())


def add_guardian(store: Store, name: str, code: str = "") -> TakeId:
    """Note that the steward has the guardian's consent, on paper or in person. Raises `NoSuchStory`, `Refused`.

    With the teller's keep-code a story sealed meanwhile opens again for what its teller wished.
    """
    take = find_take(store, name)
    visit = store.enter_code(code) if code else None
    if visit is not None and visit.take != take:
        raise Refused("This keep-code belongs to another story.")
    store.add_guardian(take, BY_STEWARD, visit=visit)
    return take
