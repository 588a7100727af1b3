"""The words of many snippets as numbers: which are distinctive for a prompt or a place, and what is told of together.

One language at a time. A word counts when at least five voices said it, so that no word leads to one of them, and
not when nearly everybody says it. Distinctive words are counted (class-based TF-IDF); proposed themes are computed by
a model (non-negative matrix factorization), named as such, and lead to the moments they were found in.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from archive.patterns.across import Moment
from archive.patterns.machines import Machine, learned
from archive.patterns.small import FEWEST
from archive.patterns.snippets import Snippet, Source

EVERYBODY: Final = 0.5
"""A word that more than this part of all voices says is one of the language, not of a theme."""
_ALWAYS_RARE: Final = 20
"""With fewer voices than this a word of half of them is still worth showing."""
MOST_WORDS: Final = 12
EXEMPLARS: Final = 6
FEWEST_THEMES, MOST_THEMES = 3, 24
_LETTERS = r"(?u)\b[^\W\d_]{3,}\b"
_STANDS_OUT = 1.3
"""Times its usual share of all words: what is said here about as often as everywhere is not distinctive."""
_SEED = 0
_NAMED, _WEIGHTY = 8, 0.1
"""Words that name a proposal, and how much each weighs in it against the first."""


@dataclass(frozen=True, slots=True)
class Distinct:
    """A word that stands out: how much (class-based TF-IDF), how many voices say it, and where to hear it."""

    word: str
    weight: float
    voices: int
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a model proposes as a theme: its words, how many voices it found it in, and exemplars, clearest first.

    ``why`` says in words how it came to it. It is no theme before a person writes its sentence.
    """

    id: str
    language: str
    words: tuple[str, ...]
    voices: int
    moments: tuple[Moment, ...]
    machine: Machine
    why: str


class Corpus:
    """The snippets of one language, counted once. It keeps no text: words of five voices and more, and places."""

    def __init__(self, language: str, told: Sequence[Snippet]) -> None:
        """Count the words of ``told``, in which at least five voices speak."""
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.preprocessing import LabelBinarizer

        self.language = language
        self.places = [Moment(one.story, one.start, one.end) for one in told]
        self.stories = sorted({one.story for one in told})
        number = {story: at for at, story in enumerate(self.stories)}
        self.story_of = np.array([number[one.story] for one in told], dtype=np.int64)
        # A row a story, a column a snippet.
        self._into = LabelBinarizer(sparse_output=True).fit(self.stories).transform([one.story for one in told]).T
        # Words of fewer snippets cannot be those of five voices: they need not be kept.
        counter = CountVectorizer(token_pattern=_LETTERS, min_df=FEWEST, dtype=np.float32)
        try:
            counts = counter.fit_transform(one.text for one in told)
            names = counter.get_feature_names_out()
        except ValueError:  # not one word is left
            counts, names = self._into.T[:, :0], np.array([], dtype=object)
        said_by = np.asarray((self._into @ counts > 0).sum(axis=0)).ravel()
        most = max(EVERYBODY * len(self.stories), _ALWAYS_RARE)
        kept = np.flatnonzero((said_by >= FEWEST) & (said_by <= most))
        self.words = [str(names[at]) for at in kept]
        self.counts = counts[:, kept].tocsr()
        self.said_by = said_by[kept]

    def distinctive(self, group_of: Callable[[str], str]) -> dict[str, tuple[Distinct, ...]]:
        """The words that stand out in each group of stories; groups under five voices are not there.

        ``group_of`` names the group of a story (its prompt, its place); a word counts where five voices of the group
        say it.
        """
        names = [group_of(story) for story in self.stories]
        sizes = Counter(names)
        groups = sorted(name for name, size in sizes.items() if name and size >= FEWEST)
        if not groups or not self.words:
            return {}
        of_group = {name: np.array([one == name for one in names]) for name in groups}
        by_story = self._into @ self.counts
        frequency = np.vstack([np.asarray(by_story[of_group[name]].sum(axis=0)).ravel() for name in groups])
        voices = np.vstack([np.asarray((by_story[of_group[name]] > 0).sum(axis=0)).ravel() for name in groups])
        whole = frequency.sum(axis=0)
        average = frequency.sum() / len(groups)
        share = frequency / np.maximum(frequency.sum(axis=1, keepdims=True), 1)
        weights = share * np.log1p(average / np.maximum(whole, 1))
        usual = whole / max(1.0, float(whole.sum()))
        weights[(voices < FEWEST) | (share < _STANDS_OUT * usual)] = 0
        found = {}
        for at, name in enumerate(groups):
            best = [int(word) for word in np.argsort(-weights[at], kind="stable")[:MOST_WORDS] if weights[at][word] > 0]
            found[name] = tuple(
                Distinct(
                    self.words[word], round(float(weights[at][word]), 6), int(voices[at][word]),
                    self._hear(word, of_group[name]),
                )
                for word in best
            )  # fmt: skip
        return found

    def _hear(self, word: int, in_group: np.ndarray[Any, Any]) -> tuple[Moment, ...]:
        rows = np.flatnonzero(np.asarray(self.counts[:, word].toarray()).ravel())
        return self._spread(int(row) for row in rows if in_group[self.story_of[row]])

    def _spread(self, rows: Iterable[int]) -> tuple[Moment, ...]:
        """The first moments of these, one a voice."""
        found: dict[str, Moment] = {}
        for row in rows:
            found.setdefault(self.places[row].story, self.places[row])
            if len(found) == EXEMPLARS:
                break
        return tuple(found.values())

    def proposals(self, themes: int = 0) -> tuple[Proposal, ...]:
        """What a model finds told of together, the most voices first. It looks for ``themes``; 0: it chooses how many.

        Computed with a model: ask `archive.patterns.machines.check_on` first. The same snippets give the same answer.
        """
        from sklearn.decomposition import NMF
        from sklearn.feature_extraction.text import TfidfTransformer

        if len(self.stories) < FEWEST or len(self.words) < FEWEST:
            return ()
        wanted = themes or max(FEWEST_THEMES, min(MOST_THEMES, round(math.sqrt(len(self.stories)))))
        wanted = min(wanted, len(self.words) - 1, len(self.stories))
        weighted = TfidfTransformer(sublinear_tf=True).fit_transform(self.counts)
        model = NMF(wanted, init="nndsvda", random_state=_SEED, max_iter=300, tol=1e-3)
        in_snippet = model.fit_transform(weighted)
        machine = learned("NMF over TF-IDF")
        found = [self._proposal(at, model.components_[at], in_snippet, machine) for at in range(wanted)]
        return tuple(sorted((one for one in found if one is not None), key=lambda one: (-one.voices, one.words)))

    def _proposal(
        self, at: int, of_words: np.ndarray[Any, Any], in_snippet: np.ndarray[Any, Any], machine: Machine
    ) -> Proposal | None:
        mine = in_snippet[:, at]
        # Where this is what a snippet is mostly about, and not only a little.
        clear = np.flatnonzero((mine >= in_snippet.max(axis=1)) & (mine > 0.25 * mine.max()) & (mine > 0))
        voices = len({int(self.story_of[row]) for row in clear})
        best = [
            int(word)
            for word in np.argsort(-of_words, kind="stable")[:_NAMED]
            if of_words[word] > _WEIGHTY * of_words.max()
        ]
        if voices < FEWEST or not best:
            return None
        words = tuple(self.words[word] for word in best)
        ident = hashlib.sha256(f"{self.language} {' '.join(sorted(words))}".encode()).hexdigest()[:12]
        rows = clear[np.argsort(-mine[clear], kind="stable")]
        why = f"These words are told together in {voices} voices, more than in the rest."
        return Proposal(ident, self.language, words, voices, self._spread(int(row) for row in rows), machine, why)


def corpora(told: Iterable[Snippet], there: Mapping[str, Source]) -> dict[str, Corpus]:
    """Put snippets together by the language of their story; languages under five voices are not there."""
    by_language: dict[str, list[Snippet]] = {}
    for one in told:
        by_language.setdefault(there[one.story].language, []).append(one)
    return {
        language: Corpus(language, some)
        for language, some in sorted(by_language.items())
        if len({one.story for one in some}) >= FEWEST
    }
