"""Everything across conversations as plain data: what `hearth archive patterns --json` prints and the desk shows.

Every moment is a story and a second in it. Counts are voices, and null where they are held back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from archive.patterns.across import Across, CodeRow, Moment, across
from archive.patterns.machines import check_on
from archive.patterns.missing import Side, missing
from archive.patterns.snippets import snippets, sources
from archive.patterns.themes import Side as Stand
from archive.patterns.themes import Theme, Voice, themes
from archive.patterns.words import Corpus, Distinct, Proposal, corpora
from archive.server.place import ArchiveHome


def overview(place: ArchiveHome, now: datetime, *, looked_for: int = 0, codebook: str = "") -> dict[str, Any]:
    """Look across everything the desk may open at ``now``.

    ``looked_for`` is how many themes the machine proposes in each language, 0: as many as it thinks. Where the
    archive's machines are off ``proposed`` is empty, and ``machines`` says so.
    """
    with place.catalogue() as catalogue, catalogue.read() as tx:
        there = sources(tx, now)
        told = snippets(tx, there)
        table, written, sides = across(tx, now, codebook), themes(tx, now), missing(tx, now)
    found = corpora(told, there)
    return {
        "machines": place.settings.ai,
        "voices": len(there),
        "snippets": len(told),
        "matrix": [_code(row) for row in table.codes],
        "together": _together(table),
        "distinctive": {
            "by_prompt": _distinctive(found, {ident: one.prompt for ident, one in there.items()}),
            "by_place": _distinctive(found, {ident: one.site for ident, one in there.items()}),
        },
        "proposed": [proposal_told(one) for one in proposed(place, found.values(), looked_for)],
        "themes": [theme_told(theme) for theme in written],
        "missing": {side.by: _side(side) for side in sides},
    }


def proposed(place: ArchiveHome, found: Iterable[Corpus], looked_for: int = 0) -> list[Proposal]:
    """What a machine proposes as themes in every language; nothing is computed where machines are off."""
    if not place.settings.ai:
        return []
    check_on(place.settings)
    return [one for corpus in found for one in corpus.proposals(looked_for)]


def moment_told(one: Moment | Voice) -> dict[str, Any]:
    """Where to listen: a story, and seconds in it."""
    return {"story": one.story, "start": one.start / 1000, "end": one.end / 1000}


def proposal_told(one: Proposal) -> dict[str, Any]:
    """A proposed theme, with what made it and why."""
    return {
        "proposal": one.id, "language": one.language, "words": list(one.words), "voices": one.voices,
        "model": one.machine.model, "version": one.machine.version, "why": one.why,
        "exemplars": [moment_told(moment) for moment in one.moments],
    }  # fmt: skip


def theme_told(theme: Theme) -> dict[str, Any]:
    """A theme with every voice for and against it that may be heard now."""
    return {
        "theme": theme.id, "sentence": theme.sentence, "by": theme.who, "at": theme.at, "stands": theme.stands,
        "says": list(theme.says), "voices": theme.now.voices, "against": theme.now.against, "closed": theme.now.closed,
        "for": [{**moment_told(one), "words": one.words} for one in theme.of(Stand.FOR)],
        "counter": [{**moment_told(one), "words": one.words} for one in theme.of(Stand.COUNTER)],
        "looked": [
            {
                "by": look.who, "at": look.at, "asked": look.asked, "prompt": look.looked.prompt,
                "place": look.looked.site, "language": look.looked.language, "voices": look.voices, "note": look.note,
            }
            for look in theme.looks
        ],
    }  # fmt: skip


def _code(row: CodeRow) -> dict[str, Any]:
    return {
        "code": row.code.id, "name": row.code.name, "level": row.code.level.value, "voices": row.voices,
        "places": dict(row.places), "prompts": dict(row.prompts),
        "cells": [
            {"place": place, "prompt": prompt, "voices": voices} for (place, prompt), voices in row.cells.items()
        ],
        "moments": [moment_told(one) for one in row.moments],
    }  # fmt: skip


def _together(table: Across) -> list[dict[str, Any]]:
    return [
        {
            "codes": [pair.one.name, pair.other.name], "voices": pair.voices, "same_words": pair.touching,
            "moments": [moment_told(one) for one in pair.moments],
        }
        for pair in table.pairs
    ]  # fmt: skip


def _distinctive(found: Mapping[str, Corpus], group: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"group": name, "language": language, "words": [_word(one) for one in words]}
        for language, corpus in found.items()
        for name, words in corpus.distinctive(group.__getitem__).items()
    ]


def _word(one: Distinct) -> dict[str, Any]:
    return {
        "word": one.word, "weight": one.weight, "voices": one.voices,
        "moments": [moment_told(moment) for moment in one.moments],
    }  # fmt: skip


def _side(side: Side) -> list[dict[str, Any]]:
    return [{"name": one.name, "voices": one.voices, "little": one.little} for one in side.told]
