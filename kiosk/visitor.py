"""A simulated visitor: looks at the session, presses the control that means what the script says, and waits.

It can do only what a person can do: it presses what is offered, one press at a time, after the screen was shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from archive.types import ASKED_USES
from kiosk.codeentry import Part, toward
from kiosk.keys import counts, last_person
from kiosk.presses import CONFIRMED, Answers, EnterCode, Language, Press, PressNotLegal, Step, Wait, WaitSpeech
from kiosk.types import Meaning, Mic, Page, Preface, Session, State

MACHINE_STATES = frozenset({State.STARTING, State.CLOSING, State.OUT_OF_SERVICE})
"""States that a machine ends, at the machine's own pace."""
FOREVER = frozenset({State.ATTRACT})
"""States that nothing but a press ends: a word that is not legal there never will be."""
PATIENCE = 0.5
"""Seconds a word may be impossible in a state of `FOREVER` before the visitor gives up."""
ORDER = "Check the order of the presses: hearth simulate --help has examples."
MEANINGS: dict[str, tuple[Meaning, ...]] = {
    "talk": (Meaning.TALK, Meaning.GO_ON),
    "agree": (Meaning.AGREE,),
    "decline": (Meaning.DECLINE,),
    "listen": (Meaning.LISTEN, Meaning.HEAR),
    "hear": (Meaning.HEAR,),
    "next": (Meaning.NEXT,),
    "stop": (Meaning.STOP,),
    "keep": (Meaning.KEEP,),
    "discard": (Meaning.DISCARD,),
    "redo": (Meaning.REDO,),
    "back": (Meaning.BACK, Meaning.DECLINE, Meaning.STOP),
    "pause": (Meaning.PAUSE,),
    "resume": (Meaning.RESUME,),
    "no": (Meaning.NO,),
    "yes": (Meaning.YES,),
    "again": (Meaning.EXTEND, Meaning.SAY_CODE),
    "story": (Meaning.SAY_CODE,),
    "uses": (Meaning.USES,),
    "where": (Meaning.RECEIPTS,),
    "part": (Meaning.PART,),
    "withdraw": (Meaning.WITHDRAW,),
    "narrow": (Meaning.NARROW,),
    "tell": (Meaning.TELL_LIBRARIAN,),
    "tell_librarian": (Meaning.TELL_LIBRARIAN,),
    "say_code": (Meaning.SAY_CODE,),
    "captions": (Meaning.CAPTIONS,),
    "trim": (Meaning.TRIM,),
    "more": (Meaning.MORE,),
    "same_question": (Meaning.SAME_QUESTION,),
    "same_theme": (Meaning.SAME_THEME,),
    "any_voice": (Meaning.ANY_VOICE,),
    "pair": (Meaning.PAIR,),
    "move": (Meaning.MOVE,),
    "take": (Meaning.TAKE,),
    "language": (Meaning.LANGUAGE,),
    "speak": (Meaning.SPEAK,),
    "louder": (Meaning.LOUDER,),
    "facilitate": (Meaning.FACILITATE,),
    "group": (Meaning.BEGIN_GROUP,),
    "person": (Meaning.NEXT_PERSON,),
    "join": (Meaning.NEXT_PERSON,),
    "question": (Meaning.QUESTION,),
    "flag": (Meaning.FLAG,),
    "extend": (Meaning.EXTEND,),
    **{f"cue{number}": (Meaning(f"cue{number}"),) for number in range(1, 9)},
}


class Speech(Protocol):
    """The simulated mouth."""

    def heard(self) -> bool:
        """Whether the current sound file has been said to its end."""
        ...


class Visitor:
    """Works through its steps, one look at a time."""

    def __init__(
        self,
        steps: tuple[Step, ...],
        press: Callable[[Meaning], object],
        speech: Speech,
        last_code: Callable[[], str] | None = None,
    ) -> None:
        """Take the script, a way to press, the mouth, and what the visitor wrote down of the last keep-code."""
        self._steps = list(steps)
        self._press = press
        self._speech = speech
        self._since: float | None = None
        self._waited_in: State | None = None
        self._confirming = False
        self._tried = False
        self._last_code = last_code or (lambda: "")

    @property
    def finished(self) -> bool:
        """Whether every word of the script has been done."""
        return not self._steps and not self._confirming

    def machine_busy(self, session: Session) -> bool:
        """Whether the box works at its own pace now, so that simulated time must not run ahead of it."""
        return session.state in MACHINE_STATES or session.saving or session.mic is Mic.WAITING

    def look(self, session: Session, now: float) -> None:
        """See the screen and do at most one thing. Raises `PressNotLegal` naming state and word."""
        if self._confirming:
            if self._try(session, now, (Meaning.CONFIRM,)):
                self._confirming = False
            return
        if not self._steps:
            return
        step = self._steps[0]
        done = False
        match step:
            case Wait(seconds):
                self._since = now if self._since is None else self._since
                done = now - self._since >= seconds
            case Language(code):
                done = self._find_language(session, now, code)
            case WaitSpeech():
                self._still_listening(session)
                done = self._speech.heard()
            case Answers():
                done = self._answer(session, now, step)
            case EnterCode(code):
                done = self._enter(session, now, code)
            case Press(word):
                done = self._do(session, now, word)
        if done:
            self._steps.pop(0)
            self._since = self._waited_in = None

    def _find_language(self, session: Session, now: float, code: str) -> bool:
        if session.language == code:
            return True
        if code not in session.languages:
            spoken = f"This box speaks {', '.join(session.languages)}; site.languages of its settings says so."
            raise self._refusal(session, f"lang:{code}", do=spoken)
        if self._try(session, now, (Meaning.LANGUAGE,)):
            self._waited_in = None
        else:
            self._patience(session, now, f"lang:{code}")
        return False

    def _still_listening(self, session: Session) -> None:
        if session.state in FOREVER | {State.THANKS, State.SHARING, State.REVIEW}:
            raise self._refusal(session, "@speech")

    def _do(self, session: Session, now: float, word: str) -> bool:
        if self._try(session, now, MEANINGS[word]):
            # In the list of what can be done with a voice the press itself is the second one.
            self._confirming = word in CONFIRMED and session.page is not Page.VOICES
            return True
        if session.state is State.THANKS and not self.machine_busy(session):
            # Whoever goes on to something else leaves the thanks screen first, a group after its last.
            self._try(session, now, (Meaning.DONE, Meaning.NEXT))
        else:
            self._patience(session, now, word)
        return False

    def _answer(self, session: Session, now: float, step: Answers) -> bool:  # noqa: PLR0911 (one answer a moment)
        if session.state is not State.SHARING:
            if session.state is State.THANKS and self._waited_in is State.SHARING:
                return True
            if session.state is State.THANKS and step.done and not step.uses:
                if not last_person(session):
                    self._try(session, now, (Meaning.NEXT,))
                    return False
                return self._try(session, now, (Meaning.DONE,))
            self._patience(session, now, " ".join([*sorted(step.uses), *(["done"] if step.done else [])]))
            return False
        self._waited_in = State.SHARING
        if session.asks:
            self._try(session, now, (self._first(session.asks[0], step.first),))
            return False
        later = ASKED_USES[session.question :]
        wanted = [use for use in later if use in step.uses]
        if not wanted and not step.done:
            return True
        if not wanted:
            return self._try(session, now, (Meaning.DONE,))
        self._try(session, now, (Meaning.YES if later[0] in step.uses else Meaning.NO,))
        return False

    def _first(self, ask: Preface, said: frozenset[str]) -> Meaning:
        """Answer what is asked before the uses: of age, with the voice, at once, unless the script says otherwise."""
        yes = {
            Preface.AGE: "younger" not in said, Preface.FORM: "only_words" not in said, Preface.EMBARGO: "wait" in said
        }  # fmt: skip
        return Meaning.YES if yes[ask] else Meaning.NO

    def _enter(self, session: Session, now: float, code: str) -> bool:
        """Enter a keep-code as with the three keys; done when the box has said yes or no to it."""
        if self._tried and not session.saving:
            self._tried = False
            return True
        if session.state is not State.CODE_ENTRY:
            if not self._try(session, now, (Meaning.SAY_CODE,)):
                self._patience(session, now, "code")
            return False
        whole = self._last_code() if code == "last" else code
        way = toward(session.entry, whole, session.language)
        if way is None and not session.saving:
            raise self._refusal(session, "code")
        if way is not None and self._try(session, now, (Meaning.TAKE if way else Meaning.MOVE,)):
            self._tried = session.entry.part is Part.READY
        return False

    def _patience(self, session: Session, now: float, word: str) -> None:
        """Wait while the state may still allow the word; give up once it ended, or never will end by itself."""
        if self.machine_busy(session):
            self._waited_in = None
            return
        if self._waited_in is None:
            self._waited_in, self._since = session.state, now
        ended = session.state is not self._waited_in
        hopeless = session.state in FOREVER and self._since is not None and now - self._since > PATIENCE
        if ended or hopeless:
            raise self._refusal(session, word, self._waited_in)

    def _refusal(
        self, session: Session, word: str, waited_in: State | None = None, *, do: str = ORDER
    ) -> PressNotLegal:
        state = session.state if waited_in is None else waited_in
        over = "" if state is session.state else f", which ended in '{session.state.value}'"
        return PressNotLegal(
            f"'{word}' is not possible in the state '{state.value}'{over}.",
            do,
        )

    def _try(self, session: Session, now: float, meanings: tuple[Meaning, ...]) -> bool:
        for meaning in meanings:
            if counts(session, meaning, now) and now - session.shown_at >= session.rules.deliberate:
                self._press(meaning)
                return True
        return False
