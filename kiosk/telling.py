"""Carries out what the session asks of takes while they are told: agree, open, store, close, throw away.

Main thread only. Sound itself is handled by `audio.capture.Capture` in its own thread; what it announces comes back
here through the one queue and becomes session events.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable

from archive.ballast import make
from archive.errors import ArchiveError
from archive.spans import Mark, add_moment, add_stretches, close_span, open_span
from archive.store import Store
from archive.takes import OpenTake
from archive.types import Kind, Use
from audio import events as heard
from audio.capture import Capture
from audio.clock import Clock
from audio.errors import AudioError
from audio.levels import Hint as LevelHint
from audio.segmenter import Segmenter, SegmentRules
from audio.sources import Source
from audio.takewriter import TakeWriter
from audio.types import MarkKind, Ms, Segment, Take, TakeId, Tentative
from kiosk import types as t
from kiosk.errors import TROUBLES
from kiosk.later import Beside
from kiosk.reviewing import Reviewing
from kiosk.room import NO_ROOM, NoRoom, TakeRoom
from kiosk.soundfacts import MOST, SoundFacts
from kiosk.takeshape import share_of
from kiosk.terms import BY_KEY, sentence, wording
from kiosk.texts import Texts

Announce = Callable[[t.Event], None]

_AGAIN_S = 1.0
QUIET_AFTER_S = 4.0
"""So long a silence is answered with "take your time", never with a cut."""
_HINTS = {
    LevelHint.CLOSER: t.Hint.TOO_QUIET,
    LevelHint.SILENCE: t.Hint.SILENT,
    LevelHint.GOOD: t.Hint.GOOD,
    LevelHint.TOO_LOUD: t.Hint.OVERDRIVEN,
    LevelHint.LOUD_ROOM: t.Hint.TOO_LOUD,
    LevelHint.HUM: t.Hint.HUM,
}
_log = logging.getLogger(__name__)


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
        asked: Callable[[str, str], str] = lambda _, __: "",
    ) -> None:
        """``longest_s`` and ``longest_group_s`` are the longest takes: space is held for them.

        ``begin_track`` drives a simulated microphone; ``asked`` says a prompt's words in a language.
        """
        self._store = store
        self._source = source
        self._capture = capture
        self._clock = clock
        self._announce = announce
        self._site = site
        self._asked = asked
        self._rules = rules
        longest = {Kind.STORY: longest_s, Kind.CONVERSATION: max(longest_s, longest_group_s)}
        self._room = TakeRoom(store, lambda: source.format, longest)
        self._texts: Texts | None = None
        self._begin_track = begin_track or (lambda at: at)
        self._open: OpenTake | None = None
        self._unwritten: list[Segment] = []
        self._again_at = 0.0
        self._delivering = False
        self._hint: t.Hint | None = None
        """What the screen says of the sound: the same is not told twice while its words stand there."""
        self._voice = True
        """Whether somebody speaks; taken for true until a first pause was heard, for a voice the detector misses."""
        self._spoke_at: float | None = None
        self._began_at: float | None = None
        self._paused_at: float | None = None
        self._facts = SoundFacts()
        self._away_s = 0.0
        self._sounds: tuple[Mark, int] | None = None
        self.review = Reviewing(store, clock, announce, beside)
        """The take under review, from its end to the end of the visit."""
        self.stream_open = False
        """Whether the microphone stream is open: the ring lamp follows this."""
        self.level = 0.0
        """Loudness of the voice now, 0 to 1."""
        self.speaking = False
        """The box itself is heard: what the level suggests now is about the box, not about the teller."""
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
            kind=kind, site=self._site, take=effect.take, asked=self._asked(prompt, effect.language),
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
        """At start: give back the space that a killed run held, and hold the ballast."""
        self._room.release()
        make(self._store.home.path)

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
        self.mark(take, Mark.PAUSE, at)
        self._paused_at = at
        self._hint = None

    def resume_take(self, at: float) -> None:
        """Store again."""
        self._spoke_at = at
        self._voice = True
        self._hint = None
        if self._paused_at is not None:
            self._away_s += at - self._paused_at
            self._paused_at = None
        self._capture.resume(at)

    def _begin_time_line(self, already: Ms = Ms(0)) -> None:
        """Start counting the take's own time; ``already`` is what a recovered take holds."""
        self._began_at = self._paused_at = None
        self._voice = True
        self._facts = SoundFacts()
        self._away_s = -already / 1000

    def position(self, at: float) -> Ms:
        """Where the moment ``at`` lies on the take's own time line: pauses are not part of it."""
        if self._began_at is None:
            return Ms(max(0, round(-self._away_s * 1000)))
        until = at if self._paused_at is None else self._paused_at
        return Ms(max(0, round((until - self._began_at - self._away_s) * 1000)))

    def mark(self, take: TakeId, mark: Mark, at: float, ref: str = "") -> None:
        """Mark a moment of the running take; that the disk refuses it ends no story."""
        self._add_moment(take, mark, self.position(at), ref)

    def _add_moment(self, take: TakeId, mark: Mark, place: Ms, ref: str) -> None:
        try:
            add_moment(self._store, take, mark, place, ref)
        except TROUBLES as error:
            self._unmarked(take, mark, error)

    def _unmarked(self, take: TakeId, mark: Mark, error: Exception) -> None:
        _log.warning("%s in take %s is not marked: %s", mark.value, take, type(error).__name__)

    def sound_began(self, take: TakeId, mark: Mark, at: float, ref: str = "") -> None:
        """Note that the loudspeaker sounds into the running take: an earlier voice, or the box's own tones."""
        self.sound_ended(at)
        try:
            self._sounds = mark, open_span(self._store, take, mark, self.position(at), ref)
        except TROUBLES as error:
            self._unmarked(take, mark, error)

    def sound_ended(self, at: float, mark: Mark | None = None) -> None:
        """Note that it has fallen silent: only where it was ``mark``, if one is given."""
        if self._sounds is None or mark not in {None, self._sounds[0]}:
            return
        (_, number), self._sounds = self._sounds, None
        try:
            close_span(self._store, number, self.position(at))
        except TROUBLES as error:
            _log.warning("the end of a marked sound is not noted: %s", type(error).__name__)

    def close_take(self, effect: t.CloseTake) -> None:
        """End the take; a recovered one that nobody went on with is closed as it is."""
        self.sound_ended(effect.at)
        if self._open is not None and self._open.id == effect.take:
            self._capture.finish(effect.at)
            return
        try:
            self._closed(self._store.finish_take(effect.take))
        except TROUBLES as error:
            self._fail(effect.take, error)

    def discard(self, take: TakeId) -> None:
        """Erase the take, open or closed."""
        self._let_go(take)
        self._store.discard(take, BY_KEY)
        self._unwritten = [segment for segment in self._unwritten if segment.take != take]

    def forget(self) -> None:
        """Clear what belongs to the visit from memory."""
        self.review.forget()
        self.level = 0.0
        self._open = None
        self._hint = None

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
                self._hint = None
                self._announce(t.StreamBack(take, now))
            case heard.LevelHeard():
                self._level(event, take)
                self._room.follow(take, event.at)
            case heard.FirstSample(take=first, at=at):
                self._began_at = at
                self._announce(t.FirstSample(first, at))
            case heard.Marked(mark=mark):
                self._voice = mark.kind is MarkKind.STARTED
                self._spoke_at = None if self._voice else now
            case heard.SegmentClosed(segment=segment):
                self._unwritten.append(segment)
                self._write_segments()
            case heard.ShortPause(span=span):
                self._offer(span)
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
        """Notice a long silence, once; hand on what had to wait."""
        if self._unwritten and now >= self._again_at:
            self._again_at = now + _AGAIN_S
            self._write_segments()
        if take is not None and self._spoke_at is not None and now - self._spoke_at >= QUIET_AFTER_S:
            self._announce(t.QuietFor(take, now - self._spoke_at, now))
            self._spoke_at = None
            self._hint = None

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
        said = event.hint
        if said is LevelHint.CLOSER and not self._voice:
            # Steps, a door, somebody farther away: nothing the teller could do better.
            said = None
        if self._began_at is not None and self._paused_at is None:
            self._facts.hear(said, self.position(event.at))
        hint = None if said is None else _HINTS.get(said)
        if hint is not None and hint is not self._hint and not self.speaking:
            self._hint = hint
            self._announce(t.LevelHeard(take, hint, event.at))

    def _gap(self, take: TakeId, at: Ms, lost: float) -> None:
        self._facts.gaps += 1
        if self._facts.gaps <= MOST:
            self._add_moment(take, Mark.GAP, at, f"{lost:.3f} s" if lost else "")

    def _store_facts(self, done: Take) -> None:
        """Store what was wrong with the sound of a take; that this fails must not harm the take."""
        stretches = self._facts.stretches(done.length)
        self._facts = SoundFacts()
        try:
            add_stretches(self._store, done.id, stretches)
        except (ArchiveError, sqlite3.Error) as error:
            _log.warning("facts about the sound of take %s are not stored: %s", done.id, type(error).__name__)

    def _write_segments(self) -> None:
        """Hand segments on in their order; one the disk did not take waits for the next, while the sound goes on."""
        while self._unwritten:
            try:
                self._store.add_segment(self._unwritten[0])
            except sqlite3.IntegrityError:
                pass  # its take was thrown away meanwhile
            except (ArchiveError, sqlite3.Error) as error:
                _log.warning("a segment of take %s has to wait: %s", self._unwritten[0].take, type(error).__name__)
                return
            del self._unwritten[0]

    def _offer(self, span: Tentative) -> None:
        try:
            self._store.add_tentative(span)
        except (ArchiveError, sqlite3.Error) as error:  # nothing but a head start is lost
            _log.warning("no look ahead at take %s: %s", span.take, type(error).__name__)

    def _close(self, done: Take) -> None:
        try:
            closed = self._store.close_take(done)
        except TROUBLES as error:
            self._fail(done.id, error)
            return
        # The story is safe by now; words that still wait come with the next look.
        self._write_segments()
        self._closed(closed)

    def _closed(self, done: Take) -> None:
        try:
            shape = self.review.begin(done)
        except TROUBLES as error:
            self._fail(done.id, error)
            return
        self._announce(t.TakeClosed(done.id, done.length / 1000, self._clock.monotonic(), shape.ends))

    def _fail(self, take: TakeId, error: Exception) -> None:
        if self._open is not None and self._open.id == take:
            # Nothing writes it any more: what is on the disk is closed from there.
            self._open = None
        _log.error("take %s: %s", take, type(error).__name__)
        self._announce(t.TakeFailed(take, sentence(error, self._texts), self._clock.monotonic()))
