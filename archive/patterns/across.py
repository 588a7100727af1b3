"""Codes across stories: by place and prompt, and which stand together. Every number leads to moments that play.

What is counted are voices (stories and conversations), never how often a word or a code was put; counts under five
are not shown where they are broken down (`archive.patterns.small`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Final

from archive.catalogue import Tx
from archive.patterns.codebook import Code, codes_of
from archive.patterns.highlights import Highlight, all_highlights
from archive.patterns.small import broken_down, crossed, enough
from archive.patterns.snippets import Source, sources

MOST_MOMENTS: Final = 12


@dataclass(frozen=True, slots=True)
class Moment:
    """A place to listen to: [start, end) in ms of a story."""

    story: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CodeRow:
    """One code across everything. A count is None where it is held back (`archive.patterns.small`).

    ``cells`` is by (place, prompt). ``moments`` are a few, from as many voices as there are.
    """

    code: Code
    voices: int | None
    places: Mapping[str, int | None]
    prompts: Mapping[str, int | None]
    cells: Mapping[tuple[str, str], int | None]
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two codes in the same voices; ``touching`` counts the voices in which they were put on the same words."""

    one: Code
    other: Code
    voices: int | None
    touching: int | None
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Across:
    """Everything coded, for those places and prompts where something was told."""

    places: tuple[str, ...]
    prompts: tuple[str, ...]
    codes: tuple[CodeRow, ...]
    pairs: tuple[Pair, ...]


def across(tx: Tx, now: datetime, codebook: str = "") -> Across:
    """Count every code of one codebook (or all) in the stories the desk may open at ``now``.

    There is nothing to narrow it by: what one table holds back would follow from another.
    """
    there = sources(tx, now)
    marked = [one for one in all_highlights(tx, there) if one.codes]
    codes = codes_of(tx, codebook)
    places = tuple(sorted({one.site for one in there.values()}))
    prompts = tuple(sorted({one.prompt for one in there.values()}))
    by_code: dict[str, list[Highlight]] = {}
    for one in marked:
        for code in one.codes:
            by_code.setdefault(code, []).append(one)
    rows = [_row(code, by_code.get(code.id, []), there, places, prompts) for code in codes]
    return Across(places, prompts, tuple(rows), tuple(_pairs(codes, by_code)))


def _row(
    code: Code, marked: list[Highlight], there: Mapping[str, Source], places: Iterable[str], prompts: Iterable[str]
) -> CodeRow:
    voices = {one.story for one in marked}
    cells = Counter((there[story].site, there[story].prompt) for story in voices)
    by_place = Counter(there[story].site for story in voices)
    by_prompt = Counter(there[story].prompt for story in voices)
    rows = broken_down(len(voices), {place: by_place[place] for place in places})
    columns = broken_down(len(voices), {prompt: by_prompt[prompt] for prompt in prompts})
    table = crossed(rows, columns, {(place, prompt): cells[place, prompt] for place in rows for prompt in columns})
    return CodeRow(code, enough(len(voices)), rows, columns, table, moments(marked))


def _pairs(codes: list[Code], by_code: Mapping[str, list[Highlight]]) -> Iterable[Pair]:
    used = [code for code in codes if by_code.get(code.id)]
    found = []
    for one, other in combinations(used, 2):
        mine, theirs = by_code[one.id], by_code[other.id]
        shared = {mark.story for mark in mine} & {mark.story for mark in theirs}
        if not shared:
            continue
        here = [mark for mark in theirs if mark.story in shared]
        touching = [mark for mark in mine if mark.story in shared and any(_touch(mark, there) for there in here)]
        close = touching or [mark for mark in mine if mark.story in shared]
        count = len({mark.story for mark in touching})
        both = _both(len(shared), len({mark.story for mark in mine}), len({mark.story for mark in theirs}))
        same = None if both is None else broken_down(both, {"same": count, "apart": both - count})["same"]
        found.append((len(shared), Pair(one, other, both, same, moments(close))))
    return [pair for _, pair in sorted(found, key=lambda one: -one[0])]


def _both(shared: int, *alone: int) -> int | None:
    """How many voices have both codes, where nothing follows from it and the codes' own numbers beside it."""
    shown = (broken_down(total, {"both": shared, "one": total - shared})["both"] for total in alone)
    return shared if None not in shown else None


def moments(marked: Iterable[Highlight]) -> tuple[Moment, ...]:
    """A few places to listen to, one of each voice before a second of any."""
    seen: Counter[str] = Counter()
    turns = []
    for one in marked:
        turns.append((seen[one.story], one))
        seen[one.story] += 1
    turns.sort(key=lambda turn: turn[0])
    return tuple(Moment(one.story, one.start, one.end) for _, one in turns[:MOST_MOMENTS])


def _touch(one: Highlight, other: Highlight) -> bool:
    return one.story == other.story and one.start < other.end and other.start < one.end
