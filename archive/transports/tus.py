"""Resumable upload: the core of the tus protocol 1.0 with creation, as a client.

What arrived is never sent again: after every break the archive is asked how far it is. The pieces grow while
they go through quickly and shrink when they do not, so that a line that breaks every few seconds still gets
further, also through a proxy that hands on whole requests only.

`tuspy` speaks the same protocol (and the tests hold our server to it), but it sets no time limit on any request, so
that a server that answers slowly would hold a night's run for ever, and it knows no cap on what is sent.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

from archive.transports.networds import Passing
from archive.transports.wire import Said, Wire

SMALLEST = 1 << 14
FIRST = 1 << 15
LARGEST = 1 << 25
"""32 MiB: a second's worth on a fast line; on slow ones pieces never grow so far."""
_QUICK_S = 1.0
_SLOW_S = 6.0
_VERSION = {"Tus-Resumable": "1.0.0"}

Sent = Callable[[int, int], None]
"""Called with how many bytes have arrived, of how many."""


def next_piece(piece: int, seconds: float, *, arrived: bool) -> int:
    """Return the size of the next piece after one of ``piece`` bytes took ``seconds``, or broke off. Pure."""
    if not arrived or seconds > _SLOW_S:
        return max(SMALLEST, piece // 2)
    grown = piece * (4 if seconds < _QUICK_S / 4 else 2)
    return min(LARGEST, grown) if seconds < _QUICK_S else piece


def upload(wire: Wire, path: str, source: Path, facts: Mapping[str, str], sent: Sent) -> str | Said:
    """Bring ``source`` to the collection at ``path``, going on with what an earlier run began; return its address.

    ``facts`` travel with its creation. The archive names an upload by its content, so creating it again finds it;
    what it says where it wants none of it is returned instead. Raises `TransportTrouble` when nothing gets further
    any more; what arrived stays there for the next run.
    """
    size = source.stat().st_size
    patience = wire.patience()
    piece = FIRST
    where = _create(wire, path, size, facts)
    if isinstance(where, Said):
        return where
    offset = _arrived(wire, where, size)
    with source.open("rb") as file:
        while offset < size:
            sent(offset, size)
            count = min(piece, size - offset)
            began = wire.clock.monotonic()
            try:
                said = wire.once(
                    "PATCH", where, headers=_patch(offset, count), body=partial(_read, wire, file, offset, count)
                )
                now = _taken(said, size, count)
            except Passing as trouble:
                piece = next_piece(piece, 0.0, arrived=False)
                before, offset = offset, _arrived(wire, where, size)
                patience.renew() if offset > before else patience.wait(trouble, trouble.wait_s)
                continue
            if now is None:
                # Not what was expected: another run was here, or the archive has swept what was begun.
                patience.wait(Passing(said.told(), "Try again later."))
                if said.status != 409:  # noqa: PLR2004 - only another writer was there: go on from where it is
                    where = _create(wire, path, size, facts)
                    if isinstance(where, Said):
                        return where
                offset = _arrived(wire, where, size)
                continue
            patience.renew()
            piece = next_piece(piece, wire.clock.monotonic() - began, arrived=True)
            offset = now
    sent(size, size)
    return where


def _create(wire: Wire, path: str, size: int, facts: Mapping[str, str]) -> str | Said:
    told = ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in facts.items())
    said = wire.ask("POST", path, headers={**_VERSION, "Upload-Length": str(size), "Upload-Metadata": told})
    name = said.headers.get("location", "").rpartition("/")[2]
    if said.status != 201 or not name:  # noqa: PLR2004
        return said
    # A proxy may have the archive below a path of its own, which the archive does not know.
    return f"{path}/{name}"


def _arrived(wire: Wire, where: str, size: int) -> int:
    said = wire.ask("HEAD", where, headers=_VERSION)
    offset = _offset(said, size)
    # Swept in this very moment: it is created again when the first piece is refused.
    return 0 if offset is None else offset


def _taken(said: Said, size: int, count: int) -> int | None:
    now = _offset(said, size)
    if now is None and said.status == 413:  # noqa: PLR2004
        # Some proxy on the way takes no requests of this size.
        raise Passing(f"The way to the archive takes no pieces of {count} bytes.", "Ask its operator.")
    return now


def _offset(said: Said, size: int) -> int | None:
    told = said.headers.get("upload-offset", "")
    good = said.status in {200, 204} and told.isdecimal() and int(told) <= size
    return int(told) if good else None


def _patch(offset: int, count: int) -> dict[str, str]:
    kind = {"Content-Type": "application/offset+octet-stream", "Content-Length": str(count)}
    return {**_VERSION, **kind, "Upload-Offset": str(offset)}


def _read(wire: Wire, file: BinaryIO, offset: int, count: int) -> Iterator[bytes]:
    while count > 0:
        # Without a position of its own: a request given up on may still be reading.
        block = os.pread(file.fileno(), min(count, wire.pace.slice()), offset)
        if not block:
            return
        wire.pace.let(len(block))
        offset, count = offset + len(block), count - len(block)
        yield block
