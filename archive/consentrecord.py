"""The consent record that travels in a bag: every ledger event of one story, chained so that none can be dropped.

Each line carries `link`, the SHA-256 over the link before it and the line itself. The last link is the record's
head. A later record of the same story must *extend* an earlier one; a record that does not was not made by the same
ledger. The chain shows that lines belong together; who made them is shown by the way the bag arrived.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from archive.errors import BadBag
from archive.types import Act, ConsentEvent, Form, Use
from audio.types import Ms, TakeId

VERSION = 1
_START = "0" * 64
_MOST_EVENTS = 10_000
_MOST_NUMBER = 1 << 53
"""What every reader of JSON takes for a whole number, and every database too."""
TELLING = frozenset({Act.DECIDE, Act.CUT})
"""What an archive must be told of: answers, and spans taken back."""
EARLIEST, LATEST = 1900, 2999
"""Years a box's clock may show: beyond them a time cannot be told in another zone."""


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """A record read back and checked: the events in order, and the link after each."""

    story: TakeId
    events: tuple[ConsentEvent, ...]
    links: tuple[str, ...]

    @property
    def head(self) -> str:
        """The link after the newest event."""
        return self.links[-1]

    def extends(self, length: int, head: str) -> bool:
        """Tell whether this record goes on from one that had ``length`` events and ended in ``head``."""
        return 0 < length <= len(self.links) and self.links[length - 1] == head


def links(events: Iterable[ConsentEvent]) -> tuple[str, ...]:
    """Chain ``events``: one link after each, the last one being the head."""
    chain: list[str] = []
    for event in events:
        chain.append(_link(chain[-1] if chain else _START, _line(event)))
    return tuple(chain)


def revision_of(events: Iterable[ConsentEvent]) -> str:
    """Name the state of a story's answers. Holds, seals and the end of a visit change nothing an archive must know."""
    return links(event for event in events if event.act in TELLING)[-1]


def record(story: TakeId, events: Iterable[ConsentEvent]) -> dict[str, Any]:
    """Write the events of ``story`` as plain data for `json`."""
    held = tuple(events)
    chain = links(held)
    lines = [{**_line(event), "link": link} for event, link in zip(held, chain, strict=True)]
    return {
        "version": VERSION,
        "story": story,
        "training_of_models": "denied",
        "events": lines,
        "head": chain[-1] if chain else _START,
    }


def read_record(data: Mapping[str, Any]) -> ConsentRecord:
    """Read a record made by `record` and check its chain. Raises `BadBag` for anything else."""
    try:
        story = TakeId(_text(data["story"]))
        lines = data["events"]
        if data.get("training_of_models", "denied") != "denied":
            raise BadBag("The consent record of this bag allows what no teller was asked.", _SEND_AGAIN)
        if data["version"] != VERSION or not isinstance(lines, list) or not 0 < len(lines) <= _MOST_EVENTS:
            raise BadBag(_UNREADABLE, _SEND_AGAIN)
        events = tuple(_event(story, line) for line in lines)
        told = tuple(_text(line["link"]) for line in lines)
        head = _text(data["head"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadBag(_UNREADABLE, _SEND_AGAIN) from error
    if told != links(events) or head != told[-1]:
        say = "The consent record of this bag was altered: its lines do not follow from each other."
        raise BadBag(say, _SEND_AGAIN)
    return ConsentRecord(story, events, told)


_UNREADABLE = "The consent record of this bag cannot be read."
_SEND_AGAIN = "Let the box that recorded the story send it again."


def _line(event: ConsentEvent) -> dict[str, Any]:
    # Only a span taken back has a beginning and an end; other lines stay as short as they always were.
    span = {} if event.start is None else {"start": event.start, "end": event.end}
    return {
        "seq": event.seq,
        "act": event.act.value,
        "at": event.at.isoformat(),
        "by": event.by,
        "use": event.use.value if event.use else None,
        "yes": event.yes,
        "form": event.form.value,
        "embargo": event.embargo.isoformat() if event.embargo else None,
        "wording_version": event.wording_version,
        "wording_hash": event.wording_hash,
        "language": event.language,
        **span,
    }


def _event(story: TakeId, line: Mapping[str, Any]) -> ConsentEvent:
    if not isinstance(line["yes"], bool) or not isinstance(line["seq"], int) or not 0 <= line["seq"] < _MOST_NUMBER:
        raise TypeError
    at = datetime.fromisoformat(_text(line["at"]))
    if at.tzinfo is None or not EARLIEST <= at.year <= LATEST:
        raise ValueError
    return ConsentEvent(
        subject=story,
        act=Act(line["act"]),
        at=at,
        by=_text(line["by"]),
        use=None if line["use"] is None else Use(line["use"]),
        yes=line["yes"],
        form=Form(line["form"]),
        embargo=None if line["embargo"] is None else date.fromisoformat(_text(line["embargo"])),
        wording_version=_text(line["wording_version"]),
        wording_hash=_text(line["wording_hash"]),
        language=_text(line["language"]),
        seq=line["seq"],
        start=_ms(line.get("start")),
        end=_ms(line.get("end")),
    )


def _ms(value: object) -> Ms | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MOST_NUMBER:
        raise TypeError
    return Ms(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _link(before: str, line: Mapping[str, Any]) -> str:
    plain = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{plain}".encode()).hexdigest()
