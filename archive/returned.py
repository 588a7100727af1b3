"""Finding out what was taken back while a box was in a backup: tombstones from a file, a folder, or an archive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from archive.errors import Refused, TransportTrouble
from archive.ingest import read_tombstones
from archive.store import Store
from archive.tombstones import Reach, Tombstone, read_tombstone
from archive.transports import make_transport
from audio.types import TakeId

NONE_SAID = "there is none"
"""What a steward has to say when no withdrawal is known anywhere."""
_FOLDER = "folder:"


def read_stones(path: Path) -> list[TakeId]:
    """Read withdrawals from a file (one tombstone, a list of them, or what `hearth list --tombstones --json` prints)
    or from a folder of such files or an archive's folder. Raises `Refused` where it is none of these.
    """
    try:
        if path.is_dir():
            stones = list(read_tombstones(path)) or [
                stone for file in sorted(path.glob("*.json")) for stone in _stones(file.read_bytes())
            ]
        else:
            stones = _stones(path.read_bytes())
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.", "Give the file of tombstones.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise Refused(f"{path} does not hold tombstones.", "Make one with: hearth list --tombstones --json") from error
    return _withdrawn(stones)


def stones_of_place(store: Store, target: str) -> list[TakeId] | None:
    """Read withdrawals at the place this box hands on to; None where it is not there or does not know this box.

    Changes nothing there, and makes no folder.
    """
    root = Path(target.removeprefix(_FOLDER)).absolute()
    is_folder = target.startswith(_FOLDER) or "/" in target.partition(":")[0] or ":" not in target
    if is_folder and not root.is_dir():
        return None
    home = store.home
    try:
        if is_folder:
            place, stones = f"{_FOLDER}{root}", list(read_tombstones(root))
        else:
            transport = make_transport(target, home=home.path, keys=home.keys, clock=store.clock)
            with transport.visit():
                place, stones = transport.place, transport.tombstones()
    except (TransportTrouble, OSError):
        return None
    knows = store.db.conn.execute("SELECT 1 FROM receipts WHERE place = ? LIMIT 1", (place,)).fetchone()
    return _withdrawn(stones) if knows is not None or stones else None


def _stones(data: bytes) -> list[Tombstone]:
    plain: Any = json.loads(data)
    listed = plain.get("tombstones", [plain]) if isinstance(plain, dict) else plain
    stones = [read_tombstone(json.dumps(item).encode()) for item in listed]
    whole = [stone for stone in stones if stone is not None]
    if len(whole) != len(stones):
        raise ValueError("something that is no tombstone")
    return whole


def _withdrawn(stones: list[Tombstone]) -> list[TakeId]:
    return [stone.story for stone in stones if stone.reach is Reach.WITHDRAWAL]
