"""The index of meaning: a vector for each stretch of talk the desk may read, in the catalogue, searched in memory.

What is to be done is read off the tables (stories whose words changed since they were read, `read_stories`), so a build
may be stopped and begun again anywhere, and two at once do no harm. A vector goes with its story by the database's own
cascade; `Space`, which holds them for a process, compares itself with the table at every question and lets go of what
went.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from archive.catalogue import Catalogue, Tx
from archive.catalogue.consents import asks
from archive.patterns.meaning import Meaning
from archive.patterns.snippets import Snippet
from archive.patterns.stretches import VERSION, made_of, stretches
from archive.patterns.weights import Array
from archive.server.place import ArchiveHome
from archive.types import Reader

_BATCH: Final = 256
"""Stretches read before they are stored, and stories looked at in one go."""
_STORED: Final = np.dtype("<f2")
_PIECE: Final = 8192


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did: stretches given a vector, vectors that went, vectors there now."""

    made: int
    gone: int
    there: int


def build(place: ArchiveHome, model: Meaning, tell: Callable[[int], None] = lambda _: None) -> Built:
    """Bring the index up to what may be read now; ``tell`` gets the number of stretches read so far.

    Raises `CatalogueTrouble`; what was done until then stays done.
    """
    made = 0
    with place.catalogue() as catalogue:
        with catalogue.read() as tx:
            shut = _shut(tx, place)
        with catalogue.write() as tx:
            gone = tx.run("DELETE FROM vectors WHERE model <> ?", model.name)
            for story in shut:
                gone += tx.run("DELETE FROM vectors WHERE story = ?", story)
                tx.run("DELETE FROM read_stories WHERE story = ?", story)
        for told in _unread(place, catalogue, model.name):
            with catalogue.read() as tx:
                fresh = _fresh(tx, model.name, told)
            vectors = model.vectors([one.text for one in fresh])
            with catalogue.write() as tx:
                stored, went = _put(tx, place, model.name, told, dict(zip(fresh, vectors, strict=True)))
            made, gone = made + stored, gone + went
            tell(made)
        with catalogue.read() as tx:
            row = tx.one("SELECT COUNT(*) AS there FROM vectors WHERE model = ?", model.name)
    return Built(made, gone, int(row["there"]) if row else 0)


def is_behind(tx: Tx, place: ArchiveHome, model: str) -> bool:
    """Whether a build with ``model`` has something to do: a story to read, or vectors of one that was closed."""
    if next(_waiting(tx, place, model), None) is not None:
        return True
    # With a newer record of consent the words were put anew: only what was not read since can have been closed.
    told = (
        "SELECT DISTINCT v.story FROM vectors v LEFT JOIN read_stories r ON r.story = v.story AND r.how = ? "
        "WHERE r.story IS NULL LIMIT 1"
    )
    return tx.one(told, _how(model)) is not None


def is_indexed(tx: Tx, model: str) -> bool:
    """Whether anything at all can be found by ``model``."""
    return tx.one("SELECT 1 FROM vectors WHERE model = ? LIMIT 1", model) is not None


def forget(place: ArchiveHome) -> int:
    """Remove every vector; return how many. For an archive that switched machines off."""
    with place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("DELETE FROM read_stories")
        return tx.run("DELETE FROM vectors")


def _how(model: str) -> str:
    return f"{model}, stretches {VERSION}"


def _waiting(tx: Tx, place: ArchiveHome, model: str) -> Iterator[str]:
    """Stories that may be read now and were not by ``model`` since their words changed, in order."""
    after = ""
    while rows := tx.all(
        "SELECT s.id AS story FROM stories s LEFT JOIN read_stories r ON r.story = s.id AND r.how = ? "
        "WHERE r.story IS NULL AND s.id > ? ORDER BY s.id LIMIT ?",
        _how(model), after, _BATCH,
    ):  # fmt: skip
        some = [str(row["story"]) for row in rows]
        allowed = asks(tx, some, Reader.DESK, place.now())
        yield from (story for story in some if allowed[story].allowed)
        after = some[-1]


def _unread(place: ArchiveHome, catalogue: Catalogue, model: str) -> Iterator[dict[str, list[Snippet]]]:
    """What is to be read, some stories at a time, with all that is said in each."""
    with catalogue.read() as tx:
        waiting = list(_waiting(tx, place, model))
    some: dict[str, list[Snippet]] = {}
    for story in waiting:
        with catalogue.read() as tx:
            some[story] = stretches(tx, [story])
        if sum(map(len, some.values())) >= _BATCH:
            yield some
            some = {}
    if some:
        yield some


def _fresh(tx: Tx, model: str, told: dict[str, list[Snippet]]) -> list[Snippet]:
    """The stretches that have no vector of these very words yet."""
    there = {
        (story, str(row["made_of"]))
        for story in told
        for row in tx.all("SELECT made_of FROM vectors WHERE model = ? AND story = ?", model, story)
    }
    return [one for some in told.values() for one in some if (one.story, made_of(one)) not in there]


def _put(
    tx: Tx, place: ArchiveHome, model: str, told: dict[str, list[Snippet]], vectors: dict[Snippet, Array]
) -> tuple[int, int]:
    """Store vectors of stories that may still be read and still say that; how many came, and how many went."""
    allowed = asks(tx, told, Reader.DESK, place.now())
    made = gone = 0
    for story, said in told.items():
        # What was read has to be what stands: otherwise the story waits for the next build.
        if not allowed[story].allowed or stretches(tx, [story]) != said:
            continue
        stays = {made_of(one) for one in said if one not in vectors}
        rows = tx.all("SELECT seq, made_of FROM vectors WHERE model = ? AND story = ?", model, story)
        if not stays <= {row["made_of"] for row in rows}:
            continue  # another build was at work here meanwhile
        for row in rows:
            if row["made_of"] not in stays:
                # Never in the place of the old row: its number tells every `Space` that something changed.
                gone += tx.run("DELETE FROM vectors WHERE seq = ?", row["seq"])
        for one in said:
            if one in vectors:
                tx.run(
                    "INSERT INTO vectors (story, start_ms, end_ms, made_of, model, vector) VALUES (?, ?, ?, ?, ?, ?)",
                    story, one.start, one.end, made_of(one), model, vectors[one].astype(_STORED).tobytes(),
                )  # fmt: skip
                made += 1
        read = (
            "INSERT INTO read_stories (story, how) VALUES (?, ?) ON CONFLICT (story) DO UPDATE SET how = excluded.how"
        )
        tx.run(read, story, _how(model))
    return made, gone


def _shut(tx: Tx, place: ArchiveHome) -> list[str]:
    """Stories with vectors that may not be read any more. Asked before anything is written: many take a while."""
    stories = [str(row["story"]) for row in tx.all("SELECT DISTINCT story FROM vectors")]
    return [story for story, answer in asks(tx, stories, Reader.DESK, place.now()).items() if not answer.allowed]


def standing(tx: Tx, model: str, stories: Iterable[str]) -> dict[tuple[str, int], Snippet]:
    """The stretches of ``stories`` whose vector was made from the words as they stand, by story and start (ms).

    The caller had the stories from the gate. What was corrected or blanked since waits for the next build.
    """
    found = {}
    wanted = sorted(set(stories))
    said = {(one.story, one.start): one for one in stretches(tx, wanted)}
    for story in wanted:
        for row in tx.all("SELECT start_ms, made_of FROM vectors WHERE model = ? AND story = ?", model, story):
            one = said.get((story, int(row["start_ms"])))
            if one is not None and made_of(one) == row["made_of"]:
                found[story, one.start] = one
    return found


class Space:
    """The vectors of one model in memory, as half-precision numbers: 77 MB for 100,000 stretches of 384.

    Not for two threads at once; who shares one holds a lock.
    """

    def __init__(self, model: str) -> None:
        """Begin empty."""
        self.model = model
        self._state: tuple[int, int] = (0, 0)
        self._seqs: np.ndarray[Any, np.dtype[np.int64]] = np.zeros(0, np.int64)
        self._vectors: np.ndarray[Any, np.dtype[np.float16]] = np.zeros((0, 0), _STORED)
        self._places: list[tuple[str, int]] = []
        """Story and start (ms)."""

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
            "SELECT seq, story, start_ms, vector FROM vectors WHERE model = ? AND seq > ? ORDER BY seq",
            self.model, newest,
        ):  # fmt: skip
            seqs.append(row["seq"])
            rows.append(bytes(row["vector"]))
            self._places.append((str(row["story"]), int(row["start_ms"])))
        if rows:
            fresh = np.frombuffer(b"".join(rows), _STORED).reshape(len(rows), -1)
            self._vectors = np.concatenate([self._vectors, fresh]) if len(self._seqs) else fresh
            self._seqs = np.concatenate([self._seqs, np.array(seqs, np.int64)])

    def nearest(
        self, asked: Array, only: frozenset[str] | None = None, most: int = 5000
    ) -> list[tuple[str, int, float]]:
        """The ``most`` stretches that lie closest to ``asked``, the closest first: story, start (ms), cosine (-1 to 1).

        ``only`` keeps to these stories.
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
