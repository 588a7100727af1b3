"""The first second of every cue, decoded and in memory, so that a press on its button is answered without the disk.

Never on a disk, without a key, and never a word about consent: whoever presses asks the gate at that moment as ever.
What a teller or steward took back, and a cue that is gone, is dropped at the next turn of the main loop.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from archive.envelope import ask
from archive.masters import cuts_of, open_master
from archive.store import Store
from archive.types import Excerpt
from audio.pcm import Samples
from audio.types import Ms
from kiosk.errors import TROUBLES

BEGINNING: Final = Ms(1000)
"""How much of a cue is kept: more than what it takes to open its file on a slow card."""
_AGAIN_S: Final = 60.0
"""How often the gate is asked again though nobody wrote: an embargo or a loan may have ended."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a cue begins: mono samples from the start of ``cut`` on, of the story as it is after ``cuts`` cuts."""

    cut: Excerpt
    cuts: int
    rate: int
    samples: Samples


class Beginnings:
    """Keeps the beginnings of one sheet. Main thread only."""

    def __init__(self, store: Store, sheet: str) -> None:
        """Keep what lies on ``sheet``; nothing is there before the first `tick`."""
        self._store = store
        self._sheet = sheet
        self._kept: dict[int, Beginning] = {}
        self._missing: list[int] = []
        self._seen: tuple[int, int] | None = None
        self._looked_at = float("-inf")

    def of(self, button: int, cut: Excerpt) -> Beginning | None:
        """Return how ``cut``, which the gate allows at this moment, begins; None where that is not in memory."""
        kept = self._kept.get(button)
        if kept is None or kept.cut != cut or kept.cuts != cuts_of(self._store.db.conn, cut.story):
            return None
        return kept

    def tick(self, now: float, *, rest: bool) -> None:
        """Drop what may not be heard any more; at ``rest`` open one beginning that is missing. Never raises."""
        try:
            # The first number tells what others wrote, the second what this very connection did.
            seen = (self._store.version(), self._store.db.conn.total_changes)
            if seen != self._seen or now - self._looked_at >= _AGAIN_S:
                self._look()
                self._seen, self._looked_at = seen, now
            elif rest and self._missing:
                self._open(self._missing.pop())
        except TROUBLES as error:
            _log.warning("no cue is kept in memory: %s", type(error).__name__)
            self._kept.clear()
            self._missing.clear()

    def _look(self) -> None:
        placed = self._store.placed(self._sheet)
        self._kept = {button: one for button, one in self._kept.items() if self._stands(one, placed.get(button))}
        self._missing = [button for button in reversed(placed) if button not in self._kept]

    def _stands(self, kept: Beginning, placed: str | None) -> bool:
        store, story = self._store, kept.cut.story
        return (
            placed == kept.cut.id
            and kept.cuts == cuts_of(store.db.conn, story)
            and ask(store.db.conn, story, store.cue_reader(story), store.now()).allowed
        )

    def _open(self, button: int) -> None:
        store = self._store
        cut = store.cue(self._sheet, button)
        if cut is None:
            return
        cuts = cuts_of(store.db.conn, cut.story)
        try:
            with open_master(store, cut.story, store.cue_reader(cut.story), store.now()) as master:
                samples = master.samples(cut.start, Ms(min(cut.end, cut.start + BEGINNING)))
                self._kept[button] = Beginning(cut, cuts, master.format.rate, samples)
        except TROUBLES as error:
            # The press will find the same and say so.
            _log.warning("the beginning of cue %d: %s", button, type(error).__name__)
