"""What a bag says of its story, read with care: every text is cut to a length, every number kept within reason.

The bag has passed every check before (`archive.bagcheck`), so its sums are right; but who made it may have written
anything into it. What cannot be read is left empty, never guessed, and never stops a story from being kept.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from archive.bag import CAPTIONS, EVENTS, METADATA, PAYLOAD, SOUND, TAGS
from archive.bagcheck import CheckedBag, Limits
from archive.catalogue.changes import stamp
from archive.consentrecord import EARLIEST, LATEST
from archive.errors import BadBag
from archive.spans import Mark
from archive.types import Kind
from archive.vtt import LONGEST, SpokenCue, read_vtt

LIMITS: Final = Limits(sound=4 << 30, text=8 << 20)
"""The largest bag an archive takes: two hours of words with their times are less than a tenth of that text."""
_MOST_EVENTS = 20_000
_MOST_SPANS = 5_000
_SHORT, _LONG = 200, 1_000
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")
# Controls but white space (PostgreSQL takes no zero byte), and what turns the writing round for all that follows.
_UNSEEN = re.compile("[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e]")
_NO_NAME = "a machine that did not give its name"


@dataclass(frozen=True, slots=True)
class SpanRow:
    """A stretch the box knew of, [start, end) in ms; ``label`` is the box's own word for it (`archive.spans.Span`)."""

    kind: str
    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the catalogue will hold of a story, beside its consent. Times are ISO 8601 in UTC."""

    checked: CheckedBag
    kind: str
    prompt: str
    prompt_text: str
    language: str
    site: str
    recorded_at: str
    clock_trusted: bool
    length_ms: int
    title: str
    cues: tuple[SpokenCue, ...]
    written_by: str
    spans: tuple[SpanRow, ...]

    @property
    def has_voice(self) -> bool:
        """Whether the sound is in the bag."""
        return self.checked.sound_sha256 is not None


def files_of(folder: Path) -> list[tuple[str, Path]]:
    """Name the files of a checked bag: the path in the bag, and where it lies; the sound first, it is the longest."""
    wanted = sorted((*PAYLOAD, *TAGS), key=lambda path: (path != SOUND, path))
    return [(path, folder / path) for path in wanted if (folder / path).is_file()]


def read_arrival(folder: Path, checked: CheckedBag) -> Arrival:
    """Read the bag in ``folder``, which passed `check_bag`. Raises `BadBag` where its captions are none, `OSError`."""
    events = list(_events(folder / EVENTS))
    core = _dublin_core(folder / METADATA)
    try:
        cues = tuple(read_vtt((folder / CAPTIONS).read_text(encoding="utf-8")))
    except (ValueError, RecursionError) as error:
        raise BadBag("The captions of this bag cannot be read.", "Let the box send the story again.") from error
    told = _first(events, "recorded")
    length = _ms(_first(events, "closed").get("length_ms")) or max((cue.end for cue in cues), default=0)
    models = sorted({_text(one.get("by")) for one in events if one.get("event") == "transcribed"} - {""})
    return Arrival(
        checked=checked,
        kind=Kind.CONVERSATION.value if told.get("kind") == Kind.CONVERSATION else Kind.STORY.value,
        prompt=_text(told.get("prompt")) or _text(core.get("dcterms:subject")),
        prompt_text=_text(told.get("prompt_text"), _LONG),
        language=_language(core.get("dcterms:language")),
        site=_text(core.get("dcterms:publisher")),
        recorded_at=stamp(_when(told.get("at")) or min(event.at for event in checked.consent.events)),
        clock_trusted=told.get("clock_trusted") is True,
        length_ms=length,
        title=_text(core.get("dcterms:title")),
        cues=cues,
        written_by=", ".join(models)[:_LONG] or _NO_NAME,
        spans=tuple(_spans(events)),
    )


def _events(path: Path) -> Iterator[dict[str, Any]]:
    lines = path.read_bytes().splitlines()
    for line in lines[:_MOST_EVENTS]:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            yield event


def _dublin_core(path: Path) -> dict[str, str]:
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    except (ValueError, csv.Error):
        return {}
    return dict(zip(rows[0], rows[1], strict=False)) if len(rows) > 1 else {}


def _first(events: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next((event for event in events if event.get("event") == name), {})


def _spans(events: list[dict[str, Any]]) -> Iterator[SpanRow]:
    known = {mark.value for mark in Mark}
    found = [event for event in events if event.get("event") == "span" and _text(event.get("mark")) in known]
    for event in found[:_MOST_SPANS]:
        start, end = _ms(event.get("start_ms")), _ms(event.get("end_ms"))
        yield SpanRow(str(event["mark"]), start, max(start, end), _text(event.get("ref")))


def _text(value: object, most: int = _SHORT) -> str:
    """Return a text on one line, without half a pair of surrogates and what would steer a page or a terminal."""
    if not isinstance(value, str):
        return ""
    plain = _UNSEEN.sub("", value).encode("utf-8", "replace").decode("utf-8")
    return " ".join(plain.split())[:most]


def _language(value: object) -> str:
    """Return a tag of the kind pages, feeds and manifests may repeat (BCP 47), empty for anything else."""
    told = _text(value)
    return told if _LANGUAGE.fullmatch(told) else ""


def _ms(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LONGEST else 0


def _when(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if at is None or at.tzinfo is None or not EARLIEST <= at.year <= LATEST else at
