"""A machine proposes codes for a story, from what people coded before; a named person accepts or refuses each.

The method is small and can be followed: a passage is proposed the code of the coded highlights it is nearest to, by
its words, and by its meaning where the index has vectors (`archive.patterns.nearest`). Each proposal names the model
with its version and those highlights, so that a person sees what it rests on; one that rests on nothing they may
still read is not shown. Nobody but a person codes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from archive.catalogue import Row, Tx
from archive.catalogue.changes import note_change, stamp
from archive.catalogue.consents import asks
from archive.patterns.codebook import codes_of, resolved
from archive.patterns.highlights import BadHighlight, Highlight, all_highlights, check_gate, highlight, words_between
from archive.patterns.machines import Machine, check_on, learned
from archive.patterns.nearest import Likeness, by_meaning, by_words
from archive.patterns.stretches import stretches
from archive.reviewing.words import Passage, passages_of
from archive.server.settings import ArchiveSettings
from archive.takes import fresh_take
from archive.types import Reader

MOST_EXAMPLES: Final = 2000
"""Coded highlights compared with, the newest first."""


@dataclass(frozen=True, slots=True)
class Near:
    """A highlight a proposal rests on, as it may be read now."""

    highlight: str
    story: str
    start: int
    words: str
    likeness: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One proposal that nobody has decided about: [start, end) in ms of the story."""

    id: str
    story: str
    start: int
    end: int
    code: str
    name: str
    machine: Machine
    near: tuple[Near, ...]
    by_meaning: bool = False

    @property
    def why(self) -> str:
        """In a sentence."""
        which = f"{len(self.near)} coded so" if len(self.near) > 1 else "one coded so"
        found = f"It may mean the like of {which}" if self.by_meaning else f"Its words are near to {which}"
        return f"{found} (likeness {self.near[0].likeness:.2f} of 1)."


def suggest(tx: Tx, settings: ArchiveSettings, story: str, now: datetime) -> int:
    """Compute proposals for a story, in place of those nobody decided about; returns how many there are now.

    What was decided about once is not proposed again for the same words. Asks the gate for this story and for each one
    it learns from. Raises `MachinesOff`, `Refused`.
    """
    check_on(settings)
    check_gate(tx, story, now)
    tx.run("DELETE FROM suggestions WHERE story = ? AND id NOT IN (SELECT suggestion FROM suggestion_decisions)", story)
    examples, texts = _examples(tx, story, now)
    decided = {
        (row["start_ms"], row["code"])
        for row in tx.all("SELECT start_ms, code FROM suggestions WHERE story = ?", story)
    }
    live = {one.id for one in codes_of(tx)}
    made = 0
    for machine, one, meant in _all_near(tx, story, examples, texts):
        if one.code not in live or (one.passage.start, one.code) in decided:
            continue
        decided.add((one.passage.start, one.code))
        row = (
            str(fresh_take(now)), story, one.passage.start, one.passage.end, one.code, machine.model, machine.version,
            json.dumps({"near": [list(pair) for pair in one.near], "meaning": meant}), stamp(now),
        )  # fmt: skip
        tx.run(
            "INSERT INTO suggestions (id, story, start_ms, end_ms, code, model, version, why, at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *row,
        )
        made += 1
    return made


def suggestions_of(tx: Tx, settings: ArchiveSettings, story: str, who: str, now: datetime) -> list[Suggestion]:
    """What is proposed for a story and ``who`` neither decided nor coded so already; none with machines off.

    The caller asked the gate for the story; what a proposal rests on is asked for here.
    """
    if not settings.ai:
        return []
    rows = tx.all(
        "SELECT id, story, start_ms, end_ms, code, model, version, why FROM suggestions WHERE story = ? "
        "AND id NOT IN (SELECT suggestion FROM suggestion_decisions WHERE who = ?) ORDER BY start_ms, id",
        story,
        who,
    )
    leads, names = resolved(tx), {one.id: one.name for one in codes_of(tx)}
    mine = [one for one in all_highlights(tx, [story]) if one.who == who]
    resting = _read_near(tx, rows, now)
    found = []
    for row in rows:
        code = leads[row["code"]]
        near = tuple(resting[ident, likeness] for ident, likeness in _near_of(row) if (ident, likeness) in resting)
        there = any(code in one.codes and one.start < row["end_ms"] and row["start_ms"] < one.end for one in mine)
        if near and not there:
            machine = Machine(row["model"], row["version"])
            found.append(
                Suggestion(
                    row["id"],
                    row["story"],
                    row["start_ms"],
                    row["end_ms"],
                    code,
                    names[code],
                    machine,
                    near,
                    bool(json.loads(row["why"]).get("meaning", False)),
                )
            )
    return found


def decide(tx: Tx, settings: ArchiveSettings, ident: str, accept: bool, who: str, now: datetime) -> str:
    """Accept a proposal into one's own layer, or refuse it; returns its story. Raises `BadHighlight`, `Refused`."""
    row = tx.one("SELECT story FROM suggestions WHERE id = ?", ident)
    if row is None:
        raise BadHighlight("This proposal is not there any more.", "Load the page again.")
    story = str(row["story"])
    check_gate(tx, story, now)
    one = next((one for one in suggestions_of(tx, settings, story, who, now) if one.id == ident), None)
    if one is None:
        raise BadHighlight("This proposal was decided about, or what it rests on is gone.", "Load the page again.")
    verdict = "accepted" if accept else "refused"
    tx.run("INSERT INTO suggestion_decisions (suggestion, story, who, at, verdict) VALUES (?, ?, ?, ?, ?)",
           ident, story, who, stamp(now), verdict)  # fmt: skip
    note_change(tx, who, f"proposal {verdict}", story, f"{ident} by {one.machine.words}", now)
    if accept:
        highlight(tx, story, one.start, one.end, [one.code], "", who, now)
    return story


def _examples(tx: Tx, but: str, now: datetime) -> tuple[list[Highlight], list[str]]:
    """Coded highlights of other stories that may be read, and their words."""
    there = {str(row["story"]) for row in tx.all("SELECT DISTINCT story FROM highlights WHERE removed_at = ''")}
    allowed = asks(tx, sorted(there - {but}), Reader.DESK, now)
    readable = [story for story, answer in allowed.items() if answer.allowed]
    marked = [one for one in all_highlights(tx, readable) if one.codes]
    marked = sorted(marked, key=lambda one: one.at, reverse=True)[:MOST_EXAMPLES]
    return marked, _words_of(tx, marked)


def _words_of(tx: Tx, marked: Sequence[Highlight]) -> list[str]:
    passages: dict[str, list[Passage]] = {}
    for one in marked:
        if one.story not in passages:
            passages[one.story] = passages_of(tx, one.story)
    return [words_between(passages[one.story], one.start, one.end) for one in marked]


def _all_near(
    tx: Tx, story: str, examples: Sequence[Highlight], texts: Sequence[str]
) -> Iterator[tuple[Machine, Likeness, bool]]:
    """What is near by words, which a person can follow, then by meaning; with the machine, and whether by meaning."""
    passages = stretches(tx, [story])
    counted = learned("nearest coded words by TF-IDF")
    for one in by_words(passages, examples, texts):
        yield counted, one, False
    model, meant = by_meaning(tx, story, passages, examples)
    # A model's name ends in its version: "all-MiniLM-L6-v2 int8/1".
    name, _, version = model.rpartition(" ")
    for one in meant:
        yield Machine(f"nearest coded passages by {name}", version), one, True


def _near_of(row: Row) -> list[tuple[str, float]]:
    return [(str(ident), float(likeness)) for ident, likeness in json.loads(row["why"])["near"]]


def _read_near(tx: Tx, rows: Iterable[Row], now: datetime) -> Mapping[tuple[str, float], Near]:
    """What proposals rest on, as far as it is still there and may be read now."""
    wanted = {one for row in rows for one in _near_of(row)}
    idents = sorted({ident for ident, _ in wanted})
    marks = ", ".join("?" * len(idents))
    found = tx.all(
        f"SELECT id, story, start_ms, end_ms FROM highlights WHERE removed_at = '' AND id IN ({marks})",  # noqa: S608
        *idents,
    ) if idents else []  # fmt: skip
    allowed = asks(tx, {row["story"] for row in found}, Reader.DESK, now)
    there = {str(row["id"]): row for row in found if allowed[row["story"]].allowed}
    passages = {row["story"]: passages_of(tx, row["story"]) for row in there.values()}
    return {
        (ident, likeness): Near(
            ident, row["story"], row["start_ms"],
            words_between(passages[row["story"]], row["start_ms"], row["end_ms"]), likeness,
        )
        for ident, likeness in wanted
        if (row := there.get(ident)) is not None
    }  # fmt: skip
