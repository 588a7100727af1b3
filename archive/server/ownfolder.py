"""What boxes leave in the archive's own home, where `hearth sync --to` was given that very folder.

The archive's key lies there, so a box on the same machine leaves sealed bags and withdrawals as on a stick
(`archive.transports.folder`). Nobody carries that stick anywhere: a served archive visits it by itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from archive.errors import ArchiveError
from archive.ingest import TOMBSTONES
from archive.server.place import ArchiveHome
from archive.server.visits import VisitReport, visit_folder
from archive.transports.folder import BOXES, SEALED

LOOK_S: Final = 5.0
VISIT_S: Final = 60.0
"""So often at the latest, once a box was there: what curators prepared for it since has to lie there as well."""
_LEFT: Final = (SEALED, BOXES, TOMBSTONES)
_log = logging.getLogger(__name__)


def visit_own(place: ArchiveHome) -> VisitReport | None:
    """Take in what boxes left in the archive's own home; None where none ever did, or one is at work there now.

    Raises as `archive.server.visits.visit_folder` does.
    """
    if not _left(place.path):
        return None
    with _alone(place.path) as alone:
        return visit_folder(place, place.path) if alone else None


def keep_visited(place: ArchiveHome, stop: threading.Event, look: float = LOOK_S, visit: float = VISIT_S) -> None:
    """Look every ``look`` s whether a box left something; visit then, or after ``visit`` s. Ends with ``stop``."""
    known: dict[str, tuple[int, int]] = {}
    said = ""
    rounds = 0
    while not stop.is_set():
        rounds += 1
        try:
            left = _left(place.path)
            if left and (left != known or rounds * look >= visit):
                before, known, rounds = known, left, 0
                known = _left(place.path) if visit_own(place) is not None else before
            said = ""
        except (ArchiveError, OSError) as error:
            if str(error) != said:
                said = str(error)
                _log.warning("What a box left in %s was not taken in, and is tried again: %s", place.path, said)
        stop.wait(look)


def _left(home: Path) -> dict[str, tuple[int, int]]:
    """The files boxes left, each with its size and time of writing; empty where no box was ever there."""
    found = {}
    for name in _LEFT:
        folder = home / name
        for entry in os.scandir(folder) if folder.is_dir() and not folder.is_symlink() else []:
            with contextlib.suppress(FileNotFoundError):  # the box is at work there
                seen = entry.stat(follow_symlinks=False)
                if entry.is_file(follow_symlinks=False):
                    found[f"{name}/{entry.name}"] = (seen.st_size, seen.st_mtime_ns)
    return found


@contextmanager
def _alone(home: Path) -> Iterator[bool]:
    """Hold the lock a box holds while it is at work in the folder; False where one is there now."""
    handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)
