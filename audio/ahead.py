"""Words before the segment is closed: stretches that end in a short pause are transcribed while the teller breathes.

When the story then ends, only what was said since the last short pause is left to do. A segment that closes takes the
words found ahead. If the model is not sure of them they are found again as a whole while the teller goes on or after
the story, for a model that hears more of a sentence makes fewer mistakes, most of all in a noisy room. At the end of a
story, for which somebody is waiting, nothing is done again, and less of what was said before is told to the model. When
it is often unsure, its words stand for a while: only a share of all work is ever done twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audio.transcribe import shifted
from audio.types import CutReason, Ms, Segment, Tentative, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from audio.pcm import Samples
    from audio.transcribe import Transcriber

    Sound = Callable[[Ms, Ms], Samples]

SURE = 0.8
"""The mean word probability from which words found ahead stand."""
SURE_AT_THE_END = 0.75
"""The same for the last segment of a story."""
AGAIN_AFTER = Ms(600)
"""A teller who ends a story presses within so long of the pause that closes a segment; then nothing is done again."""
_TOLD_AT_THE_END = 12
"""Words of what was said before that the last segment of a story is told: each costs the one who waits."""
_KEPT_TEXT = 400
"""Characters of a take's text that are remembered, to tell the transcriber what was said before."""
_CREDIT_MS = 8_000
_EARNED = 0.25


@dataclass(frozen=True, slots=True)
class _Piece:
    span: Tentative
    words: tuple[Word, ...]

    @property
    def sure(self) -> float:
        """The mean probability of the words; 0 without any."""
        return sum(word.probability for word in self.words) / max(1, len(self.words))


class Ahead:
    """Transcribes segments, and tentative stretches of the open one, with one `Transcriber`. Not for two threads."""

    def __init__(self, transcriber: Transcriber) -> None:
        """Use ``transcriber``, which is not used by anybody else meanwhile."""
        self.transcriber = transcriber
        self.used = self.wasted = 0
        """Milliseconds of voice whose words were found ahead: those that stand, and those to be found again."""
        self._pieces: list[_Piece] = []
        self._credit: float = _CREDIT_MS
        self._doubtful: Segment | None = None
        self._said = ("", "", Ms(0))
        """Of which take, the end of its text so far, and up to where."""

    def wanted(self, span: Tentative) -> bool:
        """Tell whether `look` would do anything with ``span``: it follows what is known, and a piece costs less."""
        if not self.transcriber.cheap_when_short:
            return False
        known = self._known(span.take, span.index)
        return (known[-1].span.end if known else span.start) == span.start

    def look(self, span: Tentative, sound: Sound) -> None:
        """Find the words of ``span``. ``sound`` gives the samples between two times of the take (mono, 16 kHz)."""
        if not self.wanted(span):
            return
        known = self._known(span.take, span.index)
        words = self._words(span, sound, self._before(span.take, known[0].span.start if known else span.start, known))
        self._pieces = [*known, _Piece(span, tuple(words))]

    def forget(self) -> None:
        """Drop every word found ahead, what was said before, and what was to be done again."""
        self._pieces = []
        self._doubtful = None
        self._said = ("", "", Ms(0))

    def close(self, segment: Segment, sound: Sound) -> list[Word]:
        """Return the words of ``segment``, in the take's time, with as little left to do as its pieces allow."""
        self._doubtful = None
        words = self._closed(segment, sound)
        before = self._before(segment.take, segment.start)
        self._remember(segment, before, words)
        return words

    def _remember(self, segment: Segment, before: str, words: Sequence[Word]) -> None:
        text = " ".join([before, *(word.text for word in words)])[-_KEPT_TEXT:]
        # When the story is over nothing of it stays in memory.
        self._said = ("", "", Ms(0)) if segment.reason is CutReason.END else (segment.take, text, segment.end)

    @property
    def doubtful(self) -> Segment | None:
        """The segment last closed, if its words are not sure enough and are worth finding again as a whole."""
        return self._doubtful

    def again(self, segment: Segment, before: str, sound: Sound) -> list[Word]:
        """Return the words of a segment that was `doubtful`, transcribed as a whole; they replace those given before.

        ``before`` is what was said before it. To be called once nothing else is to do, `AGAIN_AFTER` after it was
        closed or at any time later.
        """
        if self._doubtful == segment:
            self._doubtful = None
        words = self._words(segment, sound, before)
        if self._said[0] == segment.take and self._said[2] == segment.end:
            self._remember(segment, before, words)
        return words

    def _closed(self, segment: Segment, sound: Sound) -> list[Word]:
        pieces = self._fitting(segment)
        self._pieces = []
        voiced = sum(piece.span.voiced for piece in pieces)
        self._credit = min(_CREDIT_MS, self._credit + _EARNED * segment.voiced)
        before = self._before(segment.take, segment.start)
        if not pieces:
            return self._words(segment, sound, _told(before, segment))
        if self._stand(pieces, segment) or self._credit <= 0:
            self.used += voiced
        else:
            self.wasted += voiced
            self._credit -= voiced
            # A story often ends in the pause that closes a segment: its tail must not wait for what can wait.
            self._doubtful = segment
        words = [word for piece in pieces for word in piece.words]
        rest = replace(segment, start=pieces[-1].span.end, voiced=Ms(max(0, segment.voiced - voiced)))
        return words + self._words(rest, sound, _told(self._before(segment.take, segment.start, pieces), segment))

    def _before(self, take: str, start: Ms, pieces: Sequence[_Piece] = ()) -> str:
        """Return what was said before ``start``, if that is where it is known to end, and in the pieces that follow."""
        known, text, end = self._said
        return " ".join(
            [
                *([text] if (known, end) == (take, start) else []),
                *(word.text for piece in pieces for word in piece.words),
            ]
        )

    def _stand(self, pieces: list[_Piece], segment: Segment) -> bool:
        alone = len(pieces) == 1 and pieces[0].span.voiced >= segment.voiced
        enough = SURE_AT_THE_END if segment.reason is CutReason.END else SURE
        return alone or all(piece.sure >= enough for piece in pieces)

    def _known(self, take: str, index: int) -> list[_Piece]:
        return [piece for piece in self._pieces if (piece.span.take, piece.span.index) == (take, index)]

    def _fitting(self, segment: Segment) -> list[_Piece]:
        """Return the pieces that tile the segment from its start on, as far as they lie inside."""
        fitting: list[_Piece] = []
        at = segment.start
        for piece in self._known(segment.take, segment.index):
            if piece.span.start != at or piece.span.end > segment.end:
                break
            fitting.append(piece)
            at = piece.span.end
        return fitting

    def _words(self, span: Segment | Tentative, sound: Sound, before: str) -> list[Word]:
        if span.voiced <= 0 or span.end <= span.start:
            return []
        found = self.transcriber.transcribe(sound(span.start, span.end), span.voiced, before)
        return shifted(found, span.start)


def _told(before: str, segment: Segment) -> str:
    """Return how much of what was said ``before`` is told: less where somebody waits."""
    if segment.reason is not CutReason.END:
        return before
    return " ".join(before.split()[-_TOLD_AT_THE_END:])
