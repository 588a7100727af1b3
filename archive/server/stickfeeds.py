"""Feeds on a stick: each box that left its hello there finds its feed beside it at the next visit.

What it wrote of its machine, beside its hello, is taken in for the page of boxes.

A hello on a stick shows no credential: whoever holds the stick could have put one there. So only the keys of a box
that is known already are answered; a person makes a box known by them once (`meet`), comparing its fingerprint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from archive.boxes import Box, box_named, boxes, greet, note_carried_pulse
from archive.catalogue.port import Catalogue
from archive.durable import PART, remove, write_file
from archive.errors import ArchiveError, Refused
from archive.feed.carried import MOST_BYTES as MOST_PULSE_BYTES
from archive.feed.carried import SUFFIX as PULSE_SUFFIX
from archive.feed.carried import read_pulse
from archive.feed.erased import applied_feed
from archive.feed.hello import Hello, box_letters, read_hello
from archive.feed.left import MOST_BYTES as MOST_LEFT_BYTES
from archive.feed.left import SUFFIX as LEFT_SUFFIX
from archive.feed.left import Left, read_left
from archive.feed.make import feed_for, open_blob
from archive.ingest import Progress
from archive.objects import BLOCK
from archive.partners.onward import onward_blobs
from archive.server.place import ArchiveHome
from archive.transports.folder import BLOBS, BOXES

_FEED = ".feed"
_MOST_BOXES = 200


@dataclass(slots=True)
class LeftFeeds:
    """What was left: names of boxes that have a feed now, fingerprints of those nobody here knows, and troubles.

    ``failed`` says by box why it has no new feed; what lay there for it before stays.
    """

    fed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def leave_feeds(place: ArchiveHome, root: Path, progress: Progress) -> LeftFeeds:
    """Write the feed of every known box whose hello lies in ``root``; remove blobs no feed there names.

    A feed that cannot be made keeps no other box's away. Raises `OSError` where the stick fails, `CatalogueTrouble`.
    """
    with place.catalogue() as catalogue:
        here = [box for box in boxes(catalogue) if box.revoked_at is None and box.seal]
    known = {(box.seal, box.sign): box.name for box in here}
    left = LeftFeeds()
    wanted: set[str] = set()
    hellos = _hellos(root)
    with place.catalogue() as catalogue, catalogue.write() as tx:
        # All of them first: what one box says is gone from it is in the receipts of another.
        for hello in hellos:
            if (hello.seal, hello.sign) in known:
                applied_feed(tx, known[hello.seal, hello.sign], hello.applied, place.now())
    for hello in hellos:
        name = known.get((hello.seal, hello.sign))
        path = root / BOXES / f"{hello.name}{_FEED}"
        if name is None:
            left.unknown.append(hello.fingerprint)
            remove(path)
            continue
        progress("feed", name)
        try:
            data = feed_for(place, name, hello)
            # Blobs first: a feed on the stick has everything it names.
            for sha256 in _blobs_of(place, name):
                _leave_blob(place, root, name, sha256)
        except ArchiveError as error:
            left.failed[name] = error.say
        else:
            write_file(path, data)
            left.fed.append(name)
        wanted |= _blobs_of(place, name)
    _note_pulses(place, root, [box for box in here if box.name in {*left.fed, *left.failed}])
    folder = root / BLOBS
    for path in sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []:
        if path.name not in wanted:
            remove(path)
    return left


def left_by_boxes(place: ArchiveHome, root: Path) -> dict[str, Left]:
    """What each known box says it left in ``root``, by its name; of a box nobody made known nothing is believed."""
    with place.catalogue() as catalogue:
        known = {(box.seal, box.sign): box.name for box in boxes(catalogue) if box.revoked_at is None and box.seal}
    found = {}
    for hello in _hellos(root):
        name = known.get((hello.seal, hello.sign))
        path = root / BOXES / f"{hello.name}{LEFT_SUFFIX}"
        if name is not None and path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                left = read_left(file.read(MOST_LEFT_BYTES + 1), hello.sign)
            if left is not None:
                found[name] = left
    return found


def _note_pulses(place: ArchiveHome, root: Path, fed: list[Box]) -> None:
    """Take in how the boxes were when the stick was there; what cannot be believed is passed over."""
    for box in fed:
        assert box.seal is not None
        assert box.sign is not None
        path = root / BOXES / f"{box_letters(box.seal, box.sign)}{PULSE_SUFFIX}"
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                told = read_pulse(file.read(MOST_PULSE_BYTES + 1), box.sign)
            if told is not None:
                with place.catalogue() as catalogue:
                    note_carried_pulse(catalogue, box, told, place.now())


def meet(catalogue: Catalogue, name: str, data: bytes, now: datetime) -> Hello:
    """Make the box called ``name`` known by the hello it left; a person has compared the fingerprint.

    Raises `NoSuchBox`, `Refused` for what is no hello, `OtherBox` where other keys are known for that name.
    """
    hello = read_hello(data)
    if hello is None:
        raise Refused("This is not how a box makes itself known.", "Give the file boxes/<letters>.json of the stick.")
    greet(catalogue, box_named(catalogue, name), hello.seal, hello.sign, {}, now)
    return hello


def _hellos(root: Path) -> list[Hello]:
    folder = root / BOXES
    if folder.is_symlink() or not folder.is_dir():
        return []
    found = []
    for path in sorted(folder.glob("*.json"))[:_MOST_BOXES]:
        hello = read_hello(path.read_bytes()) if path.is_file() and not path.is_symlink() else None
        if hello is not None and path.stem == hello.name:
            found.append(hello)
    return found


def _blobs_of(place: ArchiveHome, box: str) -> set[str]:
    with place.catalogue() as catalogue, catalogue.read() as tx:
        rows = tx.all("SELECT sound, card FROM loans WHERE box = ?", box)
        return {str(name) for row in rows for name in row} | onward_blobs(tx, box)


def _leave_blob(place: ArchiveHome, root: Path, box: str, sha256: str) -> None:
    target = root / BLOBS / sha256
    if target.is_file():
        return
    target.parent.mkdir(exist_ok=True)
    part = target.with_name(sha256 + PART)
    remove(part)
    with open_blob(place, box, sha256) as source, part.open("xb") as out:
        while block := source.read(BLOCK):
            out.write(block)
    part.rename(target)
