"""One story as one BagIt 1.0 bag (RFC 8493), with SHA-256 and MD5 manifests.

A bag is planned in memory as a list of files and then written once, straight to where it travels: into a folder
archive's own `.part` folder, or through a tar stream into a sealed file. It never lies in the clear under a home.
The sound is opened twice (hashed, then copied) and never held whole in memory.

The same story makes the same bag, byte for byte: nothing here looks at a clock. Bagging-Date is therefore the day
of the newest line of the consent record, the last fact that changed what the bag says.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from archive.durable import PART, copy_synced, move, remove, sync_folder
from audio.types import TakeId

SOUND: Final = "data/story.flac"
CAPTIONS: Final = "data/story.vtt"
METADATA: Final = "data/metadata.csv"
CONSENT: Final = "data/consent.json"
EVENTS: Final = "data/events.jsonl"
PAYLOAD: Final = (CONSENT, EVENTS, METADATA, SOUND, CAPTIONS)
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
TAGS: Final = (
    "bagit.txt",
    "bag-info.txt",
    "manifest-md5.txt",
    "manifest-sha256.txt",
    "tagmanifest-md5.txt",
    TAG_MANIFEST,
)
PROFILE: Final = "urn:x-digital-hearth:story-bag:1"
ALGORITHMS: Final = ("md5", "sha256")
# Exactly a ULID: in a shared folder "pictures" must never be taken for one of ours.
_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)
_BLOCK = 1 << 20


def is_bag_id(name: str) -> bool:
    """Tell whether ``name`` may name a bag: a story's id (a ULID) and nothing else."""
    return _ID.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class BagContent:
    """What one story's bag says.

    ``captions`` is a WebVTT text; ``metadata`` are Dublin Core terms by name (``dcterms:title``...); ``consent`` the
    record made by `archive.consentrecord.record`; ``events`` plain facts in order of time. ``sound`` opens a fresh
    stream of the FLAC master; None makes a transcript-only bag, with no sound in it.
    """

    story: TakeId
    site: str
    bagged_on: date
    captions: str
    metadata: Mapping[str, str]
    consent: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...] = ()
    sound: Callable[[], BinaryIO] | None = None


@dataclass(frozen=True, slots=True)
class BagFile:
    """One file of a planned bag: its path in the bag, its size in bytes, its digests and how to read it."""

    path: str
    size: int
    digests: Mapping[str, str]
    open: Callable[[], BinaryIO] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bag:
    """A planned bag. ``sha256`` is that of its tag manifest, which covers every other file of it."""

    id: str
    story: TakeId
    files: tuple[BagFile, ...]
    sha256: str

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


def plan(content: BagContent) -> Bag:
    """Lay out ``content`` as a bag. Reads the sound once; raises what its opener raises."""
    payload = [
        _known(CONSENT, _json(content.consent, indent=1)),
        _known(EVENTS, b"".join(_json(event) for event in content.events)),
        _known(METADATA, _dublin_core(content)),
        _known(CAPTIONS, content.captions.encode()),
    ]
    if content.sound is not None:
        payload.append(_measured(SOUND, content.sound))
    payload.sort(key=lambda file: file.path)
    tags = [
        _known("bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"),
        _known("bag-info.txt", _bag_info(content, payload)),
        *(_known(f"manifest-{name}.txt", _manifest(payload, name)) for name in ALGORITHMS),
    ]
    seals = [_known(f"tagmanifest-{name}.txt", _manifest(tags, name)) for name in ALGORITHMS]
    head = next(file for file in seals if file.path == TAG_MANIFEST)
    return Bag(str(content.story), content.story, (*payload, *tags, *seals), head.digests["sha256"])


def write_folder(bag: Bag, target: Path) -> None:
    """Write ``bag`` as the folder ``target``: whole or absent, synced. ``target`` must not exist. Raises `OSError`."""
    part = target.with_name(target.name + PART)
    remove(part)
    try:
        (part / "data").mkdir(parents=True)
        for file in bag.files:
            with file.open() as source:
                copy_synced(source, part / file.path)
        sync_folder(part / "data")
        sync_folder(part)
        move(part, target)
    except BaseException:  # whatever stopped it, no half bag stays, and its space goes back to whoever needs it
        remove(part)
        raise


class Sink(Protocol):
    """Anything bytes can be written to."""

    def write(self, data: bytes, /) -> int:
        """Take ``data``; return how many bytes were taken (all of them)."""
        ...


def write_tar(bag: Bag, out: Sink) -> None:
    """Write ``bag`` as a tar stream without names, owners or times of the machine. ``out`` needs only `write`."""
    stream: Any = out  # a "w|" stream only ever writes, whatever its type asks for
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for file in bag.files:
            entry = tarfile.TarInfo(f"{bag.id}/{file.path}")
            entry.size = file.size
            with file.open() as source:
                tar.addfile(entry, source)


def _json(value: Any, indent: int | None = None) -> bytes:
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=indent) + "\n").encode()


def _known(path: str, data: bytes) -> BagFile:
    digests = {name: hashlib.new(name, data, usedforsecurity=False).hexdigest() for name in ALGORITHMS}
    return BagFile(path, len(data), digests, lambda: io.BytesIO(data))


def _measured(path: str, opener: Callable[[], BinaryIO]) -> BagFile:
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in ALGORITHMS}
    size = 0
    with opener() as source:
        while block := source.read(_BLOCK):
            size += len(block)
            for one in hashes.values():
                one.update(block)
    return BagFile(path, size, {name: one.hexdigest() for name, one in hashes.items()}, opener)


def _manifest(files: Iterable[BagFile], algorithm: str) -> bytes:
    lines = sorted((file.path, file.digests[algorithm]) for file in files)
    return "".join(f"{digest}  {path}\n" for path, digest in lines).encode()


def _dublin_core(content: BagContent) -> bytes:
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(content.metadata)
    table.writerow(content.metadata.values())
    return text.getvalue().encode()


def _bag_info(content: BagContent, payload: list[BagFile]) -> bytes:
    fields = {
        "Bag-Software-Agent": "Digital Hearth",
        "BagIt-Profile-Identifier": PROFILE,
        "Bagging-Date": content.bagged_on.isoformat(),
        "External-Identifier": content.story,
        "Payload-Oxum": f"{sum(file.size for file in payload)}.{len(payload)}",
        "Source-Organization": content.site,
    }
    # A line break in a library's own name must not become a new tag.
    return "".join(f"{name}: {' '.join(value.split())}\n" for name, value in fields.items()).encode()
