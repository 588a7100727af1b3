"""How the box is, told to the archive without a word of what it keeps: no story, no name, no number of either.

What is told is what a sysadmin acts upon. It is laid down in the home's outbox, and beside the bags where they go to a
folder; a box whose archive is away for a month lays down the latest, never a pile.
"""

from __future__ import annotations

import contextlib
import json
from datetime import datetime
from pathlib import Path

from archive.durable import write_file
from archive.home import Home
from archive.jobs import failed_jobs
from archive.pulse import machine
from archive.store import Store
from hardware.findings import Finding
from kiosk.health import wants_a_look

FILE = "heartbeat.json"
FOLDER = "heartbeats"
FORMAT = 1


def box_id(home: Home) -> str:
    """A short name of this box that is the same after every start and tells nobody anything. Raises `NoKey`."""
    return bytes(home.load_keys().signing.verify_key).hex()[:16]


def heartbeat(store: Store, found: list[Finding], *, site: str, at: datetime) -> dict[str, object]:
    """What is told. ``at`` is cut to the hour and the last hand-on to the day. Raises `NoKey`."""
    receipts, facts = [one for one in store.receipts() if one.place], machine(store)
    return {
        "format": FORMAT,
        "box": box_id(store.home),
        "site": site,
        "version": facts["version"],
        "at": at.replace(minute=0, second=0, microsecond=0).isoformat(),
        "clock_trusted": facts["clock_trusted"],
        "look": wants_a_look(found),
        "failed_work": bool(failed_jobs(store.db.conn)),
        "last_sync": receipts[-1].at.date().isoformat() if receipts else None,
    }


def lay_down(told: dict[str, object], home: Home, sync_to: str) -> list[Path]:
    """Write it where it is fetched from and, if that can be written, where the archive sees it; return the files.

    Raises `OSError` where it cannot even wait in the outbox.
    """
    body = json.dumps(told, ensure_ascii=False, indent=1).encode()
    places = [home.outbox / FILE]
    write_file(places[0], body)
    if sync_to and "://" not in sync_to and Path(sync_to).is_dir():
        place = Path(sync_to) / FOLDER / f"{told['box']}.json"
        # Without the stick its folder is root's, and of a place that cannot be written the hand-on tells.
        with contextlib.suppress(OSError):
            place.parent.mkdir(exist_ok=True)
            write_file(place, body)
            places.append(place)
    return places
