"""Taking a bag into the archive: opened, checked in full, its files stored, and then one transaction that counts.

A story is whole or absent: before that transaction nobody finds it, after it everything is there. A program killed at
any instant leaves at most objects nobody refers to, and a line that says so (`arriving`), by which `archive.server.
erase.sweep` removes them. The rules by which a bag may follow another are those of `archive.ingest`.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from archive.bag import SOUND
from archive.bagcheck import CheckedBag, check_bag
from archive.catalogue.changes import note_change, stamp
from archive.catalogue.consents import put_record, read_stored
from archive.catalogue.passages import put_passages
from archive.catalogue.port import Catalogue, Tx, Value
from archive.cutting import LEEWAY
from archive.durable import copy_synced, remove, sync_folder
from archive.errors import ArchiveError, BadBag, CatalogueTrouble, Conflict, NoSuchObject, TakenBack
from archive.ingest import TAKEN_BACK, check_successor, lifts
from archive.objects import bag_key
from archive.receipts import Receipt, read_receipt
from archive.reviewing.decisions import blank_again
from archive.sealedbag import open_sealed_bag
from archive.server.arrival import LIMITS, Arrival, files_of, read_arrival
from archive.server.erase import again, leave, settle
from archive.server.place import ArchiveHome
from archive.takes import fresh_take
from archive.tombstones import Reach, Tombstone
from archive.types import Act
from audio.types import TakeId

__all__ = ["Conflict", "Receipt", "TakenBack", "accept"]

_MOST_ASIDE = 5
"""Bags put aside for one story: a person needs to see that there are others, not every one of them."""
_BROUGHT_AWAY = "Another program removed what was being stored."


def accept(place: ArchiveHome, source: Path, box: str, left: Mapping[tuple[str, str], str] | None = None) -> Receipt:
    """Take in a bag, ``source`` being a sealed file or the folder of an opened bag, and return the signed receipt.

    The very same bag again: the old receipt, and nothing changes (files that were lost meanwhile are stored again). A
    bag whose consent goes on from the kept one's takes its place. ``box`` is the name of the box it came from, "" where
    nobody knows; then ``left`` says it by story and digest of the bag. ``source`` itself is left where it is.

    Raises `TakenBack`, `Conflict` (the new bag is put aside for a person), other `BadBag` for one that is altered,
    hostile or not allowed to be here; `NoKey`; and `StoreTrouble`, `CatalogueTrouble` or `OSError` where something
    here did not work: then nothing of it was kept, and coming again is right.
    """
    with place.working() as work:
        folder = source if source.is_dir() else open_sealed_bag(source, place.keys.seal, work, LIMITS)
        checked = check_bag(folder, place.now(), LIMITS)
        box = box or (left or {}).get((checked.id, checked.sha256), "")
        try:
            arrival = read_arrival(folder, checked)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            say = "What this bag says of its story cannot be read."
            raise BadBag(say, "Let the box that recorded the story send it again.") from error
        with place.catalogue() as catalogue:
            try:
                return _Deposit(place, catalogue, folder, arrival, box, f"{socket.gethostname()}/{work.name}").take()
            except Conflict as error:
                _put_aside(place, catalogue, folder, checked, box, error.say)
                raise


class _Deposit:
    """One bag on its way in."""

    def __init__(
        self, place: ArchiveHome, catalogue: Catalogue, folder: Path, arrival: Arrival, box: str, token: str
    ) -> None:
        self._place = place
        self._catalogue = catalogue
        self._folder = folder
        self._arrival = arrival
        self._checked = arrival.checked
        self._box = box
        self._token = token

    def take(self) -> Receipt:
        """Store the files, then let the catalogue know all at once."""
        with self._catalogue.write() as tx:
            old = _judge(tx, self._checked, self._box)
            if old is None or not self._whole(tx):
                tx.run(
                    "INSERT INTO arriving (token, story, bag_sha256, at) VALUES (?, ?, ?, ?)",
                    self._token, self._checked.id, self._checked.sha256, stamp(self._place.now()),
                )  # fmt: skip
            else:
                return old
        try:
            files = self._store()
            receipt = self._place.signer.sign(self._checked.id, self._checked.sha256, self._place.now())
            with self._catalogue.write() as tx:
                receipt = self._keep(tx, files, receipt)
        except BaseException:  # whatever stopped it, nothing half stays; and if this fails too, the sweep does it
            with contextlib.suppress(ArchiveError, OSError):
                self._abandon()
            raise
        # The bag is kept and signed for: what could not be tidied now is tidied by the next.
        with contextlib.suppress(ArchiveError, OSError):
            settle(self._place, self._catalogue)
            again(self._place)
        return receipt

    def _whole(self, tx: Tx) -> bool:
        rows = tx.all("SELECT key, size FROM files WHERE story = ?", self._checked.id)
        with contextlib.suppress(NoSuchObject):
            return bool(rows) and all(self._place.objects.size(row["key"]) == row["size"] for row in rows)
        return False

    def _store(self) -> list[tuple[str, str, int, str]]:
        stored = []
        for path, file in files_of(self._folder):
            key = bag_key(self._checked.id, self._checked.sha256, path)
            with file.open("rb") as source:
                put = self._place.objects.put(key, source)
            if path == SOUND and put.sha256 != self._checked.sound_sha256:
                raise BadBag("This bag changed while it was taken in.", "Let the box send the story again.")
            stored.append((path, key, put.size, put.sha256))
        return stored

    def _keep(self, tx: Tx, files: Sequence[tuple[str, str, int, str]], receipt: Receipt) -> Receipt:
        if tx.run("DELETE FROM arriving WHERE token = ?", self._token) == 0:
            raise CatalogueTrouble(_BROUGHT_AWAY, "Nothing was kept; let the box come again.")
        # Judged again: others may have brought the same story, or taken it back, while the files were stored.
        old = _judge(tx, self._checked, self._box)
        if old is not None:
            return old
        _put_story(tx, self._arrival, files, self._box, self._place.now())
        tx.run(
            "INSERT INTO receipts (story, sha256, at, body) VALUES (?, ?, ?, ?)",
            self._checked.id, self._checked.sha256, stamp(receipt.at), json.dumps(receipt.to_json()),
        )  # fmt: skip
        return receipt

    def _abandon(self) -> None:
        with self._catalogue.write() as tx:
            if tx.run("DELETE FROM arriving WHERE token = ?", self._token):
                leave(tx, self._checked.id, self._place.now())
        settle(self._place, self._catalogue)


def _judge(tx: Tx, checked: CheckedBag, box: str) -> Receipt | None:
    """Return the receipt where this very bag is kept already. Raises `TakenBack`, `Conflict`.

    A story stays with the box it came from: another one may have its consent record, from a loan, and could go on
    from it. One that first came on a stick, from no box by name, belongs to the first that shows the very same bag.
    """
    stone = tx.one("SELECT id, at, reach, events, head FROM tombstones WHERE id = ?", checked.id)
    if stone is not None:
        at, reach = datetime.fromisoformat(stone["at"]), Reach(stone["reach"])
        if not lifts(Tombstone(TakeId(checked.id), at, reach, stone["events"], stone["head"]), checked.consent):
            raise TakenBack(TAKEN_BACK)
    kept = tx.one("SELECT bag_sha256, box FROM stories WHERE id = ?", checked.id)
    record = read_stored(tx, checked.id)
    if kept is None or record is None:
        return None
    if kept["bag_sha256"] == checked.sha256:
        if box:
            tx.run("UPDATE stories SET box = ? WHERE id = ? AND box = ''", box, checked.id)
        body = tx.one("SELECT body FROM receipts WHERE story = ? AND sha256 = ?", checked.id, checked.sha256)
        return None if body is None else read_receipt(json.loads(body["body"]))
    if box and kept["box"] not in {"", box}:
        raise Conflict("Another content with the same id came, from another box; a person has to look at both.")
    sound = tx.one("SELECT sha256 FROM files WHERE story = ? AND path = ?", checked.id, SOUND)
    same_hands = kept["box"] == box
    check_successor(record, None if sound is None else sound["sha256"], checked, same_hands=same_hands)
    return None


def _put_story(tx: Tx, arrival: Arrival, files: Sequence[tuple[str, str, int, str]], box: str, now: datetime) -> None:
    story, checked = arrival.checked.id, arrival.checked
    before = read_stored(tx, story)
    fresh = checked.consent.events[len(before.events) if before else 0 :]
    cuts = [(event.start or 0, event.end or 0) for event in fresh if event.act is Act.CUT]
    if before is not None:
        leave(tx, story, now, scrub=bool(cuts))
    facts: dict[str, Value] = {
        "id": story, "bag_sha256": checked.sha256, "kind": arrival.kind, "prompt": arrival.prompt,
        "prompt_text": arrival.prompt_text, "language": arrival.language, "site": arrival.site,
        "recorded_at": arrival.recorded_at, "clock_trusted": int(arrival.clock_trusted),
        "length_ms": arrival.length_ms, "box": box, "title": arrival.title, "has_voice": int(arrival.has_voice),
        "received_at": stamp(now),
    }  # fmt: skip
    # When it first came stays; a story's place in the queue does not change because its teller said more.
    again = ", ".join(f"{name} = excluded.{name}" for name in facts if name not in {"id", "received_at", "box"})
    # Nor does it change hands: what comes on a stick names no box.
    again += ", box = CASE WHEN excluded.box = '' THEN stories.box ELSE excluded.box END"
    tx.run(
        f"INSERT INTO stories ({', '.join(facts)}) VALUES ({', '.join('?' * len(facts))}) "  # noqa: S608 - our names
        f"ON CONFLICT (id) DO UPDATE SET {again}",
        *facts.values(),
    )
    for table in ("files", "spans", "receipts"):
        tx.run(f"DELETE FROM {table} WHERE story = ?", story)  # noqa: S608 - our names
    tx.many("INSERT INTO files (story, path, key, size, sha256) VALUES (?, ?, ?, ?, ?)", [(story, *f) for f in files])
    tx.many(
        "INSERT INTO spans (story, number, kind, start_ms, end_ms, label) VALUES (?, ?, ?, ?, ?, ?)",
        [(story, n, one.kind, one.start, one.end, one.label) for n, one in enumerate(arrival.spans)],
    )
    put_record(tx, story, checked.consent)
    for start, end in cuts:
        # What was cut out of the story by a curator may hold, or tell, what the teller took back.
        tx.run("DELETE FROM excerpts WHERE story = ? AND start_ms < ? AND end_ms > ?", story, end, start)
        over = (story, end + LEEWAY, start - LEEWAY)
        tx.run("DELETE FROM briefing_quotes WHERE story = ? AND start_ms < ? AND end_ms > ?", *over)
        # With a highlight go its codes, its memos and its place behind a theme: they say what was told there.
        tx.run("DELETE FROM highlights WHERE story = ? AND start_ms < ? AND end_ms > ?", *over)
        tx.run("DELETE FROM suggestions WHERE story = ? AND start_ms < ? AND end_ms > ?", *over)
    put_passages(tx, story, arrival.cues, arrival.written_by, stamp(now), cuts)
    blank_again(tx, story, now)
    tx.run("DELETE FROM tombstones WHERE id = ? AND reach = ?", story, Reach.RECALL.value)
    note_change(tx, f"box {box}".rstrip(), "story received" if before is None else "story replaced", story, "", now)


def _put_aside(place: ArchiveHome, catalogue: Catalogue, folder: Path, checked: CheckedBag, box: str, why: str) -> None:
    """Keep a bag that contradicts a kept one, once, where a person finds it."""
    ident = str(fresh_take(place.now()))
    with catalogue.read() as tx:
        known = tx.all("SELECT sha256 FROM aside WHERE story = ?", checked.id)
    if len(known) >= _MOST_ASIDE or any(row["sha256"] == checked.sha256 for row in known):
        return
    target = place.aside / ident
    try:
        (target / checked.id / "data").mkdir(parents=True, mode=0o700)
        for path, file in files_of(folder):
            with file.open("rb") as source:
                copy_synced(source, target / checked.id / path)
        sync_folder(target / checked.id)
        sync_folder(place.aside)
        with catalogue.write() as tx:
            _refuse_withdrawn(tx, checked.id)
            tx.run(
                "INSERT INTO aside (id, story, sha256, box, at, why, place) VALUES (?, ?, ?, ?, ?, ?, ?)",
                ident, checked.id, checked.sha256, box, stamp(place.now()), why, ident,
            )  # fmt: skip
    except BaseException:  # nobody would ever remove what no row names
        remove(target)
        raise


def _refuse_withdrawn(tx: Tx, story: str) -> None:
    if tx.one("SELECT 1 FROM tombstones WHERE id = ? AND reach = ?", story, Reach.WITHDRAWAL.value):
        raise TakenBack(TAKEN_BACK)
