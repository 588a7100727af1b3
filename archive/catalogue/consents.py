"""The one gate at the archive: what tellers allowed, and what a curator holds back, asked at the moment of use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from archive.catalogue.port import Row, Tx
from archive.consent import Answer, Standing, may, standing
from archive.consentrecord import ConsentRecord
from archive.types import Act, ConsentEvent, Form, Reader, Use
from audio.types import Ms, TakeId

HOLD = "hold"
KEEP = "keep"
_HELD = "A curator holds it back."
_GONE = "There is no story with this identifier here."
_COLUMNS = "story, seq, act, at, by, use, yes, form, embargo, wording_version, wording_hash, language, start_ms, end_ms"
_MANY = 500


def put_record(tx: Tx, story: str, record: ConsentRecord) -> None:
    """Put the consent record of a bag in the place of the one before, which it goes on from."""
    tx.run("DELETE FROM consents WHERE story = ?", story)
    tx.many(
        f"INSERT INTO consents ({_COLUMNS}, number, link) VALUES ({', '.join('?' * 16)})",  # noqa: S608 - constants
        (
            (
                story, event.seq, event.act.value, event.at.isoformat(), event.by,
                event.use.value if event.use else None, int(event.yes), event.form.value,
                event.embargo.isoformat() if event.embargo else None, event.wording_version, event.wording_hash,
                event.language, event.start, event.end, number, link,
            )
            for number, (event, link) in enumerate(zip(record.events, record.links, strict=True))
        ),
    )  # fmt: skip


def read_stored(tx: Tx, story: str) -> ConsentRecord | None:
    """Return the consent record of a story as its newest bag told it, None where there is no such story."""
    rows = tx.all(f"SELECT {_COLUMNS}, link FROM consents WHERE story = ? ORDER BY number", story)  # noqa: S608
    if not rows:
        return None
    return ConsentRecord(TakeId(story), tuple(_event(row) for row in rows), tuple(row["link"] for row in rows))


def standing_of(tx: Tx, story: str) -> Standing:
    """Where a story stands by its teller's own decisions. A story nobody knows stands nowhere: `may` says no."""
    rows = tx.all(f"SELECT {_COLUMNS} FROM consents WHERE story = ? ORDER BY number", story)  # noqa: S608
    return standing(_event(row) for row in rows)


def held_back(tx: Tx, story: str) -> bool:
    """Whether the newest review of a curator holds the story back."""
    row = tx.one("SELECT verdict FROM reviews WHERE story = ? ORDER BY at DESC, id DESC LIMIT 1", story)
    return row is not None and row["verdict"] == HOLD


def ask(tx: Tx, story: str, reader: Reader, now: datetime | None) -> Answer:
    """Ask the gate about one story for ``reader``; see `asks`."""
    return asks(tx, [story], reader, now)[story]


def asks(tx: Tx, stories: Iterable[str], reader: Reader, now: datetime | None) -> Mapping[str, Answer]:
    """Ask the gate about each of ``stories``, in few statements.

    What a curator holds back stays on the desk (`Reader.DESK`), where it is decided, and goes nowhere else.
    """
    wanted = list(dict.fromkeys(stories))
    events: dict[str, list[ConsentEvent]] = {story: [] for story in wanted}
    held: set[str] = set()
    for first in range(0, len(wanted), _MANY):
        some = wanted[first : first + _MANY]
        marks = ", ".join("?" * len(some))
        told = f"SELECT {_COLUMNS} FROM consents WHERE story IN ({marks}) ORDER BY story, number"  # noqa: S608
        for row in tx.all(told, *some):
            events[row["story"]].append(_event(row))
        if reader is not Reader.DESK:
            newest = (
                "SELECT story FROM reviews AS one WHERE verdict = ? AND NOT EXISTS (SELECT 1 FROM reviews AS later "  # noqa: S608
                f"WHERE later.story = one.story AND (later.at, later.id) > (one.at, one.id)) AND story IN ({marks})"
            )
            held |= {row["story"] for row in tx.all(newest, HOLD, *some)}
    return {story: _answer(told, reader, now, held=story in held) for story, told in events.items()}


def _answer(events: list[ConsentEvent], reader: Reader, now: datetime | None, *, held: bool) -> Answer:
    if not events:
        return Answer(False, _GONE)
    return Answer(False, _HELD) if held else may(standing(events), reader, now)


def _event(row: Row) -> ConsentEvent:
    use, embargo, start, end = row["use"], row["embargo"], row["start_ms"], row["end_ms"]
    return ConsentEvent(
        subject=TakeId(row["story"]), act=Act(row["act"]), at=datetime.fromisoformat(row["at"]), by=row["by"],
        use=None if use is None else Use(use), yes=bool(row["yes"]), form=Form(row["form"]),
        embargo=None if embargo is None else date.fromisoformat(embargo),
        wording_version=row["wording_version"], wording_hash=row["wording_hash"], language=row["language"],
        seq=row["seq"], start=None if start is None else Ms(start), end=None if end is None else Ms(end),
    )  # fmt: skip
