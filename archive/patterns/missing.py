"""Who is missing: when, where, in which language and on which question nothing or little was told.

Only circumstances of the telling are looked at, never anything about a person. A count under five is not given.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from archive.catalogue import Tx
from archive.patterns.small import broken_down
from archive.patterns.snippets import sources

PARTS: Final = (("at night", 0), ("in the morning", 6), ("in the afternoon", 12), ("in the evening", 18))
"""Parts of a day, and the hour each begins."""
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Told:
    """How many voices there are of one kind; None where a number under five would follow."""

    name: str
    voices: int | None

    @property
    def little(self) -> bool:
        """Whether this is one to look at: nothing, or too little to say a number."""
        return not self.voices


@dataclass(frozen=True, slots=True)
class Side:
    """One way to look at who told: ``by`` is time, weekday, month, branch, language or prompt."""

    by: str
    told: tuple[Told, ...]


def missing(tx: Tx, now: datetime, zone: tzinfo | None = None) -> tuple[Side, ...]:
    """Count the voices the desk may open, by everything a telling has around it.

    Branches a box stands at, languages and questions that are asked are there also where nobody told anything.
    ``zone`` is where the clocks of the libraries are; the machine's own unless told.
    """
    there = list(sources(tx, now).values())
    times = [datetime.fromisoformat(one.recorded_at).astimezone(zone) for one in there]
    rows = tx.all("SELECT id, text FROM prompts ORDER BY set_name, place")
    asked_in = {language for row in rows for language in json.loads(row["text"])}
    branches = {str(row["site"]) for row in tx.all("SELECT site FROM box_sites")}
    return (
        _side("time", (part_of(at) for at in times), [name for name, _ in PARTS], ordered=True),
        _side("weekday", (DAYS[at.weekday()] for at in times), DAYS, ordered=True),
        _side("month", (f"{at:%Y-%m}" for at in times), _months(times)),
        _side("branch", (one.site for one in there), branches),
        _side("language", (one.language for one in there), asked_in),
        _side("prompt", (one.prompt for one in there), [str(row["id"]) for row in rows]),
    )


def part_of(at: datetime) -> str:
    """The part of the day of a local time."""
    return [name for name, hour in PARTS if hour <= at.hour][-1]


def _side(by: str, told: Iterable[str], expected: Iterable[str], *, ordered: bool = False) -> Side:
    counts = Counter(told)
    names = list(dict.fromkeys([*expected, *sorted(counts)])) if ordered else sorted({*expected, *counts})
    shown = broken_down(counts.total(), {name: counts[name] for name in names})
    # What answers no question is nobody's group, but the number of all the others would tell how much it is.
    return Side(by, tuple(Told(name, shown[name]) for name in names if name))


def _months(times: list[datetime]) -> list[str]:
    """Every month between the first and the last story."""
    if not times:
        return []
    first, last = min(times), max(times)
    return [
        f"{month // 12:04}-{month % 12 + 1:02}"
        for month in range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    ]
