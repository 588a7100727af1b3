"""The little language a simulated visitor is told in: ``talk agree talk @speech talk keep play_here done``.

Words name meanings, never keys, so a story told in them stays right when a screen moves a key. Pure: text in,
steps out.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

from archive.types import ASKED_USES, Use
from kiosk.errors import KioskError

USES: dict[str, Use] = {use.value: use for use in ASKED_USES}
PRESSES: tuple[str, ...] = (
    "talk", "agree", "decline", "listen", "next", "stop", "keep", "discard", "redo", "back", "hear", "pause", "resume",
    "story", "uses", "where", "part", "withdraw", "narrow", "tell", "yes",
    "facilitate", "language", "speak", "louder", "again", "no",
    "group", "person", "join", "question", "flag", "extend", "move", "take", "captions", "tell_librarian", "say_code",
    "trim", "more", "same_question", "same_theme", "any_voice", "pair",
    "cue1", "cue2", "cue3", "cue4", "cue5", "cue6", "cue7", "cue8",
)  # fmt: skip
"""Every word that is one deliberate press. Answers (`USES` and ``done``) and waits stand beside them."""
FIRST: tuple[str, ...] = ("younger", "only_words", "wait")
"""Answers to what is asked before the uses: not of age, no voice, others wait."""
CONFIRMED = frozenset({"join", "discard", "redo", "withdraw", "narrow", "tell", "tell_librarian"})
"""Words the box asks about again; said twice they are one, the visitor confirms by itself."""


class BadPresses(KioskError):
    """The visitor was told something that is not in the language."""

    code = "bad-presses"
    could_not_start = True


class PressNotLegal(KioskError):
    """A press was asked for in a state that ended, or never ends, without allowing it."""

    code = "press-not-legal"


@dataclass(frozen=True, slots=True)
class Press:
    """Press whatever means this word, as soon as that is possible."""

    word: str


@dataclass(frozen=True, slots=True)
class Language:
    """Go through the languages until the screen speaks this one."""

    code: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Let so many seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class WaitSpeech:
    """Wait until the visitor has said all of the current sound file."""


@dataclass(frozen=True, slots=True)
class EnterCode:
    """Enter a keep-code with the three keys; ``last`` stands for that of the story kept last in this run."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answers:
    """Yes to these uses whenever one is asked; ``done`` says no to every other."""

    uses: frozenset[Use]
    done: bool
    first: frozenset[str] = frozenset()
    """Answers to what is asked before the uses (`FIRST`); what is not named is answered as most people would."""


Step = Language | Press | Wait | WaitSpeech | Answers | EnterCode


def parse(text: str) -> tuple[Step, ...]:
    """Read the visitor's words.

    Answers that follow one another are one step, because the box asks in its own order. A destructive word said
    twice is one: the visitor confirms by itself. Raises `BadPresses` naming the nearest word.
    """
    steps: list[Step] = []
    for word in text.split():
        last = steps[-1] if steps else None
        if word.startswith("@"):
            steps.append(_wait(word))
        elif word in USES or word in FIRST or word == "done":
            going_on = isinstance(last, Answers) and not last.done
            before = last if going_on and isinstance(last, Answers) else Answers(frozenset(), done=False)
            if going_on:
                steps.pop()
            uses = before.uses | ({USES[word]} if word in USES else set())
            first = before.first | ({word} if word in FIRST else set())
            steps.append(Answers(frozenset(uses), word == "done", frozenset(first)))
        elif word.startswith("lang:"):
            steps.append(Language(word.removeprefix("lang:")))
        elif word.startswith("code:"):
            steps.append(EnterCode(word.removeprefix("code:")))
        elif word in PRESSES:
            if word not in CONFIRMED or last != Press(word):
                steps.append(Press(word))
        else:
            raise BadPresses(f"A visitor cannot do '{word}'.", _nearest(word))
    return tuple(steps)


def _wait(word: str) -> Step:
    if word == "@speech":
        return WaitSpeech()
    try:
        seconds = float(word[1:])
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise BadPresses(f"'{word}' is not a wait.", "Say @speech, or seconds as in @2.5.")
    return Wait(seconds)


def _nearest(word: str) -> str:
    known = [*PRESSES, *USES, *FIRST, "done", "code:last", "lang:ar", "@speech", "@2.5"]
    close = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"The words are: {' '.join(known)}."
