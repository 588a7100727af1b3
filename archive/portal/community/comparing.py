"""Across: codes by place and prompt, words that stand out, what a machine proposes, and who is missing."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from archive.patterns.across import across
from archive.patterns.missing import missing
from archive.patterns.overview import proposed
from archive.patterns.snippets import Snippet, Source, snippets, sources
from archive.patterns.words import Corpus, Distinct, Proposal, corpora
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get

LINKS: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """What words alone tell: groups by prompt and by place (with their language), and proposals."""

    prompts: tuple[tuple[str, str, tuple[Distinct, ...]], ...]
    places: tuple[tuple[str, str, tuple[Distinct, ...]], ...]
    proposals: tuple[Proposal, ...]


class Kept:
    """The last answer, for as long as every word it was made from is still there and may still be read.

    It holds no text: words five voices said, and where. What it was made from is compared by digest at each look, so
    a story that was taken back, corrected or allowed less is out of it at the next one.
    """

    def __init__(self, desk: Desk) -> None:
        """Keep nothing yet."""
        self._desk = desk
        self._lock = threading.Lock()
        self._digest, self._words = "", Words((), (), ())

    def words(self, told: Sequence[Snippet], there: Mapping[str, Source]) -> Words:
        """The words of exactly these snippets."""
        digest = hashlib.sha256(repr([(one.story, one.start, one.text) for one in told]).encode()).hexdigest()
        with self._lock:
            if digest != self._digest:
                found = corpora(told, there)
                self._words = Words(
                    _groups(found, {ident: one.prompt for ident, one in there.items()}),
                    _groups(found, {ident: one.site for ident, one in there.items()}),
                    tuple(proposed(self._desk.place, found.values())),
                )
                self._digest = digest
            return self._words


def routes(desk: Desk) -> list[Page]:
    """The pages of this module; they share what was computed last."""
    kept = Kept(desk)
    return [get(desk, "/patterns/across", Permission.CODE, lambda ask: _across(ask, kept))]


def _across(ask: Ask, kept: Kept) -> Response:
    with ask.reading() as tx:
        there = sources(tx, ask.now)
        told = snippets(tx, there)
        table, sides = across(tx, ask.now), missing(tx, ask.now)
    return ask.page(
        "across", table=table, sides=sides, words=kept.words(told, there), machines=ask.desk.place.settings.ai,
        prompts={one.prompt: one.headline for one in there.values()},
    )  # fmt: skip


def _groups(found: Mapping[str, Corpus], group: Mapping[str, str]) -> tuple[tuple[str, str, tuple[Distinct, ...]], ...]:
    return tuple(
        (name, language, words)
        for language, corpus in found.items()
        for name, words in corpus.distinctive(group.__getitem__).items()
        if words
    )
