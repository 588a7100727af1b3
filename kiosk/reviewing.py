"""A take under review, from its end to the end of the visit: its shape, trimming, keeping, the answers to its uses.

Main thread only. What is slow (deriving the code's words, copying a trimmed take) is done beside, and what comes of it
arrives in the one queue.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable

from archive.errors import NoSuchStory
from archive.shelf import Wording
from archive.store import Store
from archive.stories import FreshCode, fresh_code
from archive.trimming import Trim, begin_trim, drop_trim, finish_trim
from archive.types import Kind, Use
from audio.clock import Clock
from audio.takewriter import TakeReader
from audio.types import Take, TakeId
from kiosk import types as t
from kiosk.errors import TROUBLES
from kiosk.later import Beside
from kiosk.takeshape import Shape, shape_of
from kiosk.terms import BY_KEY, BY_TIME, asked, sentence, waits_until, wording
from kiosk.texts import Texts

Announce = Callable[[t.Event], None]
_log = logging.getLogger(__name__)


class Reviewing:
    """The take under review."""

    def __init__(self, store: Store, clock: Clock, announce: Announce, beside: Beside) -> None:
        """``beside`` does what takes long."""
        self._store = store
        self._clock = clock
        self._announce = announce
        self._beside = beside
        self._fresh: dict[TakeId, tuple[FreshCode, ...]] = {}
        self._reviewed: TakeId | None = None
        self._preparing: TakeId | None = None
        self._wanted: tuple[t.KeepTake, Texts] | None = None
        self.bars: tuple[float, ...] = ()
        """The waveform of the take."""

    def begin(self, done: Take) -> Shape:
        """Look at a take that was just closed, and make ready to keep it. Raises `DamagedTake`, `Refused`, `NoKey`."""
        shape = self._shape(done)
        self._prepare_code(done.id)
        return shape

    def hold(self, take: TakeId) -> None:
        """Leave the take in sealed hold: nobody hears it, and the night erases it."""
        self._store.close_review(take, BY_TIME)

    def trim(self, effect: t.TrimTake, texts: Texts) -> None:
        """Make the part that stays a take of its own, in place of the first one; the copying is done beside."""

        def fail(error: Exception) -> None:
            _log.warning("take %s was not trimmed: %s", effect.take, type(error).__name__)
            self._announce(t.TrimFailed(effect.take, sentence(error, texts), self._clock.monotonic()))

        try:
            trim = begin_trim(self._store, effect.take, effect.made, effect.start, effect.end, BY_KEY)
        except TROUBLES as error:
            fail(error)
            return

        def give_up(error: Exception) -> None:
            try:
                drop_trim(self._store, trim, BY_KEY)
            except TROUBLES:
                _log.exception("the copy %s is left for the next start", effect.made)
            fail(error)

        def put_in_place(copied: Take) -> None:
            try:
                done = finish_trim(self._store, trim, copied, BY_KEY)
            except TROUBLES as error:
                give_up(error)
            else:
                self._go_on_with(trim, done)

        self._beside.do(trim.copy, put_in_place, give_up)

    def _go_on_with(self, trim: Trim, done: Take) -> None:
        """Go on with the trimmed take, whatever else fails: the first one is gone."""
        ends = t.Ends()
        ready = self._fresh.pop(trim.origin, None)
        try:
            if ready is None:
                self._prepare_code(done.id)
            else:
                # The words of a code belong to its teller, whatever of the story stays.
                self._fresh[done.id], self._reviewed = ready, done.id
            ends = self._shape(done).ends
        except TROUBLES as error:
            self.bars = ()
            _log.warning("the trimmed take %s cannot be drawn: %s", done.id, type(error).__name__)
        self._announce(t.Trimmed(trim.origin, done.id, done.length / 1000, self._clock.monotonic(), ends))

    def _shape(self, done: Take) -> Shape:
        with TakeReader(done.path, self._store.open_key(done.id), take=done.id) as reader:
            shape = shape_of(reader)
        self.bars = shape.bars
        return shape

    def keep(self, effect: t.KeepTake, texts: Texts) -> None:
        """Keep it. "Safe" is said only after everything was synced and read back, which is what these calls promise.

        The code's words were derived while the teller was deciding; where that is not done yet, it is done beside.
        """
        ready = self._fresh.get(effect.take)
        if ready is not None:
            self._keep(effect, texts, ready)
            return
        self._wanted = (effect, texts)
        if self._preparing == effect.take:
            return
        try:
            self._prepare_code(effect.take)
        except TROUBLES as error:
            self._wanted = None
            self._announce(t.KeepFailed(effect.take, sentence(error, texts), self._clock.monotonic()))

    def _keep(self, effect: t.KeepTake, texts: Texts, fresh: tuple[FreshCode, ...]) -> None:
        now = self._clock.monotonic
        words = wording(texts, Use.KEEP)
        try:
            # Nothing above sealed without a guardian, until the age is answered: the power may go at the question.
            age = self._asked_age(effect.take, effect.years, texts) if effect.years else None
            kept = self._store.keep(effect.take, wording=words, by=BY_KEY, fresh=fresh, people=len(fresh), age=age)
        except TROUBLES as error:
            self._announce(t.KeepFailed(effect.take, sentence(error, texts), now()))
            return
        self._announce(t.Kept(effect.take, str(kept.code), now(), tuple(str(code) for code in kept.codes)))

    def decide(self, effect: t.Decide, texts: Texts) -> None:
        """Write the answer to one use, with the very words that were shown."""
        by = BY_KEY if effect.pressed else BY_TIME
        shown = wording(texts, effect.use, group=self._group(effect.take))
        self._store.decide(
            effect.take, effect.use, yes=effect.yes, wording=shown, by=by, form=effect.form,
            embargo=waits_until(self._clock, effect.wait_years),
        )  # fmt: skip

    def say_age(self, effect: t.SayAge, texts: Texts) -> None:
        """Write that the teller is of the library's age."""
        self._store.say_of_age(effect.take, BY_KEY, wording=self._asked_age(effect.take, effect.years, texts))

    def _asked_age(self, take: TakeId, years: int, texts: Texts) -> Wording:
        return asked(texts, "group.age" if self._group(take) else "consent.age", age=years)

    def _group(self, take: TakeId) -> bool:
        return self._store.kind_of(take) is Kind.CONVERSATION

    def end_review(self, take: TakeId) -> None:
        """End the visit in which this take was told; one whose yes could not even be written has none to end."""
        with contextlib.suppress(NoSuchStory):
            self._store.close_review(take, BY_KEY)

    def _prepare_code(self, take: TakeId) -> None:
        """Derive a keep-code for each person while they decide, so that pressing keep keeps at once."""
        language = self._store.language_of(take)
        people = self._store.people_of(take) if self._group(take) else 1

        def put_by(code: tuple[FreshCode, ...]) -> None:
            self._preparing = None
            if self._reviewed == take:
                self._fresh[take] = code
            if self._wanted is not None and self._wanted[0].take == take:
                (effect, texts), self._wanted = self._wanted, None
                self._keep(effect, texts, code)

        def give_up(error: Exception) -> None:
            self._preparing = None
            if self._wanted is not None:
                (_, texts), self._wanted = self._wanted, None
                self._announce(t.KeepFailed(take, sentence(error, texts), self._clock.monotonic()))

        self._reviewed = self._preparing = take
        cost = self._store.cost
        self._beside.do(lambda: tuple(fresh_code(language, cost) for _ in range(people)), put_by, give_up)

    def forget(self) -> None:
        """Clear what belongs to the visit from memory."""
        self.bars = ()
        self._fresh.clear()
        self._reviewed = self._wanted = None
