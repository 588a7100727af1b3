"""How stories are handed on: one class for each kind of place, chosen here by name.

A transport moves bags, tombstones and receipts; it decides nothing about consent (`archive.sync` asks the gate) and
believes no receipt (`archive.sync` verifies it).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from archive.bag import Bag
from archive.consentrecord import ConsentRecord
from archive.errors import TransportTrouble
from archive.feed.hello import Hello
from archive.ingest import Progress, Refusal
from archive.receipts import Receipt
from archive.tombstones import Tombstone
from archive.transports.way import Way
from audio.clock import Clock


class Transport(Protocol):
    """A place stories are handed on to. Every method raises `TransportTrouble` with a plain sentence, and may then
    be called again in a later run: nothing is lost and nothing arrives twice.
    """

    place: str
    """The place's own name, the same in every run: what was handed on is remembered under it."""
    signer: bytes
    """The Ed25519 public key receipts from here must verify with (32 bytes); known once `visit` was entered."""

    def visit(self) -> AbstractContextManager[None]:
        """Reach the place and have it to ourselves until the block is left."""
        ...

    def tombstones(self) -> list[Tombstone]:
        """Return what was taken back, as the place knows it."""
        ...

    def send_tombstone(self, stone: Tombstone) -> None:
        """Leave a tombstone. Copies of that story which wait here for the archive are removed at once.

        Raises `Refused` where the archive has that story from another box.
        """
        ...

    def send_bag(self, bag: Bag) -> None:
        """Hand a bag over, whole or not at all. The same bag again changes nothing."""
        ...

    def settle(self, progress: Progress) -> list[Refusal]:
        """Let the archive take its turn, where it takes it here; return what it refused."""
        ...

    def receipt(self, bag_id: str) -> Receipt | None:
        """Return the receipt for a bag, unverified; None while there is none."""
        ...

    def consent(self, bag_id: str) -> ConsentRecord | None:
        """Return the consent record of the bag that is kept there; None wherever the place cannot show it."""
        ...

    def waits(self, bag_id: str, sha256: str) -> bool:
        """Tell whether this very bag lies here already, waiting for the archive to come by."""
        ...

    def lost(self, bag_id: str) -> bool:
        """Tell whether a bag that was receipted is no longer there, so that it has to be sent again.

        False wherever the place cannot tell.
        """
        ...

    def feed(self, hello: Hello) -> bytes | None:
        """Make the box known and return the newest feed the archive has for it, unverified.

        None while there is none. No more than `archive.feed.manifest.MOST_BYTES` and one byte are ever read.
        """
        ...

    def blob(self, sha256: str) -> AbstractContextManager[BinaryIO]:
        """Open a blob of this box's feed. The reader counts and sums the bytes itself."""
        ...


_HOST: Final = re.compile(r"(?=[^/]*[A-Za-z])[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(/.*)?", re.ASCII)
"""A name as servers have them, with or without a path behind it."""

Maker = Callable[[str, Path, Path, Clock, Way], Transport]


def _folder(target: str, home: Path, keys: Path, clock: Clock, way: Way) -> Transport:
    from archive.transports.folder import FolderTransport

    if _HOST.fullmatch(target) and not Path(Path(target).parts[0]).exists():
        # Made as a folder, it would sign for the stories on the very disk that holds them already.
        say = f"There is no folder {target} here, and the address of an archive begins with https://."
        raise TransportTrouble(say, f"Write https://{target}, or for a new folder of that name ./{target}")
    # A stick has no credential, and takes what it takes.
    return FolderTransport(Path(target.removeprefix("folder:")), home, keys, clock, way.pulse)


def _https(target: str, home: Path, keys: Path, clock: Clock, way: Way) -> Transport:
    from archive.transports.https import HttpsTransport

    return HttpsTransport(target, home, keys, clock, way)


def _rclone(target: str, home: Path, keys: Path, clock: Clock, way: Way) -> Transport:
    from archive.transports.rclone import RcloneTransport

    return RcloneTransport(target.removeprefix("rclone:"), home, keys, clock, way)


_SCHEMES: Mapping[str, Maker] = {"folder": _folder, "https": _https, "http": _https, "rclone": _rclone}
"""By what stands before the first colon of the target; no colon, or a slash before it, is a folder."""


def make_transport(target: str, *, home: Path, keys: Path, clock: Clock, way: Way | None = None) -> Transport:
    """Choose the transport for ``target``: a folder's path (also ``folder:PATH``), the address of an archive's server
    (``https://...``), or a remote of rclone's (``rclone:NAME``). ``way`` is how a network is used.

    Raises `TransportTrouble` for a kind of place nobody here can reach: there is no silent fall-back.
    """
    scheme, colon, rest = target.partition(":")
    if not colon or "/" in scheme:
        scheme, rest = "folder", target
    maker = _SCHEMES.get(scheme)
    if maker is None or not rest:
        say = f"Stories cannot be handed on to {target!r}: this kind of place is not known."
        raise TransportTrouble(say, "Write https://ADDRESS, the path of a folder or a stick, or rclone:NAME.")
    return maker(target, home, keys, clock, way or Way())
