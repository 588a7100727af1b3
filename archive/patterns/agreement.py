"""How far coders agree, and where they do not: Krippendorff's alpha, and the passages to talk about.

A unit is a passage of a story that at least two people have been through. A highlight counts for a passage when at
least half of the shorter of the two lies in the other. For one code a passage is coded or not (nominal); over all
codes what is compared is the set of codes a passage was given (Passonneau's MASI distance).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from archive.catalogue import Tx
from archive.patterns.codebook import codes_of
from archive.patterns.highlights import Highlight, all_highlights
from archive.patterns.snippets import Snippet, snippets, sources

MOST: Final = 200
"""Disagreements named in one answer."""
Rating = tuple[str, str, frozenset[str]]
"""Coder, unit, the codes given to it."""


@dataclass(frozen=True, slots=True)
class CodeAgreement:
    """How far coders agree on one code. ``alpha`` is None where nothing varies: then no number says anything."""

    code: str
    name: str
    alpha: float | None
    given: int
    differing: int


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A passage some coded so and others not: [start, end) in ms of the story, its words, and who is which."""

    story: str
    start: int
    end: int
    text: str
    code: str
    name: str
    given_by: tuple[str, ...]
    not_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Over everything two or more have been through. ``alpha`` as in `CodeAgreement`, over sets of codes."""

    coders: tuple[str, ...]
    stories: int
    units: int
    alpha: float | None
    codes: tuple[CodeAgreement, ...]
    disagreements: tuple[Disagreement, ...]
    more: int


def agreement(tx: Tx, now: datetime, codebook: str = "") -> Agreement:
    """Compare the layers of everybody, in one codebook or all of them. Reads only what the desk may open."""
    through: dict[str, list[str]] = {}
    for row in tx.all("SELECT story, coder FROM codings ORDER BY story, coder"):
        through.setdefault(row["story"], []).append(row["coder"])
    allowed = sources(tx, now)
    compared = {story: who for story, who in through.items() if len(who) > 1 and story in allowed}
    names = {one.id: one.name for one in codes_of(tx, codebook)}
    units = snippets(tx, compared)
    layers: dict[tuple[str, str], list[Highlight]] = {}
    for one in all_highlights(tx, compared):
        layers.setdefault((one.story, one.who), []).append(one)
    ratings = [
        (who, f"{unit.story}/{unit.number}", _given(unit, layers.get((unit.story, who), ())).intersection(names))
        for unit in units
        for who in compared[unit.story]
    ]
    found = _differing(units, ratings, names)
    return Agreement(
        tuple(sorted({who for coders in compared.values() for who in coders})), len(compared), len(units),
        alpha(ratings, sets=True), tuple(_by_code(ratings, names)), tuple(found[:MOST]), max(0, len(found) - MOST),
    )  # fmt: skip


def alpha(ratings: Sequence[tuple[str, str, Any]], *, sets: bool = False) -> float | None:
    """Krippendorff's alpha of (coder, unit, label): nominal, or over sets of labels by MASI distance. Pure.

    1 is full agreement, 0 what chance would give. None where fewer than two coders rated a unit, or nothing varies.
    """
    from nltk.metrics.agreement import AnnotationTask
    from nltk.metrics.distance import binary_distance, masi_distance

    def apart(one: frozenset[str], other: frozenset[str]) -> float:
        # The distance of two empty sets is not defined there; they are equal.
        return 0.0 if one == other else float(masi_distance(one, other))

    raters: dict[str, int] = {}
    for _, unit, _ in ratings:
        raters[unit] = raters.get(unit, 0) + 1
    pairable = [one for one in ratings if raters[one[1]] > 1]
    if len({label for *_, label in pairable}) < 2:  # noqa: PLR2004 (one label alone does not vary)
        return None
    task = AnnotationTask(data=pairable, distance=apart if sets else binary_distance)
    return round(float(task.alpha()), 4)


def _given(unit: Snippet, layer: Iterable[Highlight]) -> frozenset[str]:
    found: set[str] = set()
    for one in layer:
        shared = min(one.end, unit.end) - max(one.start, unit.start)
        if shared > 0 and 2 * shared >= min(one.end - one.start, unit.end - unit.start):
            found |= set(one.codes)
    return frozenset(found)


def _by_code(ratings: Sequence[Rating], names: dict[str, str]) -> Iterable[CodeAgreement]:
    for code, name in sorted(names.items(), key=lambda one: one[1].casefold()):
        labels = [(who, unit, code in given) for who, unit, given in ratings]
        by_unit: dict[str, set[bool]] = {}
        for _, unit, given in labels:
            by_unit.setdefault(unit, set()).add(given)
        given_in = sum(True in some for some in by_unit.values())
        if given_in:
            yield CodeAgreement(code, name, alpha(labels), given_in, sum(len(some) > 1 for some in by_unit.values()))


def _differing(units: Sequence[Snippet], ratings: Sequence[Rating], names: dict[str, str]) -> list[Disagreement]:
    given: dict[str, dict[str, frozenset[str]]] = {}
    for who, rated, codes in ratings:
        given.setdefault(rated, {})[who] = codes
    found = []
    for unit in units:
        by_coder = given[f"{unit.story}/{unit.number}"]
        for code in sorted(set().union(*by_coder.values()), key=lambda one: names[one].casefold()):
            yes = tuple(sorted(who for who, codes in by_coder.items() if code in codes))
            no = tuple(sorted(by_coder.keys() - set(yes)))
            if no:
                found.append(
                    Disagreement(unit.story, unit.start, unit.end, unit.text, code, names[code], yes, no)
                )  # fmt: skip
    return found
