"""The index of meaning: a vector for each passage that the desk may read, kept in the catalogue, searched in memory.

What is to be done is read off the tables (passages without a vector of their version), so a build may be stopped and
begun again anywhere, and two at once do no harm. A vector goes with its story by the database's own cascade; `Space`,
which holds them for a process, compares itself with the table at every question and lets go of what went.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from archive.catalogue import Row, Tx
from archive.catalogue.consents import asks
from archive.patterns.meaning import Meaning
from archive.patterns.weights import Array
from archive.reviewing.words import BLANK
from archive.server.place import ArchiveHome
from archive.types import Reader

_BATCH: Final = 256
_MANY: Final = 500
_STORED: Final = np.dtype("<f2")
_PIECE: Final = 8192


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did: passages given a vector, vectors that went, vectors there now."""

    made: int
    gone: int
    there: int


def build(place: ArchiveHome, model: Meaning, tell: Callable[[int], None] = lambda _: None) -> Built:
    """Bring the index up to what may be read now; ``tell`` gets the number of passages done so far.

    Raises `CatalogueTrouble`; what was done until then stays done.
    """
    made, after = 0, ("", -1)
    with place.catalogue() as catalogue:
        with catalogue.read() as tx:
            shut = _shut(tx, place.now())
        with catalogue.write() as tx:
            gone = _drop(tx, model.name, shut)
        while True:
            with catalogue.read() as tx:
                rows = _without(tx, model.name, after)
                allowed = asks(tx, [row["story"] for row in rows], Reader.DESK, place.now())
            if not rows:
                break
            after = (str(rows[-1]["story"]), int(rows[-1]["number"]))
            open_now = [row for row in rows if allowed[row["story"]].allowed and _plain(row["text"])]
            vectors = model.vectors([_plain(row["text"]) for row in open_now])
            with catalogue.write() as tx:
                made += _put(tx, model.name, open_now, vectors, place.now())
            tell(made)
        with catalogue.read() as tx:
            row = tx.one("SELECT COUNT(*) AS there FROM vectors WHERE model = ?", model.name)
    return Built(made, gone, int(row["there"]) if row else 0)


def _without(tx: Tx, model: str, after: tuple[str, int]) -> list[Row]:
    """Passages that lack a vector made from their words as they stand, some at a time, in order."""
    return tx.all(
        "SELECT p.story, p.number, p.version, p.text FROM passages p LEFT JOIN vectors v ON v.model = ? "
        "AND v.story = p.story AND v.number = p.number WHERE (v.seq IS NULL OR v.version <> p.version) "
        "AND (p.story > ? OR (p.story = ? AND p.number > ?)) ORDER BY p.story, p.number LIMIT ?",
        model, after[0], after[0], after[1], _BATCH,
    )  # fmt: skip


def _put(tx: Tx, model: str, rows: Sequence[Row], vectors: Array, now: datetime) -> int:
    """Store vectors of passages that still are what they were made from, in stories that may still be read."""
    allowed = asks(tx, [row["story"] for row in rows], Reader.DESK, now)
    number = 0
    for row, vector in zip(rows, vectors, strict=True):
        story, passage, version = row["story"], row["number"], row["version"]
        same = tx.one("SELECT 1 FROM passages WHERE story = ? AND number = ? AND version = ?", story, passage, version)
        if same is None or not allowed[story].allowed:
            continue
        # Never in the place of the old row: its number tells every `Space` that something changed.
        tx.run("DELETE FROM vectors WHERE model = ? AND story = ? AND number = ?", model, story, passage)
        tx.run(
            "INSERT INTO vectors (story, number, version, model, vector) VALUES (?, ?, ?, ?, ?)",
            story, passage, version, model, vector.astype(_STORED).tobytes(),
        )  # fmt: skip
        number += 1
    return number


def _shut(tx: Tx, now: datetime) -> list[str]:
    """Stories with vectors that may not be read any more. Asked before anything is written: many take a while."""
    stories = [str(row["story"]) for row in tx.all("SELECT DISTINCT story FROM vectors")]
    return [story for story, answer in asks(tx, stories, Reader.DESK, now).items() if not answer.allowed]


def _drop(tx: Tx, model: str, shut: Sequence[str]) -> int:
    """Remove vectors of another model, of passages that are no more, and of the stories ``shut``."""
    gone = tx.run("DELETE FROM vectors WHERE model <> ?", model)
    gone += tx.run(
        "DELETE FROM vectors WHERE NOT EXISTS (SELECT 1 FROM passages p WHERE p.story = vectors.story "
        "AND p.number = vectors.number AND p.version = vectors.version)"
    )
    for story in shut:
        gone += tx.run("DELETE FROM vectors WHERE story = ?", story)
    return gone


def is_behind(tx: Tx, now: datetime) -> bool:
    """Whether a build has something to do: a vector without its passage, or words that may be read without a vector."""
    stray = (
        "SELECT 1 FROM vectors v WHERE NOT EXISTS (SELECT 1 FROM passages p WHERE p.story = v.story "
        "AND p.number = v.number AND p.version = v.version) LIMIT 1"
    )
    if tx.one(stray) is not None:
        return True
    after = ("", -1)
    # What the gate closes and what is blank never gets one, and would keep a model at work for nothing.
    while rows := tx.all(
        "SELECT p.story, p.number, p.text FROM passages p WHERE (p.story > ? OR (p.story = ? AND p.number > ?)) "
        "AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.story = p.story AND v.number = p.number "
        "AND v.version = p.version) ORDER BY p.story, p.number LIMIT ?",
        after[0], after[0], after[1], _BATCH,
    ):  # fmt: skip
        allowed = asks(tx, [row["story"] for row in rows], Reader.DESK, now)
        if any(allowed[row["story"]].allowed and _plain(row["text"]) for row in rows):
            return True
        after = (str(rows[-1]["story"]), int(rows[-1]["number"]))
    return False


def is_indexed(tx: Tx, model: str) -> bool:
    """Whether anything at all can be found by ``model``."""
    return tx.one("SELECT 1 FROM vectors WHERE model = ? LIMIT 1", model) is not None


def forget(place: ArchiveHome) -> int:
    """Remove every vector; return how many. For an archive that switched machines off."""
    with place.catalogue() as catalogue, catalogue.write() as tx:
        return tx.run("DELETE FROM vectors")


def _plain(text: str) -> str:
    return " ".join(text.replace(BLANK, " ").split())


class Space:
    """The vectors of one model in memory, as half-precision numbers: 77 MB for 100,000 passages of 384.

    Not for two threads at once; who shares one holds a lock.
    """

    def __init__(self, model: str) -> None:
        """Begin empty."""
        self.model = model
        self._state: tuple[int, int] = (0, 0)
        self._seqs: np.ndarray[Any, np.dtype[np.int64]] = np.zeros(0, np.int64)
        self._vectors: np.ndarray[Any, np.dtype[np.float16]] = np.zeros((0, 0), _STORED)
        self._places: list[tuple[str, int]] = []

    def __len__(self) -> int:
        """How many vectors are held."""
        return len(self._places)

    def follow(self, tx: Tx) -> None:
        """Become what the table holds now: let go of what went, take in what came."""
        row = tx.one("SELECT COUNT(*) AS number, MAX(seq) AS last FROM vectors WHERE model = ?", self.model)
        state = (int(row["number"]), int(row["last"] or 0)) if row else (0, 0)
        if state == self._state:
            return
        there = np.array([one[0] for one in tx.all("SELECT seq FROM vectors WHERE model = ?", self.model)], np.int64)
        kept = np.isin(self._seqs, there)
        if not kept.all():
            self._seqs, self._vectors = self._seqs[kept], self._vectors[kept]
            self._places = [place for place, stays in zip(self._places, kept, strict=True) if stays]
        self._take_in(tx)
        self._state = state

    def _take_in(self, tx: Tx) -> None:
        newest = int(self._seqs.max()) if len(self._seqs) else 0
        seqs: list[int] = []
        rows: list[bytes] = []
        for row in tx.each(
            "SELECT seq, story, number, vector FROM vectors WHERE model = ? AND seq > ? ORDER BY seq",
            self.model, newest,
        ):  # fmt: skip
            seqs.append(row["seq"])
            rows.append(bytes(row["vector"]))
            self._places.append((str(row["story"]), int(row["number"])))
        if rows:
            fresh = np.frombuffer(b"".join(rows), _STORED).reshape(len(rows), -1)
            self._vectors = np.concatenate([self._vectors, fresh]) if len(self._seqs) else fresh
            self._seqs = np.concatenate([self._seqs, np.array(seqs, np.int64)])

    def nearest(
        self, asked: Array, only: frozenset[str] | None = None, most: int = 5000
    ) -> list[tuple[str, int, float]]:
        """The ``most`` passages that lie closest to ``asked``, the closest first: story, number, cosine (-1 to 1).

        ``only`` keeps to the passages of these stories.
        """
        if not self._places:
            return []
        close = np.empty(len(self._places), np.float32)
        for first in range(0, len(close), _PIECE):
            close[first : first + _PIECE] = self._vectors[first : first + _PIECE].astype(np.float32) @ asked
        if only is not None:
            close[[story not in only for story, _ in self._places]] = -np.inf
        # Only so many are ever looked at: the rest need no order.
        first_ones = np.argpartition(-close, most)[:most] if most < len(close) else np.arange(len(close))
        order = first_ones[np.argsort(-close[first_ones], kind="stable")]
        return [(*self._places[place], float(close[place])) for place in order if np.isfinite(close[place])]
