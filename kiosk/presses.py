"""The little language a simulated visitor is told in: ``talk agree talk @speech talk keep play_here done``.

Words name meanings, never keys, so a story told in them stays right when a screen moves a key. Pure: text in,
steps out.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from archive.types import ASKED_USES, Use
from kiosk.errors import KioskError

USES: dict[str, Use] = {use.value: use for use in ASKED_USES}
PRESSES: tuple[str, ...] = (
    "talk", "agree", "decline", "listen", "next", "stop", "keep", "discard", "redo", "back", "hear", "pause", "resume",
    "facilitate", "language", "speak", "louder", "again", "no",
    "group", "person", "question", "flag", "extend",
    "cue1", "cue2", "cue3", "cue4", "cue5", "cue6", "cue7", "cue8",
)  # fmt: skip
"""Every word that is one deliberate press. Answers (`USES` and ``done``) and waits stand beside them."""


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
class Wait:
    """Let so many seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class WaitSpeech:
    """Wait until the visitor has said all of the current sound file."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Yes to these uses whenever one is asked; ``done`` says no to every other."""

    uses: frozenset[Use]
    done: bool


Step = Press | Wait | WaitSpeech | Answers


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
        elif word in USES:
            if isinstance(last, Answers) and not last.done:
                steps[-1] = Answers(last.uses | {USES[word]}, done=False)
            else:
                steps.append(Answers(frozenset({USES[word]}), done=False))
        elif word == "done":
            if isinstance(last, Answers) and not last.done:
                steps[-1] = Answers(last.uses, done=True)
            else:
                steps.append(Answers(frozenset(), done=True))
        elif word in PRESSES:
            if word not in {"discard", "redo"} or last != Press(word):
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
    known = [*PRESSES, *USES, "done", "@speech", "@2.5"]
    close = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"The words are: {' '.join(known)}."
