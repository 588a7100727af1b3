"""What curators decided about a story: keep, hold, spans blanked out, a note for listeners. Rows, never a status.

Every function here belongs inside a transaction of the catalogue. A change is made against the version of the page it
was decided on, and writes who made it in the same transaction. What is noted for colleagues or listeners is content:
it goes with the story, and is not repeated in the list of changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from archive.catalogue import Row, Tx
from archive.catalogue.changes import note_change, stamp
from archive.errors import ArchiveError
from archive.reviewing.versions import Overtaken
from archive.reviewing.words import blank_words, show_words
from archive.takes import fresh_take

LONGEST_NOTE = 1000
SHORTEST_SPAN_MS = 100
_COUNTED = ("reviews", "redactions", "redaction_lifts", "content_notes")


class BadDecision(ArchiveError):
    """A decision that cannot be carried out as it was given."""

    code = "bad-decision"


class Verdict(StrEnum):
    """What a curator says about a whole story; the newest counts."""

    KEEP = "keep"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a story's history, as a person reads it."""

    at: str
    who: str
    what: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Redaction:
    """A span that nobody hears or reads, [start, end) in ms of the story; ``lifted_by`` is set once it was undone."""

    id: str
    start: int
    end: int
    at: str
    who: str
    why: str
    lifted_by: str | None = None
    lifted_at: str | None = None


@dataclass(frozen=True, slots=True)
class Decisions:
    """Where a story stands with its curators. ``version`` grows with every change; ``steps`` are oldest first."""

    version: int
    verdict: Verdict | None
    note: str
    content_note: str
    redactions: tuple[Redaction, ...]
    steps: tuple[Step, ...]

    @property
    def blanked(self) -> tuple[Redaction, ...]:
        """The redactions that stand, in order of time in the story."""
        return tuple(one for one in self.redactions if one.lifted_by is None)


def decisions_of(tx: Tx, story: str) -> Decisions:
    """Everything decided about ``story`` so far."""
    reviews = tx.all("SELECT at, who, verdict, note FROM reviews WHERE story = ? ORDER BY at, id", story)
    notes = tx.all("SELECT at, who, text FROM content_notes WHERE story = ? ORDER BY at, id", story)
    redactions = redactions_of(tx, story)
    steps = [Step(row["at"], row["who"], _VERDICT_WORDS[Verdict(row["verdict"])], row["note"]) for row in reviews]
    steps += [Step(row["at"], row["who"], "wrote a note for listeners", row["text"]) for row in notes]
    for one in redactions:
        steps.append(Step(one.at, one.who, f"blanked out {one.start / 1000:.1f}–{one.end / 1000:.1f} s", one.why))
        if one.lifted_by is not None and one.lifted_at is not None:
            steps.append(
                Step(one.lifted_at, one.lifted_by, f"opened {one.start / 1000:.1f}–{one.end / 1000:.1f} s again")
            )
    return Decisions(
        _version(tx, story),
        Verdict(reviews[-1]["verdict"]) if reviews else None,
        str(reviews[-1]["note"]) if reviews else "",
        str(notes[-1]["text"]) if notes else "",
        redactions,
        tuple(sorted(steps, key=lambda step: step.at)),
    )


def redactions_of(tx: Tx, story: str) -> tuple[Redaction, ...]:
    """Every span that is or was blanked out, in order of time in the story."""
    rows = tx.all(
        "SELECT r.id, r.start_ms, r.end_ms, r.at, r.who, r.why, l.who AS lifted_by, l.at AS lifted_at "
        "FROM redactions r LEFT JOIN redaction_lifts l ON l.redaction = r.id WHERE r.story = ? "
        "ORDER BY r.start_ms, r.id",
        story,
    )
    return tuple(_redaction(row) for row in rows)


def decide(tx: Tx, story: str, verdict: Verdict, note: str, who: str, seen: int, now: datetime) -> None:
    """Keep or hold. ``seen`` is the version decided on. Raises `Overtaken`, `BadDecision`."""
    text = _text(note)
    _check_seen(tx, story, seen, f"{_VERDICT_WORDS[verdict]}{f': {text}' if text else ''}")
    if verdict is Verdict.HOLD and not text:
        raise BadDecision("Say why this story is held.", "The next person who opens it has to know.")
    tx.run(
        "INSERT INTO reviews (id, story, at, who, verdict, note) VALUES (?, ?, ?, ?, ?, ?)",
        str(fresh_take(now)), story, stamp(now), who, verdict.value, text,
    )  # fmt: skip
    note_change(tx, who, f"story {_VERDICT_WORDS[verdict]}", story, "", now)


def redact(tx: Tx, story: str, start: int, end: int, why: str, who: str, seen: int, now: datetime) -> str:
    """Blank out [start, end): words at once and for every reader, the sound from its next request on.

    Returns the redaction's identifier. Raises `Overtaken`, `BadDecision`.
    """
    text = _text(why)
    _check_seen(tx, story, seen, f"blank out {start / 1000:.1f}–{end / 1000:.1f} s")
    row = tx.one("SELECT length_ms FROM stories WHERE id = ?", story)
    length = 0 if row is None else int(row["length_ms"])
    first, last = max(0, start), min(end, length)
    if last - first < SHORTEST_SPAN_MS:
        raise BadDecision(
            "This span does not lie in the story.", "Its end comes after its beginning, as in 0:12 to 0:15."
        )
    ident = str(fresh_take(now))
    tx.run(
        "INSERT INTO redactions (id, story, start_ms, end_ms, at, who, why) VALUES (?, ?, ?, ?, ?, ?, ?)",
        ident, story, first, last, stamp(now), who, text,
    )  # fmt: skip
    blank_words(tx, story, [(first, last)], now)
    note_change(tx, who, "span blanked out", story, f"{first}-{last} ms", now)
    return ident


def lift(tx: Tx, story: str, ident: str, who: str, seen: int, now: datetime) -> None:
    """Open a blanked span again; what other redactions cover stays blank. Raises `Overtaken`, `BadDecision`."""
    _check_seen(tx, story, seen, "open a blanked span again")
    standing = [one for one in redactions_of(tx, story) if one.lifted_by is None]
    found = next((one for one in standing if one.id == ident), None)
    if found is None:
        raise BadDecision("This span is not blanked out.", "Load the page again to see what stands.")
    tx.run("INSERT INTO redaction_lifts (redaction, story, at, who) VALUES (?, ?, ?, ?)", ident, story, stamp(now), who)
    still = [(one.start, one.end) for one in standing if one.id != ident]
    show_words(tx, story, (found.start, found.end), still, now)
    note_change(tx, who, "span opened again", story, f"{found.start}-{found.end} ms", now)


def blank_again(tx: Tx, story: str, now: datetime) -> None:
    """Blank what stands blanked in words that came anew: a newer bag of the same story brings them as they were."""
    blank_words(tx, story, [(one.start, one.end) for one in redactions_of(tx, story) if one.lifted_by is None], now)


def note_content(tx: Tx, story: str, text: str, who: str, seen: int, now: datetime) -> None:
    """Say what listeners should know before they listen; an empty text takes it back. Raises `Overtaken`."""
    plain = _text(text)
    _check_seen(tx, story, seen, f"note for listeners: {plain}" if plain else "take the note for listeners back")
    tx.run(
        "INSERT INTO content_notes (id, story, at, who, text) VALUES (?, ?, ?, ?, ?)",
        str(fresh_take(now)), story, stamp(now), who, plain,
    )  # fmt: skip
    note_change(tx, who, "note for listeners written", story, "", now)


_VERDICT_WORDS = {Verdict.KEEP: "kept", Verdict.HOLD: "held"}


def _check_seen(tx: Tx, story: str, seen: int, yours: str) -> None:
    now = _version(tx, story)
    if now != seen:
        steps = decisions_of(tx, story).steps
        last = steps[-1] if steps else Step("", "", "")
        raise Overtaken(f"{last.who}: {last.what}{f' – {last.text}' if last.text else ''}", yours)


def _version(tx: Tx, story: str) -> int:
    """How many lines there are: they are only ever added to, so a page made from fewer is an older one."""
    total = 0
    for table in _COUNTED:
        row = tx.one(f"SELECT COUNT(*) FROM {table} WHERE story = ?", story)  # noqa: S608 - constants
        total += 0 if row is None else int(row[0])
    return total


def _text(text: str) -> str:
    plain = " ".join(text.split())
    if len(plain) > LONGEST_NOTE:
        raise BadDecision(f"This note is longer than {LONGEST_NOTE} signs.", "Say it shorter.")
    return plain


def _redaction(row: Row) -> Redaction:
    lifted = row["lifted_by"]
    return Redaction(
        str(row["id"]), int(row["start_ms"]), int(row["end_ms"]), str(row["at"]), str(row["who"]), str(row["why"]),
        None if lifted is None else str(lifted), None if lifted is None else str(row["lifted_at"]),
    )  # fmt: skip
