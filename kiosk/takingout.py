"""Carries out the taking out of a part of a story by its teller at the box: its pauses, and the cut. Main thread only.

What is slow (reading the story through, writing it anew) is done beside, and what comes of it arrives in the one queue.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from archive.cutting import Copied, NoRoomToCut, begin_cut, finish_cut, may_wait, must_be_written
from archive.masters import Master, open_master
from archive.store import Store
from archive.stories import Visit
from archive.types import Reader
from audio.clock import Clock
from kiosk import types as t
from kiosk.errors import TROUBLES
from kiosk.later import Beside
from kiosk.playing import Playing
from kiosk.takeshape import Shape, shape_of
from kiosk.terms import BY_KEY, sentence
from kiosk.texts import Texts

_log = logging.getLogger(__name__)


class TakingOut:
    """The parts of a story that its teller takes out."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        playing: Playing,
        announce: Callable[[t.Event], None],
        beside: Beside,
        mine: Callable[[Visit], t.Mine],
    ) -> None:
        """``playing`` knows the teller who came back; ``mine`` tells what the story is after a cut."""
        self._store = store
        self._clock = clock
        self._playing = playing
        self._announce = announce
        self._beside = beside
        self._mine = mine

    def find_pauses(self, effect: t.FindPauses, texts: Texts) -> None:
        """Read the story through for its waveform and its pauses."""

        def fail(error: Exception) -> None:
            self._fail(effect.visit, error, effect, texts)

        def found(shape: Shape) -> None:
            if self._playing.visit is not visit:
                return
            self._playing.bars = shape.bars
            self._announce(t.PausesFound(effect.visit, effect.story, self._clock.monotonic(), shape.ends))

        visit = self._playing.visit
        try:
            # Better told now than after every mark was set.
            must_be_written(self._store, effect.story)
            master = open_master(self._store, effect.story, Reader.TELLER, self._store.now(), visit=visit)
        except TROUBLES as error:
            fail(error)
            return
        self._beside.do(lambda: _measured(master), found, fail)

    def take_out(self, effect: t.TakeOut, texts: Texts) -> None:
        """Write the story anew without the part, then let everything go on with that. A teller who confirmed and went
        away is obeyed all the same.
        """

        def fail(error: Exception) -> None:
            try:
                later = isinstance(error, NoRoomToCut) and may_wait(self._store, cut)
            except TROUBLES as trouble:
                error, later = trouble, False
            if later:
                put_in_place(None)
            else:
                self._fail(effect.visit, error, effect, texts)

        def put_in_place(copied: Copied | None) -> None:
            try:
                finish_cut(self._store, cut, copied, BY_KEY)
            except TROUBLES as error:
                self._fail(effect.visit, error, effect, texts)
                return
            self._playing.bars = ()
            mine = None
            try:
                mine = self._mine(cut.visit)
            except TROUBLES as error:  # the part is gone all the same, and that is what the teller has to hear
                _log.warning("what %s is now cannot be read: %s", effect.story, type(error).__name__)
            at = self._clock.monotonic()
            self._announce(t.PartGone(effect.visit, effect.story, at, mine, waits=copied is None))

        visit = self._playing.visit
        assert visit is not None
        try:
            cut = begin_cut(self._store, visit, effect.start, effect.end)
        except TROUBLES as error:
            self._fail(effect.visit, error, effect, texts)
            return
        self._beside.do(cut.copy, put_in_place, fail)

    def _fail(self, visit: int, error: Exception, effect: t.FindPauses | t.TakeOut, texts: Texts) -> None:
        _log.warning("no part of %s was taken out: %s", effect.story, type(error).__name__)
        self._playing.bars = ()
        self._announce(t.PartFailed(visit, effect.story, sentence(error, texts), self._clock.monotonic()))


def _measured(master: Master) -> Shape:
    with master:
        return shape_of(master)
