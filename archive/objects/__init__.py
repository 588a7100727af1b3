"""The port to the object store: where an archive's bags and sound lie, a folder by default, S3 past one machine.

A store knows names and bytes, nothing else: who may read an object is asked before it is opened (`archive.consent`),
and what a name means is the catalogue's business. Names are made by `bag_key` and `blob_key`. Stores are chosen here
by URL; there is no silent fall-back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from archive.bag import is_bag_id
from archive.durable import PART
from archive.errors import BadKey, StoreTrouble

BLOCK: Final = 1 << 20
"""Bytes read at a time; no store holds more of an object than a few of these in memory."""
_LONGEST_KEY = 512
_DEEPEST = 12
# The names bags, blobs and derived files have. No "..", no hidden file, nothing a file system or a URL reads twice.
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stored:
    """What `Objects.put` stored: bytes, and their SHA-256 as 64 hexadecimal digits."""

    size: int
    sha256: str


class Objects(Protocol):
    """An object store. Every method raises `BadKey` for a name no object can have, and `StoreTrouble` with a plain
    sentence where the store cannot be reached, read or written. One store may be used by many threads at once.
    """

    place: str
    """Where this is, for people; it never holds a password."""

    def put(self, key: str, source: BinaryIO) -> Stored:
        """Store everything ``source`` gives from here on as ``key``: whole or absent, and durable on return.

        An object of that name is replaced in one step: readers see the old one or the new one. What ``source``
        raises is passed on, and nothing is stored then.
        """
        ...

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Open an object for reading forwards, ``length`` bytes from byte ``start`` on; None reads to its end.

        What lies behind the end is not there: the stream is shorter, or empty. Raises `NoSuchObject`. Close it.
        """
        ...

    def size(self, key: str) -> int:
        """Return an object's bytes. Raises `NoSuchObject`."""
        ...

    def exists(self, key: str) -> bool:
        """Tell whether there is such an object."""
        ...

    def delete(self, key: str) -> bool:
        """Remove an object, durably; tells whether it was there."""
        ...

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Give every name below the folder ``prefix`` (all of them for "") once, in an order of the store's own."""
        ...

    def sweep(self, older_than_s: float = 86_400.0) -> int:
        """Remove what killed writers left half done longer ago than this; returns how many pieces went.

        Writers that are still at work must be younger than that. A store that keeps no such pieces, or whose own
        housekeeping removes them, returns 0.
        """
        ...


def checked_key(key: str) -> str:
    """Return ``key`` if an object can have this name, else raise `BadKey`: names also arrive from outside."""
    parts = key.split("/")
    fits = len(key) <= _LONGEST_KEY and len(parts) <= _DEEPEST
    if not fits or not all(_SEGMENT.fullmatch(part) and not part.endswith(PART) for part in parts):
        raise BadKey("No object of the archive can have this name.", "This is a fault of the program: report it.")
    return key


def checked_prefix(prefix: str) -> str:
    """Return ``prefix`` without the slash at its end; "" is everything. Raises `BadKey`."""
    return checked_key(prefix.removesuffix("/")) if prefix else ""


def bag_folder(story: str, bag_sha256: str = "") -> str:
    """Name the folder of a story's bags, or of the bag whose tag manifest has this SHA-256. Raises `BadKey`."""
    if not is_bag_id(story) or (bag_sha256 and not _HEX.fullmatch(bag_sha256)):
        raise BadKey("This is not the identifier of a story's bag.")
    return f"bags/{story}/{bag_sha256[:16]}/" if bag_sha256 else f"bags/{story}/"


def bag_key(story: str, bag_sha256: str, path: str) -> str:
    """Name the object of the file ``path`` in a story's bag. Raises `BadKey`."""
    return checked_key(bag_folder(story, bag_sha256) + path)


def blob_key(sha256: str) -> str:
    """Name the object that holds exactly the bytes with this SHA-256. Raises `BadKey`."""
    if not _HEX.fullmatch(sha256):
        raise BadKey("This is not a SHA-256.")
    return f"blobs/{sha256}"


def _folder(url: str) -> Objects:
    from archive.objects.folder import FolderObjects

    return FolderObjects(Path(url.removeprefix("folder:")))


def _s3(url: str) -> Objects:
    try:
        from archive.objects.s3 import S3Objects, read_address
    except ImportError as error:
        say = "An S3 store needs a package that is not installed here (obstore)."
        raise StoreTrouble(say, "Install Digital Hearth with its extra 'archive'.") from error

    return S3Objects(read_address(url))


_SCHEMES: Mapping[str, Callable[[str], Objects]] = {"folder": _folder, "s3": _s3}
"""By what stands before the first colon."""


def open_objects(url: str) -> Objects:
    """Open the store at ``url``: ``folder:PATH``, or ``s3://BUCKET?endpoint=...`` (see `archive.objects.s3`).

    Raises `StoreTrouble` for a kind of store nobody here knows, or settings that cannot work.
    """
    scheme, _, rest = url.partition(":")
    maker = _SCHEMES.get(scheme)
    if maker is None or not rest:
        say = f"The archive's objects cannot be kept at {url!r}: this kind of store is not known."
        raise StoreTrouble(say, "Write folder:PATH or s3://BUCKET?endpoint=ADDRESS.")
    return maker(url)
