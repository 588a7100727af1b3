"""Finding stories by their words. On a box the index lives in memory only and is rebuilt from what the gate allows."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import TypeAlias

from archive.captions import captions
from archive.envelope import ask
from archive.errors import NoKey, Refused
from archive.fixity import WORDS
from archive.shelf import Shelf
from archive.transcripts import transcript
from archive.types import Reader
from audio.types import Ms, TakeId

_State: TypeAlias = tuple[tuple[int, str | None], ...]
"""The segments of a story and the sums of their sealed words: other words in as many segments are another state."""
_WRITTEN = (
    "SELECT words.take, segment, sha256 FROM words LEFT JOIN fixity "
    "ON fixity.take = words.take AND fixity.name = ? || segment ORDER BY words.take, segment"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A place in a story where the words were said."""

    story: TakeId
    start: Ms
    text: str


class SearchIndex:
    """A full-text index (SQLite FTS5, accents and case ignored) over the stories that may be searched now."""

    def __init__(self, store: Shelf) -> None:
        """Start empty; the first search fills it."""
        self._store = store
        self._index = sqlite3.connect(":memory:", isolation_level=None)
        self._index.execute(
            "CREATE VIRTUAL TABLE said USING fts5 (story UNINDEXED, start UNINDEXED, text, "
            "tokenize = 'unicode61 remove_diacritics 2')"
        )
        self._held: dict[TakeId, _State] = {}
        self._seen: tuple[object, ...] = ()

    def refresh(self) -> None:
        """Bring the index up to what the gate allows at this moment; cheap when nothing has changed."""
        conn, now = self._store.db.conn, self._store.now()
        seen = (self._store.version(), conn.total_changes, None if now is None else now.date())
        if seen == self._seen:
            return
        self._seen = seen
        wanted = {take: state for take, state in self._written().items() if ask(conn, take, Reader.INDEX, now).allowed}
        for take in [take for take, state in self._held.items() if wanted.get(take) != state]:
            self._drop(take)
        for take, state in wanted.items():
            if take not in self._held:
                self._add(take, state)

    def search(self, text: str, limit: int = 20) -> list[Found]:
        """Find the places where all of ``text``'s words were said, else where any was; best fit first.

        What is gone, held or sealed since the last look is not found: the gate is asked for each result.
        """
        tokens = re.findall(r"\w+", text)
        if not tokens:
            return []
        self.refresh()
        quoted = [f'"{token}"' for token in tokens]
        return self._query(" AND ".join(quoted), limit) or self._query(" OR ".join(quoted), limit)

    def _query(self, match: str, limit: int) -> list[Found]:
        rows = self._index.execute("SELECT story, start, text FROM said WHERE said MATCH ? ORDER BY rank", (match,))
        found: list[Found] = []
        now = self._store.now()
        for story, start, text in rows:
            if ask(self._store.db.conn, TakeId(story), Reader.SEARCH, now).allowed:
                found.append(Found(TakeId(story), Ms(start), text))
            if len(found) == limit:
                break
        return found

    def _written(self) -> dict[TakeId, _State]:
        """Every story with words, and how they lie there now."""
        found: dict[TakeId, list[tuple[int, str | None]]] = {}
        for take, segment, sha256 in self._store.db.conn.execute(_WRITTEN, (WORDS,)):
            found.setdefault(TakeId(take), []).append((segment, sha256))
        return {take: tuple(state) for take, state in found.items()}

    def _add(self, take: TakeId, state: _State) -> None:
        try:
            words = transcript(self._store, take, Reader.INDEX, self._store.now())
        except (Refused, NoKey):
            return
        self._index.executemany(
            "INSERT INTO said VALUES (?, ?, ?)", [(take, cue.start, cue.text) for cue in captions(words)]
        )
        self._held[take] = state

    def _drop(self, take: TakeId) -> None:
        self._index.execute("DELETE FROM said WHERE story = ?", (take,))
        del self._held[take]
