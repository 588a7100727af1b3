"""The archive's receipt of an erasure, and which boxes still hold a copy of what was lent.

What was lent is known by identifier after the story is gone: `lent` says which boxes may still have it, and with
which feed it ends there. A box shows the number of the last feed it applied at every visit; from then on its copy is
known to be gone, and the receipt says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from archive.catalogue import Tx
from archive.catalogue.changes import stamp
from archive.feed.manifest import Erased
from audio.types import TakeId

GONE: tuple[str, ...] = ("bag", "objects", "catalogue", "search", "excerpts", "cue sheets", "public pages")
"""What an archive erases itself, at once."""
BACKUP_DAYS = 30
"""Backups of an archive are kept no longer; until then a copy lies in them, and the receipt says so."""
MOST = 1000
_MOST_COPIES = 30
"""Copies a receipt names: as many as its reader takes."""


def note_erased(tx: Tx, story: str, box: str, now: datetime, gone: Iterable[str] = GONE) -> None:
    """Note that everything of ``story``, which came from ``box``, is erased here; in the transaction that erases."""
    tx.run(
        "INSERT INTO erasures (story, box, at, gone) VALUES (?, ?, ?, ?) ON CONFLICT (story) "
        "DO UPDATE SET box = excluded.box, at = excluded.at, gone = excluded.gone",
        story, box, stamp(now), json.dumps(list(gone)),
    )  # fmt: skip


def note_ended(tx: Tx, box: str, lent: set[str], sequence: int) -> None:
    """Note that feed number ``sequence`` is the first without what ``box`` was lent beside ``lent``."""
    for row in tx.all("SELECT story FROM lent WHERE box = ? AND ended = 0", box):
        if row["story"] not in lent:
            tx.run("UPDATE lent SET ended = ? WHERE box = ? AND story = ?", sequence, box, row["story"])


def applied_feed(tx: Tx, box: str, applied: int, now: datetime) -> None:
    """Note the last feed a box has applied: what ended with it or before is gone there."""
    tx.run(
        "UPDATE box_feeds SET applied = ? WHERE box = ? AND applied < ? AND sequence >= ?",
        applied,
        box,
        applied,
        applied,
    )
    tx.run(
        "UPDATE lent SET gone_at = ? WHERE box = ? AND ended > 0 AND ended <= ? AND gone_at IS NULL",
        stamp(now), box, applied,
    )  # fmt: skip


def receipts_for(tx: Tx, box: str, now: datetime) -> tuple[Erased, ...]:
    """Receipts of what came from ``box`` and was erased here, the newest `MOST`.

    A story that came on a stick came from no box by name; its receipt goes to all, and the one that knows it keeps it.
    """
    rows = tx.all(
        "SELECT story, at, gone FROM erasures WHERE box IN (?, '') AND story NOT IN (SELECT id FROM stories) "
        "ORDER BY at DESC, story LIMIT ?",
        box,
        MOST,
    )
    return tuple(receipt_of(tx, str(row["story"]), str(row["at"]), str(row["gone"]), now) for row in rows)


def receipt_of(tx: Tx, story: str, at: str, gone: str, now: datetime) -> Erased:
    """Say of one story what is gone and what is still on its way out."""
    done = [one for one in json.loads(gone) if one in GONE]
    left: list[str] = []
    for row in tx.all("SELECT box, gone_at FROM lent WHERE story = ? ORDER BY box", story):
        # A partner is lent by volumes (`archive.partners.giving.lender`); its people know it by its name alone.
        name = str(row["box"]).split("/")[0] if "/" in str(row["box"]) else f"box {row['box']}"
        (done if row["gone_at"] else left).append(name)
    exports = "SELECT e.at, d.gone_at FROM exported d JOIN exports e ON e.id = d.export WHERE d.story = ? ORDER BY e.at"
    for row in tx.all(exports, story):
        (done if row["gone_at"] else left).append(f"an export of {str(row['at'])[:10]}")
    done, left = list(dict.fromkeys(done))[:_MOST_COPIES], list(dict.fromkeys(left))[:_MOST_COPIES]
    erased = datetime.fromisoformat(at)
    until = erased + timedelta(days=BACKUP_DAYS)
    if now < until:
        left.append(f"backups, until {until.date().isoformat()}")
    return Erased(TakeId(story), erased, tuple(done), tuple(left))
