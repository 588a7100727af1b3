"""What a partner is lent: every story whose teller allows partners, its words, our questions, cue sheets, tombstones.

The format is that of a box's feed (`archive.feed`), sealed to the partner's key and signed with ours, in as many
volumes as the stories need; each says which of how many it is. What a curator blanked out is in none: a story is lent
as the stretches between. Withdrawn stories are in the next bundle no more, and their tombstones are in every one.

There are never fewer volumes than there were: in one that is empty now the partner reads that its stories have ended,
and its number goes on growing, so that nobody shows an old one again. What is too large for a partner is lent from its
beginning, as far as there is room, or not at all; `Given` says which.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from archive.bag import SOUND
from archive.catalogue import Tx
from archive.catalogue.consents import asks
from archive.errors import NoSuchObject
from archive.feed.erased import applied_feed
from archive.feed.make import blob_named, feed_of
from archive.feed.manifest import LARGEST_CARD, LARGEST_SOUND, LONGEST_EXCERPT, MOST_EXCERPTS
from archive.partners.known import Partner
from archive.reviewing.excerpts import Cut, excerpts_of, touched_by_redaction
from archive.reviewing.rendition import blanked_spans
from archive.server.place import ArchiveHome
from archive.types import Reader

VOLUME: Final = 64
"""About so many stories a volume; a feed holds twice as many at most."""
_SHORTEST_MS: Final = 1_000
_FILLED: Final = 0.85
"""How much of the room is planned for: a stretch may be louder, or fuller of words, than its story is throughout."""
_MARK: Final = re.compile(r"volume-(\d{1,4})-of-(\d{1,4})")


def mark(volume: int, volumes: int) -> str:
    """Name the empty sheet by which a signed volume says which of how many it is."""
    return f"volume-{volume + 1}-of-{volumes}"


def read_mark(name: str) -> tuple[int, int] | None:
    """Read what `mark` wrote: volume (from 0) and how many; None for the name of a sheet."""
    found = _MARK.fullmatch(name)
    return None if found is None else (int(found[1]) - 1, int(found[2]))


@dataclass(frozen=True, slots=True)
class Given:
    """A bundle: its volumes, the stories lent in part alone, and those left out, because they are too large."""

    volumes: list[bytes]
    in_part: list[str]
    left_out: list[str]


def bundle_for(place: ArchiveHome, partner: Partner, applied: Mapping[int, int] | None = None) -> list[bytes]:
    """Make every volume for ``partner``, the gate asked for each story now. ``applied`` are the last ones they read.

    Raises `BadFeed`, `CatalogueTrouble`, `StoreTrouble`, `NoKey`.
    """
    return give(place, partner, applied).volumes


def give(place: ArchiveHome, partner: Partner, applied: Mapping[int, int] | None = None) -> Given:
    """Do what `bundle_for` does, and say what was too large. Raises as it does."""
    now = place.now()
    in_part: list[str] = []
    left_out: list[str] = []
    with place.catalogue() as catalogue:
        with catalogue.write() as tx:
            for volume, sequence in (applied or {}).items():
                applied_feed(tx, lender(partner.name, volume), sequence, now)
        with catalogue.read() as tx:
            wanted = _wanted(tx, now, in_part)
            sheets = _sheets(tx, wanted)
            before = _volumes_before(tx, partner.name)
    volumes = 1
    while len(wanted) > volumes * VOLUME or volumes < before:
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
        told[mark(volume, volumes)] = {}
        made.append(feed_of(place, lender(partner.name, volume), partner.seal, told, mine, left_out))
    return Given(made, [story for story in in_part if story not in left_out], left_out)


def _volumes_before(tx: Tx, partner: str) -> int:
    """How many volumes were ever made for ``partner``."""
    names = {str(row["box"]) for row in tx.all("SELECT box FROM box_feeds")}
    volumes = 0
    while lender(partner, volumes) in names:
        volumes += 1
    return volumes


def blob_for(place: ArchiveHome, partner: Partner, sha256: str) -> str:
    """Name the object that is a blob of this partner's loans, the gate asked again.

    Raises `Refused`, `NoSuchObject`, `StoreTrouble`.
    """
    with place.catalogue() as catalogue, catalogue.read() as tx:
        rows = tx.all("SELECT box FROM loans WHERE sound = ? OR card = ?", sha256, sha256)
    mine = [str(row["box"]) for row in rows if str(row["box"]).startswith(f"partner {partner.name}/")]
    if not mine:
        raise NoSuchObject("This is no part of what this partner is lent.", "Exchange again.")
    return blob_named(place, mine[0], sha256)


def blobs_of(place: ArchiveHome, partner: Partner) -> list[str]:
    """Name every blob of what this partner is lent now."""
    with place.catalogue() as catalogue, catalogue.read() as tx:
        rows = tx.all("SELECT box, sound, card FROM loans ORDER BY box, story")
    mine = [row for row in rows if str(row["box"]).startswith(f"partner {partner.name}/")]
    return [str(row[name]) for row in mine for name in ("sound", "card")]


def lender(partner: str, volume: int) -> str:
    """Name a volume among what was lent. No box is called so: a box's name has no slash."""
    return f"partner {partner}/{volume}"


def _wanted(tx: Tx, now: datetime, in_part: list[str]) -> dict[str, list[Cut]]:
    stories = [str(row["id"]) for row in tx.all("SELECT id FROM stories WHERE has_voice = 1 ORDER BY id")]
    answers = asks(tx, stories, Reader.LEND, now)
    found = {}
    for story in stories:
        if answers[story].allowed:
            cuts, whole = _cuts(tx, story)
            if cuts:
                found[story] = cuts
            if not whole:
                in_part.append(story)
    return found


def _cuts(tx: Tx, story: str) -> tuple[list[Cut], bool]:
    """The stretches of a story between what was blanked out, then the excerpts that lie on sheets; whether all is in.

    Excerpts have their places first: a person chose them.
    """
    row = tx.one("SELECT length_ms, prompt_text, title FROM stories WHERE id = ?", story)
    assert row is not None
    title, length, at = str(row["prompt_text"] or row["title"])[:200], int(row["length_ms"]), 0
    shown = tx.all("SELECT DISTINCT excerpt FROM sheet_cues WHERE story = ? ORDER BY excerpt", story)
    named = {str(one["excerpt"]) for one in shown}
    chosen = [one for one in excerpts_of(tx, story) if one.id in named and not touched_by_redaction(tx, one)]
    chosen = chosen[: MOST_EXCERPTS // 2]
    room = _room_ms(tx, story, length) - sum(one.length for one in chosen)
    cuts: list[Cut] = []
    whole = True
    for start, end in (*blanked_spans(tx, story), (length, length)):
        while start - at >= _SHORTEST_MS:
            stop = min(start, at + LONGEST_EXCERPT, at + max(0, room))
            if stop - at < _SHORTEST_MS or len(cuts) + len(chosen) >= MOST_EXCERPTS:
                whole = False
                break
            cuts.append(Cut(f"{story}{len(cuts):02}", story, at, stop, title, "", "", ""))
            room -= stop - at
            at = stop
        at = max(at, end)
    return cuts + chosen, whole


def _room_ms(tx: Tx, story: str, length: int) -> int:
    """About how many ms of a story fit into what a partner takes, by the size of its sound and its words."""
    sound = tx.one("SELECT size FROM files WHERE story = ? AND path = ?", story, SOUND)
    words = tx.all("SELECT words FROM passages WHERE story = ?", story)
    shares = [
        LARGEST_SOUND / int(sound["size"]) if sound and sound["size"] else 1.0,
        LARGEST_CARD / max(1, sum(len(row["words"].encode()) for row in words)),
    ]
    return int(length * min(shares) * _FILLED)


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
