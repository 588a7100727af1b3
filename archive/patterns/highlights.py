"""Highlights: spans of words that somebody marked, with codes and memos, each coder in a layer of their own.

A highlight belongs to who made it, and only they change it. Nobody sees others' layers of a story before having been
through it themselves (`been_through`), so that agreement says something. Words are never copied: a highlight is two
times, and whoever shows its words asks the gate and reads them as they stand. Functions work inside the caller's
transaction; the caller has asked the gate for `Reader.DESK` where a function does not say that it asks itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from archive.catalogue import Row, Tx
from archive.catalogue.changes import note_change, stamp
from archive.catalogue.consents import ask
from archive.errors import ArchiveError, Refused
from archive.patterns.codebook import code_of, resolved
from archive.reviewing.words import Passage, passages_of
from archive.takes import fresh_take
from archive.types import Reader

LONGEST_MEMO: Final = 2000
_COLUMNS = "id, story, start_ms, end_ms, who, at"


class BadHighlight(ArchiveError):
    """A highlight that cannot be made, or is not there."""

    code = "bad-highlight"


@dataclass(frozen=True, slots=True)
class Memo:
    """What somebody thought about a highlight."""

    who: str
    at: str
    text: str


@dataclass(frozen=True, slots=True)
class Highlight:
    """One span: [start, end) in ms of the story. ``codes`` are identifiers, merged ones resolved."""

    id: str
    story: str
    start: int
    end: int
    who: str
    at: str
    codes: tuple[str, ...] = ()
    memos: tuple[Memo, ...] = ()


def check_gate(tx: Tx, story: str, now: datetime) -> None:
    """Raise `Refused` unless the archive's own people may work with this story now."""
    answer = ask(tx, story, Reader.DESK, now)
    if not answer.allowed:
        raise Refused(answer.why, "Nobody here may open it, and so nobody codes it.")


def highlight(
    tx: Tx, story: str, start: int, end: int, codes: Iterable[str], memo: str, who: str, now: datetime
) -> str:
    """Mark the words of a story that begin in [start, end) ms; returns the highlight's identifier.

    Both ends move to the words they touch. The same span in the same layer is not made twice: its codes are added.
    Asks the gate. Raises `Refused`, `BadHighlight` where there are no words or all are blanked, `BadCode`.
    """
    check_gate(tx, story, now)
    first, last = span_of(passages_of(tx, story), start, end)
    known = tx.one(
        "SELECT id FROM highlights WHERE story = ? AND start_ms = ? AND end_ms = ? AND who = ? AND removed_at = ''",
        story, first, last, who,
    )  # fmt: skip
    ident = str(known["id"]) if known else str(fresh_take(now))
    if known is None:
        tx.run(f"INSERT INTO highlights ({_COLUMNS}, removed_at) VALUES (?, ?, ?, ?, ?, ?, '')",  # noqa: S608
               ident, story, first, last, who, stamp(now))  # fmt: skip
        note_change(tx, who, "highlighted", story, ident, now)
    for code in codes:
        put_code(tx, ident, code, who, now)
    if memo.strip():
        put_memo(tx, ident, memo, who, now)
    return ident


def put_code(tx: Tx, ident: str, code: str, who: str, now: datetime) -> None:
    """Give a highlight of one's own a code. Twice is once. Raises `BadHighlight`, `BadCode`, `Refused`."""
    mine = _own(tx, ident, who, now)
    target = resolved(tx).get(code_of(tx, code).id, code)
    if target in mine.codes:
        return
    row = (str(fresh_take(now)), ident, mine.story, target, who, stamp(now))
    tx.run(
        "INSERT INTO highlight_codes (id, highlight, story, code, coder, at, removed_at) VALUES (?, ?, ?, ?, ?, ?, '')",
        *row,
    )
    note_change(tx, who, "coded", mine.story, f"{ident} {target}", now)


def take_code(tx: Tx, ident: str, code: str, who: str, now: datetime) -> None:
    """Take a code off a highlight of one's own; that it was there stays known. Raises `BadHighlight`, `Refused`."""
    mine = _own(tx, ident, who, now)
    leads = resolved(tx)
    rows = tx.all("SELECT id, code FROM highlight_codes WHERE highlight = ? AND removed_at = ''", ident)
    gone = [str(row["id"]) for row in rows if leads[row["code"]] == code]
    if not gone:
        raise BadHighlight("This code is not there any more.", "Load the page again.")
    for one in gone:
        tx.run("UPDATE highlight_codes SET removed_at = ? WHERE id = ?", stamp(now), one)
    note_change(tx, who, "code taken off", mine.story, f"{ident} {code}", now)


def put_memo(tx: Tx, ident: str, text: str, who: str, now: datetime) -> None:
    """Write a memo to a highlight of one's own. Memos are only added to. Raises `BadHighlight`, `Refused`."""
    plain = "\n".join(" ".join(line.split()) for line in text.strip().splitlines())
    if not 0 < len(plain) <= LONGEST_MEMO:
        raise BadHighlight(f"A memo has 1 to {LONGEST_MEMO} signs.", "Write it shorter.")
    mine = _own(tx, ident, who, now)
    row = (str(fresh_take(now)), ident, mine.story, who, stamp(now), plain)
    tx.run("INSERT INTO memos (id, highlight, story, who, at, text) VALUES (?, ?, ?, ?, ?, ?)", *row)
    note_change(tx, who, "memo written", mine.story, ident, now)


def remove(tx: Tx, ident: str, who: str, now: datetime) -> None:
    """Take a highlight of one's own away, with its codes; themes behind it count anew. Raises `BadHighlight`."""
    mine = _own(tx, ident, who, now)
    tx.run("UPDATE highlights SET removed_at = ? WHERE id = ?", stamp(now), ident)
    tx.run("UPDATE highlight_codes SET removed_at = ? WHERE highlight = ? AND removed_at = ''", stamp(now), ident)
    note_change(tx, who, "highlight removed", mine.story, ident, now)


def be_through(tx: Tx, story: str, who: str, now: datetime) -> None:
    """Note that ``who`` has been through the whole story: where they put no code, none fits. Asks the gate."""
    check_gate(tx, story, now)
    tx.run(
        "INSERT INTO codings (story, coder, at) VALUES (?, ?, ?) "
        "ON CONFLICT (story, coder) DO UPDATE SET at = excluded.at",
        story, who, stamp(now),
    )  # fmt: skip
    note_change(tx, who, "coded to the end", story, "", now)


def been_through(tx: Tx, story: str) -> list[str]:
    """Who has been through the whole story, by name."""
    return [str(row["coder"]) for row in tx.all("SELECT coder FROM codings WHERE story = ? ORDER BY coder", story)]


def highlights_of(tx: Tx, story: str) -> list[Highlight]:
    """Every highlight of a story, of every layer, by its place; with its codes and memos. Asks nobody."""
    return _many(tx, "story = ?", story)


def layers(tx: Tx, story: str, who: str) -> tuple[list[Highlight], list[Highlight], int]:
    """``who``'s own highlights, those of others they may see, and how many other coders' layers stay closed to them.

    Others' layers open when both have been through the story.
    """
    everybody = highlights_of(tx, story)
    seen = list(open_to(tx, who, everybody))
    closed = {one.who for one in everybody} - {who} - {one.who for one in seen}
    return [one for one in seen if one.who == who], [one for one in seen if one.who != who], len(closed)


def open_to(tx: Tx, who: str, marked: Iterable[Highlight]) -> Iterator[Highlight]:
    """Those of ``marked`` that ``who`` may see, by the rule of `layers`."""
    through: dict[str, list[str]] = {}
    for one in marked:
        if one.who != who and one.story not in through:
            through[one.story] = been_through(tx, one.story)
        if one.who == who or {one.who, who} <= set(through[one.story]):
            yield one


def highlight_of(tx: Tx, ident: str) -> Highlight:
    """One highlight, unless it was removed. Raises `BadHighlight`. Asks nobody."""
    found = _many(tx, "id = ?", ident)
    if not found:
        raise BadHighlight("This highlight is not there any more.", "Load the page again.")
    return found[0]


def all_highlights(tx: Tx, stories: Iterable[str]) -> list[Highlight]:
    """Every highlight of every layer in ``stories``, which the gate let through; without memos."""
    wanted, leads = set(stories), resolved(tx)
    codes: dict[str, list[str]] = {}
    for row in tx.all("SELECT highlight, code FROM highlight_codes WHERE removed_at = '' ORDER BY id"):
        codes.setdefault(row["highlight"], []).append(leads[row["code"]])
    rows = tx.all(f"SELECT {_COLUMNS} FROM highlights WHERE removed_at = '' ORDER BY story, start_ms, id")  # noqa: S608
    return [
        replace(_plain(row), codes=tuple(dict.fromkeys(codes.get(row["id"], ()))))
        for row in rows
        if row["story"] in wanted
    ]


def span_of(passages: Sequence[Passage], start: int, end: int) -> tuple[int, int]:
    """Where the words that lie in [start, end) begin and end. Pure. Raises `BadHighlight`."""
    words = [word for passage in passages for word in passage.words]
    inside = [word for word in words if word.start < end and start < max(word.end, word.start + 1)]
    if not inside or all(word.blank for word in inside):
        raise BadHighlight("There are no words there.", "Choose the words that say it.")
    return inside[0].start, max(inside[-1].end, inside[-1].start + 1)


def words_between(passages: Sequence[Passage], start: int, end: int) -> str:
    """The words of [start, end) as they stand now, blanks as they are shown. Pure."""
    words = [word for passage in passages for word in passage.words]
    return " ".join(word.text for word in words if word.start < end and start < max(word.end, word.start + 1))


def words_checked(passages: Sequence[Passage], start: int, end: int) -> bool:
    """Whether a person checked every passage that touches [start, end). Pure."""
    return all(one.checked_by is not None for one in passages if one.start < end and start < one.end)


def _own(tx: Tx, ident: str, who: str, now: datetime) -> Highlight:
    found = highlight_of(tx, ident)
    check_gate(tx, found.story, now)
    if found.who != who:
        raise BadHighlight("This is in somebody else's layer.", "Mark the words yourself, and talk about it.")
    return found


def _many(tx: Tx, where: str, value: str) -> list[Highlight]:
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM highlights WHERE {where} AND removed_at = '' ORDER BY start_ms, end_ms, id",  # noqa: S608
        value,
    )
    leads = resolved(tx) if rows else {}
    found = []
    for row in rows:
        codes = tx.all(
            "SELECT code FROM highlight_codes WHERE highlight = ? AND removed_at = '' ORDER BY id", row["id"]
        )
        memos = tx.all("SELECT who, at, text FROM memos WHERE highlight = ? ORDER BY id", row["id"])
        found.append(
            replace(
                _plain(row), codes=tuple(dict.fromkeys(leads[one["code"]] for one in codes)),
                memos=tuple(Memo(*one) for one in memos),
            )
        )  # fmt: skip
    return found


def _plain(row: Row) -> Highlight:
    return Highlight(row["id"], row["story"], row["start_ms"], row["end_ms"], row["who"], row["at"])
