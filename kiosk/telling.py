"""Carries out what the session asks of takes: agree, open, store, close, keep, throw away.

Main thread only. Sound itself is handled by `audio.capture.Capture` in its own thread; what it announces comes back
here through the one queue and becomes session events.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable

import numpy as np

from archive.errors import ArchiveError
from archive.shelf import Wording
from archive.spans import Mark, add_moment, add_stretches, close_span, open_span
from archive.store import Store
from archive.stories import FreshCode, fresh_code
from archive.takes import OpenTake
from archive.types import Kind, Use
from audio import events as heard
from audio.capture import Capture
from audio.clock import Clock
from audio.errors import AudioError, DiskTrouble
from audio.levels import Hint as LevelHint
from audio.pcm import to_floats
from audio.segmenter import Segmenter, SegmentRules
from audio.sources import Source
from audio.takewriter import TakeReader, TakeWriter
from audio.types import MarkKind, Ms, Take, TakeId
from kiosk import types as t
from kiosk.later import Beside
from kiosk.room import NO_ROOM, NoRoom, TakeRoom
from kiosk.soundfacts import MOST, SoundFacts
from kiosk.terms import asked, waits_until
from kiosk.texts import Texts

Announce = Callable[[t.Event], None]

BY_KEY = "key"
BY_TIME = "time-out"
QUIET_AFTER_S = 4.0
"""So long a silence is answered with "take your time", never with a cut."""
BARS = 96
"""Columns of the waveform a teller sees of their story."""
DISK_REFUSED = "The disk refused to store it."
_QUIET_DB, _LOUD_DB = -55.0, -12.0
_HINTS = {
    LevelHint.CLOSER: t.Hint.TOO_QUIET,
    LevelHint.SILENCE: t.Hint.TOO_QUIET,
    LevelHint.GOOD: t.Hint.GOOD,
    LevelHint.TOO_LOUD: t.Hint.TOO_LOUD,
    LevelHint.LOUD_ROOM: t.Hint.TOO_LOUD,
    LevelHint.HUM: t.Hint.TOO_LOUD,
}
_log = logging.getLogger(__name__)


def share_of(decibels: float) -> float:
    """Turn dBFS into the share of a bar, 0 to 1: an ordinary voice at arm's length fills about two thirds."""
    return float(min(1.0, max(0.0, (decibels - _QUIET_DB) / (_LOUD_DB - _QUIET_DB))))


def waveform(reader: TakeReader, bars: int = BARS) -> tuple[float, ...]:
    """Measure a closed take in ``bars`` equal parts, each 0 to 1. Reads it once, a few seconds at a time."""
    total = max(1, reader.length)
    power, count = np.zeros(bars), np.zeros(bars)
    at = 0
    for pcm in reader.chunks(Ms(2000)):
        samples = to_floats(pcm, reader.format)
        place = (at + np.arange(len(samples)) * 1000 // reader.format.rate) * bars // (total + 1)
        place = np.minimum(place, bars - 1)
        power += np.bincount(place, np.square(samples, dtype=np.float64), bars)
        count += np.bincount(place, minlength=bars)
        at += reader.format.ms_of(len(pcm))
    loudness = 10 * np.log10(power / np.maximum(count, 1) + 1e-10)
    return tuple(share_of(float(one)) for one in loudness)


class Telling:
    """Takes, from the agreement to the end of the visit."""

    def __init__(
        self,
        store: Store,
        source: Source,
        capture: Capture,
        clock: Clock,
        announce: Announce,
        *,
        site: str,
        rules: SegmentRules,
        longest_s: float,
        longest_group_s: float = 0.0,
        beside: Beside,
        begin_track: Callable[[float], float] | None = None,
    ) -> None:
        """``longest_s`` and ``longest_group_s`` are the longest takes: space is held for them.

        ``begin_track`` drives a simulated microphone.
        """
        self._store = store
        self._source = source
        self._capture = capture
        self._clock = clock
        self._announce = announce
        self._site = site
        self._rules = rules
        longest = {Kind.STORY: longest_s, Kind.CONVERSATION: max(longest_s, longest_group_s)}
        self._room = TakeRoom(store, lambda: source.format, longest)
        self._texts: Texts | None = None
        self._begin_track = begin_track or (lambda at: at)
        self._open: OpenTake | None = None
        self._delivering = False
        self._hint: t.Hint | None = None
        self._spoke_at: float | None = None
        self._began_at: float | None = None
        self._paused_at: float | None = None
        self._facts = SoundFacts()
        self._away_s = 0.0
        self._excerpt: int | None = None
        self._beside = beside
        self._fresh: dict[TakeId, tuple[FreshCode, ...]] = {}
        self._reviewed: TakeId | None = None
        self._preparing: TakeId | None = None
        self._wanted: tuple[t.KeepTake, Texts] | None = None
        self.stream_open = False
        """Whether the microphone stream is open: the ring lamp follows this."""
        self.level = 0.0
        """Loudness of the voice now, 0 to 1."""
        self.bars: tuple[float, ...] = ()
        """The waveform of the take under review."""
        self.overflows = 0
        """Blocks the device lost, over all takes of this run."""

    # -- what the session asks ----------------------------------------------------------------------------------

    def record_decision(self, effect: t.RecordDecision, kind: Kind, prompt: str, texts: Texts) -> None:
        """Write the yes to being recorded, one for each person; the take exists from here on, without a sample."""
        self._texts = texts
        group = kind is Kind.CONVERSATION
        by = BY_KEY if effect.carried_from is None else f"told again after {effect.carried_from}"
        words = wording(texts, Use.RECORD, group=group)
        self._open = self._store.open_take(
            prompt=prompt, language=effect.language, wording=words, by=f"{BY_KEY}, person 1" if group else by,
            kind=kind, site=self._site, take=effect.take,
        )  # fmt: skip
        for person in range(2, effect.people + 1):
            self._store.agree(effect.take, wording=words, by=f"{BY_KEY}, person {person}")

    def agree_one(self, effect: t.AgreeOne, texts: Texts) -> None:
        """Write the yes of somebody who came late."""
        words = wording(texts, Use.RECORD, group=True)
        self._store.agree(effect.take, wording=words, by=f"{BY_KEY}, person {effect.people}")

    def open_stream(self, take: TakeId) -> None:
        """Open the microphone, once space for the longest take is held."""
        if not self._room.hold(take):
            self._say_full(take)
            return
        self._delivering = False
        self._hint = None
        try:
            self._capture.open()
        except AudioError as error:
            self._announce(t.StreamLost(take, error.say, self._clock.monotonic()))

    def room(self) -> bool:
        """Whether the disk takes anything, and the longest story fits on it beside everything else."""
        return self._room.fits()

    def let_go_of_room(self) -> None:
        """At start: give back the space that a killed run held."""
        self._room.release()

    def _say_full(self, take: TakeId) -> None:
        _log.error("no room for the longest take %s", take)
        say = NO_ROOM if self._texts is None else self._texts.trouble(NoRoom.code, NO_ROOM)[0]
        self._announce(t.SpaceLow(say, self._clock.monotonic()))

    @property
    def blocks(self) -> int:
        """Blocks of sound handled so far: the pulse of the sound path."""
        return self._capture.blocks

    def drain(self) -> None:
        """Wait until everything delivered so far was handled and announced."""
        self._capture.drain()

    def close_stream(self) -> None:
        """Close the microphone; a take still running is closed with what was captured."""
        self._capture.close()
        self._room.release()
        self.level = 0.0

    def start_take(self, effect: t.StartTake) -> None:
        """Store from the first sample captured at or after the press."""
        opened = self._known(effect.take)
        self._begin_time_line()
        self._spoke_at = effect.at
        writer = TakeWriter(opened.path, opened.id, self._source.format, opened.key)
        begin = self._begin_track(effect.at)
        self._capture.begin(writer, begin, segmenter=Segmenter(opened.id, self._rules))

    def continue_take(self, effect: t.ContinueTake) -> None:
        """Go on storing into a take that a power cut left open."""
        key = self._store.open_key(effect.take)
        path = self._store.home.take_file(effect.take)
        try:
            # Where the power went just after "done", the take has its end already.
            writer = TakeWriter.resume(path, key, reopen=True)
        except (AudioError, OSError) as error:
            self._fail(effect.take, error)
            return
        number, start = self._store.next_segment(effect.take)
        self._begin_time_line(writer.length)
        self._spoke_at = effect.at
        self._open = OpenTake(effect.take, path, key, 0)
        # What lies between the last segment handed on and the cut belongs to no segmenter any more.
        if writer.length > start:
            self._store.add_missing_segments(effect.take, writer.length)
            number, _ = self._store.next_segment(effect.take)
        segmenter = Segmenter(effect.take, self._rules, first=number, start=writer.length)
        self._capture.begin(writer, effect.at, segmenter=segmenter)

    def pause_take(self, take: TakeId, at: float) -> None:
        """Store nothing captured from ``at`` on."""
        self._capture.pause(at)
        add_moment(self._store, take, Mark.PAUSE, self.position(at))
        self._paused_at = at

    def resume_take(self, at: float) -> None:
        """Store again."""
        self._spoke_at = at
        if self._paused_at is not None:
            self._away_s += at - self._paused_at
            self._paused_at = None
        self._capture.resume(at)

    def _begin_time_line(self, already: Ms = Ms(0)) -> None:
        """Start counting the take's own time; ``already`` is what a recovered take holds."""
        self._began_at = self._paused_at = None
        self._facts = SoundFacts()
        self._away_s = -already / 1000

    def position(self, at: float) -> Ms:
        """Where the moment ``at`` lies on the take's own time line: pauses are not part of it."""
        if self._began_at is None:
            return Ms(max(0, round(-self._away_s * 1000)))
        until = at if self._paused_at is None else self._paused_at
        return Ms(max(0, round((until - self._began_at - self._away_s) * 1000)))

    def mark(self, take: TakeId, mark: Mark, at: float, ref: str = "") -> None:
        """Mark a moment of the running take."""
        add_moment(self._store, take, mark, self.position(at), ref)

    def excerpt_began(self, take: TakeId, story: str, at: float) -> None:
        """Note that an earlier voice sounds into the running take: its words are not this group's."""
        self.excerpt_ended(at)
        self._excerpt = open_span(self._store, take, Mark.EXCERPT, self.position(at), story)

    def excerpt_ended(self, at: float) -> None:
        """Note that the earlier voice has fallen silent."""
        if self._excerpt is not None:
            close_span(self._store, self._excerpt, self.position(at))
            self._excerpt = None

    def close_take(self, effect: t.CloseTake) -> None:
        """End the take; a recovered one that nobody went on with is closed as it is."""
        self.excerpt_ended(effect.at)
        if self._open is not None and self._open.id == effect.take:
            self._capture.finish(effect.at)
            return
        try:
            self._closed(self._store.finish_take(effect.take))
        except (ArchiveError, AudioError, OSError) as error:
            self._fail(effect.take, error)

    def discard(self, take: TakeId) -> None:
        """Erase the take, open or closed."""
        self._let_go(take)
        self._store.discard(take, BY_KEY)

    def hold(self, take: TakeId) -> None:
        """Leave the take in sealed hold: nobody hears it, and the night erases it."""
        self._store.close_review(take, BY_TIME)
        self._open = None

    def keep(self, effect: t.KeepTake, texts: Texts) -> None:
        """Keep it. "Safe" is said only after everything was synced and read back, which is what these calls promise.

        The code's words were derived while the teller was deciding; where that is not done yet, it is done beside.
        """
        ready = self._fresh.get(effect.take)
        if ready is not None:
            self._keep(effect, texts, ready)
            return
        self._wanted = (effect, texts)
        if self._preparing != effect.take:
            self._prepare_code(effect.take)

    def _keep(self, effect: t.KeepTake, texts: Texts, fresh: tuple[FreshCode, ...]) -> None:
        now = self._clock.monotonic
        words = wording(texts, Use.KEEP)
        try:
            kept = self._store.keep(effect.take, wording=words, by=BY_KEY, fresh=fresh, people=len(fresh))
        except (ArchiveError, AudioError, OSError) as error:
            self._announce(t.KeepFailed(effect.take, self._sentence(error), now()))
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
        """Write that the teller is under the library's age: nothing above sealed without a guardian."""
        by = BY_KEY if effect.pressed else BY_TIME
        key = "group.age" if self._group(effect.take) else "consent.age"
        self._store.say_age(effect.take, by, under=True, wording=asked(texts, key, age=effect.years))

    def _group(self, take: TakeId) -> bool:
        return self._store.kind_of(take) is Kind.CONVERSATION

    def end_review(self, take: TakeId) -> None:
        """End the visit in which this take was told."""
        self._store.close_review(take, BY_KEY)

    def forget(self) -> None:
        """Clear what belongs to the visit from memory."""
        self.bars = ()
        self.level = 0.0
        self._open = None
        self._hint = None
        self._fresh.clear()
        self._reviewed = self._wanted = None

    def _let_go(self, take: TakeId) -> None:
        if self._open is not None and self._open.id == take:
            self._capture.abandon()
            self._capture.drain()
            self._open = None

    def _known(self, take: TakeId) -> OpenTake:
        if self._open is None or self._open.id != take:
            raise RuntimeError(f"take {take} was never agreed to")
        return self._open

    # -- what capture announces ---------------------------------------------------------------------------------

    def hear(self, event: heard.CaptureEvent, take: TakeId | None) -> None:
        """Turn news of the sound side into news for the session; ``take`` is the session's."""
        now = self._clock.monotonic()
        match event:
            case heard.StreamOpened():
                self.stream_open = True
            case heard.StreamClosed():
                self.stream_open = self._delivering = False
                self.level = 0.0
            case heard.StreamLost(say=say) if take is not None:
                self.stream_open = False
                self.level = 0.0
                self._announce(t.StreamLost(take, say, now))
            case heard.StreamBack() if take is not None:
                self.stream_open = True
                self._announce(t.StreamBack(take, now))
            case heard.LevelHeard():
                self._level(event, take)
                self._room.follow(take, event.at)
            case heard.FirstSample(take=first, at=at):
                self._began_at = at
                self._announce(t.FirstSample(first, at))
            case heard.Marked(mark=mark):
                self._spoke_at = None if mark.kind is MarkKind.STARTED else now
            case heard.SegmentClosed(segment=segment):
                self._store.add_segment(segment)
            case heard.ShortPause(span=span):
                self._store.add_tentative(span)
            case heard.SoundGap(take=torn, at=place, lost=lost):
                self._gap(torn, place, lost)
            case heard.TakeClosed(take=done):
                self.overflows += done.overflows
                self._store_facts(done)
                self._close(done)
            case heard.TakeFailed(take=failed, error=error):
                self._fail(failed, error)
            case _:
                pass

    def tick(self, take: TakeId | None, now: float) -> None:
        """Notice a long silence, once."""
        if take is not None and self._spoke_at is not None and now - self._spoke_at >= QUIET_AFTER_S:
            self._announce(t.QuietFor(take, now - self._spoke_at, now))
            self._spoke_at = None

    def _level(self, event: heard.LevelHeard, take: TakeId | None) -> None:
        # Rises at once, falls gently: a level that flickers is worse than none.
        target = share_of(event.level.rms)
        self.level = target if target > self.level else self.level * 0.7 + target * 0.3
        if take is None:
            return
        if not self._delivering:
            # Only now is it known that the microphone really delivers.
            self._delivering = True
            self._announce(t.StreamOpened(take, event.at))
        if self._began_at is not None and self._paused_at is None:
            self._facts.hear(event.hint, self.position(event.at))
        hint = None if event.hint is None else _HINTS.get(event.hint)
        if hint is not None and hint is not self._hint:
            self._hint = hint
            self._announce(t.LevelHeard(take, hint, event.at))

    def _gap(self, take: TakeId, at: Ms, lost: float) -> None:
        self._facts.gaps += 1
        if self._facts.gaps <= MOST:
            add_moment(self._store, take, Mark.GAP, at, f"{lost:.3f} s" if lost else "")

    def _store_facts(self, done: Take) -> None:
        """Store what was wrong with the sound of a take; that this fails must not harm the take."""
        stretches = self._facts.stretches(done.length)
        self._facts = SoundFacts()
        try:
            add_stretches(self._store, done.id, stretches)
        except (ArchiveError, sqlite3.Error) as error:
            _log.warning("facts about the sound of take %s are not stored: %s", done.id, type(error).__name__)

    def _close(self, done: Take) -> None:
        try:
            self._closed(self._store.close_take(done))
        except (ArchiveError, OSError) as error:
            self._fail(done.id, error)

    def _closed(self, done: Take) -> None:
        try:
            with TakeReader(done.path, self._store.open_key(done.id), take=done.id) as reader:
                self.bars = waveform(reader)
        except (ArchiveError, AudioError, OSError) as error:
            self._fail(done.id, error)
            return
        self._announce(t.TakeClosed(done.id, done.length / 1000, self._clock.monotonic()))
        self._prepare_code(done.id)

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
                self._wanted = None
                self._announce(t.KeepFailed(take, self._sentence(error), self._clock.monotonic()))

        self._reviewed = self._preparing = take
        cost = self._store.cost
        self._beside.do(lambda: tuple(fresh_code(language, cost) for _ in range(people)), put_by, give_up)

    def _sentence(self, error: Exception) -> str:
        """Say what went wrong in the visitor's language."""
        told = error if isinstance(error, AudioError | ArchiveError) else DiskTrouble(DISK_REFUSED)
        return told.say if self._texts is None else self._texts.trouble(told.code, told.say, told.do)[0]

    def _fail(self, take: TakeId, error: Exception) -> None:
        if self._open is not None and self._open.id == take:
            # Nothing writes it any more: what is on the disk is closed from there.
            self._open = None
        _log.error("take %s: %s", take, type(error).__name__)
        self._announce(t.TakeFailed(take, self._sentence(error), self._clock.monotonic()))


def wording(texts: Texts, use: Use, *, group: bool = False) -> Wording:
    """Name the very words shown for ``use`` as the ledger keeps them."""
    shown = texts.wording(use, group=group)
    return Wording(shown.version, shown.hash, texts.language)
