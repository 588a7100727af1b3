"""Marked stretches of a take: excerpts played into it, pauses off the record, moments flagged, questions asked.

They lie beside the words, on the take's own time line, and never change the sound. An excerpt that sounds while a
group talks is not the group speaking: its stretch is kept from the transcriber. The soft tones by which a teller hears
that little time is left are taken out of what the transcriber hears, and the teller's words stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from archive.database import transaction
from archive.shelf import Shelf
from audio.chime import without_tones
from audio.pcm import Samples
from audio.types import Ms, TakeId

ECHO = Ms(300)
"""A room goes on sounding this long after a loudspeaker has stopped."""
LONGEST_TONES = Ms(2000)
"""The tones are over by then; a take that was cut off meanwhile has a mark without an end."""


class Mark(StrEnum):
    """What a stretch is."""

    EXCERPT = "excerpt"
    PAUSE = "pause"
    FLAG = "flag"
    QUESTION = "question"
    TONES = "tones"
    """The box sounded softly that little time was left, for somebody who is read to."""
    GAP = "gap"
    """Sound is missing here; ``ref`` says how much, where that is known."""
    SOUND = "sound"
    """Something was wrong with the sound; ``ref`` says what: clipped, silent, humming, too far away, a loud room."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch that is over and not stored yet."""

    mark: Mark
    start: Ms
    end: Ms
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch, [start, end) in milliseconds of the take; ``end`` is None while it goes on.

    ``ref`` names the story that was played by its identifier, never by its words; a question, which is the library's,
    in the words that stood on the screen.
    """

    id: int
    take: TakeId
    mark: Mark
    start: Ms
    end: Ms | None
    ref: str = ""

    def to_json(self) -> dict[str, object]:
        """As programs read it, in seconds."""
        end = None if self.end is None else self.end / 1000
        return {"mark": self.mark.value, "start": self.start / 1000, "end": end, "ref": self.ref}


def open_span(store: Shelf, take: TakeId, mark: Mark, start: Ms, ref: str = "") -> int:
    """Note that a stretch begins; durable when this returns. Returns its number."""
    with transaction(store.db.conn) as conn:
        done = conn.execute(
            'INSERT INTO spans (take, mark, start, "end", ref) VALUES (?, ?, ?, NULL, ?)', (take, str(mark), start, ref)
        )
    return int(done.lastrowid or 0)


def close_span(store: Shelf, number: int, end: Ms) -> None:
    """Note where a stretch ends; a second time changes nothing."""
    with transaction(store.db.conn) as conn:
        conn.execute('UPDATE spans SET "end" = MAX(start, ?) WHERE id = ? AND "end" IS NULL', (end, number))


def add_moment(store: Shelf, take: TakeId, mark: Mark, at: Ms, ref: str = "") -> None:
    """Note a moment: a stretch without length."""
    close_span(store, open_span(store, take, mark, at, ref), at)


def add_stretches(store: Shelf, take: TakeId, stretches: Sequence[Stretch]) -> None:
    """Note stretches that are over, all in one transaction."""
    rows = [(take, str(one.mark), one.start, max(one.start, one.end), one.ref) for one in stretches]
    with transaction(store.db.conn) as conn:
        conn.executemany('INSERT INTO spans (take, mark, start, "end", ref) VALUES (?, ?, ?, ?, ?)', rows)


def spans_of(store: Shelf, take: TakeId) -> list[Span]:
    """Read the marks of a take, in order of their start."""
    rows = store.db.conn.execute(
        'SELECT id, take, mark, start, "end", ref FROM spans WHERE take = ? ORDER BY start, id', (take,)
    )
    return [
        Span(number, TakeId(owner), Mark(mark), Ms(start), None if end is None else Ms(end), ref)
        for number, owner, mark, start, end, ref in rows
    ]


def hush(samples: Samples, rate: int, start: Ms, spans: list[Span]) -> tuple[Samples, Ms]:
    """Silence the excerpts in samples that begin at ``start`` of their take; also tell how much was silenced (ms).

    The box's own tones go, too, and are silence where nobody spoke over them. Pure. ``samples`` are mono float32 at
    ``rate`` Hz; the result is a copy where anything had to go.
    """
    quiet = samples
    taken = 0
    for span in spans:
        if span.mark not in {Mark.EXCERPT, Mark.TONES}:
            continue
        tones = span.mark is Mark.TONES
        end = Ms(span.start + LONGEST_TONES) if tones and span.end is None else span.end
        first = max(0, (span.start - start) * rate // 1000)
        last = len(samples) if end is None else min(len(samples), (end + ECHO - start) * rate // 1000)
        if first < last:
            quiet = quiet.copy() if quiet is samples else quiet
            left, spoken = without_tones(quiet[first:last], rate) if tones else (0.0, False)
            quiet[first:last] = left
            taken += 0 if spoken else last - first
    return quiet, Ms(taken * 1000 // rate)
