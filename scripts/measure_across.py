"""Measure looking across stories: what planted themes are found, and what 100,000 snippets cost. One JSON object.

Needs no sound and no model but the small ones that come with scikit-learn. `scripts/measure-across --help`.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from archive.catalogue import Tx
from archive.patterns import codebook, corpus, highlights, suggesting, themes
from archive.patterns.across import across
from archive.patterns.codebook import Level
from archive.patterns.overview import overview
from archive.patterns.snippets import Looked, Source, snippets, sources
from archive.patterns.words import corpora
from archive.server.erase import withdraw
from archive.server.place import ArchiveHome, open_archive
from archive.tombstones import Tombstone
from audio.types import TakeId

SEEDS = 3
"""Highlights a person codes by hand for each planted theme, before a machine proposes the rest."""


def megabytes() -> int:
    """The most memory this program had so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def planted(place: ArchiveHome, made: list[corpus.Made]) -> dict[str, dict[str, float]]:
    """Code a few planted moments of each theme, let a machine propose the rest, and write the theme."""
    now, found = place.now(), {}
    with place.catalogue() as catalogue, catalogue.write() as tx:
        there = sources(tx, now)
        book = codebook.first_codebook(tx, "measured", now)
        for theme in corpus.themes():
            code = codebook.make_code(tx, book, theme.name, Level.CONCRETE, theme.sentence, "measured", now)
            seeds = [
                (one, said) for one in made if one.id in there and one.language == "en"
                for said in one.planted(theme.name)
            ][:SEEDS]  # fmt: skip
            for one, said in seeds:
                highlights.highlight(tx, one.id, said.start, said.end, [code], "", "measured", now)
            found[theme.name] = {"seeds": len(seeds), "code": code}
        told = {}
        for one in made:
            if one.id in there:
                suggesting.suggest(tx, place.settings, one.id, now)
                for hit in suggesting.suggestions_of(tx, place.settings, one.id, "measured", now):
                    told.setdefault(hit.code, []).append((one, hit))
        for theme in corpus.themes():
            found[theme.name] |= judged(tx, place, made, theme, told.get(found[theme.name].pop("code"), []), there)
    return found


def judged(
    tx: Tx, place: ArchiveHome, made: list[corpus.Made], theme: corpus.Theme,
    told: list[tuple[corpus.Made, suggesting.Suggestion]], there: Mapping[str, Source],
) -> dict[str, float]:  # fmt: skip
    """Compare what was proposed with what was planted, write the theme on it, and look for its counter-examples."""
    now = place.now()
    right = [
        (one, hit) for one, hit in told
        if any(said.theme == theme.name and said.side == "for" and said.start <= hit.start < said.end for said in one.said)
    ]  # fmt: skip
    against = {
        one.id
        for one, hit in told
        if any(
            said.theme == theme.name and said.side == "counter" and said.start <= hit.start < said.end
            for said in one.said
        )
    }
    voices = {one.id for one in made if one.id in there and one.planted(theme.name)}
    counters = {one.id for one in made if one.id in there and one.planted(theme.name, "counter")}
    ident = themes.make_theme(tx, theme.sentence, "measured", now)
    for one in made:
        for side, stand in (("for", themes.Side.FOR), ("counter", themes.Side.COUNTER)):
            for said in one.planted(theme.name, side)[:1] if one.id in there else ():
                marked = highlights.highlight(tx, one.id, said.start, said.end, [], "", "measured", now)
                themes.put_voice(tx, ident, marked, stand, "measured", now)
    stands = themes.theme_of(tx, ident, now)
    looked = {hit.story for word in theme.words.values() for hit in themes.look_for(tx, word, Looked(), now)[0]}
    return {
        "voices_planted": len(voices), "counters_planted": len(counters),
        "proposed": len(told), "proposed_rightly": len(right),
        "voices_proposed": len({one.id for one, _ in right}), "counters_proposed": len(against),
        "counters_found_by_words": len(looked & counters),
        "voices_in_theme": stands.now.voices, "counters_in_theme": stands.now.against, "stands": stands.stands,
    }  # fmt: skip


def taken_back(place: ArchiveHome, made: list[corpus.Made]) -> dict[str, int]:
    """Carry out the withdrawals that were planned, and look at every theme again."""
    now = place.now()
    gone = [one for one in made if one.goes]
    for one in gone:
        withdraw(place, Tombstone(one.id, now), "measured")
    with place.catalogue() as catalogue, catalogue.read() as tx:
        found = themes.themes(tx, now)
    return {
        "withdrawn": len(gone), "themes": len(found),
        "say_so": sum(any("took stories back" in say for say in theme.says) for theme in found),
        "voices_of_the_gone": sum(voice.story in {one.id for one in gone} for theme in found for voice in theme.voices),
    }  # fmt: skip


def timed(place: ArchiveHome) -> dict[str, float]:
    """Build everything that is looked at across stories once, step by step, in seconds."""
    now, steps = place.now(), {}
    begun = time.perf_counter()
    with place.catalogue() as catalogue, catalogue.read() as tx:
        there = sources(tx, now)
        steps["gate"] = time.perf_counter() - begun
        told = snippets(tx, there)
        across(tx, now)
    steps["read"] = time.perf_counter() - begun - steps["gate"]
    at = time.perf_counter()
    found = corpora(told, there)
    steps["count"] = time.perf_counter() - at
    at = time.perf_counter()
    for one in found.values():
        one.distinctive(lambda story: there[story].prompt)
        one.distinctive(lambda story: there[story].site)
    steps["distinctive"] = time.perf_counter() - at
    at = time.perf_counter()
    proposals = [one.proposals() for one in found.values()]
    steps["proposals"] = time.perf_counter() - at
    steps["whole"] = time.perf_counter() - begun
    return {name: round(value, 2) for name, value in steps.items()} | {
        "voices": len(there), "snippets": len(told), "proposed": sum(len(some) for some in proposals),
    }  # fmt: skip


def on_planted(place: ArchiveHome) -> dict[str, object]:
    """What is found of what was planted, and what themes say after withdrawals."""
    made = corpus.small()
    with place.catalogue() as catalogue, catalogue.write() as tx:
        corpus.put(tx, made)
    found: dict[str, object] = {"planted": planted(place, made), "taken_back": taken_back(place, made)}
    begun = time.perf_counter()
    overview(place, place.now())
    return found | {"small_whole_s": round(time.perf_counter() - begun, 2)}


def at_size(place: ArchiveHome, count: int) -> dict[str, object]:
    """What it costs to look across ``count`` snippets, and once more after a story was taken back."""
    before = megabytes()
    with place.catalogue() as catalogue, catalogue.write() as tx:
        idents = corpus.put(tx, corpus.many(count))
    build = timed(place) | {"mb_before": before, "mb_most": megabytes()}
    begun = time.perf_counter()
    withdraw(place, Tombstone(TakeId(idents[len(idents) // 2]), place.now()), "measured")
    taken = round(time.perf_counter() - begun, 2)
    return {"build": build, "withdrawal_s": taken, "rebuild": timed(place) | {"mb_most": megabytes()}}


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["planted", "size"], help="one part alone")
    parser.add_argument("--snippets", type=int, default=100_000, help="for the part on size")
    options = parser.parse_args()
    told: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        if options.only != "size":
            with open_archive(Path(folder) / "small") as place:
                told |= on_planted(place)
        if options.only != "planted":
            with open_archive(Path(folder) / "large") as place:
                told |= at_size(place, options.snippets)
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
