"""Fetching a release at a box: laid down for the updater, which believes nothing but its signature.

It happens after the hand-on, in the same night, by the only program that may reach out; the updater itself has no
network. One bundle lies there at most; what is not offered any more goes. What came before the line broke stays beside
it, and the next run asks for the rest alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import BinaryIO, Protocol

from archive.durable import remove, sync_folder
from archive.errors import TransportTrouble

FOLDER = "releases"
SUFFIX = ".hearth"
MOST_BYTES = 512 * 1024 * 1024
_ROOM = 3
"""So many times its size has to be free: fetched, unpacked, installed."""
_VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){1,3}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Door(Protocol):
    """Where releases are asked for, inside a visit; `archive.transports.https.HttpsTransport` is one."""

    def release(self) -> dict[str, object] | None:
        """What is offered to this box: ``version``, ``sha256``, ``size``; None where nothing is."""
        ...

    def release_bundle(self, sha256: str, into: BinaryIO) -> None:
        """Write that bundle into a file, behind what it holds of it already. Raises `TransportTrouble`.

        What came until then stays in the file.
        """
        ...


def fetch_release(door: Door, home: Path, running: str) -> str:
    """Lay down the release offered to this box if it is newer than ``running``; return its version, or nothing.

    Raises `TransportTrouble` when it does not come whole, or there is no room for it: nothing the updater would look
    at lies there then, at most the beginning that the next run goes on with. A beginning that was altered goes.
    """
    folder = home / FOLDER
    told = door.release()
    version, sha256, size = _read(told) if told is not None else ("", "", 0)
    newer = bool(version) and _order(version) > _order(running)
    wanted = folder / f"digital-hearth-{version}-{sha256[:16]}{SUFFIX}"
    part = wanted.with_suffix(".part")
    for other in folder.glob("*") if folder.is_dir() else ():
        if not newer or other not in {wanted, part}:
            remove(other)
    if not newer or wanted.exists():
        return version if newer else ""
    folder.mkdir(mode=0o700, exist_ok=True)
    if shutil.disk_usage(folder).free < _ROOM * size:
        raise TransportTrouble(
            f"There is no room on this box for version {version}.", "Let stories move on, or fit a bigger card."
        )
    if part.is_symlink() or (part.exists() and (not part.is_file() or part.stat().st_size >= size)):
        remove(part)
    with part.open("a+b") as file:
        try:
            door.release_bundle(sha256, file)
        finally:
            file.flush()
            os.fsync(file.fileno())
    try:
        _check(part, sha256, size)
        part.replace(wanted)
        sync_folder(folder)
    finally:
        part.unlink(missing_ok=True)
    return version


def _read(told: dict[str, object]) -> tuple[str, str, int]:
    version, sha256, size = told.get("version"), told.get("sha256"), told.get("size")
    good = isinstance(version, str) and isinstance(sha256, str) and isinstance(size, int)
    if not good or not _VERSION.fullmatch(str(version)) or not _HEX.fullmatch(str(sha256)):
        raise TransportTrouble(
            "The archive's offer of a release cannot be read.", "Is the archive of the same version?"
        )
    assert isinstance(size, int)
    if not 0 < size <= MOST_BYTES:
        raise TransportTrouble("The archive offers a release of no sensible size.", "Tell whoever runs the archive.")
    return str(version), str(sha256), size


def _check(path: Path, sha256: str, size: int) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if path.stat().st_size != size or found != sha256:
        raise TransportTrouble("A release did not come as it was offered.", "The next night tries again.")


def _order(version: str) -> tuple[int, ...]:
    """Compare versions; what is not one (a copy being worked on) is older than any release."""
    return tuple(int(part) for part in version.split(".")) if _VERSION.fullmatch(version) else ()
