"""Which coded highlights a passage is nearest to: by its words, and by its meaning where vectors are kept.

By words: TF-IDF over the words of both, so that rare words count. By meaning: the vectors the index holds already
(`archive.patterns.vectors`); no model is loaded, and where there are none nothing is near. Both are pure of people:
they compare words with words, and say which highlights a likeness rests on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from archive.catalogue import Tx
from archive.patterns.highlights import Highlight
from archive.patterns.snippets import Snippet
from archive.patterns.vectors import standing
from archive.patterns.weights import Array

LIKE_WORDS: Final = 0.3
"""Cosine of the weighted words, 0 to 1: below this two passages only share a word or two."""
LIKE_MEANING: Final[Mapping[str, float]] = {"multilingual-e5-small": 0.9}
"""Cosine of the vectors from which two passages mean the like, by model: one whose vectors all lie close needs more."""
LIKE_MEANING_ELSE: Final = 0.55
NAMED: Final = 3
"""Highlights a likeness names as what it rests on."""
_LETTERS = r"(?u)\b\w{3,}\b"


@dataclass(frozen=True, slots=True)
class Likeness:
    """A passage near to highlights with ``code``: the nearest of them with their cosine, nearest first."""

    passage: Snippet
    code: str
    near: tuple[tuple[str, float], ...]


def by_words(passages: Sequence[Snippet], examples: Sequence[Highlight], texts: Sequence[str]) -> Iterator[Likeness]:
    """Each passage with a code its words are near to. ``texts`` are the words of ``examples``."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not passages or not examples:
        return
    weigher = TfidfVectorizer(token_pattern=_LETTERS, sublinear_tf=True)
    try:
        weighted = weigher.fit_transform([*texts, *(one.text for one in passages)])
    except ValueError:  # not one word of three letters
        return
    like = np.asarray((weighted[len(texts) :] @ weighted[: len(texts)].T).todense())
    for passage, row in zip(passages, like, strict=True):
        yield from _near(passage, row, examples, LIKE_WORDS)


def by_meaning(
    tx: Tx, story: str, passages: Sequence[Snippet], examples: Sequence[Highlight]
) -> tuple[str, list[Likeness]]:
    """The model whose vectors are there (empty: none), and each passage of ``story`` with a code it means the like of.

    What was corrected or blanked since its vector was made is left out until the index was brought up.
    """
    row = tx.one("SELECT model FROM vectors WHERE story = ? ORDER BY seq LIMIT 1", story)
    if row is None or not examples:
        return "", []
    model = str(row["model"])
    mine = {one.start: vector for one, vector in _vectors(tx, [story], model)}
    theirs: dict[str, list[tuple[Snippet, Array]]] = {}
    for there in _vectors(tx, sorted({one.story for one in examples}), model):
        theirs.setdefault(there[0].story, []).append(there)
    taught = [(one, vector) for one in examples if (vector := _of_span(theirs.get(one.story, ()), one)) is not None]
    if not taught:
        return model, []
    least = LIKE_MEANING.get(model.split(maxsplit=1)[0], LIKE_MEANING_ELSE)
    marked, rows = [one for one, _ in taught], np.stack([vector for _, vector in taught])
    return model, [
        one
        for passage in passages
        if passage.start in mine
        for one in _near(passage, rows @ mine[passage.start], marked, least)
    ]


def _near(passage: Snippet, like: Any, examples: Sequence[Highlight], least: float) -> Iterator[Likeness]:
    by_code: dict[str, list[tuple[str, float]]] = {}
    for at in np.argsort(-like, kind="stable"):
        if like[at] < least:
            break
        for code in examples[at].codes:
            by_code.setdefault(code, []).append((examples[at].id, round(float(like[at]), 3)))
    for code, near in by_code.items():
        yield Likeness(passage, code, tuple(near[:NAMED]))


def _vectors(tx: Tx, stories: Sequence[str], model: str) -> list[tuple[Snippet, Array]]:
    """What was said, as it stands, with its vector of ``model``."""
    there = standing(tx, model, stories)
    found = []
    for story in stories:
        for row in tx.all("SELECT start_ms, vector FROM vectors WHERE model = ? AND story = ?", model, story):
            one = there.get((story, int(row["start_ms"])))
            if one is not None:
                found.append((one, np.frombuffer(bytes(row["vector"]), "<f2").astype(np.float32)))
    return found


def _of_span(told: Sequence[tuple[Snippet, Array]], marked: Highlight) -> Array | None:
    """The mean over what a highlight stands on: those stretches of which it has half, or which have half of it."""
    there = [
        vector
        for one, vector in told
        if 2 * (min(marked.end, one.end) - max(marked.start, one.start))
        >= max(1, min(marked.end - marked.start, one.end - one.start))
    ]
    if not there:
        return None
    mean = np.mean(there, axis=0)
    made: Array = (mean / max(1e-9, float(np.linalg.norm(mean)))).astype(np.float32)
    return made
