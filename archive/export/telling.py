"""One story as the outside may see it: what every format of `archive.export` is made from.

A `Telling` is only given out by `read_tellings`, which asks the gate for each story at that moment. It holds the
words as they stand now (corrected, blanked where something was redacted), never an earlier version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from archive.captions import captions, to_webvtt
from archive.catalogue import Row, Tx
from archive.catalogue.consents import asks
from archive.consent import Answer
from archive.reviewing.words import Passage, passages_of
from archive.types import Kind, Reader
from audio.types import Ms, Word

MACHINE: Final = "Written by a machine, not yet checked by a person."
RIGHTS: Final[Mapping[Reader, str]] = {
    Reader.PUBLISH: "Its teller allows everybody to hear it here. Nobody may train machines with it.",
    Reader.EXPORT: "As its teller decided: see the consent record in its bag. Nobody may train machines with it.",
}
OPENING: Final = 16
_MANY = 500


@dataclass(frozen=True, slots=True)
class Telling:
    """A story that ``reader`` may see. ``voice`` is False where only its words may be used; times are ISO 8601.

    ``note`` is what a curator wrote for listeners to know before. ``passages`` are in order of time and empty where
    nobody asked for words.
    """

    id: str
    title: str
    kind: Kind
    prompt: str
    prompt_text: str
    language: str
    site: str
    recorded_at: datetime
    clock_trusted: bool
    received_at: datetime
    length: Ms
    voice: bool
    note: str
    rights: str
    opening: str = ""
    """Its first words, for lists: at most sixteen of them."""
    passages: tuple[Passage, ...] = ()
    checked: bool = False
    """Whether a person listened to every word of it, asked for here or not."""

    @property
    def text(self) -> str:
        """All words, a passage a paragraph."""
        return "\n\n".join(passage.text for passage in self.passages)

    @property
    def name(self) -> str:
        """A name for lists: its title, else its question, else the day."""
        return self.title or self.prompt_text or f"A story, {self.recorded_at.date().isoformat()}"


def read_tellings(
    tx: Tx, stories: Iterable[str], reader: Reader, now: datetime | None, *, words: bool = True
) -> dict[str, Telling]:
    """Ask the gate for each of ``stories`` and return those ``reader`` may see now, in the order asked."""
    wanted = list(dict.fromkeys(stories))
    allowed = {story: answer for story, answer in asks(tx, wanted, reader, now).items() if answer.allowed}
    found: dict[str, Telling] = {}
    held = [story for story in wanted if story in allowed]
    for first in range(0, len(held), _MANY):
        some = held[first : first + _MANY]
        marks = ", ".join("?" * len(some))
        notes = {
            row["story"]: row["text"]
            for row in tx.all(f"SELECT story, text FROM content_notes WHERE story IN ({marks}) ORDER BY at, id", *some)  # noqa: S608 (only marks)
        }
        begun: dict[str, list[str]] = {}
        first_two = f"SELECT story, text FROM passages WHERE story IN ({marks}) AND number < 2 ORDER BY story, number"  # noqa: S608
        for row in tx.all(first_two, *some):
            begun.setdefault(row["story"], []).extend(row["text"].split())
        unheard = f"SELECT DISTINCT story FROM passages WHERE story IN ({marks}) AND checked_by IS NULL"  # noqa: S608
        drafts = {row["story"] for row in tx.all(unheard, *some)}
        for row in tx.all(f"SELECT * FROM stories WHERE id IN ({marks})", *some):  # noqa: S608
            story = str(row["id"])
            said = tuple(passages_of(tx, story)) if words else ()
            told = _telling(row, allowed[story], notes.get(story, ""), RIGHTS.get(reader, ""), said)
            found[story] = replace(told, opening=_opening(begun.get(story, [])), checked=story not in drafts)
    return {story: found[story] for story in held if story in found}


def read_telling(tx: Tx, story: str, reader: Reader, now: datetime | None) -> Telling | None:
    """Return one story if ``reader`` may see it now, None otherwise: whether it exists is not said."""
    return read_tellings(tx, [story], reader, now).get(story)


def webvtt(telling: Telling) -> str:
    """Write the captions of a story as WebVTT, word times in comments. Pure."""
    words = [
        Word(word.text, Ms(word.start), Ms(word.end), word.probability, word.doubtful)
        for passage in telling.passages
        for word in passage.words
    ]
    body = to_webvtt(captions(words)) if words else "WEBVTT\n"
    head = "" if telling.checked else f"\nNOTE {MACHINE}\n"
    return "WEBVTT\n" + head + body.removeprefix("WEBVTT").removeprefix("\n")


def clock(ms: int) -> str:
    """Write ms as people and feeds read them: H:MM:SS."""
    seconds = round(ms / 1000)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _opening(words: list[str]) -> str:
    return " ".join(words[:OPENING]) + ("…" if len(words) > OPENING else "")


def _telling(row: Row, answer: Answer, note: str, rights: str, passages: tuple[Passage, ...]) -> Telling:
    return Telling(
        str(row["id"]), row["title"], Kind(row["kind"]), row["prompt"], row["prompt_text"], row["language"],
        row["site"], datetime.fromisoformat(row["recorded_at"]), bool(row["clock_trusted"]),
        datetime.fromisoformat(row["received_at"]), Ms(row["length_ms"]), bool(row["has_voice"]) and answer.voice,
        note, rights, passages=passages,
    )  # fmt: skip
