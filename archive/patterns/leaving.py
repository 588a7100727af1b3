"""What is written for others out of one state of the catalogue, and asked for once more before it gets its name.

Writing takes as long as it takes, and only reads: nobody who takes a story back or blanks something out has to wait
for it. What was narrowed meanwhile is found by a second look, with the time of that moment; then nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from archive.catalogue import Tx
from archive.catalogue.consents import asks
from archive.durable import PART, move, remove
from archive.errors import ArchiveError
from archive.server.place import ArchiveHome
from archive.types import Reader

T = TypeVar("T")
Writer = Callable[[Tx, Path, datetime], T]
_READERS = (Reader.EXPORT, Reader.QUOTE)


class Narrowed(ArchiveError):
    """What may leave became less while it was written."""

    code = "narrowed-meanwhile"


@dataclass(frozen=True, slots=True)
class _Open:
    """What may leave at one moment: stories by each reader, and which stretches of them are blanked out."""

    stories: frozenset[tuple[Reader, str]]
    blanked: frozenset[str]

    def holds(self, before: _Open) -> bool:
        """Whether everything that was open ``before`` still is."""
        return before.stories <= self.stories and self.blanked <= before.blanked


def write_to_leave(place: ArchiveHome, target: Path, write: Writer[T]) -> T:
    """Let ``write`` make a file or folder and give it the name ``target``, whole or not at all.

    ``write`` gets one state of the catalogue, the path to write to and the time it asks the gate with. Raises
    `Narrowed` where a story was taken back or something blanked out meanwhile, and what ``write`` raises.
    """
    part = target.with_name(target.name + PART)
    remove(part)
    try:
        with place.catalogue() as catalogue:
            with catalogue.read() as tx:
                before = _open_now(tx, place.now())
                done = write(tx, part, place.now())
            with catalogue.read() as tx:
                if not _open_now(tx, place.now()).holds(before):
                    say = "A story was taken back meanwhile, or something in one was blanked out."
                    raise Narrowed(say, "Nothing was kept. Start again.")  # noqa: TRY301
            if target.is_dir():
                target.rmdir()
            move(part, target)
    except BaseException:  # whatever stopped it, half of it must not be taken for all
        remove(part)
        raise
    return done


def _open_now(tx: Tx, now: datetime) -> _Open:
    every = [str(row["id"]) for row in tx.all("SELECT id FROM stories")]
    stories = {
        (reader, story) for reader in _READERS for story, answer in asks(tx, every, reader, now).items()
        if answer.allowed
    }  # fmt: skip
    rows = tx.all("SELECT id FROM redactions WHERE id NOT IN (SELECT redaction FROM redaction_lifts)")
    return _Open(frozenset(stories), frozenset(str(row["id"]) for row in rows))
