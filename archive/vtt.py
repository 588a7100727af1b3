"""Words with times inside WebVTT, and reading captions back that may come from anywhere.

Before each cue stands a comment, ``NOTE words`` and JSON on the same line: ``[[start_ms, end_ms, probability,
doubtful, "word"], ...]``. Players leave comments out; an archive can seek by word. Captions without such blocks are
read as well: then the words of a cue share its time by their length, and are marked approximate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any, Final

from audio.types import Ms, Word

_NOTE = re.compile(r"NOTE\s+words\s+(.*)", re.DOTALL)
MOST_CUES: Final = 50_000
"""More than a day of speech; what has more was not made by a box."""
LONGEST: Final = 24 * 3_600_000
"""Milliseconds; nothing said in a take lies behind a day."""
_MOST_WORDS = 400_000
_TIMES = re.compile(r"(?:(\d{1,3}):)?(\d{2}):(\d{2})\.(\d{3})[ \t]+-->[ \t]+(?:(\d{1,3}):)?(\d{2}):(\d{2})\.(\d{3})")
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class SpokenCue:
    """What was said from ``start`` to ``end``, word by word; ``approximate`` where nobody measured the words' times."""

    start: Ms
    end: Ms
    text: str
    words: tuple[Word, ...]
    approximate: bool = False


def words_note(words: Iterable[Word]) -> str:
    """Write the comment (what follows ``NOTE``) that tells the words of the cue after it. Pure.

    It is one line, and ``-->`` cannot stand in it: no word ends the comment early.
    """
    plain = words_json(words).replace(">", "\\u003e")
    # A line break that JSON leaves alone would still be one to a player.
    return "words " + "".join(f"\\u{ord(sign):04x}" if sign in "\x85\u2028\u2029" else sign for sign in plain)


def words_json(words: Iterable[Word]) -> str:
    """Write words as JSON, one line; `read_words_json` is the way back."""
    plain = [[w.start, w.end, round(w.probability, 4), int(w.unclear), " ".join(w.text.split())] for w in words]
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def read_words_json(text: str) -> tuple[Word, ...]:
    """Read words written by `words_json`. Raises `ValueError` for anything else."""
    plain: Any = json.loads(text)
    if not isinstance(plain, list) or not all(isinstance(one, list) for one in plain):
        raise ValueError(_NO_WORDS)
    return tuple(_word(*one) for one in plain if len(one) == len(("start", "end", "probability", "unclear", "text")))


def read_vtt(text: str) -> list[SpokenCue]:
    """Read captions, in order of time. Blocks that are no captions are left out; so are cues behind a day.

    Raises `ValueError` for a text that is no WebVTT at all, or has more cues or words than a story can have.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or not lines[0].startswith("WEBVTT"):
        raise ValueError(_NO_CAPTIONS)
    cues: list[SpokenCue] = []
    told: tuple[Word, ...] | None = None
    count = 0
    for block in _blocks(lines[1:]):
        note = _NOTE.match("\n".join(block))
        if note:
            told = _told(note[1])
            continue
        cue = _cue(block, told)
        if cue is not None:
            cues.append(cue)
            count += len(cue.words)
            if len(cues) > MOST_CUES or count > _MOST_WORDS:
                raise ValueError(_NO_CAPTIONS)
        told = None
    return sorted(cues, key=lambda cue: (cue.start, cue.end))


def spread(text: str, start: Ms, end: Ms) -> tuple[Word, ...]:
    """Give the words of ``text`` a share of [start, end) each by their length. Pure; nobody measured these times."""
    said = text.split()
    whole = sum(len(word) + 1 for word in said) or 1
    words: list[Word] = []
    at = 0
    for word in said:
        first = start + (end - start) * at // whole
        at += len(word) + 1
        words.append(Word(word, Ms(first), Ms(start + (end - start) * at // whole), 1.0, unclear=False))
    return tuple(words)


_NO_CAPTIONS = "these are not the captions of a story"
_NO_WORDS = "these are not the words of a cue"


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in lines:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _told(plain: str) -> tuple[Word, ...] | None:
    try:
        return read_words_json(plain)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _cue(block: list[str], told: tuple[Word, ...] | None) -> SpokenCue | None:
    for place, line in enumerate(block[:2]):
        times = _TIMES.match(line.strip())
        if times is None:
            continue
        start, end = _ms(times.groups()[:4]), _ms(times.groups()[4:])
        text = " ".join(unescape(_TAG.sub("", " ".join(block[place + 1 :]))).split())
        if not (text and 0 <= start < end <= LONGEST):
            return None
        if told and " ".join(word.text for word in told).split() == text.split():
            return SpokenCue(start, end, text, told)
        # Words that do not say what the cue says were not told of this cue.
        return SpokenCue(start, end, text, spread(text, start, end), approximate=True)
    return None


def _ms(groups: Sequence[str | None]) -> Ms:
    hours, minutes, seconds, ms = (int(group or 0) for group in groups)
    return Ms(((hours * 60 + minutes) * 60 + seconds) * 1000 + ms)


def _word(start: object, end: object, probability: object, unclear: object, text: object) -> Word:
    whole = isinstance(start, int) and isinstance(end, int) and isinstance(unclear, int)
    if not whole or not isinstance(probability, int | float) or not isinstance(text, str):
        raise TypeError(_NO_WORDS)
    if not 0 <= start <= end <= LONGEST or not 0 <= probability <= 1:  # type: ignore[operator]
        raise ValueError(_NO_WORDS)
    return Word(text, Ms(start), Ms(end), float(probability), bool(unclear))  # type: ignore[arg-type]
