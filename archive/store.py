"""The store of one box: one method an action, each a short transaction, durable when it returns.

The actions live by topic: `archive.takes` (open, close, discard, hold), `archive.stories` (keep, decide, codes,
withdraw, seal, list), `archive.recovery`, `archive.erasure`, `archive.cues`; here they come together, with what
processes tell each other. A `Store` belongs to the thread that made it; another thread makes its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from archive.cues import Cues
from archive.database import transaction


@dataclass(frozen=True, slots=True)
class Command:
    """Something another process asks of the kiosk."""

    id: int
    name: str
    argument: str


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """What a place has confirmed about ``subject``: ``kind`` (``bag``, ``tombstone``) and its own words."""

    subject: str
    kind: str
    place: str
    body: str
    at: datetime


class Store(Cues):
    """Everything the box keeps. See the module's text for where each action is written."""

    def add_command(self, name: str, argument: str = "") -> int:
        """Ask something of the kiosk; it sees it within a frame. Returns the number of the command."""
        with transaction(self.db.conn) as conn:
            at = self.clock.wall().isoformat()
            done = conn.execute("INSERT INTO command (name, argument, at) VALUES (?, ?, ?)", (name, argument, at))
        return int(done.lastrowid or 0)

    def commands_after(self, number: int) -> list[Command]:
        """Read the commands with a higher number, oldest first."""
        rows = self.db.conn.execute("SELECT id, name, argument FROM command WHERE id > ? ORDER BY id", (number,))
        return [Command(*row) for row in rows]

    def last_command(self) -> int:
        """The highest number so far; a kiosk that starts begins after it, old commands are not carried out late."""
        return int(self.db.conn.execute("SELECT COALESCE(MAX(id), 0) FROM command").fetchone()[0])

    def add_receipt(self, subject: str, kind: str, place: str, body: str) -> None:
        """Keep what a place has confirmed. The same receipt twice is kept once."""
        with transaction(self.db.conn) as conn:
            conn.execute(
                "INSERT INTO receipts (subject, kind, place, body, at) SELECT ?, ?, ?, ?, ? WHERE NOT EXISTS "
                "(SELECT 1 FROM receipts WHERE subject = ? AND kind = ? AND place = ? AND body = ?)",
                (subject, kind, place, body, self.clock.wall().isoformat(), subject, kind, place, body),
            )

    def receipts(self, subject: str | None = None) -> list[StoredReceipt]:
        """Read the receipts, of one subject or all, oldest first."""
        rows = self.db.conn.execute("SELECT subject, kind, place, body, at FROM receipts ORDER BY id").fetchall()
        return [
            StoredReceipt(about, kind, place, body, datetime.fromisoformat(at))
            for about, kind, place, body, at in rows
            if subject in (None, about)
        ]
