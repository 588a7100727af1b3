"""Captions from words: at most two short lines at a time, and WebVTT for everybody else's players."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest
from textwrap import wrap

import webvtt

from archive.shelf import Shelf
from archive.stories import Visit
from archive.transcripts import transcript
from archive.types import Reader
from archive.vtt import words_note
from audio.types import Ms, TakeId, Word

LINE = 37
LINES = 2
LONGEST = Ms(6_000)
PAUSE = Ms(1_000)
_SHORTEST = Ms(1_000)
_ENDS = (".", "?", "!", "…")


@dataclass(frozen=True, slots=True)
class CaptionCue:
    """What stands on the screen from ``start`` to ``end``: one or two lines, ``unclear`` if a word in it is.

    ``words`` are what it was made of, each with its own times.
    """

    start: Ms
    end: Ms
    lines: tuple[str, ...]
    unclear: bool = False
    words: tuple[Word, ...] = ()

    @property
    def text(self) -> str:
        """The lines as one."""
        return " ".join(self.lines)


def captions(words: Iterable[Word]) -> list[CaptionCue]:
    """Group words into caption cues. Pure: at most `LINES` lines of `LINE` signs (a longer word stands alone).

    A cue ends at a pause, a sentence's end, or after `LONGEST`; cues never overlap.
    """
    cues = [_cue(group) for group in _groups(words)]
    return [_held(cue, after.start if after else None) for cue, after in zip_longest(cues, cues[1:]) if cue]


def lines_of(text: str) -> tuple[str, ...]:
    """Break a caption's text into lines of at most `LINE` signs; a longer word stands alone. Pure."""
    return tuple(wrap(text, LINE, break_long_words=False, break_on_hyphens=False))


def captions_of(
    store: Shelf,
    take: TakeId,
    now: datetime | None,
    *,
    reader: Reader = Reader.CAPTION,
    visit: Visit | None = None,
) -> list[CaptionCue]:
    """Return the caption cues of a story for ``reader``. Raises `Refused`, `NoKey`, `NoSuchStory`."""
    return captions(transcript(store, take, reader, now, visit=visit))


def to_webvtt(cues: Iterable[CaptionCue], *, with_words: bool = False) -> str:
    """Write cues as WebVTT (W3C); what people said cannot become mark-up.

    ``with_words`` puts the times of the words before each cue, as a comment no player shows (`archive.vtt`).
    """
    file = webvtt.WebVTT()
    for cue in cues:
        lines = "\n".join(_escaped(line) for line in cue.lines)
        caption = webvtt.Caption(_stamp(cue.start), _stamp(cue.end), lines)
        if with_words and cue.words:
            caption.comments.append(words_note(cue.words))
        file.captions.append(caption)
    return str(file.content) + "\n"


def _groups(words: Iterable[Word]) -> Iterator[list[Word]]:
    group: list[Word] = []
    for word in words:
        if not _clean(word):
            continue
        if group and _breaks(group, word):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _breaks(group: list[Word], word: Word) -> bool:
    before = group[-1]
    return (
        word.start - before.end >= PAUSE
        or word.end - group[0].start > LONGEST
        or _clean(before).endswith(_ENDS)
        or len(_lines([*group, word])) > LINES
    )


def _lines(group: list[Word]) -> tuple[str, ...]:
    return lines_of(" ".join(_clean(word) for word in group))


def _cue(group: list[Word]) -> CaptionCue:
    end = max(word.end for word in group)
    return CaptionCue(group[0].start, end, _lines(group), any(word.unclear for word in group), tuple(group))


def _held(cue: CaptionCue, after: Ms | None) -> CaptionCue:
    """Leave a short cue on the screen long enough to read, as far as the next one allows."""
    end = max(cue.end, cue.start + _SHORTEST)
    if after is not None:
        end = max(min(end, after), cue.start + 1)
    return replace(cue, end=Ms(end))


def _clean(word: Word) -> str:
    return " ".join(word.text.split())


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _stamp(at: Ms) -> str:
    seconds, ms = divmod(at, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"
