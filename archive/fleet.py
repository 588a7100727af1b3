"""Releases for many boxes, ring by ring: first the pilots, and the rest when a person has seen that it goes well there.

The archive keeps a signed bundle as it was made and offers it; it cannot make one, and a box believes nothing but the
signature of a release key it knows. Nothing here is needed for a box to run, record or keep.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from archive.boxes import Box, box_named, boxes
from archive.catalogue.changes import note_change, stamp
from archive.catalogue.port import Catalogue, Row, Tx
from archive.errors import ArchiveError, NoSuchObject
from archive.server.place import ArchiveHome

MOST_BYTES = 512 * 1024 * 1024
"""No larger bundle travels through the door for boxes; one with every package is about 0.3 GB."""
FRESH = timedelta(days=3)
"""A pilot not heard of for so long says nothing about a release."""
_VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){1,3}", re.ASCII)


class Ring(StrEnum):
    """Who takes a new release: pilots first. ``none`` is a release that was stopped."""

    NONE = "none"
    PILOT = "pilot"
    REST = "rest"


class BadRelease(ArchiveError):
    """A release cannot be offered like this."""

    code = "bad-release"


class NotYet(ArchiveError):
    """The pilots do not run this release well yet."""

    code = "not-yet"


@dataclass(frozen=True, slots=True)
class Release:
    """A release that is here: its version, bundle, and how far it is offered. ``at`` is ISO 8601 in UTC."""

    version: str
    sha256: str
    size: int
    ring: Ring
    at: str
    who: str

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {
            "version": self.version,
            "sha256": self.sha256,
            "size": self.size,
            "ring": self.ring.value,
            "at": self.at,
            "by": self.who,
        }


def add_release(place: ArchiveHome, bundle: Path, version: str, who: str) -> Release:
    """Keep ``bundle`` and offer it to the pilots. Raises `BadRelease`, `StoreTrouble`, `OSError`."""
    if _VERSION.fullmatch(version) is None:
        raise BadRelease(f"'{version[:40]}' is not a version.", "Give a bundle made with hearth bundle.")
    size = bundle.stat().st_size
    if size > MOST_BYTES:
        raise BadRelease("This bundle is too large to travel through the network.", "Carry it to the boxes on a stick.")
    with bundle.open("rb") as source:
        sha256 = hashlib.file_digest(source, "sha256").hexdigest()
        source.seek(0)
        if place.objects.put(_key(sha256), source).sha256 != sha256:
            raise BadRelease("The bundle changed while it was read.", "Try again.")
    with place.catalogue() as catalogue, catalogue.write() as tx:
        before = tx.one("SELECT sha256 FROM releases WHERE version = ?", version)
        if before is not None and before["sha256"] != sha256:
            raise BadRelease(
                f"Another bundle of version {version} is here already.", "A version is made once: count it up."
            )
        if before is None:
            now = place.now()
            tx.run(
                "INSERT INTO releases (version, sha256, size, ring, at, who) VALUES (?, ?, ?, ?, ?, ?)",
                version, sha256, size, Ring.PILOT.value, stamp(now), who,
            )  # fmt: skip
            note_change(tx, who, "release-added", version, "{}", now)
        return _named(tx, version)


def releases(catalogue: Catalogue) -> list[Release]:
    """Every release that is here, newest first."""
    with catalogue.read() as tx:
        found = [_release(row) for row in tx.all("SELECT version, sha256, size, ring, at, who FROM releases")]
    return sorted(found, key=lambda one: _order(one.version), reverse=True)


def put_in_ring(catalogue: Catalogue, box: str, ring: Ring, who: str, now: datetime) -> None:
    """Let a box be a pilot, or one of the rest. Raises `NoSuchBox`."""
    box_named(catalogue, box)
    with catalogue.write() as tx:
        tx.run(
            "INSERT INTO box_rings (box, ring, at, who) VALUES (?, ?, ?, ?) ON CONFLICT (box) DO UPDATE SET "
            "ring = excluded.ring, at = excluded.at, who = excluded.who",
            box, ring.value, stamp(now), who,
        )  # fmt: skip
        note_change(tx, who, f"box-ring-{ring.value}", box, "{}", now)


def rings(catalogue: Catalogue) -> dict[str, Ring]:
    """The ring of every box that is here, by name."""
    with catalogue.read() as tx:
        set_ones = {row["box"]: Ring(row["ring"]) for row in tx.all("SELECT box, ring FROM box_rings")}
    return {box.name: set_ones.get(box.name, Ring.REST) for box in boxes(catalogue)}


def widen(catalogue: Catalogue, version: str, who: str, now: datetime, *, anyway: bool = False) -> Release:
    """Offer a release to the rest too. A person decides; ``anyway`` where the pilots have not shown it to go well.

    Raises `NotYet` naming the pilots that do not run it, or have not been heard of since; `BadRelease`.
    """
    with catalogue.read() as tx:
        _named(tx, version)
    late = lagging(catalogue, version, now)
    if late and not anyway:
        raise NotYet(
            f"Version {version} is not proved yet: {'; '.join(late)}.", "Wait for the pilots, or say --anyway."
        )
    return _set_ring(catalogue, version, Ring.REST, who, now)


def stop(catalogue: Catalogue, version: str, who: str, now: datetime) -> Release:
    """Offer a release to nobody any more; boxes that run it go on. Raises `BadRelease`."""
    return _set_ring(catalogue, version, Ring.NONE, who, now)


def lagging(catalogue: Catalogue, version: str, now: datetime) -> list[str]:
    """What speaks against offering ``version`` to the rest, a phrase each; empty when every pilot runs it well."""
    of_box = rings(catalogue)
    pilots = [box for box in boxes(catalogue) if of_box[box.name] is Ring.PILOT and box.revoked_at is None]
    if not pilots:
        return ["no box is a pilot"]
    return [why for box in pilots if (why := _lags(box, version, now))]


def _lags(box: Box, version: str, now: datetime) -> str:
    runs = str(box.pulse.get("version", "another"))
    if runs != version:
        return f"{box.name} runs {runs}"
    if box.seen_at is None or now - datetime.fromisoformat(box.seen_at) > FRESH:
        return f"{box.name} was last seen {(box.seen_at or 'never')[:10]}"
    return ""


def offered(catalogue: Catalogue, box: str) -> Release | None:
    """The newest release offered to ``box``; None where there is none."""
    ring = rings(catalogue).get(box, Ring.REST)
    wanted = {Ring.REST} if ring is Ring.REST else {Ring.PILOT, Ring.REST}
    return next((one for one in releases(catalogue) if one.ring in wanted), None)


def open_offered(place: ArchiveHome, box: str, sha256: str, start: int = 0) -> tuple[BinaryIO, int]:
    """Open the bundle offered to ``box`` at this moment from byte ``start`` on; with its whole size.

    Raises `NoSuchObject`, `StoreTrouble`.
    """
    with place.catalogue() as catalogue:
        release = offered(catalogue, box)
    if release is None or release.sha256 != sha256:
        raise NoSuchObject("This is not offered to this box.", "Let the box ask what is.")
    return place.objects.open(_key(sha256), start), release.size


def open_kept(place: ArchiveHome, release: Release) -> BinaryIO:
    """Open the bundle of a release that is here, offered or not. Raises `NoSuchObject`, `StoreTrouble`."""
    return place.objects.open(_key(release.sha256))


def _key(sha256: str) -> str:
    return f"releases/{sha256}"


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _set_ring(catalogue: Catalogue, version: str, ring: Ring, who: str, now: datetime) -> Release:
    with catalogue.write() as tx:
        _named(tx, version)
        tx.run("UPDATE releases SET ring = ? WHERE version = ?", ring.value, version)
        note_change(tx, who, f"release-{ring.value}", version, "{}", now)
        return _named(tx, version)


def _named(tx: Tx, version: str) -> Release:
    row = tx.one("SELECT version, sha256, size, ring, at, who FROM releases WHERE version = ?", version)
    if row is None:
        raise BadRelease(f"There is no release {version} here.", "See: hearth archive release list")
    return _release(row)


def _release(row: Row) -> Release:
    return Release(row["version"], row["sha256"], int(row["size"]), Ring(row["ring"]), row["at"], row["who"])
