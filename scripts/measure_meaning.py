"""Measures meaning search: how well it finds what was planted, and what an index of many snippets costs.

Stories are made (`archive.patterns.corpus`), so what there was to find is known. Precision at five: which part of the
first five moments is of the theme that was asked for; a place left empty counts as wrong. Questions are asked in other
words than the stories use; decoys have a theme's words and not its meaning. The stories lie there in captions, as a
box cuts them; a moment is right where half of it, or half of what was planted, is the other.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from archive.catalogue import Tx
from archive.catalogue.index import Told
from archive.catalogue.search import Filters, search
from archive.patterns import corpus, stretches
from archive.patterns.finding import Finder
from archive.patterns.meaning import MODELS, Meaning
from archive.patterns.vectors import build
from archive.patterns.weights import Array
from archive.server.erase import withdraw
from archive.server.place import ArchiveHome, open_archive
from archive.tombstones import Tombstone
from archive.types import Reader
from audio.types import TakeId

FIRST = 5
PER_TX = 500
LANGUAGES = (("en", "en"), ("es", "es"), ("en", "es"), ("es", "en"))
Asking = Callable[[Tx, str, Filters], list[tuple[str, int, int]]]
"""Gives moments: story, start and end (ms)."""


def by_words(place: ArchiveHome) -> Asking:
    """Ask the search for words."""
    return lambda tx, text, only: [
        (hit.story, hit.start, hit.end) for hit in search(tx, text, Reader.DESK, place.now(), filters=only, limit=FIRST)
    ]


def by_meaning(place: ArchiveHome, finder: Finder) -> Asking:
    """Ask the model."""
    return lambda tx, text, only: [
        (one.story, one.start, one.end) for one in finder.find(tx, text, place.now(), only, FIRST)
    ]


def by_caption(run: Sequence[Told]) -> list[list[Told]]:
    """Words as a box cuts them into captions, to compare with."""
    return [list(caption) for _, caption in itertools.groupby(run, key=lambda word: word.passage)]


class Drawn:
    """Vectors drawn by chance, as long as the real model's: what many of them cost does not depend on their numbers."""

    name = "drawn 384"

    def __init__(self) -> None:
        """Draw the same every time."""
        self._chance = np.random.default_rng(5)

    def vectors(self, texts: Sequence[str], *, asked: bool = False) -> Array:
        """Draw a direction for each text."""
        del asked
        rows = self._chance.normal(size=(len(texts), 384)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows


class Once:
    """A real model that reads each distinct text once: made stories say many things twice."""

    def __init__(self, model: Meaning) -> None:
        """Begin with nothing read."""
        self.name = model.name
        self._model = model
        self._known: dict[str, Array] = {}

    def vectors(self, texts: Sequence[str], *, asked: bool = False) -> Array:
        """Ask the model for what it has not read yet; questions always."""
        if asked:
            return self._model.vectors(texts, asked=True)
        fresh = list(dict.fromkeys(text for text in texts if text not in self._known))
        self._known.update(zip(fresh, self._model.vectors(fresh).astype(np.float16), strict=True) if fresh else ())
        return np.stack([self._known[text] for text in texts]).astype(np.float32)


def precision(place: ArchiveHome, made: list[corpus.Made], asking: Asking, *, typed: bool) -> dict[str, float]:
    """Precision at five by the language of the question and of the stories; ``typed`` asks with the theme's own word."""
    planted: dict[tuple[str, str], list[corpus.Said]] = {}
    for one in made:
        for said in one.said:
            if said.side in {"for", "counter"}:
                planted.setdefault((str(one.id), said.theme), []).append(said)
    figures = {}
    with place.catalogue() as catalogue, catalogue.read() as tx:
        for asked_in, told_in in LANGUAGES:
            if typed and asked_in != told_in:
                continue
            right = []
            for theme in corpus.themes():
                for text in [theme.words[asked_in]] if typed else theme.ask[asked_in]:
                    found = asking(tx, text, Filters(language=told_in))
                    fits = [
                        any(shared(start, end, said) for said in planted.get((story, theme.name), ()))
                        for story, start, end in found
                    ]
                    right.append(sum(fits) / FIRST)
            figures[f"{asked_in} asked, {told_in} told"] = round(statistics.mean(right), 2)
    return figures


def shared(start: int, end: int, said: corpus.Said) -> bool:
    """Whether half of the shorter of the two lies in the other, as a highlight counts for a passage."""
    both = min(end, said.end) - max(start, said.start)
    return 2 * both >= max(1, min(end - start, said.end - said.start))


def measure_precision(folder: Path, names: list[str], *, pointed: bool = True) -> dict[str, object]:
    """30 conversations and 400 stories, asked by words and by each model."""
    made = corpus.small()
    figures: dict[str, object] = {}
    with open_archive(folder) as place:
        with place.catalogue() as catalogue, catalogue.write() as tx:
            corpus.put(tx, made, cut=corpus.captioned if pointed else corpus.unpointed)
        figures["words, the question"] = precision(place, made, by_words(place), typed=False)
        figures["words, one word"] = precision(place, made, by_words(place), typed=True)
        for name in names:
            model = MODELS[name]()
            finder = Finder(place, MODELS[name])
            began = time.perf_counter()
            built = build(place, model)
            taken = time.perf_counter() - began
            figures[name] = precision(place, made, by_meaning(place, finder), typed=False) | {
                "stretches": built.made, "stretches_a_second": round(built.made / taken, 1)
            }  # fmt: skip
    return figures


def measure_size(folder: Path, snippets: int, model: Meaning) -> dict[str, object]:
    """An index of many snippets: building it, asking it, a withdrawal, memory."""
    with open_archive(folder) as place:
        stories: list[str] = []
        batch: list[corpus.Made] = []
        distinct: set[str] = set()
        with place.catalogue() as catalogue:
            for one in corpus.many(snippets):
                batch.append(one)
                distinct.update(said.text for said in one.said)
                if len(batch) == PER_TX:
                    with catalogue.write() as tx:
                        stories += corpus.put(tx, batch, cut=corpus.captioned)
                    batch = []
            with catalogue.write() as tx:
                stories += corpus.put(tx, batch, cut=corpus.captioned)
        tell(f"{len(stories)} stories are there, {len(distinct)} distinct texts")
        model.vectors(["Is it loaded?"], asked=True)
        began = time.perf_counter()
        built = build(place, model, lambda done: tell(f"{done} after {time.perf_counter() - began:.0f} s"))
        figures: dict[str, object] = {
            "stretches": built.there,
            "distinct_texts": len(distinct),
            "index_s": round(time.perf_counter() - began),
        }
        before = memory_mb()
        finder = Finder(place, lambda: model)
        questions = [text for theme in corpus.themes() for texts in theme.ask.values() for text in texts]
        figures["first_answer_s"] = round(ask_all(place, finder, questions[:1])[0], 2)
        figures["held_mb"] = round(memory_mb() - before)
        taken = sorted(1000 * one for one in ask_all(place, finder, questions * 2))
        figures |= {"p50_ms": round(statistics.median(taken)), "p95_ms": round(taken[int(len(taken) * 0.95)])}
        filtered = Filters(site=corpus.SITES[2], language="en")
        taken = sorted(1000 * one for one in ask_all(place, finder, questions, filtered))
        figures["filtered_p95_ms"] = round(taken[int(len(taken) * 0.95)])
        began = time.perf_counter()
        withdraw(place, Tombstone(TakeId(stories[len(stories) // 2]), place.now()), "measure")
        figures["withdrawal_s"] = round(time.perf_counter() - began, 2)
        figures["answer_after_withdrawal_s"] = round(ask_all(place, finder, questions[:1])[0], 2)
        began = time.perf_counter()
        build(place, model)
        figures["look_for_changes_s"] = round(time.perf_counter() - began, 1)
        with place.catalogue() as catalogue, catalogue.read() as tx:
            row = tx.one("SELECT COUNT(*) FROM vectors WHERE story = ?", stories[len(stories) // 2])
        figures |= {"vectors_left_of_it": int(row[0]) if row else 0, "whole_process_mb": round(memory_mb())}
        figures["database_mb"] = round(sum(path.stat().st_size for path in folder.glob("archive.db*")) / 1e6)
    return figures


def ask_all(place: ArchiveHome, finder: Finder, questions: list[str], only: Filters | None = None) -> list[float]:
    """Ask each question; seconds each, with opening the catalogue."""
    taken = []
    for text in questions:
        began = time.perf_counter()
        with place.catalogue() as catalogue, catalogue.read() as tx:
            finder.find(tx, text, place.now(), only)
        taken.append(time.perf_counter() - began)
    return taken


def tell(line: str) -> None:
    """Say how far it is."""
    print(line, file=sys.stderr, flush=True)


def memory_mb() -> float:
    """The most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Measure in a folder of its own and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snippets", type=int, default=100_000, help="0 leaves the large index out")
    parser.add_argument("--models", default="minilm,e5", help="asked for precision; the first one makes the index")
    parser.add_argument("--once", action="store_true", help="read each distinct text once for the large index")
    parser.add_argument("--drawn", action="store_true", help="draw the large index's vectors by chance: minutes less")
    parser.add_argument("--unpointed", action="store_true", help="by a machine that writes no points")
    parser.add_argument("--alone", action="store_true", help="read each caption alone, to compare")
    given = parser.parse_args()
    if given.alone:
        stretches.joined = by_caption
    names = given.models.split(",") if given.models else ["minilm"]
    with tempfile.TemporaryDirectory(prefix="hearth-measure-") as name:
        if given.models:
            small = Path(name) / "small"
            figures: dict[str, object] = {
                "precision_at_5": measure_precision(small, names, pointed=not given.unpointed)
            }
            print(json.dumps(figures, indent=1), flush=True)
        if given.snippets:
            model: Meaning = Drawn() if given.drawn else MODELS[names[0]]()
            large = measure_size(Path(name) / "large", given.snippets, Once(model) if given.once else model)
            print(json.dumps(large, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
