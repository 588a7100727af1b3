"""Finding the moment in partners' voices where words were said, beside the archive's own search and never in it.

What a partner lends lies sealed; its words are opened into memory by the process that searches, a story at a time,
and nowhere else: they are in no table, so no index, export or page can hold them when their teller takes them back.
At every question the table says what is lent now, and the gate is asked about each.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from archive.catalogue import Tx
from archive.catalogue.index import Told, folded
from archive.catalogue.query import Query, read_query
from archive.catalogue.search import CONTEXT
from archive.errors import ArchiveError
from archive.partners.lent import Guest, card_of, guest_row, guests
from archive.server.place import ArchiveHome
from audio.types import Word

MOST: Final = 5_000
"""Stories whose words are held in memory at once; those used last."""


@dataclass(frozen=True, slots=True)
class LentHit:
    """The first moment of a lent story that fits: [start, end) in ms of the sound as it is lent, as a line."""

    guest: Guest
    start: int
    end: int
    before: str
    said: str
    after: str


class Heard:
    """Searches what partners lend to one archive, for every thread of a process."""

    def __init__(self, place: ArchiveHome) -> None:
        """Hold nothing yet."""
        self._place = place
        self._lock = threading.Lock()
        self._held: OrderedDict[str, tuple[Word, ...]] = OrderedDict()

    def find(self, tx: Tx, text: str, limit: int = 20) -> list[LentHit]:
        """Find what ``text`` asks (see `archive.catalogue.query`) in what may be played here now, one moment a story.

        Raises `StoreTrouble`; a story that cannot be opened is left out.
        """
        query = read_query(text)
        if not query.parts:
            return []
        there = guests(tx, self._place)
        with self._lock:
            lent = {guest.card for guest in there}
            for card in [card for card in self._held if card not in lent]:
                del self._held[card]
        found: list[LentHit] = []
        for guest in there:
            hit = _hit(query, guest, self._words(tx, guest))
            if hit is not None:
                found.append(hit)
                if len(found) == limit:
                    break
        return found

    def _words(self, tx: Tx, guest: Guest) -> tuple[Word, ...]:
        with self._lock:
            held = self._held.get(guest.card)
            if held is not None:
                self._held.move_to_end(guest.card)
                return held
        try:
            words = card_of(self._place, guest_row(tx, guest.partner, guest.story)).words
        except ArchiveError:
            return ()
        with self._lock:
            self._held[guest.card] = words
            while len(self._held) > MOST:
                self._held.popitem(last=False)
        return words


def _hit(query: Query, guest: Guest, words: Sequence[Word]) -> LentHit | None:
    tokens, places = folded([Told(word.text, word.start, word.end, 0) for word in words])
    found = query.find(tokens)
    if not found:
        return None
    first, last = places[found[0][0]], places[found[0][1]]
    return LentHit(
        guest, int(words[first].start), int(words[last].end), _line(words[max(0, first - CONTEXT) : first]),
        _line(words[first : last + 1]), _line(words[last + 1 : last + 1 + CONTEXT]),
    )  # fmt: skip


def _line(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)
