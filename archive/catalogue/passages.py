"""Putting the words of a story into the catalogue, when its bag comes and when a newer bag takes its place."""

from __future__ import annotations

from collections.abc import Sequence

from archive.catalogue.index import reindex
from archive.catalogue.port import Row, Tx, Value
from archive.cutting import LEEWAY
from archive.reviewing.words import HAND
from archive.vtt import SpokenCue, words_json

_COLUMNS = "story, number, version, start_ms, end_ms, text, words, approximate, by, at, checked_by, checked_at"
_MARKS = ", ".join("?" * 12)


def put_passages(
    tx: Tx, story: str, cues: Sequence[SpokenCue], by: str, at: str, cuts: Sequence[tuple[int, int]] = ()
) -> None:
    """Put ``cues``, which ``by`` wrote, in the place of the passages of ``story``, and bring the index up to them.

    A passage a person checked or corrected stays as it is where a new cue has its very times, under whatever number,
    and what it said before stays beside each; but nothing stays that touches ``cuts``, spans [start, end) in ms the
    teller took back.
    """
    rows = tx.all(f"SELECT {_COLUMNS} FROM passages WHERE story = ? ORDER BY number", story)  # noqa: S608 - constants
    version = 1 + max([0, *(int(row["version"]) for row in rows), _last_version(tx, story)])
    for start, end in cuts:
        gone = (story, end + LEEWAY, start - LEEWAY)
        tx.run("DELETE FROM passage_versions WHERE story = ? AND start_ms < ? AND end_ms > ?", *gone)
    # By times, not by number: where a part was taken out, all later cues have other numbers than before.
    standing: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        standing.setdefault((row["start_ms"], row["end_ms"]), []).append(row)
    kept: dict[int, Row] = {}
    for number, cue in enumerate(cues):
        same_times = standing.get((cue.start, cue.end))
        if same_times and _stands(old := same_times.pop(0), cue, cuts):
            kept[number] = old
    stays = {int(old["number"]) for old in kept.values()}
    for old in rows:
        if old["number"] not in stays:
            _put_beside(tx, old, cuts)
    moved = {number: old for number, old in kept.items() if old["number"] != number}
    for old in moved.values():
        tx.run("DELETE FROM passages WHERE story = ? AND number = ?", story, old["number"])
    for number, cue in enumerate(cues):
        words: tuple[Value, ...]
        if number in moved:
            words = tuple(moved[number])[3:]
        elif number in kept:
            continue
        else:
            said = words_json(cue.words)
            words = (cue.start, cue.end, cue.text, said, int(cue.approximate), by, at, None, None)
        tx.run(f"INSERT INTO passages ({_COLUMNS}) VALUES ({_MARKS})", story, number, version, *words)  # noqa: S608
    reindex(tx, story)


def _last_version(tx: Tx, story: str) -> int:
    """The newest version any passage of ``story`` had before it was changed, whatever its number; 0 for none.

    A passage that comes anew begins after all of them, so that no two readings of a number have the same version.
    """
    row = tx.one("SELECT MAX(version) AS newest FROM passage_versions WHERE story = ?", story)
    return int(row["newest"] or 0) if row else 0


def _stands(old: Row, cue: SpokenCue, cuts: Sequence[tuple[int, int]]) -> bool:
    """Whether a passage with the times of ``cue`` stays as it is."""
    # What a person checked, or corrected so far as they listened.
    checked = old["checked_by"] is not None or HAND in old["by"]
    same = old["words"] == words_json(cue.words) and old["approximate"] == int(cue.approximate)
    return not _touched(old, cuts) and (checked or same)


def _put_beside(tx: Tx, old: Row, cuts: Sequence[tuple[int, int]]) -> None:
    tx.run("DELETE FROM passages WHERE story = ? AND number = ?", old["story"], old["number"])
    if not _touched(old, cuts):
        tx.run(f"INSERT INTO passage_versions ({_COLUMNS}) VALUES ({_MARKS})", *old)  # noqa: S608 - constants


def _touched(row: Row, cuts: Sequence[tuple[int, int]]) -> bool:
    return any(row["start_ms"] < end + LEEWAY and row["end_ms"] > start - LEEWAY for start, end in cuts)
