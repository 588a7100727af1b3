"""Checking a bag that came from outside, trusting nothing in it.

The bagit library checks the digests, always in full: its fast check passes a flipped bit. Before it opens a single
file, our own closed profile is enforced: only the files a story bag has, as plain files, of bounded size, with
manifests that name exactly those. Path tricks, links, devices and bombs fall there, before anything is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import bagit

from archive.bag import CAPTIONS, CONSENT, EVENTS, METADATA, PAYLOAD, SOUND, TAG_MANIFEST, TAGS, is_bag_id
from archive.consent import may, standing
from archive.consentrecord import ConsentRecord, read_record
from archive.errors import BadBag
from archive.types import Reader

_ALGORITHMS: Final = ("md5", "sha256")
_LENGTH: Final = {"md5": 32, "sha256": 64}
_AGAIN: Final = "Nothing of it was kept. Let the box that recorded the story send it again."


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest bag that is taken, in bytes: its sound, and each of its other files."""

    sound: int = 4 << 30
    text: int = 64 << 20


@dataclass(frozen=True, slots=True)
class CheckedBag:
    """A bag that passed every check: its id, the SHA-256 of its tag manifest, its consent record."""

    id: str
    sha256: str
    consent: ConsentRecord
    sound_sha256: str | None


def check_bag(
    folder: Path, now: datetime | None, limits: Limits | None = None, *, trust_consent: bool = False
) -> CheckedBag:
    """Check the bag in ``folder`` in full: names, kinds, sizes, digests, consent.

    ``now`` is the wall clock, None where it cannot be trusted: then no embargo counts as passed.
    ``trust_consent`` leaves the question to the gate out: for a bag already kept, whose successor is what counts.
    Raises `BadBag` with a sentence for a librarian; nothing is changed either way.
    """
    bag_id = folder.name
    if not is_bag_id(bag_id):
        raise BadBag("This is not a name a story's bag can have.", _AGAIN)
    try:
        _check_names(folder, limits or Limits())
        _check_manifests(folder)
        _check_digests(folder)
        _check_info(folder, bag_id)
        consent = _read_consent(folder, bag_id)
        has_sound = (folder / SOUND).exists()
        if not trust_consent:
            check_allowed(consent, now, has_sound=has_sound)
        digest = hashlib.sha256((folder / TAG_MANIFEST).read_bytes()).hexdigest()
        sound = _manifest(folder, "manifest-sha256.txt")[SOUND] if has_sound else None
    except OSError as error:
        raise BadBag("This bag cannot be read from the disk.", _AGAIN) from error
    return CheckedBag(bag_id, digest, consent, sound)


def read_consent(folder: Path) -> ConsentRecord:
    """Read the consent record of a bag already checked. Raises `BadBag`."""
    try:
        return read_record(json.loads((folder / CONSENT).read_bytes()))
    except (OSError, ValueError, RecursionError, AttributeError) as error:
        raise BadBag("The consent record of this bag cannot be read.", _AGAIN) from error


def _check_names(folder: Path, limits: Limits) -> None:
    if not stat.S_ISDIR(folder.lstat().st_mode):
        raise BadBag("This is not a bag but a link or a file.", _AGAIN)
    wanted = {*TAGS, CONSENT, EVENTS, METADATA, CAPTIONS}
    found: set[str] = set()
    for inside in ("", "data/"):
        with os.scandir(folder / inside) as entries:
            for entry in entries:
                path = inside + entry.name
                mode = entry.stat(follow_symlinks=False)
                if path == "data" and stat.S_ISDIR(mode.st_mode):
                    continue
                # Stop at the first stranger: a bag of 100,000 files costs no more than a bag of one.
                if path not in wanted and path != SOUND:
                    raise BadBag("This bag holds a file that does not belong in a story's bag.", _AGAIN)
                if not stat.S_ISREG(mode.st_mode) or mode.st_nlink != 1:
                    raise BadBag("This bag holds a link or a device where a file should be.", _AGAIN)
                if mode.st_size > (limits.sound if path == SOUND else limits.text):
                    raise BadBag("This bag holds a file larger than any story can be.", _AGAIN)
                found.add(path)
    if wanted - found:
        raise BadBag(f"This bag is incomplete: {', '.join(sorted(wanted - found))} is missing.", _AGAIN)


def _manifest(folder: Path, name: str) -> dict[str, str]:
    algorithm = name.removesuffix(".txt").rsplit("-", 1)[-1]
    lines: dict[str, str] = {}
    try:
        text = (folder / name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadBag("A manifest of this bag cannot be read.", _AGAIN) from error
    for line in text.splitlines():
        digest, _, path = line.partition("  ")
        plain = len(digest) == _LENGTH[algorithm] and set(digest) <= set("0123456789abcdef")
        if not plain or path in lines or path not in (*PAYLOAD, *TAGS):
            raise BadBag("A manifest of this bag names a file that does not belong in a story's bag.", _AGAIN)
        lines[path] = digest
    return lines


def _check_manifests(folder: Path) -> None:
    sound = {SOUND} if (folder / SOUND).exists() else set()
    payload = {CONSENT, EVENTS, METADATA, CAPTIONS} | sound
    tags = {name for name in TAGS if not name.startswith("tagmanifest-")}
    for algorithm in _ALGORITHMS:
        for name, wanted in ((f"manifest-{algorithm}.txt", payload), (f"tagmanifest-{algorithm}.txt", tags)):
            if set(_manifest(folder, name)) != wanted:
                raise BadBag(f"The files of this bag and its {name} do not name the same files.", _AGAIN)


def _check_digests(folder: Path) -> None:
    try:
        bagit.Bag(str(folder)).validate(processes=1, fast=False)
    except (bagit.BagError, ValueError, LookupError) as error:
        say = "This bag was altered or damaged: its files do not have the sums written in it."
        raise BadBag(say, _AGAIN) from error


def _check_info(folder: Path, bag_id: str) -> None:
    text = (folder / "bag-info.txt").read_text(encoding="utf-8", errors="replace")
    named = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("External-Identifier:")]
    if named != [bag_id]:
        raise BadBag("This bag names another story than its folder does.", _AGAIN)


def _read_consent(folder: Path, bag_id: str) -> ConsentRecord:
    consent = read_consent(folder)
    if consent.story != bag_id:
        raise BadBag("The consent record in this bag belongs to another story.", _AGAIN)
    return consent


def check_allowed(consent: ConsentRecord, now: datetime | None, *, has_sound: bool) -> None:
    """Ask the one gate whether a bag with this consent record may be kept. Raises `BadBag`."""
    answer = may(standing(consent.events), Reader.BAG, now)
    if not answer.allowed:
        raise BadBag(f"Its teller does not allow this story to leave the box: {answer.why}", _AGAIN)
    if has_sound and not answer.voice:
        raise BadBag("Its teller allows the words of this story, not the voice, and the voice is in the bag.", _AGAIN)
