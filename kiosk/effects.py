"""Carries out effects, in order, on the main thread: takes, voices, words on the screen, trouble.

If one effect of a step fails, those after it are not carried out: a microphone must not open when the yes to it
could not be written. The failure becomes trouble that the session shows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from archive.errors import WrongCode
from archive.keycode import Derived
from archive.spans import Mark
from archive.store import Store
from archive.stories import Visit
from archive.tellers import Copy, copies, my_story
from archive.types import ASKED_USES, Use
from audio.clock import Clock
from audio.types import TakeId
from kiosk import types as t
from kiosk.errors import TROUBLES
from kiosk.later import Beside
from kiosk.phrases import time_words
from kiosk.playing import Playing
from kiosk.speech import finished
from kiosk.takingout import TakingOut
from kiosk.telling import Telling
from kiosk.terms import BY_KEY, wording
from kiosk.texts import Texts

Announce = Callable[[t.Event], None]
Check = Callable[[], tuple[str, str] | None]
"""Looks whether what the box needs is there; returns what to say and do where it is not."""

_log = logging.getLogger(__name__)


class Face(Protocol):
    """What effects ask of the screen side."""

    def spoken(self, *, short: bool = False) -> str:
        """What is on the screen now, as it is read aloud; ``short`` only what it tells just now."""
        ...

    def pair(self) -> None:
        """Show the digits that pair a facilitator's phone, or put them away."""
        ...

    def forget(self) -> None:
        """Clear what belongs to the visit."""
        ...

    def visit(self) -> int:
        """The number of the visit that goes on now."""
        ...


class Effects:
    """One method a family of effects; `run` finds it."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        telling: Telling,
        playing: Playing,
        texts: Mapping[str, Texts],
        announce: Announce,
        *,
        check: Check,
        face: Face,
        beside: Beside,
    ) -> None:
        """``texts`` by language; ``check`` looks for trouble; ``beside`` does what takes long."""
        self._store = store
        self._clock = clock
        self._telling = telling
        self._playing = playing
        self._texts = texts
        self._announce = announce
        self._check = check
        self._face = face
        self._beside = beside
        self._brief = False
        """What is read, or was read last, was news alone."""
        self._taking_out = TakingOut(store, clock, playing, announce, beside, self._mine)

    def run(self, effects: tuple[t.Effect, ...], session: t.Session) -> None:
        """Carry out the effects of one step that led to ``session``."""
        for place, effect in enumerate(effects):
            try:
                self._one(effect, session)
            except TROUBLES as error:
                _log.exception("%s failed", type(effect).__name__)
                self._let_go(effects[place + 1 :], session)
                self._announce(self.trouble(error, session))
                return

    def trouble(self, error: Exception, session: t.Session) -> t.Trouble:
        """Say in the visitor's language what failed."""
        say, do = self._said(error, session)
        return t.Trouble(say, do, self._now())

    def _let_go(self, left: tuple[t.Effect, ...], session: t.Session) -> None:
        """Whatever failed: the microphone closes, what sounds ends, and the visit is forgotten."""
        for effect in left:
            if isinstance(effect, t.CloseStream | t.StopPlaying | t.ForgetVisit):
                try:
                    self._one(effect, session)
                except TROUBLES:
                    _log.exception("%s failed", type(effect).__name__)

    def _said(self, error: Exception, session: t.Session) -> tuple[str, str]:
        code = getattr(error, "code", "disk-trouble")
        say = getattr(error, "say", "The box cannot store anything at the moment.")
        return self._texts[session.language].trouble(code, say, getattr(error, "do", ""))

    def _now(self) -> float:
        return self._clock.monotonic()

    def _one(self, effect: t.Effect, session: t.Session) -> None:
        families = (self._take, self._review, self._voice)
        if not any(family(effect, session) for family in families) and not self._code(effect, session):
            self._machine(effect, session)

    def _take(self, effect: t.Effect, session: t.Session) -> bool:
        """Effects on the take while it is told."""
        texts, telling = self._texts[session.language], self._telling
        match effect:
            case t.RecordDecision():
                telling.record_decision(effect, session.kind, session.prompt, texts)
            case t.AgreeOne():
                telling.agree_one(effect, texts)
            case t.OpenStream(take=take):
                telling.open_stream(take)
            case t.CloseStream():
                telling.close_stream()
            case t.StartTake():
                telling.start_take(effect)
            case t.ContinueTake():
                telling.continue_take(effect)
            case t.PauseTake(take=take, at=at):
                telling.pause_take(take, at)
            case t.ResumeTake(at=at):
                telling.resume_take(at)
            case t.CloseTake():
                telling.close_take(effect)
            case t.DiscardTake(take=take):
                telling.discard(take)
            case _:
                return False
        return True

    def _review(self, effect: t.Effect, session: t.Session) -> bool:
        """Effects on the take after it was told."""
        texts, review = self._texts[session.language], self._telling.review
        match effect:
            case t.HoldTake(take=take):
                review.hold(take)
            case t.KeepTake():
                review.keep(effect, texts)
            case t.TrimTake():
                review.trim(effect, texts)
            case t.Decide():
                review.decide(effect, texts)
            case t.SayAge():
                review.say_age(effect, texts)
            case t.EndReview(take=take):
                review.end_review(take)
            case _:
                return False
        return True

    def _voice(self, effect: t.Effect, session: t.Session) -> bool:
        """Effects that are heard."""
        playing = self._playing
        match effect:
            case t.PlayNext():
                playing.next_voice(effect, session.language)
            case t.PlayCue(play=play, cue=cue):
                playing.cue(play, cue, session.language)
            case t.PlayOwn():
                playing.own(effect, session.language)
            case t.StopPlaying():
                playing.stop()
            case t.StopSpeaking():
                if playing.reading:
                    playing.stop()
            case t.Speak(visit=visit, short=short):
                self._speak(visit, session.language, short=short)
            case t.Warn(seconds=seconds, aloud=True):
                self._warn(seconds, session)
            case t.Louder():
                playing.louder()
            case _:
                return False
        return True

    def _warn(self, seconds: float, session: t.Session) -> None:
        """Sound that little time is left, marked: it is heard by the microphone, too. Words only into headphones."""
        words = ""
        if session.rules.headphones:
            words = finished(time_words(seconds, self._texts[session.language]))
        if session.take is not None:
            self._telling.sound_began(session.take, Mark.TONES, self._now())
        self._playing.time_tones(session.visit, words, session.language)

    def _speak(self, visit: int, language: str, *, short: bool) -> None:
        """Read the screen, or only its news, which never cuts the reading of a whole screen short."""
        if short and self._playing.reading and not self._brief:
            return
        self._brief = short
        self._playing.read(visit, self._face.spoken(short=short), language)

    def _code(self, effect: t.Effect, session: t.Session) -> bool:
        """Effects of a teller who came back."""
        texts = self._texts[session.language]
        match effect:
            case t.CheckCode(visit=visit, code=code):
                self._enter(visit, code, session)
            case t.Narrow(visit=visit, story=story):
                self._narrow(visit, story, ASKED_USES, next(iter(self._texts)))
            case t.NarrowUse(visit=visit, story=story, use=use, language=language):
                self._narrow(visit, story, (use,), language)
            case t.FindPauses():
                self._taking_out.find_pauses(effect, texts)
            case t.TakeOut():
                self._taking_out.take_out(effect, texts)
            case t.Withdraw(visit=visit, story=story):
                self._withdraw(visit, story)
            case t.TellLibrarian(story=story):
                self._store.hold(story, BY_KEY)
            case _:
                return False
        return True

    def _enter(self, visit: int, code: str, session: t.Session) -> None:
        """Check a code: the slow part beside, so that the screen stays alive; what it opens is for this visit alone."""

        def refuse(error: Exception) -> None:
            _log.warning("a code was not taken: %s", type(error).__name__)
            # Of words that fit nothing the screen has a sentence of its own.
            say = "" if isinstance(error, WrongCode) else self._said(error, session)[0]
            self._announce(t.CodeRefused(visit, say, self._now()))

        def check(derived: Derived) -> None:
            if self._face.visit() != visit:
                return
            try:
                opened = self._store.finish_code(attempt, derived)
                mine = self._mine(opened)
            except TROUBLES as error:
                refuse(error)
                return
            self._playing.visit = opened
            self._announce(t.CodeAccepted(visit, opened.take, self._now(), mine))

        try:
            attempt = self._store.begin_code(code)
        except TROUBLES as error:
            refuse(error)
            return
        self._beside.do(attempt.derive, check, refuse)

    def _mine(self, opened: Visit) -> t.Mine:
        facts = my_story(self._store, opened)
        uses = tuple(use for use in ASKED_USES if use in facts.uses)
        return t.Mine(uses, facts.length / 1000, _places(facts.copies), len(facts.cuts), facts.people)

    def _narrow(self, visit: int, story: TakeId, uses: tuple[Use, ...], language: str) -> None:
        opened = self._playing.visit
        assert opened is not None
        group = self._store.codes_of(story) > 1
        for use in uses:
            shown = wording(self._texts[language], use, group=group)
            self._store.decide(story, use, yes=False, wording=shown, by=BY_KEY, visit=opened)
        if self._store.is_seal_due(story):
            self._store.seal(story, BY_KEY)
        self._announce(t.Narrowed(visit, story, self._now(), self._mine(opened)))

    def _withdraw(self, visit: int, story: TakeId) -> None:
        assert self._playing.visit is not None
        self._playing.stop()
        self._store.withdraw(self._playing.visit, BY_KEY)
        self._playing.visit = None
        told = t.Mine(copies=_places(copies(self._store, story)))
        self._announce(t.Withdrawn(visit, story, self._now(), told))

    def _machine(self, effect: t.Effect, session: t.Session) -> None:
        """Effects that concern the box itself."""
        match effect:
            case t.Prepare():
                self._prepare()
            case t.AskTrouble():
                trouble = self._check()
                self._announce(t.Mended(self._now()) if trouble is None else t.Trouble(*trouble, self._now()))
            case t.ForgetVisit(same_people=same_people):
                self._telling.forget()
                self._playing.forget(keep_volume=same_people)
                self._face.forget()
            case t.FlagMoment(take=take, at=at):
                self._telling.mark(take, Mark.FLAG, at)
            case t.OfferPairing():
                self._face.pair()
            case t.SetLanguage() | t.Warn():
                # The language is in the session and the warning is on the screen.
                _log.info("%s in %s", type(effect).__name__, session.state)
            case _:
                raise AssertionError(f"no one carries out {type(effect).__name__}")

    def _prepare(self) -> None:
        self._telling.let_go_of_room()
        trouble = self._check()
        if trouble is not None:
            self._announce(t.Trouble(*trouble, self._now()))
            return
        self._store.finish_erasures()
        offered = [take for take in self._store.recover_open_takes() if take.offered]
        if not offered:
            self._announce(t.Started(self._now()))
            return
        last = offered[-1]
        kind, people = self._store.kind_of(last.take), self._store.people_of(last.take)
        seconds = last.length / 1000
        self._announce(t.TakeFound(last.take, seconds, kind, last.prompt, last.language, self._now(), people))


def _places(told: tuple[Copy, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((copy.place, copy.state) for copy in told)
