"""Who did what at the archive: one line a change, only ever added to.

``who`` is the name of a person with an account, or a machine with its version; never "somebody". A line names what it
is about by identifier and holds no word of any story: it stays when the story is taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from archive.catalogue.port import Tx
from archive.takes import fresh_take


@dataclass(frozen=True, slots=True)
class Change:
    """One line: at ``at`` (ISO 8601, UTC) ``who`` did ``what`` to ``subject``; ``detail`` is never content."""

    id: str
    at: str
    who: str
    what: str
    subject: str
    detail: str


def stamp(now: datetime) -> str:
    """Write a time so that text sorts as time does: UTC, always with milliseconds."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds")


def note_change(tx: Tx, who: str, what: str, subject: str, detail: str, now: datetime) -> None:
    """Add a line, in the transaction of the change itself: what happened and who did it are one fact."""
    tx.run(
        "INSERT INTO changes (id, at, who, what, subject, detail) VALUES (?, ?, ?, ?, ?, ?)",
        str(fresh_take(now)), stamp(now), who, what, subject, detail,
    )  # fmt: skip


def changes_of(tx: Tx, subject: str) -> list[Change]:
    """Everything that was done to ``subject``, oldest first."""
    rows = tx.all("SELECT id, at, who, what, subject, detail FROM changes WHERE subject = ? ORDER BY id", subject)
    return [Change(*(str(value) for value in row)) for row in rows]
