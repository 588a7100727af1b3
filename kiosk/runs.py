"""Cuts a line into runs of one script, in the order they stand on the screen; and tells where a line may break. Pure.

This is the part of the Unicode bidirectional algorithm (UAX 9) that one-line texts of a kiosk need: a line has one main
direction; runs of letters of the other direction keep theirs; digits run from left to right; what has no direction
(spaces, full stops) goes with its neighbours where they agree and else with the line. There is no embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Script(StrEnum):
    """A script by its ISO 15924 code, as the shaper wants it."""

    LATIN = "Latn"
    ARABIC = "Arab"
    DEVANAGARI = "Deva"
    HAN = "Hani"

    @property
    def right_to_left(self) -> bool:
        """Whether it is written from right to left."""
        return self is Script.ARABIC


@dataclass(frozen=True, slots=True)
class Run:
    """Letters that one font can set."""

    text: str
    script: Script


SCRIPTS: dict[str, Script] = {"ar": Script.ARABIC, "hi": Script.DEVANAGARI, "zh": Script.HAN}
"""The script of each language that is not written in Latin letters."""


def script_in(language: str) -> Script:
    """The script a language is written in."""
    return SCRIPTS.get(language, Script.LATIN)


_RANGES: tuple[tuple[int, int, Script], ...] = (
    (0x0600, 0x06FF, Script.ARABIC),
    (0x0750, 0x077F, Script.ARABIC),
    (0x08A0, 0x08FF, Script.ARABIC),
    (0x0900, 0x097F, Script.DEVANAGARI),
    (0x200C, 0x200D, Script.DEVANAGARI),
    (0x2E80, 0x9FFF, Script.HAN),
    (0xF900, 0xFAFF, Script.HAN),
    (0xFB50, 0xFDFF, Script.ARABIC),
    (0xFE70, 0xFEFC, Script.ARABIC),
    (0xFF00, 0xFFEF, Script.HAN),
    (0x20000, 0x2FA1F, Script.HAN),
)
_SHARED: dict[Script, str] = {
    Script.LATIN: "",
    Script.ARABIC: " \u00a0.:!()«»",
    Script.DEVANAGARI: " \u00a0",
    Script.HAN: " \u00a0“”‘’·…—–",
}
"""Characters without a script of their own that the script's fonts hold."""
_NEUTRAL = frozenset(" \u00a0.:!()«»“”‘’·…—–-?,;/")
_IN_NUMBERS = frozenset(".,:/")
_FIRST_SPECIAL = 0x0600
_NO_LINE_START = frozenset("，。、！？；：）》」』”’…·)!?,.;:%")
_NO_LINE_END = frozenset("（《「『“‘(")


def script_of(letter: str) -> Script | None:
    """The script of a letter or digit; None for what goes with its neighbours. Digits count as Latin."""
    code = ord(letter)
    if code >= _FIRST_SPECIAL:
        for low, high, script in _RANGES:
            if low <= code <= high:
                return script
    return None if letter in _NEUTRAL else Script.LATIN


def runs(text: str, home: Script) -> list[Run]:
    """The runs of ``text`` from left to right on the screen, for a line whose main script is ``home``."""
    if home is Script.LATIN and all(ord(letter) < _FIRST_SPECIAL for letter in text):
        return [Run(text, home)] if text else []
    scripts = _resolved(text, home)
    found: list[Run] = []
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or scripts[at] is not scripts[start]:
            found.append(Run(text[start:at], scripts[start]))
            start = at
    return found[::-1] if home.right_to_left else found


def _resolved(text: str, home: Script) -> list[Script]:
    known = [script_of(letter) for letter in text]
    scripts: list[Script] = []
    before: Script | None = None
    for at, letter in enumerate(text):
        script = known[at]
        if script is None:
            after = next((one for one in known[at:] if one is not None), None)
            script = before if before is not None and before is after else home
            if home.right_to_left and not _in_number(text, at) and _between_digits(text, at):
                # Two numbers are two things: each keeps its order, together they follow the line.
                script = home
            if letter not in _SHARED[script]:
                script = Script.LATIN
        else:
            before = script
        # The fonts of Han hold Latin letters that were drawn to stand beside it.
        scripts.append(Script.HAN if home is Script.HAN and script is Script.LATIN else script)
    return scripts


def _in_number(text: str, at: int) -> bool:
    """Whether what has no direction belongs to the number around it; a space that may not break sets its groups."""
    if text[at] == "\u00a0":
        return text[at - 1 : at].isdigit() and text[at + 1 : at + 2].isdigit()
    return text[at] in _IN_NUMBERS


def _between_digits(text: str, at: int) -> bool:
    neutral = "".join(_NEUTRAL)
    return text[:at].rstrip(neutral)[-1:].isdigit() and text[at:].lstrip(neutral)[:1].isdigit()


def pieces(text: str) -> list[tuple[str, str]]:
    """What may not be broken, each with what stands before it on the same line: a space, or nothing between Han signs.

    A line never begins with a closing mark nor ends with an opening one.
    """
    found: list[tuple[str, str]] = []
    for word in text.split(" "):
        glue = " "
        for piece in _unbroken(word):
            found.append((glue, piece))
            glue = ""
    return found


def _unbroken(word: str) -> list[str]:
    parts: list[str] = []
    for letter in word:
        joins = bool(parts) and (
            letter in _NO_LINE_START
            or parts[-1][-1] in _NO_LINE_END
            or not (script_of(letter) is Script.HAN or script_of(parts[-1][-1]) is Script.HAN)
        )
        if joins:
            parts[-1] += letter
        else:
            parts.append(letter)
    return parts
