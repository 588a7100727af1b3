"""A conversation along its time: questions, excerpts, flags, pauses, codes and turns, each with its second."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from archive.bag import is_bag_id
from archive.catalogue import Tx
from archive.catalogue.consents import ask
from archive.errors import NoSuchStory, Refused
from archive.patterns.codebook import codes_of
from archive.patterns.highlights import layers
from archive.patterns.turns import SpokenTurn, TalkTime, talk_time, turns_of
from archive.reviewing.excerpts import excerpts_of
from archive.reviewing.told import StoryFacts, facts_of
from archive.types import Reader

LANES: Final = ("question", "excerpt", "cut", "flag", "pause", "code", "gap", "sound", "tones")
"""Kinds of marks in the order of their lanes: ``excerpt`` was played into it, ``cut`` was cut out of it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing on the timeline, [start, end) in ms of the story; a flag has no length.

    ``label`` is what people read: the question, the name of the voice that was played (empty where it may not be named
    here), the code; of trouble with the sound the word for it, such as ``too_loud``.
    """

    kind: str
    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything known about a session along its time. ``talk`` is None until the facilitator's voice is named."""

    story: StoryFacts
    voice: bool
    marks: tuple[Mark, ...]
    turns: tuple[SpokenTurn, ...]
    talk: TalkTime | None

    def lane(self, kind: str) -> list[Mark]:
        """The marks of one kind."""
        return [mark for mark in self.marks if mark.kind == kind]

    @property
    def speakers(self) -> list[str]:
        """The voices of this session, in the order they are first heard."""
        return list(dict.fromkeys(turn.speaker for turn in self.turns))

    def to_json(self) -> dict[str, Any]:
        """As plain data: seconds, as every command tells them."""
        talk = self.talk
        return {
            "story": str(self.story.id),
            "seconds": self.story.length / 1000,
            "marks": [
                {"kind": one.kind, "start": one.start / 1000, "end": one.end / 1000, "label": one.label}
                for one in self.marks
            ],
            "turns": [
                {
                    "start": one.start / 1000, "end": one.end / 1000, "speaker": one.speaker, "by": one.by,
                    "checked": one.checked_by is not None,
                }
                for one in self.turns
            ],
            "talk": None if talk is None else {
                "facilitator": talk.facilitator / 1000, "group": talk.group / 1000, "checked": talk.checked
            },
        }  # fmt: skip


def _label(tx: Tx, kind: str, told: str, now: datetime) -> str:
    """Name the voice that was played, which its box knew by its identifier alone; a number is an old box's question."""
    if kind == "question":
        return "" if told.isdecimal() else told
    if kind != "excerpt" or not is_bag_id(told):
        return told
    try:
        return facts_of(tx, told).headline if ask(tx, told, Reader.DESK, now).allowed else ""
    except NoSuchStory:
        return ""


def timeline_of(tx: Tx, story: str, who: str, now: datetime) -> Timeline:
    """Put the timeline of a story together, with the codes of the layers that are open to ``who``.

    Raises `Refused` where the desk may not open it, `NoSuchStory`.
    """
    facts = facts_of(tx, story)
    answer = ask(tx, story, Reader.DESK, now)
    if not answer.allowed:
        raise Refused(answer.why, "Nobody here may open it.")
    marks = [
        Mark(str(row["kind"]), int(row["start_ms"]), int(row["end_ms"]), _label(tx, row["kind"], row["label"], now))
        for row in tx.all("SELECT kind, start_ms, end_ms, label FROM spans WHERE story = ?", story)
    ]
    marks += [Mark("cut", one.start, one.end, one.title) for one in excerpts_of(tx, story)]
    own, others, _ = layers(tx, story, who)
    names = {code.id: code.name for code in codes_of(tx)}
    marks += [
        Mark("code", one.start, one.end, names[code])
        for one in (*own, *others) for code in one.codes if code in names
    ]  # fmt: skip
    turns = turns_of(tx, story)
    return Timeline(
        facts, answer.voice and facts.has_voice, tuple(sorted(marks, key=lambda one: (one.start, one.kind, one.label))),
        tuple(turns), talk_time(turns),
    )  # fmt: skip
