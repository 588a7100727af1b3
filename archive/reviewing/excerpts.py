"""Excerpts: a part of a story, cut by a person who listened to it. 20 to 75 seconds, between two pauses.

`snap` is pure: it moves both ends into pauses, so that no word is cut. The sound itself is never copied here: an
excerpt is two times and a title, and whoever plays it asks the gate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from archive.catalogue import Row, Tx
from archive.catalogue.changes import note_change, stamp
from archive.errors import ArchiveError
from archive.reviewing.decisions import redactions_of
from archive.reviewing.words import DeskWord
from archive.takes import fresh_take

SHORTEST_MS = 20_000
LONGEST_MS = 75_000
CONTEXT_MS = 10_000
PAUSE_MS = 300
"""A shorter gap is between two words, not between two thoughts."""
LEAD_MS = 150
"""How much of a pause stays before the first word; after the last one twice as much, so that a voice may fade."""
LONGEST_TITLE = 90


class BadExcerpt(ArchiveError):
    """An excerpt that cannot be cut like that."""

    code = "bad-excerpt"


@dataclass(frozen=True, slots=True)
class Cut:
    """One excerpt: [start, end) in ms of the story."""

    id: str
    story: str
    start: int
    end: int
    title: str
    note: str
    at: str
    who: str

    @property
    def length(self) -> int:
        """Milliseconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Snapped:
    """Where a cut may begin and end, and where the pauses before and after each lie (None where there is none)."""

    start: int
    end: int
    earlier_start: int | None
    later_start: int | None
    earlier_end: int | None
    later_end: int | None

    @property
    def length(self) -> int:
        """Milliseconds."""
        return self.end - self.start

    @property
    def fits(self) -> bool:
        """Whether it is neither too short nor too long."""
        return SHORTEST_MS <= self.length <= LONGEST_MS


def snap(words: Iterable[DeskWord], length: int, start: int, end: int) -> Snapped:
    """Move both ends of [start, end) into the nearest pauses of a story of ``length`` ms. Pure.

    A story's own beginning and end count as pauses. Where the span as it was chosen is no excerpt the ends still
    snap: the person sees how long it is and moves them on.
    """
    begins, ends = _edges(list(words), length)
    first = min(begins, key=lambda at: (abs(at - start), at))
    later = [at for at in ends if at > first]
    last = min(later or [length], key=lambda at: (abs(at - end), at))
    return Snapped(
        first, last,
        max((at for at in begins if at < first), default=None),
        min((at for at in begins if first < at < last), default=None),
        max((at for at in ends if first < at < last), default=None),
        min((at for at in ends if at > last), default=None),
    )  # fmt: skip


def suggest(words: Iterable[DeskWord], length: int, start: int) -> tuple[int, int]:
    """A first span to listen to: from ``start`` on, about 45 s or what there is."""
    middle = (SHORTEST_MS + LONGEST_MS) // 2
    snapped = snap(words, length, start, min(length, start + middle))
    return snapped.start, snapped.end


def cut(tx: Tx, story: str, start: int, end: int, title: str, note: str, who: str, now: datetime) -> str:
    """Store an excerpt and return its identifier. Raises `BadExcerpt`.

    The caller has snapped it and somebody has listened to it.
    """
    plain, more = " ".join(title.split()), " ".join(note.split())
    if not plain or len(plain) > LONGEST_TITLE:
        raise BadExcerpt(
            f"An excerpt needs a title of at most {LONGEST_TITLE} signs.", "Say what is told, not by whom."
        )
    if not SHORTEST_MS <= end - start <= LONGEST_MS:
        raise BadExcerpt(
            f"This is {(end - start) / 1000:.0f} seconds long.",
            f"An excerpt has {SHORTEST_MS // 1000} to {LONGEST_MS // 1000}: move its beginning or its end.",
        )
    if any(one.lifted_by is None and one.start < end and start < one.end for one in redactions_of(tx, story)):
        raise BadExcerpt("Something in this span was blanked out.", "Cut beside it: a group should hear no gap.")
    ident = str(fresh_take(now))
    tx.run(
        "INSERT INTO excerpts (id, story, start_ms, end_ms, title, note, at, who) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ident, story, start, end, plain, more[:1000], stamp(now), who,
    )  # fmt: skip
    note_change(tx, who, "excerpt cut", story, f"{ident} {start}-{end} ms", now)
    return ident


def end_excerpt(tx: Tx, story: str, ident: str, who: str, now: datetime) -> None:
    """Take an excerpt out of use; its row stays. Raises `BadExcerpt`."""
    if ident not in {one.id for one in excerpts_of(tx, story)}:
        raise BadExcerpt("This excerpt is not there any more.", "Load the page again.")
    tx.run("INSERT INTO excerpt_ends (excerpt, story, at, who) VALUES (?, ?, ?, ?)", ident, story, stamp(now), who)
    note_change(tx, who, "excerpt taken out of use", story, ident, now)


def excerpts_of(tx: Tx, story: str) -> list[Cut]:
    """The excerpts of a story that are in use, by their place in it."""
    rows = tx.all(
        "SELECT e.id, e.story, e.start_ms, e.end_ms, e.title, e.note, e.at, e.who FROM excerpts e "
        "LEFT JOIN excerpt_ends x ON x.excerpt = e.id WHERE e.story = ? AND x.excerpt IS NULL "
        "ORDER BY e.start_ms, e.id",
        story,
    )
    return [_cut(row) for row in rows]


def broken_excerpts(tx: Tx) -> list[Cut]:
    """Excerpts in use in which something was blanked out after they were cut, the oldest first."""
    rows = tx.all(
        "SELECT e.id, e.story, e.start_ms, e.end_ms, e.title, e.note, e.at, e.who FROM excerpts e "
        "WHERE NOT EXISTS (SELECT 1 FROM excerpt_ends x WHERE x.excerpt = e.id) AND EXISTS ("
        "SELECT 1 FROM redactions r WHERE r.story = e.story AND r.start_ms < e.end_ms AND e.start_ms < r.end_ms "
        "AND NOT EXISTS (SELECT 1 FROM redaction_lifts l WHERE l.redaction = r.id)) ORDER BY e.at, e.id"
    )
    return [_cut(row) for row in rows]


def touched_by_redaction(tx: Tx, excerpt: Cut) -> bool:
    """Whether something in an excerpt was blanked out after it was cut: then nobody plays it."""
    redactions = redactions_of(tx, excerpt.story)
    return any(one.lifted_by is None and one.start < excerpt.end and excerpt.start < one.end for one in redactions)


def _edges(words: list[DeskWord], length: int) -> tuple[list[int], list[int]]:
    """Where an excerpt may begin, and where it may end: inside pauses, close to the words."""
    begins, ends, last = {0}, {length}, 0
    for word in sorted(words, key=lambda one: one.start):
        if word.start - last >= PAUSE_MS:
            begins.add(max(last, word.start - LEAD_MS))
            if last:
                ends.add(min(word.start, last + 2 * LEAD_MS))
        last = max(last, word.end)
    if length - last >= PAUSE_MS and last:
        ends.add(min(length, last + 2 * LEAD_MS))
    return sorted(begins), sorted(ends)


def _cut(row: Row) -> Cut:
    return Cut(
        str(row["id"]), str(row["story"]), int(row["start_ms"]), int(row["end_ms"]), str(row["title"]),
        str(row["note"]), str(row["at"]), str(row["who"]),
    )  # fmt: skip
