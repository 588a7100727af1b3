"""Looking whether everything an archive keeps is still what it was: each byte, each line of consent, each receipt.

Nothing is repaired and nothing is changed. What is damaged is named by the story it belongs to, so that a person can
put it back from a backup or let the box that told it send it again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from archive.bag import CONSENT, TAG_MANIFEST
from archive.catalogue import Tx
from archive.catalogue.consents import read_stored
from archive.catalogue.migration import Dialect
from archive.consentrecord import links, read_record
from archive.errors import ArchiveError, BadBag, NoKey, NoSuchObject
from archive.objects import BLOCK
from archive.receipts import read_receipt
from archive.server.place import ArchiveHome
from archive.tombstones import Reach
from archive.verify import Damage, to_do

_TEXT = 64 << 20
_BACKUP = "It is whole in a backup made before: hearth archive restore BACKUP --home FOLDER makes an archive of that."
_DO = {
    **dict.fromkeys(("catalogue", "bag", "receipt", "object", "consent"), _BACKUP),
    "tombstone": "Erase it at the desk at once, as an archivist.",
    "stray": "Nobody is given them. Find out where they came from, then remove them from the object store.",
}
Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Audit:
    """What was looked at (stories, objects and their bytes, lines of consent, receipts) and what is damaged."""

    stories: int = 0
    objects: int = 0
    size: int = 0
    consents: int = 0
    receipts: int = 0
    damaged: list[Damage] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damaged

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        looked = {"stories": self.stories, "objects": self.objects, "bytes": self.size}
        looked |= {"consents": self.consents, "receipts": self.receipts}
        return {"sound": self.sound, "checked": looked, "damaged": [one.to_json() for one in self.damaged]}


def audit(place: ArchiveHome, progress: Progress = lambda *_: None) -> Audit:
    """Hash every object again and compare it, its bag, its consent record and its receipt with the catalogue.

    Raises `CatalogueTrouble`, `DamagedStore` where the catalogue cannot be read at all, `StoreTrouble` where the
    object store does not answer: that is no damage, and must not look like it.
    """
    return _Auditing(place, progress).run()


class _Auditing:
    """One run."""

    def __init__(self, place: ArchiveHome, progress: Progress) -> None:
        self._place = place
        self._objects = place.objects
        self._progress = progress
        self._found = Audit()
        try:
            self._signer: bytes | None = place.signer.public
        except NoKey:
            # An archive can be looked at without its keys; whose receipts these are is then not judged.
            self._signer = None

    def run(self) -> Audit:
        with self._place.catalogue() as catalogue:
            with catalogue.read() as tx:
                self._database(tx)
                stories = [
                    (str(row["id"]), str(row["bag_sha256"]))
                    for row in tx.all("SELECT id, bag_sha256 FROM stories ORDER BY id")
                ]
            for number, (story, sha256) in enumerate(stories):
                self._progress("stories", number, len(stories))
                # A short look each: a withdrawal must not wait until everything was hashed.
                with catalogue.read() as tx:
                    facts = self._facts(tx, story, sha256)
                before = len(self._found.damaged)
                self._story(story, sha256, *facts)
                if len(self._found.damaged) > before:
                    with catalogue.read() as tx:
                        if tx.one("SELECT 1 FROM stories WHERE id = ? AND bag_sha256 = ?", story, sha256) is None:
                            # Taken back, or followed by a newer bag, while we looked.
                            del self._found.damaged[before:]
            with catalogue.read() as tx:
                self._strays(tx)
        self._progress("stories", len(stories), len(stories))
        return self._found

    def _bad(self, what: str, subject: str, say: str) -> None:
        self._found.damaged.append(Damage(what, subject, say, _DO[what]))

    def _database(self, tx: Tx) -> None:
        if tx.dialect is Dialect.SQLITE:
            for (line,) in tx.all("PRAGMA integrity_check"):
                if line != "ok":
                    self._bad("catalogue", "archive.db", f"The database says of itself: {line}.")
            for row in tx.all("PRAGMA foreign_key_check"):
                self._bad("catalogue", str(row[0]), f"A row of {row[0]} speaks of something that is not in {row[2]}.")
        for row in tx.all(
            "SELECT s.id FROM stories s JOIN tombstones t ON t.id = s.id WHERE t.reach = ?", Reach.WITHDRAWAL.value
        ):
            self._bad("tombstone", row["id"], "It was taken back by its teller and is still here.")

    def _facts(self, tx: Tx, story: str, sha256: str) -> tuple[list[Any], Any, list[Any]]:
        files = tx.all("SELECT path, key, size, sha256 FROM files WHERE story = ? ORDER BY path", story)
        receipts = tx.all("SELECT body FROM receipts WHERE story = ? AND sha256 = ?", story, sha256)
        return files, read_stored(tx, story), receipts

    def _story(self, story: str, sha256: str, files: list[Any], consent: Any, receipts: list[Any]) -> None:
        self._found.stories += 1
        texts: dict[str, bytes] = {}
        for row in files:
            data = self._object(story, row)
            if data is not None:
                texts[row["path"]] = data
        manifest = texts.get(TAG_MANIFEST)
        if manifest is None:
            self._bad("bag", story, "The list of what its bag holds is not here.")
        elif hashlib.sha256(manifest).hexdigest() != sha256:
            self._bad("bag", story, "Its bag is not the one the archive signed for.")
        self._listed(story, files, texts)
        self._consent(story, consent, texts.get(CONSENT))
        self._found.receipts += len(receipts)
        if not receipts:
            self._bad("receipt", story, "No receipt for its bag is here.")
        for row in receipts:
            receipt = read_receipt(row["body"].encode())
            if receipt is None or receipt.bag != story or receipt.sha256 != sha256:
                self._bad("receipt", story, "Its receipt does not speak of its bag.")
            elif self._signer is not None and receipt.signer == self._signer and not receipt.verified(self._signer):
                self._bad("receipt", story, "Its receipt was altered.")

    def _object(self, story: str, row: Any) -> bytes | None:
        """Hash one object; returns its bytes where it is a text of the bag."""
        digest, size, held = hashlib.sha256(), 0, []
        self._found.objects += 1
        try:
            with self._objects.open(row["key"]) as source:
                while block := source.read(BLOCK):
                    digest.update(block)
                    size += len(block)
                    if not row["path"].endswith(".flac") and size <= _TEXT:
                        held.append(block)
        except NoSuchObject:
            self._bad("object", story, f"{row['path']} is not here.")
            return None
        self._found.size += size
        if (size, digest.hexdigest()) != (row["size"], row["sha256"]):
            self._bad("object", story, f"{row['path']} is not what was stored.")
        return b"".join(held)

    def _listed(self, story: str, files: list[Any], texts: dict[str, bytes]) -> None:
        """Compare the bag's own list with what the catalogue says each file is."""
        told = {}
        for line in texts.get("manifest-sha256.txt", b"").decode(errors="replace").splitlines():
            digest, _, path = line.partition("  ")
            told[path] = digest
        known = {row["path"]: row["sha256"] for row in files if row["path"].startswith("data/")}
        if told != known:
            self._bad("bag", story, "The catalogue and its bag do not list the same files.")

    def _consent(self, story: str, stored: Any, data: bytes | None) -> None:
        if stored is None:
            self._bad("consent", story, "Nothing says what its teller allowed; nobody may use it.")
            return
        self._found.consents += len(stored.events)
        if links(stored.events) != stored.links:
            self._bad("consent", story, "The lines of its consent record do not follow from each other.")
        try:
            record = read_record(json.loads(data or b""))
        except (BadBag, ValueError, AttributeError, RecursionError):
            self._bad("consent", story, "The consent record in its bag cannot be read.")
            return
        if record.links != stored.links:
            self._bad("consent", story, "The catalogue does not say what the consent record in its bag says.")

    def _strays(self, tx: Tx) -> None:
        """Name objects of stories that are not here: what was erased must be gone."""
        here = {str(row["id"]) for row in tx.each("SELECT id FROM stories")}
        going = [str(row["key"]) for row in tx.all("SELECT key FROM leavings")]
        coming = {str(row["story"]) for row in tx.all("SELECT story FROM arriving")}
        for folder in ("bags", "derived"):
            for story in dict.fromkeys(key.split("/")[1] for key in self._objects.keys(folder)):
                known = story in here or story in coming or any(key.startswith(f"{folder}/{story}/") for key in going)
                if not known:
                    self._bad("stray", story, f"Objects in {folder}/ belong to no story that is here.")


def told(found: Audit) -> str:
    """Say what was found to a person."""
    lines = [f"DAMAGED  {one.subject}  {one.say}" for one in found.damaged]
    looked = f"{found.stories} stories, {found.objects} objects, {found.size / 1_000_000:.1f} MB"
    lines.append(f"Looked at {looked}: {'all sound' if found.sound else f'{len(found.damaged)} damaged'}.")
    lines += to_do(found.damaged)
    return "\n".join(lines)


def unreadable(error: ArchiveError) -> Audit:
    """Make the verdict on an archive whose catalogue does not even open."""
    return Audit(damaged=[Damage("catalogue", "archive.db", error.say, error.do)])
