"""The words of stories as they are searched: folded the same way on both databases, a story at a time.

A story is one row, so that a phrase may go over the end of a caption. What is folded is decided here and nowhere
else: letters lose case and accents, signs fall away, a sign of Chinese or Japanese writing is a word of its own.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from archive.catalogue.migration import Dialect
from archive.catalogue.port import Row, Tx

LONGEST_TOKEN: Final = 100
_LAST_PLACE: Final = 16_383
"""PostgreSQL knows no place behind this one, and no more than 255 places of one word: what it tells is looked at."""
_MOST_PLACES: Final = 255
_STEPS: Final = 1 << 16
_HAN = "\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_HAN}]|[^\W_{_HAN}]+")


@dataclass(frozen=True, slots=True)
class Told:
    """A word of a story with its own times, and the passage it stands in."""

    text: str
    start: int
    end: int
    passage: int


@lru_cache(maxsize=65_536)
def fold(text: str) -> tuple[str, ...]:
    """Return the words to search by in ``text``, in order. Pure."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return tuple(word[:LONGEST_TOKEN] for word in _WORD.findall(unicodedata.normalize("NFC", kept)))


def words_of(passages: Iterable[Row]) -> list[Told]:
    """Return the words of passages (rows with ``number`` and ``words``) in order."""
    return [
        Told(text, start, end, row["number"]) for row in passages for start, end, _, _, text in json.loads(row["words"])
    ]


def folded(words: Sequence[Told]) -> tuple[list[str], list[int]]:
    """Fold words: the tokens in order, and for each the place of the word it comes from."""
    tokens: list[str] = []
    places: list[int] = []
    for place, word in enumerate(words):
        for token in fold(word.text):
            tokens.append(token)
            places.append(place)
    return tokens, places


def reindex(tx: Tx, story: str) -> None:
    """Bring the index up to the passages of ``story`` as they stand; call it wherever one of them changes."""
    index_words(tx, story)
    read_again(tx, story)


def index_words(tx: Tx, story: str) -> None:
    """Index the passages of ``story``, which did not change: where they came whole from another database."""
    passages = tx.all("SELECT number, words FROM passages WHERE story = ? ORDER BY number", story)
    put_tokens(tx, story, folded(words_of(passages))[0])


def read_again(tx: Tx, story: str) -> None:
    """Have the model of meaning read ``story`` again: its words changed, or what stands between them."""
    tx.run("DELETE FROM read_stories WHERE story = ?", story)


def put_tokens(tx: Tx, story: str, tokens: Sequence[str]) -> None:
    """Put folded words into the index as those of ``story``, which has a row already; none at all takes it out."""
    row = tx.one("SELECT number FROM said WHERE story = ?", story)
    if not tokens:
        tx.run("DELETE FROM said WHERE story = ?", story)
        return
    number = row["number"] if row else _free_number(tx, story)
    text = " ".join(tokens)
    if tx.dialect is Dialect.SQLITE:
        tx.run(
            "INSERT INTO said (number, story, text) VALUES (?, ?, ?) "
            "ON CONFLICT (number) DO UPDATE SET text = excluded.text",
            number, story, text,
        )  # fmt: skip
        return
    tx.run(
        "INSERT INTO said (number, story, text, vector, whole) VALUES (?, ?, ?, CAST(? AS TSVECTOR), ?) ON CONFLICT "
        "(number) DO UPDATE SET text = excluded.text, vector = excluded.vector, whole = excluded.whole",
        number, story, text, *_vector(tokens),
    )  # fmt: skip


def number_at(at: str) -> int:
    """Return the smallest number a story recorded at ``at`` (ISO 8601) can have."""
    # What was recorded before 1970 has a clock that nobody set.
    return max(0, round(datetime.fromisoformat(at).timestamp() * 1000)) * _STEPS


def _free_number(tx: Tx, story: str) -> int:
    row = tx.one("SELECT recorded_at FROM stories WHERE id = ?", story)
    first = number_at(row["recorded_at"]) if row else 0
    last = tx.one("SELECT MAX(number) AS number FROM said WHERE number >= ? AND number < ?", first, first + _STEPS)
    return first if last is None or last["number"] is None else int(last["number"]) + 1


def _vector(tokens: Sequence[str]) -> tuple[str, int]:
    """Write the places of words as PostgreSQL reads them, and 0 or 1: whether it knows every one of them.

    Words are letters and digits, so nothing needs quoting.
    """
    places: defaultdict[str, list[int]] = defaultdict(list)
    whole = 1
    for place, token in enumerate(tokens, start=1):
        at = places[token]
        if place <= _LAST_PLACE and len(at) < _MOST_PLACES:
            at.append(place)
        else:
            whole = 0
    vector = " ".join(f"'{token}':{','.join(map(str, at))}" if at else f"'{token}'" for token, at in places.items())
    return vector, whole
