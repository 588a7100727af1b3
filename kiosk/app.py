"""The kiosk's loop: one queue, one thread. Everything that happens comes in as a value; the session decides.

`App.round` is one turn: take what has arrived, step the session, carry out effects, look at the store, draw. The
real box turns it for ever; simulation and tests turn it by hand on a clock of their own.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from archive.envelope import ask
from archive.lending import RETURNED
from archive.phones import PAIR, PRESS, SAVED
from archive.spans import Mark
from archive.store import Store
from archive.takes import fresh_take
from archive.transcripts import transcript
from archive.types import Reader
from audio import events as heard
from audio.clock import Clock
from audio.player import PlaybackEnded, PlaybackStarted, PlayerEvent
from audio.types import TakeId
from hardware.controls import Controls
from hardware.lamps import Lamps
from hardware.types import CUES, Control, ControlEvent, Lamp
from kiosk import types as t
from kiosk.effects import Check, Effects
from kiosk.errors import TROUBLES
from kiosk.extras import Cue
from kiosk.facing import PHONE_S, Facing
from kiosk.keys import keys
from kiosk.later import Beside, Done
from kiosk.looks import Looks
from kiosk.playing import DEFAULT_SHEET, Playing
from kiosk.prompts import Prompt
from kiosk.pulse import Pulse, lost, must_be_said
from kiosk.rehearsal import Rehearsal
from kiosk.screens.model import View
from kiosk.session import first, step
from kiosk.stewardcode import StewardCode
from kiosk.telling import Telling
from kiosk.texts import Texts
from kiosk.types import Meaning, Session, State
from kiosk.view import news, spoken
from kiosk.window import Screen

Arrival: TypeAlias = ControlEvent | heard.CaptureEvent | PlayerEvent | t.Event | Done
Observer = Callable[[float, str, dict[str, object]], None]
"""Sees what happens, for a simulation's report: when, what, details."""

TICK_S = 0.1
"""How often time is told to the session."""
STOP_WAIT_S = 10.0
"""So long a box that is told to stop waits at most for what is being stored or checked; systemd gives it 20 s."""
QUIET_FPS, LIVELY_FPS, CAPTION_FPS = 8.0, 10.0, 20.0
LIVELY = frozenset({State.READY, State.RECORDING, State.LISTENING, State.CONVERSATION})
"""States with a level or growing words on the screen."""
IDLE = frozenset({State.ATTRACT, State.FACILITATOR, State.OUT_OF_SERVICE})
"""States in which a box that was taken back from a borrower may end: nobody tells or hears anything."""
ALONE = IDLE - {State.FACILITATOR}
"""States in which it may begin again with other settings: whoever changed them has left it too."""
TOLD = frozenset({State.RECORDING, State.CLOSING, State.REVIEW, State.TRIM, State.CONVERSATION})
"""States in which words of the take of this visit may be shown."""
_KEY_LAMPS = {Control.LEFT: Lamp.LEFT, Control.MIDDLE: Lamp.MIDDLE, Control.RIGHT: Lamp.RIGHT}


def _unobserved(_at: float, _what: str, _details: dict[str, object]) -> None:
    """Nobody watches the real box."""


_CUE_LAMPS = tuple(lamp for lamp in Lamp if lamp.value.startswith("cue"))
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What an app is put together from; `kiosk.box` does it."""

    store: Store
    clock: Clock
    controls: Controls
    lamps: Lamps
    telling: Telling
    playing: Playing
    texts: Mapping[str, Texts]
    prompts: tuple[Prompt, ...]
    screen: Screen | None
    check: Check
    arrivals: queue.SimpleQueue[Arrival]


class App:
    """The box at work."""

    def __init__(
        self,
        parts: Parts,
        rules: t.Rules,
        languages: tuple[str, ...],
        observer: Observer | None = None,
        *,
        steward: str = "",
    ) -> None:
        """Build the first session; nothing is opened before `start`."""
        self._parts = parts
        self._clock = parts.clock
        self.telling = parts.telling
        self._observe = observer or _unobserved
        self._arrivals = parts.arrivals
        self._prompts = {prompt.id: prompt for prompt in parts.prompts}
        self._rules = rules
        self._languages = languages
        self._effects = Effects(
            parts.store, parts.clock, parts.telling, parts.playing, parts.texts, self.post, check=parts.check,
            face=self, beside=Beside(parts.arrivals.put),
        )  # fmt: skip
        self.session: Session
        self._begun: tuple[t.Effect, ...] = ()
        self.session, self._begun = first(self._clock.monotonic(), rules, languages, [p.id for p in parts.prompts])
        self._seen_version = -1
        self._blind = False
        self._pulse = Pulse(parts.store, parts.clock)
        self._facing = Facing(parts.store)
        self._looks = Looks(parts.store, parts.telling, parts.playing, self._facing, parts.texts, self._prompts)
        self._steward = StewardCode(steward)
        self._command = parts.store.last_command()
        self._ticked = self._drawn = float("-inf")
        self._shown: tuple[object, ...] = ()
        self._network: tuple[str, str] | None = None
        self._view: View | None = None
        self._rehearsal = None if parts.screen is None else Rehearsal(parts.screen, parts.texts)
        self._lit: dict[Lamp, float] = {}
        self._returned = self._resettled = False
        self.closed = False
        """Whether a person closed the window, took the box back from a borrower, or changed its settings."""
        self.again = False
        """Whether it shall begin again, with the settings that a phone has changed."""

    # -- in -----------------------------------------------------------------------------------------------------

    def post(self, arrival: Arrival) -> None:
        """Put something into the queue; from any thread."""
        self._arrivals.put(arrival)

    def press(self, meaning: Meaning) -> None:
        """Press whatever means ``meaning`` now: the control that has it, else as the screen or a phone would."""
        self._pulse.pressed()
        for control, meant in keys(self.session).items():
            if meant is meaning:
                touch = getattr(self._parts.controls, "press", None)
                if touch is not None:
                    touch(control)
                    return
        self.post(t.Press(meaning, self._clock.monotonic(), self._fresh()))

    @property
    def typing(self) -> bool:
        """Whether letters and figures are text now: while a keep-code is entered."""
        return self.session.state is State.CODE_ENTRY and self.session.still_there is None

    def typed(self, text: str) -> None:
        """Take what a keyboard typed into the entering of a keep-code."""
        self.post(t.Typed(text, self._clock.monotonic()))

    def touched(self, line: int) -> None:
        """Take a finger on a line of a list."""
        self.post(t.Touched(line, self._clock.monotonic()))

    def pointed(self, share: float, *, lifted: bool) -> None:
        """Take a finger on the waveform."""
        self.post(t.Pointed(share, lifted, self._clock.monotonic()))

    def missed(self) -> None:
        """Take a finger where nothing is as the press of a dead key."""
        self.post(t.IdlePress(self._clock.monotonic()))

    def _fresh(self) -> TakeId:
        return fresh_take(self._clock.wall())

    # -- the loop -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Watch the controls, offer prompts and cues, prepare the box."""
        self._parts.controls.start(self.post)
        if self._parts.screen is not None:
            self._parts.screen.listen(self)
        self._look_at_store()
        self._effects.run(self._begun, self.session)
        self.round(0.0)

    def stop(self) -> None:
        """Let go of everything. An open take stays open: the next start offers it back or holds it."""
        self._parts.controls.stop()
        self._parts.playing.stop()
        if self.session.state not in {State.RECORDING, State.CONVERSATION}:
            self._parts.telling.close_stream()
        self._drain()
        until = time.monotonic() + STOP_WAIT_S
        while self.session.saving and (left := until - time.monotonic()) > 0:
            # Keep was pressed, or a part goes: what runs beside has a moment to end, whatever else arrives meanwhile.
            self._drain(left)
        if self.session.take is not None and self.session.state is State.SHARING:
            try:
                self._parts.store.close_review(self.session.take, "stop")
            except TROUBLES as error:  # the next start ends the visit; the lamps go out all the same
                _log.warning("the visit is not ended: %s", type(error).__name__)
        for lamp in self._lit:
            self._parts.lamps.set(lamp, 0.0)
        self._parts.lamps.close()
        if self._parts.screen is not None:
            self._parts.screen.close()

    @property
    def frame_s(self) -> float:
        """How long one turn may wait: what moves on the screen sets the pace."""
        if self.session.playing is not None:
            return 1 / CAPTION_FPS
        return 1 / (LIVELY_FPS if self.session.state in LIVELY else QUIET_FPS)

    @property
    def wait_s(self) -> float:
        """How long one turn may wait for something to happen: to the next frame, and less while a phone may press."""
        # What arrived meanwhile must not put the next frame off: a word would come up to a frame later on the screen.
        due = max(0.0, self._drawn + self.frame_s - self._clock.monotonic())
        frame = min(self.frame_s, due)
        return min(frame, PHONE_S) if self.session.home is State.FACILITATOR else frame

    def round(self, wait: float) -> None:
        """Take one turn, waiting at most ``wait`` real seconds for something to happen."""
        self._await(wait)
        now = self._clock.monotonic()
        if now - self._ticked >= TICK_S:
            self._ticked = now
            self._step(t.Tick(now))
            if self._steward.right(now):
                self._step(t.StewardCame(now))
            self._parts.controls.settle()
            self._parts.telling.tick(self._recording(), now)
        self._parts.playing.tick(now)
        self._parts.telling.speaking = self._parts.playing.reading
        self._pulse.tick()
        self._look_at_store()
        self._drain()
        self.closed = self.closed or (self._returned and self.session.state in IDLE)
        if self._resettled and self.session.home is not State.FACILITATOR and self.session.state in ALONE:
            self.again = self.closed = True
        self._facing.tell(self.session, self._command, self._looks.asks(self.session))
        self._network_opened()
        self._light()
        if now - self._drawn >= self.frame_s * 0.9 or self._face_key() != self._shown:
            self._draw(now)
        if self._rehearsal is not None:
            self._rehearsal.beat(self.session, self._view, now)

    def _recording(self) -> TakeId | None:
        live = self.session.state in {State.RECORDING, State.CONVERSATION} and self.session.paused_at is None
        return self.session.take if live else None

    def _await(self, wait: float) -> None:
        """Handle what arrives, at once; a screen that has to be asked for its keys is asked all the while."""
        screen, until = self._parts.screen, time.monotonic() + wait
        while True:
            if screen is not None and not screen.poll():
                self.closed = True
            left = until - time.monotonic()
            once = left if screen is None else min(left, screen.asked_s)
            if self._drain(once) or once == left or self.closed:
                return

    def _drain(self, wait: float = 0.0) -> bool:
        """Handle everything that has arrived; tell whether there was anything."""
        some = False
        try:
            arrival = self._arrivals.get(timeout=wait) if wait > 0 else self._arrivals.get_nowait()
            while True:
                some = True
                self._arrive(arrival)
                arrival = self._arrivals.get_nowait()
        except queue.Empty:
            return some

    def _arrive(self, arrival: Arrival) -> None:
        match arrival:
            case Done(then=then):
                self._end_of(then)
            case ControlEvent(released=True):
                return
            case ControlEvent(control=control, at=at):
                self._pulse.pressed()
                self._steward.press(CUES.index(control) + 1 if control in CUES else None, at)
                meaning = keys(self.session).get(control)
                if meaning is not None:
                    self._step(t.Press(meaning, at, self._fresh()))
                else:
                    self.session, _ = step(self.session, t.IdlePress(at))
                    self._observe(at, "idle_press", {"control": control.value})
            case PlaybackStarted() | PlaybackEnded():
                self._parts.playing.hear(arrival)
            case (
                heard.StreamOpened() | heard.StreamClosed() | heard.StreamLost() | heard.StreamBack()
                | heard.LevelHeard() | heard.FirstSample() | heard.Marked() | heard.SegmentClosed() | heard.SoundGap()
                | heard.ShortPause() | heard.TakeClosed() | heard.TakeFailed()
            ):  # fmt: skip
                self._parts.telling.hear(arrival, self.session.take)
            case _:
                self._step(arrival)

    def _end_of(self, then: Callable[[], None]) -> None:
        """Let what ran beside come to its end; what fails there is trouble to show, as that of any effect."""
        try:
            then()
        except TROUBLES as error:
            _log.exception("the end of slow work failed")
            self._step(self._effects.trouble(error, self.session))

    def _step(self, event: t.Event) -> None:
        before = self.session
        self.session, effects = step(before, event)
        if not isinstance(event, t.Tick | t.ScreenShown):
            self._note(event)
        if self.session.state is not before.state:
            details: dict[str, object] = {"from": before.state.value, "to": self.session.state.value}
            self._observe(event.at, "state", details)
        self._effects.run(effects, self.session)
        if must_be_said(before, self.session):
            self._parts.playing.alarm(self.session.visit, self.spoken(), self.session.language)
        elif lost(before) and not lost(self.session):
            # Nothing the box says may sound into a story that goes on.
            self._parts.playing.stop()
        self._mark(event, before)

    def _mark(self, event: t.Event, before: Session) -> None:
        """Mark on the conversation's own time line what was played into it and asked in it."""
        session, telling = self.session, self._parts.telling
        match event:
            case t.PlaybackStarted(at=at) if session.state is State.CONVERSATION and session.playing is not None:
                assert session.take is not None
                telling.sound_began(session.take, Mark.EXCERPT, at, session.playing.story or "")
            case t.PlaybackEnded(at=at):
                telling.sound_ended(at)
            case t.SoundMade(at=at):
                telling.sound_ended(at, Mark.TONES)
            case t.Press(at=at) if session.state is before.state is State.CONVERSATION:
                if session.question != before.question and session.take is not None:
                    telling.mark(session.take, Mark.QUESTION, at, self._looks.asks(session))
            case _:
                pass

    def _note(self, event: t.Event) -> None:
        """Tell the observer; keep-codes and sentences of errors are nobody's business there."""
        details = {
            name: getattr(event, name)
            for name in ("meaning", "take", "story", "play", "seconds", "hint", "handed")
            if hasattr(event, name)
        }
        self._observe(event.at, type(event).__name__, details)

    def refresh(self) -> None:
        """Look at the store again although no other process wrote (this one did)."""
        self._seen_version = -1

    # -- the store ----------------------------------------------------------------------------------------------

    def _look_at_store(self) -> None:
        """See what other processes wrote; a disk that refuses ends no story: it is looked at again at the next turn."""
        try:
            version = self._parts.store.version()
            if version != self._seen_version:
                self._look()
                self._blind = False
            self._seen_version = version
        except TROUBLES as error:
            if not self._blind:
                _log.warning("the store cannot be looked at: %s", type(error).__name__)
            self._blind = True

    def _look(self) -> None:
        """Read words, cues, presses from a phone."""
        self._facing.look()
        self._read_words()
        self._read_cues()
        for command in self._parts.store.commands_after(self._command):
            self._command = command.id
            if command.name == PRESS and command.argument in set(Meaning):
                self.post(t.Press(Meaning(command.argument), self._clock.monotonic(), self._fresh()))
            elif command.name == PAIR:
                self._facing.offer(self.session)
            elif command.name == RETURNED:
                self._returned = True
            elif command.name == SAVED:
                self._resettled = True

    def _read_words(self) -> None:
        take = self.session.take
        if take is None or self.session.state not in TOLD:
            return
        store = self._parts.store
        try:
            words = tuple(transcript(store, take, Reader.REVIEW, store.now()))
        except TROUBLES:
            # Not opened yet, just let go, or a word is damaged: nothing to show either way, and the story goes on.
            return
        if words != self._looks.captions:
            self._looks.captions = words
            self._observe(self._clock.monotonic(), "words", {"take": take, "count": len(words)})

    def _read_cues(self) -> None:
        store, now = self._parts.store, self._parts.store.now()
        sheet = store.cue_sheet(DEFAULT_SHEET).cues
        cues = {
            number: Cue(
                cut.title,
                (cut.end - cut.start) / 1000,
                ask(store.db.conn, cut.story, store.cue_reader(cut.story), now).allowed,
            )
            for number, cut in sheet.items()
        }
        if cues != self._looks.cues or self.session.cues != tuple(sorted(cues)):
            self._looks.cues = cues
            self.post(t.CuesOffered(tuple(sorted(cues)), self._clock.monotonic()))

    # -- out ----------------------------------------------------------------------------------------------------

    def spoken(self, *, short: bool = False) -> str:
        """What is on the screen now, as it is read aloud; ``short`` only what it tells just now."""
        shown = self._looks.view(self.session, self._clock.monotonic(), aloud=True)
        return news(shown) if short else spoken(shown, self._parts.texts[self.session.language])

    def pair(self) -> None:
        """Show the digits that pair a facilitator's phone and open the box's own access point, or put both away."""
        self._facing.turn(self.session)

    def _network_opened(self) -> None:
        """What a phone joins comes seconds after its digits were read: read both."""
        session = self.session
        network = self._facing.network() if session.state is State.FACILITATOR else None
        came, self._network = network is not None and self._network is None, network
        read = session.speaking or session.rules.headphones
        if came and read and session.playing is None and self._facing.digits(self._clock.monotonic()):
            self._effects.run((t.Speak(session.visit),), session)

    def visit(self) -> int:
        """The number of the visit that goes on now."""
        return self.session.visit

    def forget(self) -> None:
        """Clear the words of the visit."""
        self._looks.captions = ()

    def _face_key(self) -> tuple[object, ...]:
        session = self.session
        return (
            session.state, session.visit, session.question, session.asked, session.still_there is not None,
            session.asks, session.entry, session.page, session.person, session.line, session.mine, session.story,
            session.saving, session.ends, session.paused_at is not None, session.prompt, session.language, session.mic,
            self._facing.digits(self._clock.monotonic()),
        )  # fmt: skip

    def _draw(self, now: float) -> None:
        shown = self._face_key()
        self._drawn = now
        if self._parts.screen is not None:
            self._view = self._looks.view(self.session, now)
            self._parts.screen.show(self._view, now)
        if shown != self._shown:
            self._shown = shown
            self._step(t.ScreenShown(self.session.visit, self._clock.monotonic()))
            self._observe(now, "screen", {"state": self.session.state.value})

    def _light(self) -> None:
        """Bring the lamps up to date: the ring follows the stream, a key's lamp whether it does anything."""
        offered = keys(self.session)
        wanted = {lamp: 1.0 if control in offered else 0.0 for control, lamp in _KEY_LAMPS.items()}
        paused = self.session.paused_at is not None
        wanted[Lamp.RING] = (
            0.0 if paused or not self._parts.telling.stream_open else 0.4 + 0.6 * self._parts.telling.level
        )
        for lamp in _CUE_LAMPS:
            wanted[lamp] = 1.0 if Control(lamp.value) in offered else 0.0
        for lamp, level in wanted.items():
            rounded = round(level, 1)
            if self._lit.get(lamp) != rounded:
                self._parts.lamps.set(lamp, rounded)
                self._lit[lamp] = rounded
