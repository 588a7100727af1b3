"""The archive's side of a stick, or of a remote that is used like one: take in what boxes left, leave what is theirs.

Withdrawals come first, both ways; then sealed bags, each judged like one that came over the network, and receipts; then
the feed of each box that left its hello here.
Every step can be repeated: a visit broken off anywhere is finished by the next. What did not pass is removed, with
the reason beside it in `refused/<id>.txt`, so that the box leaves it anew.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archive.boxes import note_handed
from archive.durable import remove, write_file
from archive.errors import BadBag, Conflict, TransportTrouble
from archive.feed.left import Left
from archive.ingest import RECEIPTS, REFUSED, TOMBSTONES, Progress, Refusal, no_progress, read_tombstones
from archive.receipts import Receipt
from archive.sealedbag import KEY_FILE, read_archive_key
from archive.server import custody
from archive.server.deposits import accept
from archive.server.place import ArchiveHome
from archive.server.stickfeeds import leave_feeds, left_by_boxes
from archive.server.uploads import NoRoom
from archive.tombstones import Reach
from archive.transports.folder import SEALED, is_sealed_name, refuse_empty_mount

NO_BOX = ""
"""A stick shows no credential: what no known box says it left there (`archive.feed.left`) comes from none by name."""


@dataclass(slots=True)
class VisitReport:
    """What one visit did: receipts left, what was refused, and identifiers that were taken back here by it."""

    at: str
    kept: list[Receipt] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    feeds: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Fingerprints of boxes that ask for a feed and that nobody here has made known."""
    not_fed: dict[str, str] = field(default_factory=dict)
    """Why a box has no new feed there, by its name."""

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {
            "at": self.at,
            "kept": [receipt.to_json() for receipt in self.kept],
            "refused": [{"story": refusal.bag, "why": refusal.why} for refusal in self.refused],
            "withdrawn": self.withdrawn,
            "feeds": self.feeds,
            "unknown_boxes": self.unknown,
            "not_fed": self.not_fed,
        }


def visit_folder(place: ArchiveHome, root: Path, progress: Progress = no_progress, shown: str = "") -> VisitReport:
    """Do everything there is to do in the folder ``root``. Raises `TransportTrouble`, and as `accept` does.

    A folder without `archive-key.json` becomes this archive's: boxes leave sealed bags there from now on.
    """
    report = VisitReport(shown or str(root))
    with _plainly(root):
        if not root.is_dir():
            raise TransportTrouble(f"There is no folder at {root}.", "Is the stick in, and mounted?")
        refuse_empty_mount(root)
        _show_key(place, root)
        said = left_by_boxes(place, root)
        _claim(place, said)
        _take_back(place, root, said, report, progress)
        whose = {bag: box for box, left in said.items() for bag in left.bags.items()}
        for path in _sealed(root):
            _take_in(place, root, path, whose, report, progress)
        left = leave_feeds(place, root, progress)
        report.feeds, report.unknown, report.not_fed = left.fed, left.unknown, left.failed
    return report


def _show_key(place: ArchiveHome, root: Path) -> None:
    path = root / KEY_FILE
    key = place.public_key
    if path.exists():
        there = read_archive_key(path.read_bytes())
        if there is None or (there.seal, there.sign) != (key.seal, key.sign):
            say = f"{root} belongs to another archive: {path.name} there is not this archive's."
            raise TransportTrouble(say, "Use a stick of your own, or remove that file if you know whose it was.")
        return
    write_file(path, (json.dumps(key.to_json(), indent=1) + "\n").encode())


def _claim(place: ArchiveHome, said: Mapping[str, Left]) -> None:
    """Give to a box that was made known since what it left here before."""
    with place.catalogue() as catalogue, catalogue.write() as tx:
        nobodys = {
            str(row["id"]): row["bag_sha256"] for row in tx.all("SELECT id, bag_sha256 FROM stories WHERE box = ''")
        }
        for box, left in said.items():
            for story in nobodys.keys() & left.bags.keys():
                if nobodys[story] == left.bags[story]:
                    tx.run("UPDATE stories SET box = ? WHERE id = ? AND box = ''", box, story)


def _take_back(
    place: ArchiveHome, root: Path, said: Mapping[str, Left], report: VisitReport, progress: Progress
) -> None:
    """Carry withdrawals both ways."""
    known = {stone.story for stone in custody.tombstones(place, NO_BOX) if stone.reach is Reach.WITHDRAWAL}
    for stone in list(read_tombstones(root)):
        if stone.story in known:
            continue
        progress("take back", stone.story)
        try:
            if custody.take_back(place, next((box for box in said if said[box].took_back(stone)), NO_BOX), stone):
                report.withdrawn.append(stone.story)
        except Conflict as error:
            report.refused.append(Refusal(stone.story, error.say))
    (root / TOMBSTONES).mkdir(exist_ok=True)
    for stone in {one.story: one for box in (NO_BOX, *said) for one in custody.tombstones(place, box)}.values():
        path = root / TOMBSTONES / f"{stone.story}.json"
        if not path.is_file() or path.read_bytes() != stone.to_bytes():
            write_file(path, stone.to_bytes())
        # Where a story is taken back, nothing says any more that the archive has it.
        remove(root / RECEIPTS / f"{stone.story}.json")


def _take_in(
    place: ArchiveHome, root: Path, path: Path, whose: Mapping[tuple[str, str], str], report: VisitReport,
    progress: Progress,
) -> None:  # fmt: skip
    story = path.name.split(".")[0]
    progress("look at", story)
    try:
        receipt = accept(place, path, NO_BOX, whose)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        # A stick is only read for it: what is full is the archive's own disk.
        raise NoRoom("The archive's disk is full.", "Make room there; the story waits where it is.") from error
    except BadBag as error:
        report.refused.append(Refusal(story, error.say))
        (root / REFUSED).mkdir(exist_ok=True)
        write_file(root / REFUSED / f"{story}.txt", f"{error.say}\n".encode())
    else:
        (root / RECEIPTS).mkdir(exist_ok=True)
        # The receipt lies there before the bag goes: a stick pulled out in between has both.
        write_file(root / RECEIPTS / f"{story}.json", receipt.to_bytes())
        report.kept.append(receipt)
        if box := whose.get((receipt.bag, receipt.sha256)):
            with place.catalogue() as catalogue:
                note_handed(catalogue, box, place.now())
        remove(root / REFUSED / f"{story}.txt")
    remove(path)


def _sealed(root: Path) -> list[Path]:
    folder = root / SEALED
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if is_sealed_name(path.name) and _plain(path))


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


@contextmanager
def _plainly(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise TransportTrouble(f"{root} could not be used ({why}).", "Check the stick, and come by again.") from error
