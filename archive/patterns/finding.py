"""Finding moments by meaning: what was asked in words, or "more like this" from a moment somebody hears.

The nearest stretches of talk come first, one of each story. The gate is asked about every one of them at that very
moment; what is found is a proposal of a machine, named with its version, and leads to a second of a voice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from archive.catalogue import Tx
from archive.catalogue.consents import asks
from archive.catalogue.search import Filters, stories_within
from archive.errors import NoSuchStory, Refused
from archive.patterns.meaning import Meaning, open_meaning
from archive.patterns.stretches import stretches
from archive.patterns.vectors import Space, standing
from archive.patterns.weights import Array
from archive.server.place import ArchiveHome
from archive.types import Reader

MOST: Final = 200
_AFTER_MS: Final = 3_000
_LOOKED_AT: Final = 5000
_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Near:
    """A moment that may mean what was asked: [start, end) in ms of the story, and its words as they stand.

    ``closeness`` is the cosine between the vectors: it orders the answers of one question and says nothing else.
    """

    story: str
    start: int
    end: int
    text: str
    closeness: float


class Finder:
    """Searches one archive by meaning, for every thread of a process. The model is loaded at the first question."""

    def __init__(self, place: ArchiveHome, opened: Callable[[], Meaning] | None = None) -> None:
        """Serve ``place``; ``opened`` loads the model, by default the one its settings name."""
        self._open = opened or (lambda: open_meaning(place.settings))
        self._lock = threading.Lock()
        self._model: Meaning | None = None
        self._space: Space | None = None

    @property
    def model(self) -> Meaning:
        """The model. Raises `MachinesOff`, `NoModel`."""
        with self._lock:
            if self._model is None:
                self._model = self._open()
            return self._model

    def find(
        self, tx: Tx, text: str, now: datetime, filters: Filters | None = None, limit: int = 20,
        reader: Reader = Reader.DESK,
    ) -> list[Near]:  # fmt: skip
        """Find moments that mean what ``text`` asks, the closest first, one of each story, at most ``limit``.

        Raises `MachinesOff`, `NoModel`.
        """
        plain = " ".join(text.split())
        if not plain:
            return []
        return self._nearest(tx, self.model.vectors([plain], asked=True)[0], now, filters, limit, reader)

    def like(
        self, tx: Tx, story: str, at: int, now: datetime, filters: Filters | None = None, limit: int = 20,
        reader: Reader = Reader.DESK,
    ) -> list[Near]:  # fmt: skip
        """Find moments in other stories that mean what is said at ``at`` (ms) of ``story``.

        Raises `Refused` where that story may not be read, `NoSuchStory` where nothing is said there.
        """
        here = self.moment(tx, story, at, now, reader)
        asked = self.model.vectors([here.text])[0]
        return self._nearest(tx, asked, now, filters, limit, reader, besides=story)

    def moment(self, tx: Tx, story: str, at: int, now: datetime, reader: Reader = Reader.DESK) -> Near:
        """Return what is said at ``at`` (ms) of ``story``, without blanked words. Raises `Refused`, `NoSuchStory`."""
        answer = asks(tx, [story], reader, now)[story]
        if not answer.allowed:
            raise Refused(answer.why, "Nobody here may open it.")
        # A moment between two stretches is that of the one before, and nothing is said where words were blanked.
        here = [one for one in stretches(tx, [story]) if one.start <= at < one.end + _AFTER_MS]
        if not here:
            raise NoSuchStory("Nothing was written down at this moment.", "Choose a moment with words.")
        return Near(story, here[-1].start, here[-1].end, here[-1].text, 1.0)

    def _nearest(
        self, tx: Tx, asked: Array, now: datetime, filters: Filters | None, limit: int, reader: Reader,
        besides: str = "",
    ) -> list[Near]:  # fmt: skip
        only = None if filters is None or filters == Filters() else stories_within(tx, filters)
        name = self.model.name
        with self._lock:
            if self._space is None:
                self._space = Space(name)
            self._space.follow(tx)
            ordered = self._space.nearest(asked, only)
        found: dict[str, Near] = {}
        ordered = [one for one in ordered if one[0] != besides][:_LOOKED_AT]
        for first in range(0, len(ordered), _BATCH):
            for near in _look(tx, name, ordered[first : first + _BATCH], reader, now):
                found.setdefault(near.story, near)
            if len(found) >= min(limit, MOST):
                break
        return list(found.values())[: min(limit, MOST)]


def _look(tx: Tx, model: str, some: list[tuple[str, int, float]], reader: Reader, now: datetime) -> Iterator[Near]:
    """Ask the gate, and read the words as they stand; what was corrected or blanked since waits for the next build."""
    allowed = asks(tx, [story for story, _, _ in some], reader, now)
    there = standing(tx, model, (story for story, answer in allowed.items() if answer.allowed))
    for story, start, close in some:
        one = there.get((story, start))
        if one is not None:
            yield Near(story, one.start, one.end, one.text, round(close, 3))
