"""What a partner is lent: every story whose teller allows partners, its words, our questions, cue sheets, tombstones.

The format is that of a box's feed (`archive.feed`), sealed to the partner's key and signed with ours, in as many
volumes as the stories need; each says which of how many it is. What a curator blanked out is in none: a story is lent
as the stretches between. Withdrawn stories are in the next bundle no more, and their tombstones are in every one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import BinaryIO, Final

from archive.catalogue import Tx
from archive.catalogue.consents import asks
from archive.errors import NoSuchObject
from archive.feed.erased import applied_feed
from archive.feed.make import feed_of, open_blob
from archive.feed.manifest import LONGEST_EXCERPT, MOST_EXCERPTS
from archive.partners.known import Partner
from archive.reviewing.excerpts import Cut, excerpts_of, touched_by_redaction
from archive.reviewing.rendition import blanked_spans
from archive.server.place import ArchiveHome
from archive.types import Reader

VOLUME: Final = 64
"""About so many stories a volume; a feed holds twice as many at most."""
_SHORTEST_MS: Final = 1_000
_MARK: Final = re.compile(r"volume-(\d{1,4})-of-(\d{1,4})")


def mark(volume: int, volumes: int) -> str:
    """Name the empty sheet by which a signed volume says which of how many it is."""
    return f"volume-{volume + 1}-of-{volumes}"


def read_mark(name: str) -> tuple[int, int] | None:
    """Read what `mark` wrote: volume (from 0) and how many; None for the name of a sheet."""
    found = _MARK.fullmatch(name)
    return None if found is None else (int(found[1]) - 1, int(found[2]))


def bundle_for(place: ArchiveHome, partner: Partner, applied: Mapping[int, int] | None = None) -> list[bytes]:
    """Make every volume for ``partner``, the gate asked for each story now. ``applied`` are the last ones they read.

    Raises `BadFeed`, `CatalogueTrouble`, `StoreTrouble`, `NoKey`.
    """
    now = place.now()
    with place.catalogue() as catalogue:
        with catalogue.write() as tx:
            for volume, sequence in (applied or {}).items():
                applied_feed(tx, lender(partner.name, volume), sequence, now)
        with catalogue.read() as tx:
            wanted = _wanted(tx, now)
            sheets = _sheets(tx, wanted)
    volumes = 1
    while len(wanted) > volumes * VOLUME:
        volumes *= 2
    made = []
    for volume in range(volumes):
        mine = {story: cuts for story, cuts in wanted.items() if _volume(story, volumes) == volume}
        inside = {cut.id for cuts in mine.values() for cut in cuts}
        told = {
            name: kept
            for name, buttons in sheets.items()
            if (kept := {button: cut for button, cut in buttons.items() if cut in inside})
        }
        made.append(
            feed_of(place, lender(partner.name, volume), partner.seal, {**told, mark(volume, volumes): {}}, mine)
        )
    return made


def blob_for(place: ArchiveHome, partner: Partner, sha256: str) -> BinaryIO:
    """Open a blob of this partner's loans, the gate asked again. Raises `Refused`, `NoSuchObject`, `StoreTrouble`."""
    with place.catalogue() as catalogue, catalogue.read() as tx:
        rows = tx.all("SELECT box FROM loans WHERE sound = ? OR card = ?", sha256, sha256)
    mine = [str(row["box"]) for row in rows if str(row["box"]).startswith(f"partner {partner.name}/")]
    if not mine:
        raise NoSuchObject("This is no part of what this partner is lent.", "Exchange again.")
    return open_blob(place, mine[0], sha256)


def blobs_of(place: ArchiveHome, partner: Partner) -> list[str]:
    """Name every blob of what this partner is lent now."""
    with place.catalogue() as catalogue, catalogue.read() as tx:
        rows = tx.all("SELECT box, sound, card FROM loans ORDER BY box, story")
    mine = [row for row in rows if str(row["box"]).startswith(f"partner {partner.name}/")]
    return [str(row[name]) for row in mine for name in ("sound", "card")]


def lender(partner: str, volume: int) -> str:
    """Name a volume among what was lent. No box is called so: a box's name has no slash."""
    return f"partner {partner}/{volume}"


def _wanted(tx: Tx, now: datetime) -> dict[str, list[Cut]]:
    stories = [str(row["id"]) for row in tx.all("SELECT id FROM stories WHERE has_voice = 1 ORDER BY id")]
    answers = asks(tx, stories, Reader.LEND, now)
    found = {}
    for story in stories:
        if answers[story].allowed and (cuts := _cuts(tx, story)):
            found[story] = cuts
    return found


def _cuts(tx: Tx, story: str) -> list[Cut]:
    """The stretches of a story between what was blanked out, then the excerpts that lie on sheets."""
    row = tx.one("SELECT length_ms, prompt_text, title FROM stories WHERE id = ?", story)
    assert row is not None
    title, length, at = str(row["prompt_text"] or row["title"])[:200], int(row["length_ms"]), 0
    cuts: list[Cut] = []
    for start, end in (*blanked_spans(tx, story), (length, length)):
        while start - at >= _SHORTEST_MS and len(cuts) < MOST_EXCERPTS:
            stop = min(start, at + LONGEST_EXCERPT)
            cuts.append(Cut(f"{story}{len(cuts):02}", story, at, stop, title, "", "", ""))
            at = stop
        at = max(at, end)
    shown = tx.all("SELECT DISTINCT excerpt FROM sheet_cues WHERE story = ? ORDER BY excerpt", story)
    named = {str(one["excerpt"]) for one in shown}
    cuts += [one for one in excerpts_of(tx, story) if one.id in named and not touched_by_redaction(tx, one)]
    return cuts[:MOST_EXCERPTS]


def _sheets(tx: Tx, wanted: Mapping[str, list[Cut]]) -> dict[str, dict[int, str]]:
    lent = {cut.id for cuts in wanted.values() for cut in cuts}
    sheets: dict[str, dict[int, str]] = {}
    for row in tx.all("SELECT box, sheet, button, excerpt FROM sheet_cues ORDER BY box, sheet, button"):
        if row["excerpt"] in lent:
            words = re.sub(r"[^a-z0-9]+", "-", f"{row['box']}-{row['sheet']}".lower()).strip("-")[:60].strip("-")
            if read_mark(words) is None:
                sheets.setdefault(words, {})[int(row["button"])] = str(row["excerpt"])
    return sheets


def _volume(story: str, volumes: int) -> int:
    """The volume a story lies in: the same at every exchange, whatever others come or go."""
    return int.from_bytes(hashlib.sha256(story.encode()).digest()[:4], "big") % volumes
