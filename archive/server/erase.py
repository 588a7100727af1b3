"""Taking a story back at the archive: every row that speaks of it in one step, then objects, then what is left over.

The tombstone and the rows are one transaction; from its commit on no reader finds the story. Objects go after it. What
still has to go is written down in that transaction (`leavings`), so that a program killed anywhere, or a store that
did not answer, leaves nothing behind for good: `settle` finishes it, at the next withdrawal, the next start, and
within a minute while the archive is served (`keep_settled`).
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from archive.catalogue.changes import note_change, stamp
from archive.catalogue.consents import read_stored
from archive.catalogue.port import Catalogue, Tx
from archive.durable import remove
from archive.errors import ArchiveError
from archive.feed.erased import note_erased
from archive.ingest import lifts
from archive.objects import bag_folder
from archive.partners.fetched import sweep_fetched
from archive.patterns.dropping import BRIDGES, bridge_in_use, drop_renditions
from archive.server.place import ArchiveHome
from archive.tombstones import Reach, Tombstone

SCRUB: Final = "scrub"
"""Stands among the leavings while the database may still hold bytes of what was deleted."""
EVERY_S: Final = 60.0
_ELSEWHERE = timedelta(days=1)
_BY_THE_DAY = timedelta(days=1)
_BAGS = "bags/"
_log = logging.getLogger(__name__)


def withdraw(place: ArchiveHome, stone: Tombstone, who: str) -> bool:
    """Carry out a tombstone: whatever the archive has of that story goes, and only the tombstone stays.

    ``who`` is the box or the person it came from. Returns whether there was such a story. A withdrawal is final and
    also counts for stories that never came; a recall that a teller's newer yes has lifted already changes nothing.
    Raises `CatalogueTrouble` (nothing is done then), or `StoreTrouble` where objects could not be removed yet: then
    nobody finds the story any more, and the next `settle` removes them.
    """
    with place.catalogue() as catalogue:
        with catalogue.write() as tx:
            removed = bury(tx, stone, who, place.now())
        settle(place, catalogue)
    again(place)
    return removed


def again(place: ArchiveHome) -> None:
    """Make medleys that lost a voice again without it, at once; what cannot be made now is made when asked for.

    The withdrawal is carried out already: nothing that goes wrong here may be taken for its failure.
    """
    from archive.patterns.rendering import renew  # only here: erasing by itself needs no sound

    with contextlib.suppress(ArchiveError, OSError):
        renew(place)


def bury(tx: Tx, stone: Tombstone, who: str, now: datetime) -> bool:
    """Write the tombstone and delete the rows, inside a transaction; `settle` has to follow it."""
    known = tx.one("SELECT reach, events FROM tombstones WHERE id = ?", stone.story)
    record = read_stored(tx, stone.story)
    if known is not None and known["reach"] == Reach.WITHDRAWAL:
        return False
    if known is not None and stone.reach is Reach.RECALL and stone.events < known["events"]:
        return False  # an older one, on a stick that lay somewhere: the teller's last word stands
    if record is not None and lifts(stone, record):
        return False
    tx.run(
        "INSERT INTO tombstones (id, at, reach, events, head, received_at, came_from) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET at = excluded.at, reach = excluded.reach, events = excluded.events, "
        "head = excluded.head, received_at = excluded.received_at, came_from = excluded.came_from",
        stone.story, stamp(stone.at), stone.reach.value, stone.events, stone.head, stamp(now), who,
    )  # fmt: skip
    came = tx.one("SELECT box FROM stories WHERE id = ?", stone.story)
    if came is not None:
        note_erased(tx, stone.story, str(came["box"]), now)
    leave(tx, stone.story, now, scrub=True)
    removed = tx.run("DELETE FROM stories WHERE id = ?", stone.story) > 0
    note_change(
        tx, who, "story taken back" if stone.reach is Reach.WITHDRAWAL else "story recalled", stone.story, "", now
    )
    return removed


def leave(tx: Tx, story: str, now: datetime, *, scrub: bool = False) -> None:
    """Write down, inside a transaction, that the objects of ``story`` nobody refers to after it have to go.

    ``scrub`` says that words went with it, whose bytes the database has to overwrite.
    """
    drop_renditions(tx, story, now)
    derived = [row["key"] for row in tx.all("SELECT key FROM derived WHERE story = ?", story)]
    tx.run("DELETE FROM derived WHERE story = ?", story)
    keys = (bag_folder(story), f"derived/{story}/", *derived, *((SCRUB,) if scrub else ()))
    tx.many(
        "INSERT INTO leavings (key, at) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", [(k, stamp(now)) for k in keys]
    )


def settle(place: ArchiveHome, catalogue: Catalogue) -> int:
    """Remove whatever nobody refers to any more; return how many objects went. Safe to repeat, and at any time.

    While somebody reads for long, the database's log keeps bytes of what was deleted: that stays written down for the
    next time. Raises `StoreTrouble` or `CatalogueTrouble` where something else has to stay for it.
    """
    with catalogue.read() as tx:
        keys = [row["key"] for row in tx.all("SELECT key FROM leavings ORDER BY at, key")]
        asides = tx.all("SELECT id, place FROM aside WHERE story IN (SELECT id FROM tombstones)")
    gone = 0
    for row in asides:
        # Empty where somebody decided: what was thrown away has no files.
        if name := Path(row["place"]).name:
            with contextlib.suppress(FileNotFoundError):
                remove(place.aside / name)
        with catalogue.write() as tx:
            tx.run("DELETE FROM aside WHERE id = ?", row["id"])
    for key in keys:
        if key == SCRUB:
            continue
        # Under the lock: nobody begins to bring the same bag while its objects go.
        with catalogue.write() as tx:
            gone += _remove(tx, place, key)
            tx.run("DELETE FROM leavings WHERE key = ?", key)
    # Nobody finds the words any more, so a long read elsewhere is no reason to tell the teller that it failed.
    if SCRUB in keys and catalogue.scrub():
        with catalogue.write() as tx:
            tx.run("DELETE FROM leavings WHERE key = ?", SCRUB)
    return gone


def keep_settled(place: ArchiveHome, stop: threading.Event, every: float = EVERY_S) -> None:
    """Finish every ``every`` seconds what erasing had to leave, and by the day what no row names, until ``stop``."""
    swept = place.now()
    while not stop.wait(every):
        try:
            with place.catalogue() as catalogue:
                with catalogue.read() as tx:
                    left = tx.one("SELECT 1 FROM leavings LIMIT 1") is not None
                if left:
                    settle(place, catalogue)
                if place.now() - swept >= _BY_THE_DAY:
                    swept = place.now()
                    _strays(place, catalogue)
        except (ArchiveError, OSError) as error:
            _log.warning("what was erased is not all gone yet, and is tried again: %s", error)


def sweep(place: ArchiveHome) -> int:
    """Finish what killed programs left half done, at a start; return how many objects went.

    Bags that were being taken in on this machine and are no longer, their objects, work folders, recorded bridges of
    no medley, partners' blobs of no story, and whatever a withdrawal had not reached yet. What is being done at this
    moment is left alone.
    """
    place.sweep_work()
    here = f"{socket.gethostname()}/"
    with place.catalogue() as catalogue:
        before = stamp(place.now() - _ELSEWHERE)
        with catalogue.write() as tx:
            for row in tx.all("SELECT token, story, at FROM arriving"):
                mine = row["token"].startswith(here)
                dead = not (place.work / Path(row["token"]).name).exists() if mine else row["at"] < before
                if dead:
                    tx.run("DELETE FROM arriving WHERE token = ?", row["token"])
                    leave(tx, row["story"], place.now())
        return settle(place, catalogue) + _strays(place, catalogue)


def _strays(place: ArchiveHome, catalogue: Catalogue) -> int:
    """Remove what no row names: recordings of bridges whose medley was never put together, blobs of partners."""
    there = list(place.objects.keys(BRIDGES))
    gone = 0
    # Under the lock: a bridge is stored inside the transaction that puts its medley together.
    with catalogue.write() as tx:
        for key in there:
            gone += _remove(tx, place, key)
    return gone + sweep_fetched(place, catalogue)


def _remove(tx: Tx, place: ArchiveHome, key: str) -> int:
    if not key.endswith("/"):
        if key.startswith(BRIDGES):
            still = bridge_in_use(tx, key.removeprefix(BRIDGES))
        else:
            still = tx.one("SELECT 1 FROM derived WHERE key = ?", key) is not None
        return int(not still and place.objects.delete(key))
    kept: set[str] = set()
    if key.startswith(_BAGS):
        story = key.removeprefix(_BAGS).rstrip("/")
        bags = tx.all("SELECT bag_sha256 FROM stories WHERE id = ?", story)
        bags += tx.all("SELECT bag_sha256 FROM arriving WHERE story = ?", story)
        kept = {bag_folder(story, row["bag_sha256"]) for row in bags}
    doomed = [one for one in place.objects.keys(key) if not any(one.startswith(folder) for folder in kept)]
    return sum(place.objects.delete(one) for one in doomed)
