"""What a box may ask about its own stories: which are kept, the receipts for them, what was taken back."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from archive.bag import is_bag_id
from archive.catalogue.port import Row
from archive.errors import Conflict, TakenBack
from archive.receipts import Receipt, read_receipt
from archive.server.erase import withdraw
from archive.server.place import ArchiveHome
from archive.tombstones import Reach, Tombstone
from audio.types import TakeId


def held(place: ArchiveHome, box: str) -> tuple[list[str], str]:
    """Name the stories kept here that came from ``box``, in order, and a tag that changes when they do."""
    with place.catalogue() as catalogue, catalogue.read() as tx:
        ids = [str(row["id"]) for row in tx.each("SELECT id FROM stories WHERE box = ? ORDER BY id", box)]
    return ids, f'"{hashlib.sha256("".join(ids).encode()).hexdigest()[:32]}"'


def receipt(place: ArchiveHome, box: str, story: str) -> Receipt | None:
    """Return the receipt for the bag of ``story`` that is kept, where it came from ``box``; else None."""
    if not is_bag_id(story):
        return None
    query = (
        "SELECT r.body FROM stories s JOIN receipts r ON r.story = s.id AND r.sha256 = s.bag_sha256 "
        "WHERE s.id = ? AND s.box = ?"
    )
    with place.catalogue() as catalogue, catalogue.read() as tx:
        row = tx.one(query, story, box)
    return None if row is None else read_receipt(json.loads(row["body"]))


def tombstones(place: ArchiveHome, box: str) -> list[Tombstone]:
    """Return every withdrawal, and the recalls ``box`` asked for.

    A box that was set up anew must learn of all of them: it may hold any story, out of a backup or from a feed.
    """
    query = (
        "SELECT id, at, reach, events, head FROM tombstones WHERE reach = ? OR came_from = ? ORDER BY received_at, id"
    )
    with place.catalogue() as catalogue, catalogue.read() as tx:
        return [stone_of(row) for row in tx.each(query, Reach.WITHDRAWAL.value, box)]


def take_back(place: ArchiveHome, box: str, stone: Tombstone) -> bool:
    """Carry out a tombstone ``box`` sent, for a story that came from it or never came; tell whether a story went.

    Raises `Conflict` for another box's story. One that came on a stick has no box; any box may have left it there.
    """
    with place.catalogue() as catalogue, catalogue.read() as tx:
        row = tx.one("SELECT box FROM stories WHERE id = ?", stone.story)
    if row is not None and row["box"] not in {box, ""}:
        raise Conflict("This story came from another box; that one can take it back.")
    return withdraw(place, stone, box)


def refuse_early(place: ArchiveHome, story: str, sha256: str) -> None:
    """Refuse a bag before it travels, where its judgement stands: taken back for good, or put aside already.

    Raises `TakenBack`, `Conflict`. Whoever names other digests than those of the bag is judged when it arrived.
    """
    with place.catalogue() as catalogue, catalogue.read() as tx:
        stone = tx.one("SELECT 1 FROM tombstones WHERE id = ? AND reach = ?", story, Reach.WITHDRAWAL.value)
        aside = tx.one("SELECT why FROM aside WHERE story = ? AND sha256 = ?", story, sha256)
    if stone is not None:
        raise TakenBack("This story was taken back by its teller; the archive takes it no more.")
    if aside is not None:
        raise Conflict(str(aside["why"]))


def stone_of(row: Row) -> Tombstone:
    """Read a row of `tombstones`."""
    return Tombstone(
        TakeId(row["id"]), datetime.fromisoformat(row["at"]), Reach(row["reach"]), int(row["events"]), row["head"]
    )
