"""Speaker turns of a session: what a machine proposed, what a person corrected, and how talking was shared.

A speaker is a voice of this one session ("voice 2") or its facilitator, never a name. Talk-time is told for the
facilitator and for the group as a whole: nobody is compared with anybody.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from archive.catalogue import Tx
from archive.catalogue.changes import note_change, stamp
from archive.catalogue.consents import ask
from archive.catalogue.index import read_again
from archive.errors import ArchiveError, Refused
from archive.objects import BLOCK
from archive.patterns.machines import check_on
from archive.patterns.voiceprint import Voices
from archive.reviewing.rendition import blanked_spans, master_key, sound_key
from archive.reviewing.words import passages_of
from archive.server.place import ArchiveHome
from archive.types import Reader
from audio.models import find

FACILITATOR: Final = "facilitator"
_SPEAKER = re.compile(r"facilitator|voice [1-9][0-9]?")


class BadTurn(ArchiveError):
    """A correction of a turn that cannot be made."""

    code = "bad-turn"


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """One turn, [start, end) in ms. ``by`` wrote it; ``checked_by`` listened, None while unchecked."""

    number: int
    start: int
    end: int
    speaker: str
    by: str
    checked_by: str | None


@dataclass(frozen=True, slots=True)
class TalkTime:
    """How long the facilitator and the group spoke in this session, ms. ``checked``: whether a person has listened."""

    facilitator: int
    group: int
    checked: bool


def load_voices() -> Voices:
    """Load the model that tells voices apart. Raises `NoModel` where it is not on this machine."""
    from archive.patterns.voiceprint import VoiceModel

    return VoiceModel(find("voices") / "pretrained.pt")


def propose(
    place: ArchiveHome, story: str, who: str, voices: Voices | None = None,
    tell: Callable[[int, int], None] = lambda _done, _whole: None,
) -> int:  # fmt: skip
    """Let the machine propose who spoke when; ``who`` asked for it. Returns how many turns there are.

    ``tell`` hears how much of the talk was listened to, ms of ms; what it raises ends the work with nothing changed.
    Takes some seconds for each minute of talk (docs/patterns.md). Raises `MachinesOff`, `NoModel`, `Refused` (the voice
    is not for the desk), `BadTurn` (a person has checked turns already), `BadSound`, `NoSuchStory`.
    """
    from archive.patterns.telling_apart import tell_apart

    check_on(place.settings)
    with place.catalogue() as catalogue:
        with catalogue.read() as tx:
            check_voice(tx, story, place.now())
            check_unchecked(tx, story)
            words = [word for passage in passages_of(tx, story) for word in passage.words]
            master, spans = master_key(tx, story), blanked_spans(tx, story)
        model = voices or load_voices()
        with (
            place.objects.open(sound_key(place.objects, place.work, story, master, spans)) as source,
            tempfile.TemporaryFile() as own,
        ):
            while block := source.read(BLOCK):
                own.write(block)
            own.seek(0)
            turns = tell_apart(own, words, model, tell=tell)
        with catalogue.write() as tx:
            now = place.now()
            # What was true when the sound was opened has to be true still.
            check_voice(tx, story, now)
            check_unchecked(tx, story)
            tx.run("DELETE FROM turns WHERE story = ?", story)
            tx.many(
                "INSERT INTO turns (story, number, start_ms, end_ms, speaker, by, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(story, n, one.start, one.end, one.speaker, model.name, stamp(now)) for n, one in enumerate(turns)],
            )
            read_again(tx, story)
            note_change(tx, who, "turns proposed", story, model.name, now)
    return len(turns)


def turns_of(tx: Tx, story: str) -> list[SpokenTurn]:
    """The turns of a session in order of time. The caller has asked the gate."""
    rows = tx.all(
        "SELECT number, start_ms, end_ms, speaker, by, checked_by FROM turns WHERE story = ? ORDER BY number", story
    )
    return [
        SpokenTurn(
            int(row["number"]), int(row["start_ms"]), int(row["end_ms"]), str(row["speaker"]), str(row["by"]),
            None if row["checked_by"] is None else str(row["checked_by"]),
        )
        for row in rows
    ]  # fmt: skip


def correct(
    tx: Tx, story: str, number: int, speaker: str, who: str, now: datetime, *, everywhere: bool = False
) -> None:
    """Say whose turn ``number`` is; ``everywhere`` gives all turns of that voice to ``speaker``.

    What was corrected counts as checked by ``who``. Raises `BadTurn` for a turn that is not there or no voice.
    """
    if _SPEAKER.fullmatch(speaker) is None:
        raise BadTurn("A speaker is the facilitator or a voice of this session.", 'Write "facilitator" or "voice 2".')
    row = tx.one("SELECT speaker FROM turns WHERE story = ? AND number = ?", story, number)
    if row is None:
        raise BadTurn("This turn is not there any more.", "Load the page again.")
    where, value = ("speaker = ?", row["speaker"]) if everywhere else ("number = ?", number)
    tx.run(
        f"UPDATE turns SET speaker = ?, checked_by = ?, checked_at = ? WHERE story = ? AND {where}",  # noqa: S608
        speaker, who, stamp(now), story, value,
    )  # fmt: skip
    read_again(tx, story)
    note_change(
        tx, who, "turns corrected", story, f"turn {number}{' and all of that voice' if everywhere else ''}", now
    )


def check(tx: Tx, story: str, who: str, now: datetime) -> None:
    """Note that ``who`` listened and every turn is right."""
    tx.run(
        "UPDATE turns SET checked_by = ?, checked_at = ? WHERE story = ? AND checked_by IS NULL", who, stamp(now), story
    )
    note_change(tx, who, "turns checked", story, "", now)


def talk_time(turns: list[SpokenTurn]) -> TalkTime | None:
    """How talking was shared in one session; None as long as nobody said which voice is the facilitator's. Pure."""
    led = sum(one.end - one.start for one in turns if one.speaker == FACILITATOR)
    if not led:
        return None
    rest = sum(one.end - one.start for one in turns if one.speaker != FACILITATOR)
    return TalkTime(led, rest, all(one.checked_by is not None for one in turns))


def check_voice(tx: Tx, story: str, now: datetime) -> None:
    """Raise `Refused` unless the desk may hear this session's voices now."""
    answer = ask(tx, story, Reader.DESK, now)
    if not answer.allowed:
        raise Refused(answer.why, "Nobody here may open it.")
    if not answer.voice:
        raise Refused("Its teller allowed the words, not the voice.", "Turns are told apart by the voice.")


def check_unchecked(tx: Tx, story: str) -> None:
    """Raise `BadTurn` where a person has checked or corrected a turn: a machine proposes nothing there."""
    if tx.one("SELECT 1 FROM turns WHERE story = ? AND checked_by IS NOT NULL", story) is not None:
        raise BadTurn("A person has corrected these turns already.", "A machine does not write over that.")
