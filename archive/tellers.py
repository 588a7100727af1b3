"""What a teller who came back is told: the facts of the story, where it has gone, and what a withdrawal has done.

No count of plays, likes or listeners is among them, because none is ever taken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from archive.consent import Yes, events_of, standing
from archive.errors import NoSuchStory, Refused
from archive.feed.receive import ERASED
from archive.masters import waits_for_room
from archive.store import Store
from archive.stories import Visit
from archive.types import ASKED_USES, Act, Form, Use
from audio.types import Ms, TakeId

_LEFT = frozenset({"sent", "bag"})


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy outside this box: where, since when, and what is known of it (``there``, ``leaving``, ``gone``)."""

    place: str
    at: datetime
    state: str

    def to_json(self) -> dict[str, str]:
        """Return plain data for `json`."""
        return {"place": self.place, "at": self.at.isoformat(timespec="seconds"), "state": self.state}


@dataclass(frozen=True, slots=True)
class MyStory:
    """One story as its teller sees it. ``cuts`` are the spans taken back, in ms."""

    take: TakeId
    length: Ms
    language: str
    uses: dict[Use, Yes]
    held: bool
    sealed: bool
    waits_for_guardian: bool
    cuts: tuple[tuple[Ms, Ms], ...]
    copies: tuple[Copy, ...]
    people: int = 1
    """How many told it together: each has a code of their own, a withdrawal by one takes all of it out, and none
    alone allows more."""
    waits_for_room: bool = False
    """A span was taken back, and there is no room yet to write the story without it: until then nobody hears it."""

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`: the facts, and what the teller may do."""
        return {
            "id": self.take,
            "seconds": round(self.length / 1000, 3),
            "people": self.people,
            "language": self.language,
            "consent": {use.value: _yes_json(self.uses.get(use)) for use in ASKED_USES},
            "training_of_models": False,
            "held": self.held,
            "waits_for_room": self.waits_for_room,
            "sealed": self.sealed,
            "waits_for_guardian": self.waits_for_guardian,
            "spans_taken_back": [[round(start / 1000, 3), round(end / 1000, 3)] for start, end in self.cuts],
            "copies": [copy.to_json() for copy in self.copies],
            "may": {
                "hear": not self.waits_for_room,
                "narrow": [use.value for use in ASKED_USES if use in self.uses],
                "widen": [use.value for use in ASKED_USES if use not in self.uses and self.people == 1],
                "take_back_a_part": not self.waits_for_room,
                "withdraw": True,
            },
        }


@dataclass(frozen=True, slots=True)
class ToldErased:
    """What an archive says it has erased, and which copies are still on their way out there (`archive.feed.erased`)."""

    place: str
    at: datetime
    gone: tuple[str, ...]
    remaining: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        told = {"gone": list(self.gone), "remaining": list(self.remaining)}
        return {"place": self.place, "at": self.at.isoformat(timespec="seconds"), **told}


@dataclass(frozen=True, slots=True)
class WithdrawalReceipt:
    """What a withdrawal has done: what is gone here, and of each copy whether it was told yet. No content.

    The story's identifier is the receipt's own: it names nothing and nobody, and nothing else is left to name it by.
    """

    take: TakeId
    at: datetime
    copies: tuple[Copy, ...]
    told: tuple[ToldErased, ...] = ()

    ERASED = ("keys", "sound", "words", "titles", "cues", "search", "bags waiting")

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {
            "receipt": self.take,
            "at": self.at.isoformat(timespec="seconds"),
            "erased_here": list(self.ERASED),
            "on_its_way": [copy.to_json() for copy in self.copies if copy.state == "leaving"],
            "erased_there": [copy.to_json() for copy in self.copies if copy.state == "gone"],
            "archives_say": [one.to_json() for one in self.told],
        }


def my_story(store: Store, visit: Visit) -> MyStory:
    """Tell a teller about the story their code opened. Raises `NoSuchStory` once it is gone."""
    facts = store.story(visit.take)
    events = events_of(store.db.conn, visit.take)
    where = standing(events)
    cuts = tuple((event.start, event.end) for event in events if event.start is not None and event.end is not None)
    return MyStory(
        visit.take, facts.length, facts.language, {use: yes for use, yes in where.uses.items() if use in ASKED_USES},
        where.held, where.sealed, where.waits_for_guardian, cuts, copies(store, visit.take),
        store.codes_of(visit.take), waits_for_room(store.db.conn, visit.take),
    )  # fmt: skip


def copies(store: Store, take: TakeId) -> tuple[Copy, ...]:
    """List the places a story was ever handed to, with what the newest word from each says."""
    ended = standing(events_of(store.db.conn, take)).ended is not None
    latest: dict[str, Copy] = {}
    for row in store.receipts(take):
        if row.kind in _LEFT:
            since = latest[row.place].at if row.place in latest and latest[row.place].state == "there" else row.at
            latest[row.place] = Copy(row.place, since, "there")
        elif row.kind in {"recall", "tombstone", ERASED} and row.place in latest:
            latest[row.place] = Copy(row.place, row.at, "gone")
    return tuple(
        Copy(copy.place, copy.at, "leaving") if ended and copy.state == "there" else copy for copy in latest.values()
    )


def told_erased(store: Store, take: TakeId) -> tuple[ToldErased, ...]:
    """Read what archives have said of erasing this story, by place; it came with their feeds."""
    told = []
    for row in store.receipts(take):
        if row.kind == ERASED:
            said = json.loads(row.body)
            at = datetime.fromisoformat(said["at"])
            told.append(ToldErased(row.place, at, tuple(said["gone"]), tuple(said["remaining"])))
    return tuple(told)


def receipt(store: Store, take: TakeId) -> WithdrawalReceipt:
    """Read the receipt of a withdrawal. Raises `NoSuchStory`, or `Refused` for a story that is still here."""
    events = events_of(store.db.conn, take)
    if not events:
        raise NoSuchStory("There is no story with this identifier here.")
    ended = [event for event in events if event.act in {Act.WITHDRAW, Act.DISCARD, Act.EXPIRE}]
    if not ended:
        raise Refused("This story was not taken back.", "Its teller sees it with the keep-code.")
    return WithdrawalReceipt(take, ended[0].at, copies(store, take), told_erased(store, take))


def parse_span(text: str) -> tuple[Ms, Ms]:
    """Read ``12.5-18`` (seconds of the story) as milliseconds. Raises `Refused`."""
    first, dash, last = text.partition("-")
    try:
        start, end = float(first), float(last)
    except ValueError:
        start, end, dash = 0.0, 0.0, ""
    if not dash or not 0 <= start < end < float("inf"):
        raise Refused(f"'{text}' is no part of a story.", "Give it in seconds from its beginning, as in 12.5-18.")
    return Ms(round(start * 1000)), Ms(round(end * 1000))


def _yes_json(yes: Yes | None) -> dict[str, Any]:
    if yes is None:
        return {"yes": False}
    until: date | None = yes.embargo
    told: dict[str, Any] = {"yes": True, "form": Form(yes.form).value}
    return told | ({"not_before": until.isoformat()} if until else {})
