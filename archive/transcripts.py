"""Words of a take: one encrypted blob a segment, never a row of text.

Another model may go over a segment later. What it hears lies beside the first words and never takes their place: two
models voting make a text worse, but where they disagree a reader does well to doubt.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from archive.envelope import ContentKey, open_content
from archive.fixity import put_sum, second_name, sum_of_blob, words_name
from archive.jobs import NIGHT
from archive.shelf import Shelf
from archive.stories import Visit
from archive.types import Reader
from audio.errors import DamagedTake
from audio.sealedfile import seal, unseal
from audio.types import Ms, TakeId, Word


def put_words(
    conn: sqlite3.Connection, take: TakeId, segment: int, model: str, words: Sequence[Word], *, key: ContentKey
) -> None:
    """Store what ``model`` heard in a segment, times in ms of the take. Inside a transaction."""
    blob = seal(key, _as_json(words), _label(take, segment))
    conn.execute("INSERT OR REPLACE INTO words VALUES (?, ?, ?, ?)", (take, segment, model, blob))
    put_sum(conn, take, words_name(segment), sum_of_blob(blob))


def replace_words(
    conn: sqlite3.Connection, take: TakeId, segment: int, model: str, words: Sequence[Word], *, key: ContentKey
) -> bool:
    """Put newer words of ``model`` in the place of its own; False, and nothing changes, where others stand there.

    What a person wrote, or another machine, is never overwritten. Inside a transaction.
    """
    row = conn.execute("SELECT model FROM words WHERE take = ? AND segment = ?", (take, segment)).fetchone()
    if row is None or row[0] != model:
        return False
    put_words(conn, take, segment, model, words, key=key)
    return True


def said_before(store: Shelf, take: TakeId, segment: int, key: ContentKey) -> str:
    """Return the text of the three segments before this one, as far as they have words."""
    rows = store.db.conn.execute(
        "SELECT segment, blob FROM words WHERE take = ? AND segment < ? ORDER BY segment DESC LIMIT 3", (take, segment)
    ).fetchall()
    return " ".join(
        word.text for number, blob in reversed(rows) for word in read_segment_words(key, take, number, blob)
    )


def put_second(
    conn: sqlite3.Connection, take: TakeId, segment: int, model: str, words: Sequence[Word], *, key: ContentKey
) -> None:
    """Store what another ``model`` heard in a segment, beside the first words. Inside a transaction."""
    blob = seal(key, _as_json(words), _second_label(take, segment))
    conn.execute("INSERT OR REPLACE INTO second_words VALUES (?, ?, ?, ?)", (take, segment, model, blob))
    put_sum(conn, take, second_name(segment), sum_of_blob(blob))


def drop_second(conn: sqlite3.Connection, take: TakeId) -> None:
    """Forget what another model heard in a take, and that it was asked. Inside a transaction."""
    conn.execute("DELETE FROM second_words WHERE take = ?", (take,))
    conn.execute("DELETE FROM fixity WHERE take = ? AND name LIKE 'second/%'", (take,))
    conn.execute("DELETE FROM jobs WHERE take = ? AND kind = ?", (take, NIGHT))


def second_words(store: Shelf, take: TakeId, key: ContentKey) -> dict[int, tuple[str, list[Word]]]:
    """Return what another model heard, by segment: its name and its words. With a key the gate has given out."""
    rows = store.db.conn.execute("SELECT segment, model, blob FROM second_words WHERE take = ?", (take,)).fetchall()
    found: dict[int, tuple[str, list[Word]]] = {}
    for segment, model, blob in rows:
        # Sealed under a key that is no longer this story's, it is as good as not there.
        with contextlib.suppress(DamagedTake):
            found[segment] = (str(model), _from_json(unseal(key, blob, _second_label(take, segment))))
    return found


def doubted(first: Sequence[Word], second: Sequence[Word]) -> list[Word]:
    """Return ``first``, each word that ``second`` has not in its place marked unclear. Pure; no word is changed."""
    ours, theirs = [_bare(word) for word in first], [_bare(word) for word in second]
    agreed = {
        block.a + n
        for block in difflib.SequenceMatcher(a=ours, b=theirs, autojunk=False).get_matching_blocks()
        for n in range(block.size)
    }
    return [word if at in agreed or not ours[at] else replace(word, unclear=True) for at, word in enumerate(first)]


def _bare(word: Word) -> str:
    return "".join(letter for letter in word.text.casefold() if letter.isalnum())


def transcript(
    store: Shelf, take: TakeId, reader: Reader, now: datetime | None, *, visit: Visit | None = None
) -> list[Word]:
    """Return the words of ``take`` so far, in order, for ``reader``.

    Raises `Refused`, `NoKey`, `NoSuchStory`, `DamagedTake`.
    """
    return read_words(store, take, open_content(store, take, reader, now, derived=visit.derived if visit else None))


def read_words(store: Shelf, take: TakeId, key: ContentKey) -> list[Word]:
    """Read the words with a key the gate has given out; unclear where another model heard something else."""
    rows = store.db.conn.execute("SELECT segment, blob FROM words WHERE take = ? ORDER BY segment", (take,))
    second = second_words(store, take, key)
    words: list[Word] = []
    for segment, blob in rows:
        heard = read_segment_words(key, take, segment, blob)
        words += doubted(heard, second[segment][1]) if segment in second else heard
    return words


def read_segment_words(key: ContentKey, take: TakeId, segment: int, blob: bytes) -> list[Word]:
    """Open the words of one segment with a key the gate has given out. Raises `DamagedTake`."""
    return _from_json(unseal(key, blob, _label(take, segment)))


def complete(store: Shelf, take: TakeId) -> bool:
    """Tell whether a closed take has the words of every segment."""
    query = (
        "SELECT EXISTS (SELECT 1 FROM closings WHERE take = ?) AND NOT EXISTS (SELECT 1 FROM segments LEFT JOIN words "
        "ON words.take = segments.take AND segment = number WHERE segments.take = ? AND segment IS NULL)"
    )
    return bool(store.db.conn.execute(query, (take, take)).fetchone()[0])


def _as_json(words: Sequence[Word]) -> bytes:
    return json.dumps([[w.text, w.start, w.end, round(w.probability, 4), w.unclear] for w in words]).encode()


def _from_json(plain: bytes) -> list[Word]:
    said = json.loads(plain)
    return [Word(text, Ms(start), Ms(end), probability, unclear) for text, start, end, probability, unclear in said]


def _second_label(take: TakeId, segment: int) -> bytes:
    return f"hearth/second/{take}/{segment}".encode("ascii")


def _label(take: TakeId, segment: int) -> bytes:
    return f"hearth/words/{take}/{segment}".encode("ascii")
