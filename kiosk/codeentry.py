"""Entering a keep-code with three keys, a finger or a keyboard: one decision a screen. Pure.

The number is taken digit by digit. A word is found as in a dictionary: each screen shows at most `LINES` stretches of
the alphabet by their first and last word, one is taken, and it opens up, until the word itself stands there; with a
keyboard two or three letters do the same. Nothing here knows which codes exist.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import pairwise

from archive.keycode import WORDS, normal, wordlist

LINES = 4
"""Stretches or words on one screen; as many as the box has cue buttons, which take them at one press."""
DONE = "ok"
"""The choice that ends the number."""
_SHORTEST = 3
"""Digits after which the number can be over; `archive.keycode.FIRST_NUMBER` has three."""
_LONGEST = 9
ERASE = "\b"
"""What the backspace key types."""


class Part(StrEnum):
    """What is being entered."""

    NUMBER = "number"
    WORD = "word"
    READY = "ready"
    """All of it is there: it can be tried, or the last step taken back."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What was entered so far. ``opened`` are the stretches taken on the way to the present word, as slices of the
    word list; ``typed`` its first letters from a keyboard; ``line`` is the marked choice.
    """

    digits: str = ""
    numbered: bool = False
    words: tuple[str, ...] = ()
    opened: tuple[tuple[int, int], ...] = ()
    typed: str = ""
    line: int = 0

    def __repr__(self) -> str:
        """Tell how far it is, never what it is."""
        return f"Entry({self.part.value}, {len(self.words)} words)"

    @property
    def part(self) -> Part:
        """What is being entered now."""
        if not self.numbered:
            return Part.NUMBER
        return Part.WORD if len(self.words) < WORDS else Part.READY

    @property
    def empty(self) -> bool:
        """Whether there is nothing to take back."""
        return not (self.digits or self.numbered)

    @property
    def code(self) -> str:
        """The code as far as it was entered, as people write it."""
        return "-".join((self.digits, *self.words))


@cache
def _sorted_words(language: str) -> tuple[str, ...]:
    return tuple(sorted(wordlist(language)))


def choices(entry: Entry, language: str) -> tuple[str, ...]:
    """What can be taken now: digits and `DONE`; stretches (``able – bread``) or words; nothing when it is ready."""
    if entry.part is Part.NUMBER:
        digits = tuple("0123456789") if len(entry.digits) < _LONGEST else ()
        return (DONE, *digits) if len(entry.digits) >= _SHORTEST else digits
    if entry.part is Part.READY:
        return ()
    words = _sorted_words(language)
    return tuple(
        words[low] if high - low == 1 else f"{words[low]} – {words[high - 1]}" for low, high in _slices(entry, language)
    )


def move(entry: Entry, language: str) -> Entry:
    """Mark the next choice, after the last the first."""
    count = len(choices(entry, language))
    return replace(entry, line=(entry.line + 1) % count) if count else entry


def take(entry: Entry, language: str, line: int | None = None) -> Entry:
    """Take the marked choice, or that of ``line``; one that is not there changes nothing."""
    offered = choices(entry, language)
    chosen = entry.line if line is None else line
    if not 0 <= chosen < len(offered):
        return entry
    if entry.part is Part.NUMBER:
        if offered[chosen] == DONE:
            return replace(entry, numbered=True, line=0)
        return replace(entry, digits=entry.digits + offered[chosen], line=0)
    low, high = _slices(entry, language)[chosen]
    if high - low == 1:
        return _with_word(entry, _sorted_words(language)[low])
    return replace(entry, opened=(*entry.opened, (low, high)), typed="", line=0)


def undo(entry: Entry) -> Entry:
    """Take the last step back: a letter, a stretch, a word, a digit."""
    if entry.typed:
        return replace(entry, typed=entry.typed[:-1], line=0)
    if entry.opened:
        return replace(entry, opened=entry.opened[:-1], line=0)
    if entry.words:
        return replace(entry, words=entry.words[:-1], line=0)
    if entry.numbered:
        return replace(entry, numbered=False, line=0)
    return replace(entry, digits=entry.digits[:-1], line=0)


def typed(entry: Entry, text: str, language: str) -> Entry:
    """Take what a keyboard typed: digits, letters, a space or a hyphen between words, `ERASE`; nothing else counts."""
    for sign in text:
        entry = _one(entry, sign, language)
    return entry


def toward(entry: Entry, code: str, language: str) -> bool | None:
    """Whether someone with three keys would take (True) or move (False) next to enter ``code``; None: not this way."""
    digits, *words = normal(code).split("-")
    offered = choices(entry, language)
    if entry.part is Part.READY:
        return True if entry.code == normal(code) else None
    if entry.part is Part.NUMBER:
        wanted = digits[len(entry.digits)] if len(entry.digits) < len(digits) else DONE
        return offered[entry.line] == wanted if digits.startswith(entry.digits) and wanted in offered else None
    everything = _sorted_words(language)
    word = words[len(entry.words)]
    for number, (low, high) in enumerate(_slices(entry, language)):
        if word in everything[low:high]:
            return entry.line == number
    return None


def _one(entry: Entry, sign: str, language: str) -> Entry:  # noqa: PLR0911 (one answer a kind of sign)
    if sign == ERASE:
        return undo(entry)
    letter = normal(sign)
    if letter.isdigit():
        fits = entry.part is Part.NUMBER and len(entry.digits) < _LONGEST
        return replace(entry, digits=entry.digits + letter, line=0) if fits else entry
    if entry.part is Part.NUMBER:
        if not entry.digits:
            return entry
        entry = replace(entry, numbered=True, line=0)
    if entry.part is Part.READY:
        return entry
    if letter:
        return replace(entry, typed=entry.typed + letter, opened=(), line=0)
    if not entry.typed:
        return entry
    # A space ends the word: the marked one of those that fit, or what was typed where none does (another language).
    fitting = _fitting(entry.typed, language)
    if entry.typed in fitting or not fitting:
        return _with_word(entry, entry.typed)
    return _with_word(entry, fitting[entry.line]) if len(fitting) <= LINES else entry


def _with_word(entry: Entry, word: str) -> Entry:
    return replace(entry, words=(*entry.words, word), opened=(), typed="", line=0)


def _fitting(letters: str, language: str) -> tuple[str, ...]:
    return tuple(word for word in _sorted_words(language) if word.startswith(letters))


def _slices(entry: Entry, language: str) -> tuple[tuple[int, int], ...]:
    """The present choices as slices of the sorted list: words where few are left, else stretches of equal length."""
    words = _sorted_words(language)
    low, high = entry.opened[-1] if entry.opened else (0, len(words))
    if entry.typed:
        fitting = _fitting(entry.typed, language)
        low = words.index(fitting[0]) if fitting else 0
        high = low + len(fitting)
    count = min(LINES, high - low)
    edges = [low + (high - low) * step // count for step in range(count + 1)] if count else []
    return tuple(pairwise(edges))
