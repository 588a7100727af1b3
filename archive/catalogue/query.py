"""What somebody asks the search for, and where in a story's words the answer is. Pure.

``mill river`` finds stories with both words, ``"mill race"`` a phrase, ``NEAR(mill river, 5)`` words with at most five
others between them (ten, where no number is given), ``mill*`` every word that begins so. Signs and accents do not
matter. Nothing anybody types is an error: what is not understood is read as words.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from archive.catalogue.index import fold

NEAR_WORDS: Final = 10
_MOST_NEAR = 1000
_MOST_PARTS = 32
_PARTS = re.compile(
    r"NEAR\s*\(\s*(?P<near>[^()]*?)\s*(?:,\s*(?P<apart>\d{1,4})\s*)?\)|[\"“„«](?P<phrase>[^\"”“»]*)[\"”“»]?"
    r"|(?P<word>[^\s\"“”„«»]+)"
)
_GROUPS = re.compile(r"[\"“„«](?P<phrase>[^\"”“»]*)[\"”“»]?|(?P<word>[^\s\"“”„«»]+)")


@dataclass(frozen=True, slots=True)
class Run:
    """Words that follow each other; ``begins`` lets the last one go on (``mill*``)."""

    words: tuple[str, ...]
    begins: bool = False

    def places(self, tokens: Sequence[str]) -> Iterator[int]:
        """Where the run begins in ``tokens``, in order."""
        last = len(self.words) - 1
        for at in range(len(tokens) - last):
            if all(self._fits(tokens[at + step], step, last) for step in range(last + 1)):
                yield at

    def _fits(self, token: str, step: int, last: int) -> bool:
        word = self.words[step]
        return token.startswith(word) if self.begins and step == last else token == word


@dataclass(frozen=True, slots=True)
class Near:
    """Runs with at most ``apart`` words between the end of the first and the beginning of the last."""

    runs: tuple[Run, ...]
    apart: int


Part = Run | Near


@dataclass(frozen=True, slots=True)
class Query:
    """Every part has to be in the story; none at all finds nothing."""

    parts: tuple[Part, ...]

    def find(self, tokens: Sequence[str]) -> list[tuple[int, int]] | None:
        """Return where the parts stand, [first, last] token of each in the order of the story; None where one lacks."""
        found = []
        for part in self.parts:
            place = _near(part, tokens) if isinstance(part, Near) else _first(part, tokens)
            if place is None:
                return None
            found.append(place)
        return sorted(found)

    @property
    def plain(self) -> bool:
        """Whether there are only single words: then any of them is better than nothing."""
        return len(self.parts) > 1 and all(isinstance(part, Run) and len(part.words) == 1 for part in self.parts)


def read_query(text: str) -> Query:
    """Read what somebody typed."""
    parts: list[Part] = []
    for piece in _PARTS.finditer(text):
        if piece["near"] is not None:
            runs = tuple(_runs(piece["near"]))
            if len(runs) > 1:
                parts.append(Near(runs, min(int(piece["apart"] or NEAR_WORDS), _MOST_NEAR)))
            else:
                parts += runs
        else:
            parts += _run(piece)
    return Query(tuple(dict.fromkeys(parts))[:_MOST_PARTS])


def _runs(text: str) -> Iterator[Run]:
    for piece in list(_GROUPS.finditer(text))[:_MOST_PARTS]:
        yield from _run(piece)


def _run(piece: re.Match[str]) -> Iterator[Run]:
    words = fold(piece["phrase"] if piece["phrase"] is not None else piece["word"])
    if words:
        yield Run(words, begins=piece["phrase"] is None and piece["word"].endswith("*"))


def _first(run: Run, tokens: Sequence[str]) -> tuple[int, int] | None:
    at = next(run.places(tokens), None)
    return None if at is None else (at, at + len(run.words) - 1)


def _near(near: Near, tokens: Sequence[str]) -> tuple[int, int] | None:
    """Find the first clump: from each place the other runs' nearest ones after it, and before it by their turn."""
    places = [list(run.places(tokens)) for run in near.runs]
    if not all(places):
        return None
    for lead, first in sorted((at, which) for which, found in enumerate(places) for at in found):
        ends = lead + len(near.runs[first].words) - 1
        last_begin, last_end = lead, ends
        for which, found in enumerate(places):
            if which == first:
                continue
            after = bisect_left(found, lead)
            if after == len(found):
                break
            last_begin = max(last_begin, found[after])
            last_end = max(last_end, found[after] + len(near.runs[which].words) - 1)
        else:
            if last_begin - ends - 1 <= near.apart:
                return lead, last_end
    return None
