"""What is read for its meaning: captions joined to what somebody says in one go, and never over what divides them.

A caption holds a few words, broken where a line was full. A model that reads such a piece alone knows little of what
was said. Here they become sentences, and short sentences are put to the next, up to some forty words. Nothing is joined
over a blanked word, another speaker's turn, an excerpt that was played, a question that was read or a pause off the
record. A stretch begins at the second of its first word.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from archive.catalogue import Tx
from archive.catalogue.index import Told, words_of
from archive.patterns.snippets import Snippet
from archive.reviewing.words import BLANK, ends_sentence

VERSION: Final = "1"
"""Of the way words are cut; another one cuts them otherwise, and what was read before is read again."""
LEAST_WORDS: Final = 6
"""A sentence shorter than this is put to the next one: alone it says little."""
MOST_WORDS: Final = 40
PAUSE_MS: Final = 700
"""A pause as long as this ends a sentence, whatever stands at its end: not every recogniser writes points."""
_MANY: Final = 500
_POINTS: Final = ("flag",)
"""Spans that mark a moment and divide nothing."""


def stretches(tx: Tx, stories: Iterable[str]) -> list[Snippet]:
    """Everything said in ``stories`` that is not blanked, in order of story and time.

    The caller had the stories from the gate. ``number`` is that of the passage a stretch begins in.
    """
    found: list[Snippet] = []
    wanted = sorted(set(stories))
    for first in range(0, len(wanted), _MANY):
        some = wanted[first : first + _MANY]
        bounds = _bounds(tx, some)
        rows = tx.all(
            "SELECT story, number, words FROM passages "  # noqa: S608 - marks alone
            f"WHERE story IN ({', '.join('?' * len(some))}) ORDER BY story, number",
            *some,
        )
        for story, told in groupby(rows, key=lambda row: str(row["story"])):
            found += [
                _snippet(story, one) for run in _runs(words_of(told), bounds.get(story, [])) for one in joined(run)
            ]
    return found


def made_of(one: Snippet) -> str:
    """Name the words of a stretch and where they stand: another name as soon as one of them is another. Pure."""
    told = f"{one.start} {one.end} {one.text}"
    return hashlib.blake2b(told.encode(), digest_size=12).hexdigest()


def joined(run: Sequence[Told]) -> list[list[Told]]:
    """Put words between which nothing stands together to stretches, in order, every word in one. Pure."""
    found: list[list[Told]] = []
    for part in (part for sentence in _sentences(run) for part in _parts(sentence)):
        if found and len(found[-1]) < LEAST_WORDS and len(found[-1]) + len(part) <= MOST_WORDS:
            found[-1].extend(part)
        else:
            found.append(list(part))
    # Two words at the end of what somebody says belong to what came before.
    if len(found) > 1 and len(found[-1]) < LEAST_WORDS and len(found[-2]) + len(found[-1]) <= MOST_WORDS:
        found[-2].extend(found.pop())
    return found


def _sentences(run: Sequence[Told]) -> Iterator[list[Told]]:
    sentence: list[Told] = []
    for word in run:
        if sentence and (ends_sentence(sentence[-1].text) or word.start - sentence[-1].end >= PAUSE_MS):
            yield sentence
            sentence = []
        sentence.append(word)
    if sentence:
        yield sentence


def _parts(sentence: list[Told]) -> Iterator[list[Told]]:
    """A sentence that goes on and on in parts of about one length, each ending where its speaker paused the longest."""
    parts = -(-len(sentence) // MOST_WORDS)
    done = 0
    for part in range(1, parts):
        even = round(part * len(sentence) / parts)
        most = min(done + MOST_WORDS, even + LEAST_WORDS)
        # What is left has to have room in the parts that are left.
        least = max(even - LEAST_WORDS, len(sentence) - (parts - part) * MOST_WORDS, done + 1)
        ends = min(range(least, most + 1), key=lambda at: (sentence[at - 1].end - sentence[at].start, abs(at - even)))
        yield sentence[done:ends]
        done = ends
    yield sentence[done:]


def _snippet(story: str, told: Sequence[Told]) -> Snippet:
    start = told[0].start
    end = max(start + 1, *(word.end for word in told))
    return Snippet(story, told[0].passage, start, end, " ".join(word.text for word in told))


def _bounds(tx: Tx, stories: Sequence[str]) -> dict[str, list[int]]:
    """Where something stands between words, ms in order, by story: spans the box knew of, and changes of speaker."""
    found: dict[str, set[int]] = {}
    marks = ", ".join("?" * len(stories))
    for row in tx.all(f"SELECT story, kind, start_ms, end_ms FROM spans WHERE story IN ({marks})", *stories):  # noqa: S608
        if row["kind"] not in _POINTS:
            found.setdefault(str(row["story"]), set()).update((int(row["start_ms"]), int(row["end_ms"])))
    turns = tx.all(
        f"SELECT story, start_ms, speaker FROM turns WHERE story IN ({marks}) ORDER BY story, number",  # noqa: S608
        *stories,
    )
    for story, told in groupby(turns, key=lambda row: str(row["story"])):
        for _, turn in groupby(told, key=lambda row: str(row["speaker"])):
            found.setdefault(story, set()).add(int(next(turn)["start_ms"]))
    return {story: sorted(edges) for story, edges in found.items()}


def _runs(words: Iterable[Told], edges: Sequence[int]) -> Iterator[list[Told]]:
    """Words between which nothing stands, and none that was blanked."""
    for (blank, _), some in groupby(words, key=lambda word: (word.text == BLANK, bisect_right(edges, word.start))):
        if not blank:
            yield list(some)
