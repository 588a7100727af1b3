"""When things last happened at a box, for whoever looks after it: times and numbers, never what was told or by whom."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from statistics import median

from archive.consent import all_events
from archive.durable import write_file
from archive.home import Home
from archive.receipts import BAG, SENT, TELL, TOMBSTONE
from archive.shelf import Shelf
from archive.types import Act
from audio.clock import Clock

VISIT_FILE = "visited.json"
_NEWEST, _USUAL = 3, 50
ENOUGH = 6
"""So many stories make a usual level; fewer are three against themselves."""


def note_visit(home: Home, clock: Clock) -> None:
    """Note that the place the box hands on to was reached to the end. Raises `OSError`."""
    told = {"at": clock.wall().isoformat(), "clock_trusted": clock.trusted()}
    write_file(home.outbox / VISIT_FILE, json.dumps(told).encode(), 0o600)


def visited(home: Home) -> bool:
    """Whether that ever happened, also where no clock could tell when."""
    return (home.outbox / VISIT_FILE).exists()


def last_visit(home: Home) -> datetime | None:
    """When that was last, in UTC; None when never, or when no clock could tell."""
    try:
        told = json.loads((home.outbox / VISIT_FILE).read_bytes())
        return datetime.fromisoformat(told["at"]).astimezone(UTC) if told["clock_trusted"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def last_story(store: Shelf) -> tuple[date | None, bool]:
    """The day (UTC) the last story of this box was begun whose day is known, and whether another came after it."""
    query = "SELECT wall, clock_trusted FROM takes WHERE id NOT IN (SELECT take FROM guests) ORDER BY sequence DESC"
    later = False
    for wall, trusted in store.db.conn.execute(query):
        if trusted:
            return datetime.fromisoformat(wall).astimezone(UTC).date(), later
        later = True
    return None, later


def withdrawals_on_their_way(store: Shelf) -> int:
    """How many stories taken back here an archive has, or may have, and was not told of yet."""
    kinds: dict[str, set[str]] = {}
    for subject, kind in store.db.conn.execute("SELECT subject, kind FROM receipts"):
        kinds.setdefault(subject, set()).add(kind)
    taken_back = {
        str(story)
        for story, events in all_events(store.db.conn).items()
        if any(event.act is Act.WITHDRAW for event in events)
    }
    left = {one for one, known in kinds.items() if known & {SENT, BAG}}
    # Whether an archive has a story this box does not know, nobody here can say; but it has others.
    told = {one for one, known in kinds.items() if TELL in known and left}
    return sum(TOMBSTONE not in kinds[one] for one in (taken_back & left) | told)


def levels(store: Shelf) -> tuple[float, float] | None:
    """How loud the newest stories are and how loud they usually are (medians in LUFS); None before there is one."""
    query = "SELECT lufs FROM loudness JOIN takes ON takes.id = loudness.take ORDER BY takes.sequence DESC LIMIT ?"
    found = [float(row[0]) for row in store.db.conn.execute(query, (_USUAL,))]
    return (median(found[:_NEWEST]), median(found)) if found else None


def level_known(store: Shelf) -> bool:
    """Whether enough stories were measured for "usual" to mean anything."""
    return int(store.db.conn.execute("SELECT COUNT(*) FROM loudness").fetchone()[0]) >= ENOUGH
