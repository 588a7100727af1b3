"""What became of the last backup: a file in the archive's home, so that its people see one that failed or is overdue.

It names the folder and the times, and is itself in no backup.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from archive.durable import write_file
from archive.server.place import ArchiveHome

NOTE: Final = "last-backup.json"
OVERDUE: Final = timedelta(days=2)
"""Backups are made by night: two nights without one are told."""


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The last try: into which folder and when, when one was last whole (None: never), and why this one was not."""

    folder: str
    tried: datetime
    made: datetime | None
    why: str

    def overdue(self, now: datetime) -> bool:
        """Whether none became whole for longer than `OVERDUE`."""
        return now - (self.made or self.tried) > OVERDUE


def note_backup(place: ArchiveHome, folder: Path, why: str = "") -> None:
    """Write down that one was made in ``folder`` just now, or ``why`` it was not. Raises `OSError`."""
    now, before = place.now(), last_backup(place)
    made = (before.made if before else None) if why else now
    plain = {"folder": str(folder), "tried": now.isoformat(), "made": made and made.isoformat(), "why": why}
    write_file(place.path / NOTE, json.dumps(plain).encode())


def last_backup(place: ArchiveHome) -> LastBackup | None:
    """What is written down; None where no backup was ever tried, or the file is not what was written."""
    try:
        plain = json.loads((place.path / NOTE).read_bytes())
        made = plain["made"] and datetime.fromisoformat(plain["made"])
        return LastBackup(str(plain["folder"]), datetime.fromisoformat(plain["tried"]), made, str(plain["why"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
