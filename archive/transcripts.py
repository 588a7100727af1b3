"""Words of a take: one encrypted blob a segment, never a row of text."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from archive.envelope import ContentKey, open_content
from archive.fixity import put_sum, sum_of_blob, words_name
from archive.shelf import Shelf
from archive.stories import Visit
from archive.types import Reader
from audio.sealedfile import seal, unseal
from audio.types import Ms, TakeId, Word


def put_words(
    conn: sqlite3.Connection, take: TakeId, segment: int, model: str, words: Sequence[Word], *, key: ContentKey
) -> None:
    """Store what ``model`` heard in a segment, times in ms of the take. Inside a transaction."""
    plain = json.dumps([[w.text, w.start, w.end, round(w.probability, 4), w.unclear] for w in words])
    blob = seal(key, plain.encode(), _label(take, segment))
    conn.execute("INSERT OR REPLACE INTO words VALUES (?, ?, ?, ?)", (take, segment, model, blob))
    put_sum(conn, take, words_name(segment), sum_of_blob(blob))


def transcript(
    store: Shelf, take: TakeId, reader: Reader, now: datetime | None, *, visit: Visit | None = None
) -> list[Word]:
    """Return the words of ``take`` so far, in order, for ``reader``.

    Raises `Refused`, `NoKey`, `NoSuchStory`, `DamagedTake`.
    """
    return read_words(store, take, open_content(store, take, reader, now, derived=visit.derived if visit else None))


def read_words(store: Shelf, take: TakeId, key: ContentKey) -> list[Word]:
    """Read the words with a key the gate has given out."""
    rows = store.db.conn.execute("SELECT segment, blob FROM words WHERE take = ? ORDER BY segment", (take,))
    words: list[Word] = []
    for segment, blob in rows:
        words += read_segment_words(key, take, segment, blob)
    return words


def read_segment_words(key: ContentKey, take: TakeId, segment: int, blob: bytes) -> list[Word]:
    """Open the words of one segment with a key the gate has given out. Raises `DamagedTake`."""
    said = json.loads(unseal(key, blob, _label(take, segment)))
    return [Word(text, Ms(start), Ms(end), probability, unclear) for text, start, end, probability, unclear in said]


def complete(store: Shelf, take: TakeId) -> bool:
    """Tell whether a closed take has the words of every segment."""
    query = (
        "SELECT EXISTS (SELECT 1 FROM closings WHERE take = ?) AND NOT EXISTS (SELECT 1 FROM segments LEFT JOIN words "
        "ON words.take = segments.take AND segment = number WHERE segments.take = ? AND segment IS NULL)"
    )
    return bool(store.db.conn.execute(query, (take, take)).fetchone()[0])


def _label(take: TakeId, segment: int) -> bytes:
    return f"hearth/words/{take}/{segment}".encode("ascii")
