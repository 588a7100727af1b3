"""What waits for a curator: the review queue, oldest first, and the stories that are held. Facts, asked each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from archive.catalogue import Row, Tx
from archive.catalogue.consents import HOLD, asks
from archive.reviewing.words import passages_of
from archive.types import Reader

MOST = 50
_AT_ONCE = 2 * MOST
_OPENING = 14
"""Words."""
_STORY = "s.id, s.title, s.prompt_text, s.site, s.recorded_at, s.received_at, s.length_ms, s.language, s.kind"
_NO_REVIEW = "NOT EXISTS (SELECT 1 FROM reviews r WHERE r.story = s.id)"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One story as a list shows it; ``note`` is why it is held, ``doubts`` how many words the machine doubted.

    ``opening`` are its first words as they stand: many stories answer the same question.
    """

    id: str
    headline: str
    site: str
    recorded_at: str
    received_at: str
    length: int
    language: str
    kind: str
    doubts: int = 0
    note: str = ""
    who: str = ""
    opening: str = ""


def queue(tx: Tx, now: datetime) -> list[Waiting]:
    """The oldest `MOST` stories nobody has decided about and the desk may open, the oldest first."""

    def after(received: str, story: str) -> list[Row]:
        return tx.all(
            f"SELECT {_STORY} FROM stories s WHERE {_NO_REVIEW} AND (s.received_at, s.id) > (?, ?) "  # noqa: S608
            "ORDER BY s.received_at, s.id LIMIT ?",
            received, story, _AT_ONCE,
        )  # fmt: skip

    return [_waiting(tx, row) for row in _open(tx, after, "received_at", now)]


def how_many_wait(tx: Tx) -> int:
    """How many stories nobody has decided about."""
    row = tx.one(f"SELECT COUNT(*) FROM stories s WHERE {_NO_REVIEW}")  # noqa: S608
    return 0 if row is None else int(row[0])


def held(tx: Tx, now: datetime) -> list[Waiting]:
    """Stories a curator holds back, with the reason; the longest held first. At most `MOST`."""

    def after(at: str, story: str) -> list[Row]:
        return tx.all(
            f"SELECT {_STORY}, r.note, r.who, r.at FROM stories s JOIN reviews r ON r.story = s.id "  # noqa: S608
            "WHERE r.verdict = ? AND (r.at, s.id) > (?, ?) "
            "AND NOT EXISTS (SELECT 1 FROM reviews n WHERE n.story = r.story AND (n.at, n.id) > (r.at, r.id)) "
            "ORDER BY r.at, s.id LIMIT ?",
            HOLD, at, story, _AT_ONCE,
        )  # fmt: skip

    return [_waiting(tx, row, str(row["note"]), str(row["who"])) for row in _open(tx, after, "at", now)]


def _open(tx: Tx, after: Callable[[str, str], list[Row]], order: str, now: datetime) -> list[Row]:
    """The first `MOST` rows the desk may open; ``after`` gives those behind a place in the ``order`` of its own.

    However many closed ones stand before them: an embargo of a hundred stories must not hide what came after.
    """
    found: list[Row] = []
    rows = after("", "")
    while rows:
        allowed = asks(tx, [str(row["id"]) for row in rows], Reader.DESK, now)
        found += [row for row in rows if allowed[row["id"]].allowed]
        if len(found) >= MOST or len(rows) < _AT_ONCE:
            break
        rows = after(str(rows[-1][order]), str(rows[-1]["id"]))
    return found[:MOST]


def _waiting(tx: Tx, row: Row, note: str = "", who: str = "") -> Waiting:
    words = [word for passage in passages_of(tx, str(row["id"])) for word in passage.words]
    doubts = sum(word.doubtful for word in words)
    opening = " ".join(word.text for word in words[:_OPENING])
    if len(words) > _OPENING:
        opening = opening.rstrip(".,;:") + "…"
    return Waiting(
        str(row["id"]), str(row["prompt_text"] or row["title"] or "A story"), str(row["site"]),
        str(row["recorded_at"]), str(row["received_at"]), int(row["length_ms"]), str(row["language"]),
        str(row["kind"]), doubts, note, who, opening,
    )  # fmt: skip
