"""What a partner lends to us: verified whole, kept sealed, played only while its teller's own record allows it.

Stories of a partner are no stories of this archive: nobody here codes, quotes, publishes or exports them. The one
reader there is for them is `Reader.LEND`, asked of the record that came with each, at every playing
(`archive.partners.lent`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Final

from archive.catalogue import Tx
from archive.catalogue.changes import note_change, stamp
from archive.consent import may, standing
from archive.consentrecord import record
from archive.errors import ArchiveError, BadFeed
from archive.feed.manifest import LARGEST_CARD, LARGEST_SOUND, Blob, Loan, Manifest, open_feed
from archive.objects import BLOCK
from archive.partners.fetched import counts_now, note_fetching, sweep_fetched
from archive.partners.giving import read_mark
from archive.partners.known import Partner
from archive.partners.lent import blob_name
from archive.partners.onward import note_ended, volumes_with_copies
from archive.server.place import ArchiveHome
from archive.types import Reader

Fetch = Callable[[str], AbstractContextManager[BinaryIO]]
_KEEP: Final = "What this partner lent before stays as it was. Ask its people."


@dataclass(slots=True)
class Taken:
    """What came: stories that may be played here, those that ended, and those whose tellers' records say no."""

    lent: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    sheets: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {
            "lent": self.lent, "ended": self.ended, "refused": self.refused, "prompt_sets": self.prompts,
            "cue_sheets": self.sheets,
        }  # fmt: skip


def take(place: ArchiveHome, partner: Partner, feeds: list[bytes], fetch: Fetch, who: str) -> Taken:
    """Apply every volume a partner made for us; ``fetch`` opens a blob by its SHA-256. All of it counts, or nothing.

    Where it breaks off, what was fetched and checked waits for the next run (`archive.partners.fetched`).
    Raises `BadFeed` (not theirs, not for us, altered, older than what is in use, a volume missing), and what ``fetch``
    raises.
    """
    volumes = _volumes(place, partner, feeds)
    with place.catalogue() as catalogue, catalogue.read() as tx:
        # Nothing of a bundle that is refused is fetched.
        _check_fresh(tx, partner, volumes)
    taken, rows = Taken(), []
    now = place.now()
    for volume, (_, manifest) in enumerate(volumes):
        for loan in manifest.loans:
            if may(standing(loan.consent.events), Reader.LEND, now).allowed:
                for blob, most in ((loan.sound, LARGEST_SOUND), (loan.card, LARGEST_CARD)):
                    _keep(place, partner, blob, most, fetch)
                rows.append(_row(partner, volume, loan))
                taken.lent.append(str(loan.story))
            else:
                taken.refused.append(str(loan.story))
    with place.catalogue() as catalogue, catalogue.write() as tx:
        _check_fresh(tx, partner, volumes)
        before = tx.all("SELECT story FROM partner_stories WHERE partner = ?", partner.name)
        _apply(tx, partner, volumes, rows, place, taken)
        counts_now(tx, partner.name)
        taken.ended = [str(row["story"]) for row in before if row["story"] not in set(taken.lent)]
        told = json.dumps({"lent": len(taken.lent), "ended": len(taken.ended)})
        note_change(tx, who, "exchanged with a partner", partner.name, told, now)
    # All of it counts; their keys are gone, and blobs that do not go now go with the daily sweep.
    with contextlib.suppress(ArchiveError), place.catalogue() as catalogue:
        sweep_fetched(place, catalogue)
    return taken


def applied_volumes(tx: Tx, partner: str, now: datetime) -> dict[int, int]:
    """The number of the last feed that was applied, by volume, as it may be told to ``partner``.

    A volume from which a story ended that a box of ours may still hold is left out: the partner is told that a voice
    is gone here once it is gone from every box as well.
    """
    rows = tx.all("SELECT volume, sequence FROM partner_volumes WHERE partner = ?", partner)
    waiting = volumes_with_copies(tx, partner, now)
    return {int(row["volume"]): int(row["sequence"]) for row in rows if int(row["volume"]) not in waiting}


def texts_of(tx: Tx, kind: str) -> list[tuple[str, str, str]]:
    """Partner, name and body of everything of ``kind`` (prompts or sheet) that partners sent."""
    rows = tx.all("SELECT partner, name, body FROM partner_texts WHERE kind = ? ORDER BY partner, name, volume", kind)
    return [(str(row["partner"]), str(row["name"]), str(row["body"])) for row in rows]


def _volumes(place: ArchiveHome, partner: Partner, feeds: list[bytes]) -> list[tuple[bytes, Manifest]]:
    """Open every volume and put them in order. Raises `BadFeed` where one is missing, or is of another bundle."""
    found: dict[int, tuple[bytes, Manifest]] = {}
    counts = set()
    for data in feeds:
        manifest = open_feed(data, partner.sign, place.keys.seal)
        marks = [one for sheet in manifest.sheets if (one := read_mark(sheet.name)) is not None]
        if len(marks) != 1:
            raise BadFeed("What this partner sent is no bundle for an archive.", _KEEP)
        found[marks[0][0]] = (data, manifest)
        counts.add(marks[0][1])
    if len(counts) != 1 or sorted(found) != list(range(max(counts))):
        raise BadFeed("A part of what this partner sent is missing.", _KEEP)
    return [found[volume] for volume in sorted(found)]


def _check_fresh(tx: Tx, partner: Partner, volumes: list[tuple[bytes, Manifest]]) -> None:
    """Refuse an older bundle than the one in use: what was taken back meanwhile would come back with it.

    The number of every volume there ever was is known. One with fewer volumes has to be newer than those it no longer
    has, too: what lay in them ends with it.
    """
    for row in tx.all("SELECT volume, sequence, sha256 FROM partner_volumes WHERE partner = ?", partner.name):
        data, manifest = volumes[int(row["volume"]) % len(volumes)]
        same = hashlib.sha256(data).hexdigest() == row["sha256"]
        if not same and manifest.sequence <= int(row["sequence"]):
            raise BadFeed("This bundle is older than the one in use.", _KEEP)


def _apply(
    tx: Tx, partner: Partner, volumes: list[tuple[bytes, Manifest]], rows: list[tuple[Any, ...]],
    place: ArchiveHome, taken: Taken,
) -> None:  # fmt: skip
    tx.run("DELETE FROM partner_texts WHERE partner = ?", partner.name)
    # What ended goes, and with it what lay on our boxes' buttons; what stays keeps its places there.
    lent = set(taken.lent)
    for row in tx.all("SELECT story, volume FROM partner_stories WHERE partner = ?", partner.name):
        if row["story"] not in lent:
            note_ended(tx, partner.name, int(row["volume"]), str(row["story"]), place.now())
            tx.run("DELETE FROM partner_stories WHERE partner = ? AND story = ?", partner.name, row["story"])
    tx.many(
        "INSERT INTO partner_stories (partner, story, volume, site, title, consent, key, sound, card, cuts) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (partner, story) DO UPDATE SET volume = excluded.volume, "
        "site = excluded.site, title = excluded.title, consent = excluded.consent, key = excluded.key, "
        "sound = excluded.sound, card = excluded.card, cuts = excluded.cuts",
        rows,
    )
    for volume, (data, manifest) in enumerate(volumes):
        # A volume that is read a second time says nothing new, and keeps no loan alive: its day stays.
        tx.run(
            "INSERT INTO partner_volumes (partner, volume, sequence, sha256, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT "
            "(partner, volume) DO UPDATE SET sequence = excluded.sequence, sha256 = excluded.sha256, at = excluded.at "
            "WHERE excluded.sequence > partner_volumes.sequence",
            partner.name, volume, manifest.sequence, hashlib.sha256(data).hexdigest(), stamp(place.now()),
        )  # fmt: skip
        texts = [("prompts", one.name, one.toml) for one in manifest.prompts] if volume == 0 else []
        texts += [
            ("sheet", sheet.name, json.dumps({str(button): cut for button, cut in sheet.buttons.items()}))
            for sheet in manifest.sheets
            if read_mark(sheet.name) is None
        ]
        tx.many(
            "INSERT INTO partner_texts (partner, volume, kind, name, body) VALUES (?, ?, ?, ?, ?)",
            [(partner.name, volume, *one) for one in texts],
        )
        taken.prompts += [name for kind, name, _ in texts if kind == "prompts"]
        taken.sheets += [name for kind, name, _ in texts if kind == "sheet"]


def _row(partner: Partner, volume: int, loan: Loan) -> tuple[Any, ...]:
    cuts = [[cut.id, cut.start, cut.end, cut.at, cut.title, cut.note] for cut in loan.excerpts]
    consent = json.dumps(record(loan.story, loan.consent.events), ensure_ascii=False)
    title = next((cut.title for cut in loan.excerpts if cut.title), "")
    return (
        partner.name, str(loan.story), volume, loan.site, title, consent, loan.key, loan.sound.sha256,
        loan.card.sha256, json.dumps(cuts, ensure_ascii=False),
    )  # fmt: skip


def _keep(place: ArchiveHome, partner: Partner, blob: Blob, most: int, fetch: Fetch) -> None:
    """Store a blob that is not here yet, sealed as it came, if it is the one the signed feed names."""
    key = blob_name(blob.sha256)
    note_fetching(place, partner.name, blob.sha256)
    if place.objects.exists(key):
        return
    with tempfile.TemporaryFile(dir=place.work) as whole, fetch(blob.sha256) as source:
        digest, size = hashlib.sha256(), 0
        while size <= min(most, blob.size) and (block := source.read(min(BLOCK, blob.size + 1 - size))):
            digest.update(block)
            size += len(block)
            whole.write(block)
        if (size, digest.hexdigest()) != (blob.size, blob.sha256):
            raise BadFeed("A sound this partner sent is not the one that was signed.", _KEEP)
        whole.seek(0)
        place.objects.put(key, whole)
