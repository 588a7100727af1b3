"""Fetching what a feed names, each blob checked by size, sum and form before anything of it counts.

A blob is read no further than the size the signed feed states, from a place that may be hostile. Sounds are written
straight to where they will lie, sealed as they came, under a name nothing speaks of yet; a run killed here leaves
files that the next one finds whole or sweeps away.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from archive.consent import events_of
from archive.durable import PART, move, remove, sync_folder
from archive.envelope import ContentKey, open_loan
from archive.errors import ArchiveError, BadFeed, NoKey, Refused
from archive.feed.card import Card, open_card
from archive.feed.manifest import Blob, Loan, Manifest
from archive.guests import Guest, guests, is_lent, loan_file
from archive.masters import FlacReader
from archive.store import Store
from archive.transports import Transport
from archive.types import Reader
from audio.errors import AudioError

_BLOCK = 1 << 18
_SPARE = 64 << 20
Progress = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Staged:
    """A loan that may be played here now. ``card`` is None where the guest stands here already as it is lent."""

    loan: Loan
    key: ContentKey
    reader: Reader
    card: Card | None


@dataclass(frozen=True, slots=True)
class NotLent:
    """A loan this box does not take, and the gate's own reason."""

    loan: Loan
    why: str


def stage(
    store: Store, transport: Transport, manifest: Manifest, *, site: str, progress: Progress
) -> tuple[list[Staged], list[NotLent]]:
    """Fetch and check every loan that is not this box's own story.

    Raises `BadFeed` where a part is not what was signed, `TransportTrouble` or `OSError` where it does not come.
    """
    here = guests(store.db.conn)
    staged: list[Staged] = []
    refused: list[NotLent] = []
    for loan in manifest.loans:
        if is_own(store, loan):
            continue
        try:
            staged.append(_stage(store, transport, loan, here.get(loan.story), site=site, progress=progress))
        except (Refused, NoKey) as error:
            refused.append(NotLent(loan, error.say))
    return staged, refused


def is_own(store: Store, loan: Loan) -> bool:
    """Tell whether the story was told at this box: then its own ledger decides, and its own sound is played."""
    events = events_of(store.db.conn, loan.story)
    return bool(events) and not is_lent(events)


def _stage(
    store: Store, transport: Transport, loan: Loan, guest: Guest | None, *, site: str, progress: Progress
) -> Staged:
    if guest is not None and not loan.consent.extends(guest.events, guest.head):
        say = "The consent record of a lent story does not go on from the one this box has."
        raise BadFeed(say, "The last good feed stays in use. Ask the archive's people to look.")
    # Told at this very library: then it may be played here as its own stories are.
    reader = Reader.CUE if site and loan.site == site else Reader.LEND
    # What was said at this box (a steward's hold, a tombstone) counts beside what the record says.
    said_here = [event for event in events_of(store.db.conn, loan.story) if not is_lent([event])]
    asked = (*loan.consent.events, *said_here)
    key = open_loan(loan.key, loan.story, asked, reader, now=store.now(), keys=store.keys)
    same = guest is not None and (guest.sound, guest.card) == (loan.sound.sha256, loan.card.sha256)
    if same and loan_file(store.home, loan.story, loan.sound.sha256).is_file():
        return Staged(loan, key, reader, None)
    progress("card", loan.story)
    with transport.blob(loan.card.sha256) as source:
        card = open_card(_whole(source, loan.card), loan.story, key)
    if any(cut.at + cut.end - cut.start > card.length for cut in loan.excerpts):
        raise BadFeed("This feed lends a stretch its sound does not have.", "Let the archive look.")
    progress("sound", loan.story)
    _fetch_sound(store, transport, loan, card, key)
    return Staged(loan, key, reader, card)


def _fetch_sound(store: Store, transport: Transport, loan: Loan, card: Card, key: ContentKey) -> None:
    target = loan_file(store.home, loan.story, loan.sound.sha256)
    if not target.is_file():
        if shutil.disk_usage(store.home.path).free < loan.sound.size + _SPARE:
            raise ArchiveError("There is no room on this box for what the archive lends.", "Make room on the disk.")
        target.parent.mkdir(mode=0o700, exist_ok=True)
        part = target.with_name(target.name + PART)
        remove(part)
        with transport.blob(loan.sound.sha256) as source:
            _copy(source, part, loan.sound)
        try:
            _check_sound(part, loan, card, key)
        except BaseException:  # nothing that failed its check stays, whatever stopped us
            remove(part)
            raise
        move(part, target)
        sync_folder(store.home.stories)


def _check_sound(path: Path, loan: Loan, card: Card, key: ContentKey) -> None:
    """Look at the head of a lent sound: its form is the card's, and it claims no more than the card says."""
    try:
        sound = FlacReader(path, key, loan.story)
    except (AudioError, KeyError) as error:
        raise BadFeed("A lent sound in this feed does not open.", "Let the archive look.") from error
    try:
        if sound.format != card.format or sound.length != card.length:
            raise BadFeed("A lent sound in this feed is not what its card says.", "Let the archive look.")
    finally:
        sound.close()


def _whole(source: BinaryIO, blob: Blob) -> bytes:
    data = source.read(blob.size + 1)
    while len(data) <= blob.size and (more := source.read(blob.size + 1 - len(data))):
        data += more
    if len(data) != blob.size or hashlib.sha256(data).hexdigest() != blob.sha256:
        raise _not_signed()
    return data


def _copy(source: BinaryIO, target: Path, blob: Blob) -> None:
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            while block := source.read(min(_BLOCK, blob.size + 1 - size)):
                size += len(block)
                digest.update(block)
                if size > blob.size:
                    break
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
    except BaseException:  # nothing half stays, whatever stopped us
        remove(target)
        raise
    if size != blob.size or digest.hexdigest() != blob.sha256:
        remove(target)
        raise _not_signed()


def _not_signed() -> BadFeed:
    say = "A part of this feed is not the one the archive signed for."
    return BadFeed(say, "The last good feed stays in use; the next sync tries again.")
