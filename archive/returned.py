"""Finding out what was taken back while a box was in a backup: tombstones from a file, a folder, or an archive."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archive.consent import OUTSIDE, all_events, events_of, standing
from archive.consentrecord import TELLING, links, revision_of
from archive.errors import Refused, TransportTrouble
from archive.guests import is_lent
from archive.ingest import read_tombstones
from archive.receipts import BAG, SENT, folder_signer
from archive.store import Store
from archive.tombstones import Reach, Tombstone, read_tombstone
from archive.transports import Transport, make_transport
from archive.transports.folder import FolderTransport
from archive.transports.way import Way
from audio.types import TakeId

NONE_SAID = "there is none"
"""What a steward has to say when no withdrawal is known anywhere."""
_FOLDER = "folder:"
_MAKE_ONE = "Make one at the box that was in use since: hearth list --tombstones --json"


@dataclass(frozen=True, slots=True)
class Told:
    """What a place or a file knows: stories taken back for good, and those of which it knows something ``newer``."""

    withdrawn: list[TakeId]
    newer: set[TakeId]


def told_by_file(store: Store, path: Path) -> Told:
    """Read what a person brought (`read_stones`). Raises `Refused`."""
    stones = read_stones(path)
    return Told(_withdrawn(stones), {stone.story for stone in stones if tells_more(store, stone)})


def read_stones(path: Path) -> list[Tombstone]:
    """Read tombstones from a file (one tombstone, a list of them, or what `hearth list --tombstones --json` prints)
    or from a folder of such files or an archive's folder. Raises `Refused` where it is none of these: a folder in
    which nothing of the kind lies, empty, unmounted or another one, has not said that nothing was taken back; nor has
    a list that names nothing: a fresh home prints the same.
    """
    try:
        if path.is_dir():
            stones = list(read_tombstones(path))
            files = [] if stones else sorted(path.glob("*.json"))
            if not stones and not files:
                raise Refused(f"No tombstone lies in {path}.", _MAKE_ONE)
            stones += [stone for file in files for stone in _stones(file.read_bytes())]
        else:
            stones = _stones(path.read_bytes())
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.", "Give the file of tombstones.") from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Refused(f"{path} does not hold tombstones.", _MAKE_ONE) from error
    if not stones:
        raise Refused(
            f"{path} names nothing that was taken back.", f'If you know it, say so: --no-tombstones "{NONE_SAID}".'
        )
    return stones


def told_by_place(store: Store, target: str, way: Way) -> Told | None:
    """Read what the place this box hands on to knows; None where it does not show itself. ``way`` is how to get there.

    Changes nothing of a story there, and makes no folder. Raises `TransportTrouble` where it cannot be reached.
    """
    home = store.home
    root = Path(target.removeprefix(_FOLDER)).absolute()
    is_folder = target.startswith(_FOLDER) or "/" in target.partition(":")[0] or ":" not in target
    try:
        if is_folder:
            folder = FolderTransport(root, home.path, home.keys, store.clock)
            folder.look_in()
            return _told_by(store, folder)
        transport = make_transport(target, home=home.path, keys=home.keys, clock=store.clock, way=way)
        with transport.visit():
            return _told_by(store, transport)
    except OSError as error:
        raise TransportTrouble(f"{target} cannot be read: {error.strerror}.", "Look whether it is there.") from error


def _told_by(store: Store, transport: Transport) -> Told | None:
    stones = transport.tombstones()
    if not shows_itself(store, transport, stones):
        return None
    return Told(_withdrawn(stones), newer_there(store, transport, stones))


def newer_there(store: Store, transport: Transport, stones: list[Tombstone]) -> set[TakeId]:
    """Name the stories of which a place knows something this box, out of a backup, does not: that its teller narrowed
    it to nothing there, or a signed bag with a consent record that goes further than the one here. Where the place
    cannot show the record, any bag this box has no memory of may have one. Call inside its visit; raises
    `TransportTrouble`.
    """
    known: dict[str, set[str]] = {}
    for one in store.receipts():
        if one.place == transport.place and one.kind in {SENT, BAG}:
            known.setdefault(one.subject, set()).add(str(json.loads(one.body).get("sha256")))
    newer = {stone.story for stone in stones if tells_more(store, stone)}
    for story, events in all_events(store.db.conn).items():
        handed = any(event.use in OUTSIDE and event.yes for event in events) and not is_lent(events)
        receipt = transport.receipt(story) if handed and standing(events).kept else None
        if receipt is None or not receipt.verified(transport.signer) or receipt.sha256 in known.get(story, ()):
            continue
        record = transport.consent(story)
        here = links(event for event in events if event.act in TELLING)
        if record is None or revision_of(record.events) not in here:
            newer.add(story)
    return newer


def shows_itself(store: Store, transport: Transport, stones: list[Tombstone]) -> bool:
    """Tell whether a place that was reached is one that knows this box, so that what it does not name was not taken
    back. ``stones`` are its tombstones; call inside its visit, before anything is left there.

    Its silence alone is none: an empty or unmounted folder is silent, too. It shows itself by the archive's key that
    has signed for a story of this box before, by such a receipt that lies there, or by naming what this box does not
    know yet of a story it has. What the box may have left there itself, an old withdrawal, shows nothing.
    Raises `TransportTrouble`.
    """
    facts = [one for one in store.receipts() if one.place == transport.place and one.kind in {SENT, BAG}]
    own = transport.signer == folder_signer(store.home.keys).public
    if not own and any(_signer(one.body) == transport.signer.hex() for one in facts if one.kind == BAG):
        return True
    if any(tells_more(store, stone) for stone in stones):
        return True
    found = (transport.receipt(story) for story in sorted({one.subject for one in facts}))
    return any(receipt is not None and receipt.verified(transport.signer) for receipt in found)


def _signer(body: str) -> str:
    receipt = json.loads(body).get("receipt")
    return str(receipt.get("signer", "")) if isinstance(receipt, dict) else ""


def tells_more(store: Store, stone: Tombstone) -> bool:
    """Whether a tombstone says of a story that is here what its record here does not."""
    events = events_of(store.db.conn, stone.story)
    if not events or standing(events).ended is not None:
        return False
    # A recall names the consent record it goes with; one that this box's record does not hold was written since.
    return stone.reach is Reach.WITHDRAWAL or stone.head not in links(events)


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
