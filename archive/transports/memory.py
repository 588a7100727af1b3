"""A place in memory: the driveable twin of the real transports.

It behaves like an archive (checks every digest, asks the gate, signs, applies tombstones, lets a recall be lifted),
and can be told to fail at any step, to lose receipts, or to be full. It remembers what was asked of it.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from nacl.signing import SigningKey

from archive.bag import CONSENT, SOUND, TAG_MANIFEST, Bag
from archive.bagcheck import check_allowed
from archive.consentrecord import ConsentRecord, read_record
from archive.errors import BadBag, TransportTrouble
from archive.feed.hello import Hello
from archive.ingest import Progress, Refusal
from archive.receipts import Receipt, Signer
from archive.tombstones import Reach, Tombstone
from audio.clock import Clock


class MemoryTransport:
    """An archive nobody has to install.

    ``fail`` maps a method's name to how many of its next calls fail;
    ``lose_receipts`` makes `receipt` answer None that many times; ``room`` is how many bytes still fit, None for
    no limit.
    """

    def __init__(self, clock: Clock, sign: SigningKey | None = None) -> None:
        """Begin empty, with a signing key of its own."""
        self.place = "memory:"
        self._signer = Signer(sign or SigningKey.generate())
        self.signer = self._signer.public
        self._clock = clock
        self.fail: Counter[str] = Counter()
        self.lose_receipts = 0
        self.room: int | None = None
        self.calls: list[str] = []
        self.bags: dict[str, dict[str, bytes]] = {}
        self.incoming: dict[str, dict[str, bytes]] = {}
        self.feeds: dict[bytes, bytes] = {}
        """What lies ready for boxes, by their public key."""
        self.blobs: dict[str, bytes] = {}
        self.hellos: list[Hello] = []
        self._receipts: dict[str, Receipt] = {}
        self._stones: dict[str, Tombstone] = {}

    @contextmanager
    def visit(self) -> Iterator[None]:
        """Fail if told to."""
        self._step("visit")
        yield

    def tombstones(self) -> list[Tombstone]:
        """Return the tombstones known here."""
        self._step("tombstones")
        return [self._stones[story] for story in sorted(self._stones)]

    def send_tombstone(self, stone: Tombstone) -> None:
        """Keep a tombstone."""
        self._step("send_tombstone")
        self._stones[stone.story] = stone

    def send_bag(self, bag: Bag) -> None:
        """Take a bag in, unless there is no room."""
        self._step("send_bag")
        if self.room is not None:
            if bag.size > self.room:
                raise TransportTrouble("There is no room left in the archive.", "Make room.")
            self.room -= bag.size
        held: dict[str, bytes] = {}
        for file in bag.files:
            with file.open() as source:
                held[file.path] = source.read()
        self.incoming[bag.id] = held

    def settle(self, progress: Progress) -> list[Refusal]:
        """Apply tombstones, check, keep and sign."""
        self._step("settle")
        refused = []
        for story, stone in self._stones.items():
            if story in self.bags and not _lifts(self.bags[story], stone):
                del self.bags[story]
                self._receipts.pop(story, None)
        for bag_id in sorted(self.incoming):
            progress("check", bag_id)
            try:
                self._keep(bag_id, self.incoming.pop(bag_id))
            except BadBag as error:
                refused.append(Refusal(bag_id, error.say))
        return refused

    def receipt(self, bag_id: str) -> Receipt | None:
        """Return the receipt, or lose it if told to."""
        self._step("receipt")
        if self.lose_receipts:
            self.lose_receipts -= 1
            return None
        return self._receipts.get(bag_id)

    def consent(self, bag_id: str) -> ConsentRecord | None:
        """Return the record of a kept bag."""
        return _consent(self.bags[bag_id]) if bag_id in self.bags else None

    def waits(self, bag_id: str, sha256: str) -> bool:
        """Tell whether the bag has not been settled yet."""
        held = self.incoming.get(bag_id)
        return held is not None and hashlib.sha256(held[TAG_MANIFEST]).hexdigest() == sha256

    def lost(self, bag_id: str) -> bool:
        """Tell whether the bag is not here."""
        return bag_id not in self.bags

    def feed(self, hello: Hello) -> bytes | None:
        """Return what lies ready for the box."""
        self._step("feed")
        self.hellos.append(hello)
        return self.feeds.get(hello.seal)

    @contextmanager
    def blob(self, sha256: str) -> Iterator[BinaryIO]:
        """Open a blob."""
        self._step("blob")
        if sha256 not in self.blobs:
            raise TransportTrouble("The archive does not have a part of its feed.", "Try again later.")
        yield io.BytesIO(self.blobs[sha256])

    def _step(self, name: str) -> None:
        self.calls.append(name)
        if self.fail[name]:
            self.fail[name] -= 1
            raise TransportTrouble(f"The archive broke off during {name}.", "Try again later.")

    def _keep(self, bag_id: str, files: dict[str, bytes]) -> None:
        stone = self._stones.get(bag_id)
        if stone is not None and not _lifts(files, stone):
            raise BadBag("This story was taken back by its teller; the bag that came for it was removed.")
        consent = _consent(files)
        now = self._clock.wall() if self._clock.trusted() else None
        check_allowed(consent, now, has_sound=SOUND in files)
        for line in files["manifest-sha256.txt"].decode().splitlines():
            digest, _, path = line.partition("  ")
            if hashlib.sha256(files[path]).hexdigest() != digest:
                raise BadBag("This bag was altered or damaged.")
        before = self.bags.get(bag_id)
        if before == files:
            return
        if before is not None:
            old = _consent(before)
            # The words alone may be others: machines go over them again.
            same_sound = before.get(SOUND) == files.get(SOUND)
            grown = len(consent.events) > len(old.events) or (same_sound and len(consent.events) == len(old.events))
            if not (grown and consent.extends(len(old.events), old.head)):
                raise BadBag("Another content with the same id is kept already.")
        digest = hashlib.sha256(files[TAG_MANIFEST]).hexdigest()
        self.bags[bag_id] = files
        self._receipts[bag_id] = self._signer.sign(bag_id, digest, self._clock.wall())


def _consent(files: dict[str, bytes]) -> ConsentRecord:
    return read_record(json.loads(files[CONSENT]))


def _lifts(files: dict[str, bytes], stone: Tombstone) -> bool:
    consent = _consent(files)
    later = len(consent.events) > stone.events and consent.extends(stone.events, stone.head)
    return stone.reach is Reach.RECALL and later
