"""Erasing: a ledger event and the end of every key first, then everything else, so a crash in between changes nothing.

What remains is the ledger (who agreed to what and when, no content), receipts, and for a kept story a tombstone
(its identifier and the time). Files of a subject whose ledger has ended are removed by whoever sees them next.
Not promised: that flash memory forgets the bytes of a destroyed wrap at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from archive.ballast import gets_through
from archive.consent import events_of, standing
from archive.database import checkpoint, transaction
from archive.durable import PART, remove
from archive.envelope import drop_all_wraps
from archive.errors import NoSuchStory, Refused
from archive.shelf import Shelf
from archive.types import Act, Use
from audio.types import TakeId

_FINAL = (Act.WITHDRAW, Act.DISCARD, Act.EXPIRE)
_TABLES = (
    "fixity",
    "spans",
    "words",
    "second_words",
    "jobs",
    "segments",
    "loudness",
    "excerpts",
    "rotation",
    "trims",
    "guests",
    "outcomes",
    "closings",
)


@dataclass(frozen=True, slots=True)
class Gone:
    """A story that existed once: its identifier and when it was taken back (wall clock, UTC). Nothing else."""

    take: TakeId
    at: datetime


class Erasing(Shelf):
    """Erase takes and stories, and finish what was begun."""

    @gets_through
    def erase(self, take: TakeId, act: Act, by: str) -> Gone | None:
        """Erase ``take`` wholly and note ``act`` (withdraw, discard, expire). Safe to repeat.

        When this returns no key to it, row about it or file of it is left here. Returns its tombstone if it was
        ever kept. Raises `Refused` for a discard of a kept story, `NoSuchStory` if there is no word of it, and
        `OSError` where a file cannot be removed: the keys are gone then, and the next start finishes it.
        """
        if act not in _FINAL:
            msg = f"{act} erases nothing"
            raise ValueError(msg)
        with transaction(self.db.conn) as conn:
            events = events_of(conn, take)
            if not events:
                raise NoSuchStory("There is no story with this identifier here.")
            where = standing(events)
            ever_kept = any(event.use is Use.KEEP and event.yes for event in events)
            if act is Act.DISCARD and where.kept:
                raise Refused("It was kept: only its teller can take it back.")
            if where.ended is None:
                self.note(take, act, by)
            drop_all_wraps(conn, take)
            if ever_kept:
                conn.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?)", (take, self.clock.wall().isoformat()))
            drop_rows(self, take)
        # The keys leave the disk before the files: a disk that refuses to remove those leaves what nothing opens.
        emptied = checkpoint(self.db.conn)
        self._remove_files(take)
        if not emptied:  # a reader was in the way
            checkpoint(self.db.conn)
        return next((gone for gone in self.tombstones() if gone.take == take), None)

    @gets_through
    def finish_erasures(self) -> list[TakeId]:
        """Carry out what a crash interrupted. Call at every start; returns what still had something left."""
        marks = ", ".join("?" * len(_FINAL))
        query = f"SELECT DISTINCT subject FROM ledger WHERE act IN ({marks})"  # noqa: S608 - only marks
        ended = {TakeId(row[0]) for row in self.db.conn.execute(query, _FINAL)}
        left = []
        with transaction(self.db.conn) as conn:
            for (take,) in conn.execute("SELECT id FROM takes").fetchall():
                if take in ended:
                    drop_all_wraps(conn, take)
                    drop_rows(self, take)
                    left.append(TakeId(take))
        # Keys first, on the disk too.
        if left:
            checkpoint(self.db.conn)
        # One look at the folders, however many were taken back over the years.
        there = "\n".join(p.name for f in (self.home.takes, self.home.stories, self.home.outbox) for p in f.iterdir())
        for take in sorted(take for take in ended if take in there):
            if self._remove_files(take) and take not in left:
                left.append(take)
        if self.db.conn.execute("SELECT 1 FROM ledger LIMIT 1").fetchone():
            checkpoint(self.db.conn)
        return left

    def tombstones(self) -> list[Gone]:
        """List what was taken back here, oldest first; these travel before anything else."""
        rows = self.db.conn.execute("SELECT subject, at FROM tombstones ORDER BY at, subject")
        return [Gone(TakeId(take), datetime.fromisoformat(at)) for take, at in rows]

    @gets_through
    def add_tombstone(self, take: TakeId) -> None:
        """Note a tombstone that came from elsewhere; a story with that identifier here is erased."""
        with transaction(self.db.conn) as conn:
            conn.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?)", (take, self.clock.wall().isoformat()))
        if events_of(self.db.conn, take):
            self.erase(take, Act.WITHDRAW, "tombstone")

    def _remove_files(self, take: TakeId) -> bool:
        """Remove every file of a take; tell whether there was one."""
        found = False
        folder = self.home.story_folder(take)
        # A folder whose removal was interrupted stands there under its second name.
        places = [self.home.take_file(take), folder, folder.with_name(folder.name + PART), *self._waiting(take)]
        for place in places:
            found = remove(place) or found
        return found

    def _waiting(self, take: TakeId) -> list[Path]:
        """What waits in the outbox and carries the take's name."""
        return [path for path in self.home.outbox.iterdir() if take in path.name and "tombstone" not in path.name]


def drop_rows(store: Shelf, take: TakeId) -> None:
    """Delete every row about a take but its ledger and receipts. Inside a transaction."""
    # Children are named one by one as well: a cascade that is off must not leave words behind.
    for table in _TABLES:
        store.db.conn.execute(f"DELETE FROM {table} WHERE take = ?", (take,))  # noqa: S608 - names are constants
    store.db.conn.execute("DELETE FROM takes WHERE id = ?", (take,))
