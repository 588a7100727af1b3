"""Which stories to code next: those nobody has highlighted yet come first, so that no voice is passed over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from archive.catalogue import Row, Tx
from archive.catalogue.consents import asks
from archive.patterns.snippets import Source, source_of
from archive.types import Reader

MOST: Final = 40
_COLUMNS = "s.id, s.kind, s.prompt, s.prompt_text, s.language, s.site, s.recorded_at, s.length_ms, s.title"
_TOLD = "EXISTS (SELECT 1 FROM said w WHERE w.story = s.id)"
_MARKED = "EXISTS (SELECT 1 FROM highlights h WHERE h.story = s.id AND h.removed_at = ''{})"
_THROUGH = "EXISTS (SELECT 1 FROM codings c WHERE c.story = s.id AND c.coder = ?)"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Stories with words the desk may open, at most `MOST` of each, the longest there first.

    ``untouched`` nobody has highlighted, ``begun`` are one's own half done, ``others`` somebody else's alone.
    """

    untouched: tuple[Source, ...]
    begun: tuple[Source, ...]
    others: tuple[Source, ...]


def waiting(tx: Tx, who: str, now: datetime) -> Waiting:
    """What ``who`` may code next."""
    anybody, mine = _MARKED.format(""), _MARKED.format(" AND h.who = ?")
    return Waiting(
        _some(tx, now, f"NOT {anybody} AND NOT {_THROUGH}", who),
        _some(tx, now, f"{mine} AND NOT {_THROUGH}", who, who),
        _some(tx, now, f"{anybody} AND NOT {mine} AND NOT {_THROUGH}", who, who),
    )


def _some(tx: Tx, now: datetime, where: str, *params: str) -> tuple[Source, ...]:
    found: list[Source] = []
    after = ("", "")
    while len(found) < MOST:
        rows = tx.all(
            f"SELECT {_COLUMNS}, s.received_at FROM stories s WHERE (s.received_at, s.id) > (?, ?) "  # noqa: S608
            f"AND {_TOLD} AND {where} ORDER BY s.received_at, s.id LIMIT ?",
            *after, *params, 2 * MOST,
        )  # fmt: skip
        found += _allowed(tx, rows, now)
        if len(rows) < 2 * MOST:
            break
        after = (rows[-1]["received_at"], rows[-1]["id"])
    return tuple(found[:MOST])


def _allowed(tx: Tx, rows: Iterable[Row], now: datetime) -> list[Source]:
    there = {str(row["id"]): source_of(row) for row in rows}
    answers = asks(tx, there, Reader.DESK, now)
    return [one for ident, one in there.items() if answers[ident].allowed]
