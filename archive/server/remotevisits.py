"""An archive's visit at a remote of rclone's: fetched into a folder of the archive's own, then as with a stick.

What was left there is carried back before anything is removed from the remote, and only what was looked at goes: a
box may leave more while the visit lasts.
"""

from __future__ import annotations

from pathlib import Path

from archive.errors import TransportTrouble
from archive.feed.carried import SUFFIX as PULSE_SUFFIX
from archive.feed.left import SUFFIX as LEFT_SUFFIX
from archive.home import keys_folder
from archive.ingest import RECEIPTS, REFUSED, TOMBSTONES, Progress, no_progress
from archive.sealedbag import KEY_FILE
from archive.server.place import ArchiveHome
from archive.server.visits import VisitReport, visit_folder
from archive.transports.folder import BLOBS, BOXES, SEALED, is_sealed_name
from archive.transports.rclone import Rclone
from archive.transports.way import WINDOW_S

_SUM, _FEED = "{{[0-9a-f]{64}}}", "{{[0-9a-f]{32}}}.feed"
"""Patterns, as rclone writes them, of the names a visit gives."""
_SMALL = (KEY_FILE, f"{TOMBSTONES}/*.json", f"{BOXES}/*.json", f"{BOXES}/*{PULSE_SUFFIX}", f"{BOXES}/*{LEFT_SUFFIX}")


def visit_remote(place: ArchiveHome, remote: str, progress: Progress = no_progress) -> VisitReport:
    """Do at the remote ``remote`` what `visit_folder` does in a folder. Raises as it does.

    rclone's settings are `rclone.conf` in the archive's key folder, or those of whoever runs the program.
    """
    rclone = Rclone(remote, keys_folder(place.path), place.clock, place.clock.monotonic() + WINDOW_S)
    with place.working() as folder:
        only = [word for path in _SMALL for word in ("--include", f"/{path}")]
        rclone.run("copy", rclone.at(""), str(folder), *only, missing_ok=True)
        # One bag at a time: the archive's disk need not hold what all the boxes left.
        report = visit_folder(place, folder, progress, f"rclone:{remote}")
        for name in sorted(rclone.sizes(SEALED)):
            if is_sealed_name(name):
                _one(place, rclone, folder, name, report, progress)
        _carry_back(rclone, folder, report)
        _drop_old(rclone, folder)
    return report


def _one(place: ArchiveHome, rclone: Rclone, folder: Path, name: str, report: VisitReport, progress: Progress) -> None:
    (folder / SEALED).mkdir(exist_ok=True)
    rclone.run("copyto", rclone.at(f"{SEALED}/{name}"), str(folder / SEALED / name), missing_ok=True)
    again = visit_folder(place, folder, progress)
    report.kept += again.kept
    report.refused += again.refused
    if (folder / SEALED / name).exists():
        raise TransportTrouble(f"{name} could not be looked at.", "Look at what lies on the remote.")
    _carry_back(rclone, folder, again)
    rclone.drop(f"{SEALED}/{name}")


def _drop_old(rclone: Rclone, folder: Path) -> None:
    """Remove from the remote what no feed there names any more, and feeds of boxes that have none now."""
    for name in (BLOBS, BOXES):
        (folder / name).mkdir(exist_ok=True)
    # rclone removes only what these patterns name: whatever else lies there is not ours.
    rclone.run("sync", str(folder), rclone.at(""), "--include", f"/{BLOBS}/{_SUM}", "--include", f"/{BOXES}/{_FEED}")


def _carry_back(rclone: Rclone, folder: Path, report: VisitReport) -> None:
    """Bring what the visit wrote to the remote; take away receipts of what is gone."""
    only = [KEY_FILE, f"{TOMBSTONES}/*.json", f"{RECEIPTS}/*.json", f"{REFUSED}/*.txt", f"{BOXES}/*.feed", f"{BLOBS}/*"]
    words = [word for path in only for word in ("--include", f"/{path}")]
    rclone.run("copy", str(folder), rclone.at(""), *words)
    for story in report.withdrawn:
        rclone.drop(f"{RECEIPTS}/{story}.json")
    for receipt in report.kept:
        rclone.drop(f"{REFUSED}/{receipt.bag}.txt")
