"""A story a partner lends, as it lies here: its row, its teller's record, and the one reader there is for it.

`Reader.LEND` is asked of the record that came with the story, at every look and every playing. What is known to be
taken back here answers no as well, whatever the partner still says of it, and so does everything of a partner nothing
new came from for `LOAN_S`: its tellers may have spoken since, and nobody here could know.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from archive.catalogue import Row, Tx
from archive.consent import Answer, Standing, may, standing
from archive.consentrecord import ConsentRecord, read_record
from archive.envelope import ContentKey, open_loan
from archive.errors import NoSuchStory, Refused
from archive.feed.card import Card, open_card
from archive.guests import LOAN_S
from archive.home import Keys
from archive.masters import flac_label
from archive.objects import BLOCK, checked_key
from archive.server.place import ArchiveHome
from archive.types import Reader
from audio.sealedreader import SealedReader
from audio.types import TakeId

_TAKEN_BACK: Final = "It was taken back here."
_UNHEARD: Final = (
    f"Nothing new came from this partner for {LOAN_S / 86_400:.0f} days. It sounds again after an exchange."
)
_NOBODY: Final = "Nobody here may hear it."
BLOBS: Final = "partners/"
"""Below this what partners lend lies among the objects, sealed as it came."""


@dataclass(frozen=True, slots=True)
class LentCut:
    """A stretch a partner named: [start, end) in ms of the story, ``at`` where it begins in the lent sound (ms)."""

    id: str
    start: int
    end: int
    at: int
    title: str
    note: str

    @property
    def length(self) -> int:
        """Milliseconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Guest:
    """A story a partner lends, as the desk lists it. ``cuts`` are its stretches, then what the partner cut out."""

    partner: str
    story: str
    site: str
    title: str
    card: str
    cuts: tuple[LentCut, ...]

    @property
    def headline(self) -> str:
        """Its title as a person reads it."""
        return self.title or "A story"


@dataclass(frozen=True, slots=True)
class Ended:
    """What ends loans here besides their tellers' records.

    ``taken_back`` are stories a teller took back here, with the code: no partner's word undoes that. ``heard`` says of
    each volume of each partner when the newest one came.
    """

    taken_back: frozenset[str]
    heard: Mapping[tuple[str, int], datetime]

    def lapsed(self, partner: str, volume: int, now: datetime) -> bool:
        """Whether nothing new came for `LOAN_S`."""
        last = self.heard.get((partner, volume))
        return last is None or now - last > timedelta(seconds=LOAN_S)

    def silent(self, now: datetime) -> frozenset[str]:
        """Partners all of whose loans lapsed, because nothing new came."""
        heard = {partner for partner, volume in self.heard if not self.lapsed(partner, volume, now)}
        return frozenset(partner for partner, _ in self.heard if partner not in heard)


def guests(tx: Tx, place: ArchiveHome) -> list[Guest]:
    """Every story of partners that may be played here now."""
    ended = ended_here(tx)
    rows = tx.all("SELECT * FROM partner_stories ORDER BY partner, story")
    return [guest_of(row) for row in rows if answer_for(row, ended, place.now()).allowed]


def guest_row(tx: Tx, partner: str, story: str) -> Row:
    """The row of a lent story. Raises `NoSuchStory`."""
    row = tx.one("SELECT * FROM partner_stories WHERE partner = ? AND story = ?", partner, story)
    if row is None:
        raise NoSuchStory("No partner lends this story here.", "It may have been taken back by its teller.")
    return row


def guest_now(tx: Tx, partner: str, story: str, now: datetime) -> tuple[Guest, Standing]:
    """A lent story that may be played now, and where its teller stands. Raises `NoSuchStory`, `Refused`."""
    row = guest_row(tx, partner, story)
    answer = answer_for(row, ended_here(tx), now)
    if not answer.allowed:
        raise Refused(answer.why, _NOBODY)
    return guest_of(row), standing(consent_of(row).events)


def open_guest(place: ArchiveHome, partner: str, story: str) -> tuple[bytes, Card]:
    """Open a lent story for playing: its FLAC and its card. The gate is asked of its teller's record, now.

    Raises `NoSuchStory`, `Refused`, `NoKey`, `StoreTrouble`.
    """
    with place.catalogue() as catalogue, catalogue.read() as tx:
        row = guest_row(tx, partner, story)
        guest_now(tx, partner, story, place.now())
    key = key_of(place, row)
    card = card_of(place, row)
    with tempfile.TemporaryDirectory(dir=place.work) as folder:
        path = Path(folder) / "sealed"
        with place.objects.open(blob_name(str(row["sound"]))) as source, path.open("wb") as target:
            while block := source.read(BLOCK):
                target.write(block)
        sealed = SealedReader(path, key, flac_label(TakeId(story)))
        try:
            return sealed.read(), card
        finally:
            sealed.close()


def card_of(place: ArchiveHome, row: Row) -> Card:
    """Open the card of a lent story, the gate asked. Raises `Refused`, `NoKey`, `StoreTrouble`, `BadFeed`."""
    with place.objects.open(blob_name(str(row["card"]))) as source:
        return open_card(source.read(), TakeId(str(row["story"])), key_of(place, row))


def key_of(place: ArchiveHome, row: Row) -> ContentKey:
    """Unwrap the key of a lent story, if its teller's record allows `Reader.LEND` now. Raises `Refused`, `NoKey`."""
    consent = consent_of(row)
    keys = Keys(place.keys.seal, place.keys.sign)
    return open_loan(bytes(row["key"]), consent.story, consent.events, Reader.LEND, now=place.now(), keys=keys)


def answer_for(row: Row, ended: Ended, now: datetime) -> Answer:
    """Ask the gate about a lent story; ``ended`` is what `ended_here` says."""
    if row["story"] in ended.taken_back:
        return Answer(False, _TAKEN_BACK)
    if ended.lapsed(str(row["partner"]), int(row["volume"]), now):
        return Answer(False, _UNHEARD)
    return may(standing(consent_of(row).events), Reader.LEND, now)


def ended_here(tx: Tx) -> Ended:
    """Read what ends loans here."""
    rows = tx.all("SELECT t.id AS id FROM tombstones t JOIN partner_stories p ON p.story = t.id")
    heard = {
        (str(row["partner"]), int(row["volume"])): datetime.fromisoformat(row["at"])
        for row in tx.all("SELECT partner, volume, at FROM partner_volumes")
    }
    return Ended(frozenset(str(row["id"]) for row in rows), heard)


def guest_of(row: Row) -> Guest:
    """Read a row; nothing in it is a word anybody said."""
    cuts = tuple(LentCut(*one) for one in json.loads(row["cuts"]))
    return Guest(str(row["partner"]), str(row["story"]), str(row["site"]), str(row["title"]), str(row["card"]), cuts)


def consent_of(row: Row) -> ConsentRecord:
    """The teller's record, checked link by link."""
    told: Mapping[str, object] = json.loads(row["consent"])
    return read_record(told)


def blob_name(sha256: str) -> str:
    """Where a blob of a partner lies among the objects."""
    return checked_key(f"{BLOBS}{sha256}")
