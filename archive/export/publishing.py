"""What is public now, and what was: the public door's own list, kept so that harvesters learn what went.

`refresh` brings the list up to date; it may be a little late with what became public. Nothing rests on it for what
must not be shown: whoever shows a story asks the gate again for that very story (`archive.export.telling`), and
`note_gone` tells the list at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from archive.catalogue import Catalogue, Tx
from archive.catalogue.consents import asks
from archive.types import Reader, Use


@dataclass(frozen=True, slots=True)
class Record:
    """One story the public door knows of: ``at`` is when its record last came, changed or went (UTC, seconds)."""

    story: str
    at: datetime
    gone: bool
    site: str


def refresh(catalogue: Catalogue, now: datetime) -> int:
    """Compare the list with what the gate says of every story at ``now``; returns how many records changed."""
    with catalogue.read() as tx:
        public = _public(tx, now)
        known = {
            row["story"]: (row["mark"], row["gone"]) for row in tx.each("SELECT story, mark, gone FROM public_records")
        }
    came = [(story, *facts) for story, facts in public.items() if known.get(story) != (facts[0], 0)]
    went = [story for story, (_, gone) in known.items() if not gone and story not in public]
    if came or went:
        with catalogue.write() as tx:
            # A story may have been taken back between the two looks.
            sure = {
                story
                for story, answer in asks(tx, (one[0] for one in came), Reader.PUBLISH, now).items()
                if answer.allowed
            }
            tx.many(
                "INSERT INTO public_records (story, at, gone, mark, recorded_at, site) VALUES (?, ?, 0, ?, ?, ?) "
                "ON CONFLICT (story) DO UPDATE SET at = excluded.at, gone = 0, mark = excluded.mark, "
                "recorded_at = excluded.recorded_at, site = excluded.site",
                [(story, _stamp(now), mark, recorded, site) for story, mark, recorded, site in came if story in sure],
            )
            note_gone(tx, went, now)
    return len(came) + len(went)


def note_gone(tx: Tx, stories: Iterable[str], now: datetime) -> None:
    """Note that stories which were public are so no more; others are not mentioned. Keeps nothing of what they were."""
    tx.many(
        "UPDATE public_records SET at = ?, gone = 1, mark = '', recorded_at = '' WHERE story = ? AND gone = 0",
        [(_stamp(now), story) for story in stories],
    )


def newest(tx: Tx, page: int, size: int) -> tuple[list[str], int]:
    """Return the identifiers on ``page`` (from 1), the latest told first, and the number of the last page.

    The list may be late: ask the gate for each before anything of it is shown.
    """
    row = tx.one("SELECT COUNT(*) AS held FROM public_records WHERE gone = 0")
    last = max(1, -(-int(row["held"] if row else 0) // size))
    rows = tx.all(
        "SELECT story FROM public_records WHERE gone = 0 ORDER BY recorded_at DESC, story DESC LIMIT ? OFFSET ?",
        size, (min(page, last) - 1) * size,
    )  # fmt: skip
    return [str(row["story"]) for row in rows], last


def harvest(
    tx: Tx, start: datetime | None, until: datetime | None, site: str | None, after: tuple[str, str], limit: int
) -> list[Record]:
    """Return records in order of time behind ``after`` (time and story of the last one seen; two empty texts at first).

    ``start`` and ``until`` are inclusive, ``site`` names one library.
    """
    query, params = ["SELECT story, at, gone, site FROM public_records WHERE (at > ? OR (at = ? AND story > ?))"], [
        after[0], after[0], after[1],
    ]  # fmt: skip
    for clause, value in ((" AND at >= ?", start), (" AND at <= ?", until)):
        if value is not None:
            query.append(clause)
            params.append(_stamp(value))
    if site is not None:
        query.append(" AND site = ?")
        params.append(site)
    rows = tx.all("".join([*query, " ORDER BY at, story LIMIT ?"]), *params, limit)
    return [_record(row["story"], row["at"], row["gone"], row["site"]) for row in rows]


def record_of(tx: Tx, story: str) -> Record | None:
    """Return the record of one story that is or was public, None for any other."""
    row = tx.one("SELECT story, at, gone, site FROM public_records WHERE story = ?", story)
    return None if row is None else _record(row["story"], row["at"], row["gone"], row["site"])


def sites(tx: Tx) -> list[str]:
    """The libraries of which something is or was public, by name."""
    return [
        str(row["site"]) for row in tx.all("SELECT DISTINCT site FROM public_records WHERE site <> '' ORDER BY site")
    ]


def earliest(tx: Tx) -> datetime | None:
    """When the first record that stands was last touched."""
    row = tx.one("SELECT MIN(at) AS at FROM public_records")
    return None if row is None or row["at"] is None else datetime.fromisoformat(row["at"])


def _public(tx: Tx, now: datetime) -> dict[str, tuple[str, str, str]]:
    """Every story that is public at ``now``: what its record is made from, when it was told, and where."""
    asked = tx.all("SELECT DISTINCT story FROM consents WHERE use = ? AND yes = 1", Use.PUBLIC.value)
    answers = asks(tx, (str(row["story"]) for row in asked), Reader.PUBLISH, now)
    voiced = {story: answer.voice for story, answer in answers.items() if answer.allowed}
    # Every correction, check and decision leaves a line there; the passages themselves would be a long read.
    touched = {
        row["subject"]: row["newest"]
        for row in tx.each("SELECT subject, MAX(id) AS newest FROM changes GROUP BY subject")
    }
    found = {}
    for row in tx.each("SELECT id, bag_sha256, title, recorded_at, site, has_voice FROM stories"):
        if (story := row["id"]) in voiced:
            made_from = (row["bag_sha256"][:16], row["title"], voiced[story] and row["has_voice"], touched.get(story))
            found[story] = ("\n".join(str(one) for one in made_from), row["recorded_at"], row["site"])
    return found


def _record(story: str, at: str, gone: int, site: str) -> Record:
    return Record(story, datetime.fromisoformat(at), bool(gone), site)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
