"""Putting the words of a story into the catalogue, when its bag comes and when a newer bag takes its place."""

from __future__ import annotations

from collections.abc import Sequence

from archive.catalogue.index import reindex
from archive.catalogue.port import Row, Tx
from archive.cutting import LEEWAY
from archive.reviewing.words import HAND
from archive.vtt import SpokenCue, words_json

_COLUMNS = "story, number, version, start_ms, end_ms, text, words, approximate, by, at, checked_by, checked_at"
_MARKS = ", ".join("?" * 12)


def put_passages(
    tx: Tx, story: str, cues: Sequence[SpokenCue], by: str, at: str, cuts: Sequence[tuple[int, int]] = ()
) -> None:
    """Put ``cues``, which ``by`` wrote, in the place of the passages of ``story``, and bring the index up to them.

    A passage a person checked or corrected stays as it is where the new cue has its very times, and what it said
    before stays beside each; but nothing stays that touches ``cuts``, spans [start, end) in ms the teller took back.
    """
    before = {row["number"]: row for row in tx.all(f"SELECT {_COLUMNS} FROM passages WHERE story = ?", story)}  # noqa: S608
    for start, end in cuts:
        gone = (story, end + LEEWAY, start - LEEWAY)
        tx.run("DELETE FROM passage_versions WHERE story = ? AND start_ms < ? AND end_ms > ?", *gone)
    for number, cue in enumerate(cues):
        old = before.pop(number, None)
        if old is not None and _stands(old, cue, cuts):
            continue
        if old is not None:
            _put_beside(tx, old, cuts)
        row = (
            story, number, 1 if old is None else old["version"] + 1, cue.start, cue.end, cue.text,
            words_json(cue.words), int(cue.approximate), by, at, None, None,
        )  # fmt: skip
        tx.run(f"INSERT INTO passages ({_COLUMNS}) VALUES ({_MARKS})", *row)  # noqa: S608 - constants
    for old in before.values():
        _put_beside(tx, old, cuts)
    reindex(tx, story)


def _stands(old: Row, cue: SpokenCue, cuts: Sequence[tuple[int, int]]) -> bool:
    same_times = (old["start_ms"], old["end_ms"]) == (cue.start, cue.end)
    # What a person checked, or corrected so far as they listened.
    checked = old["checked_by"] is not None or HAND in old["by"]
    same = old["words"] == words_json(cue.words) and old["approximate"] == int(cue.approximate)
    return same_times and not _touched(old, cuts) and (checked or same)


def _put_beside(tx: Tx, old: Row, cuts: Sequence[tuple[int, int]]) -> None:
    tx.run("DELETE FROM passages WHERE story = ? AND number = ?", old["story"], old["number"])
    if not _touched(old, cuts):
        tx.run(f"INSERT INTO passage_versions ({_COLUMNS}) VALUES ({_MARKS})", *old)  # noqa: S608 - constants


def _touched(row: Row, cuts: Sequence[tuple[int, int]]) -> bool:
    return any(row["start_ms"] < end + LEEWAY and row["end_ms"] > start - LEEWAY for start, end in cuts)
