"""Bags put aside: another content came under the identifier of a kept story, and a person has to look at both.

Nothing of it is read aloud or shown: no gate ever judged it. What is told of it are facts about files and the record of
consent, enough to see which of the two is the later or the whole one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from archive.bag import CONSENT, SOUND
from archive.catalogue.changes import note_change
from archive.catalogue.port import Row, Tx
from archive.durable import remove
from archive.errors import NoSuchStory
from archive.server.place import ArchiveHome

_MOST_BYTES: Final = 4 << 20
_MANIFEST: Final = "manifest-sha256.txt"


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one content: lines of its record of consent (None where that cannot be read), files, and of its sound."""

    lines: int | None
    files: int
    sound: str
    """The sum of its sound, empty where it has none."""


@dataclass(frozen=True, slots=True)
class Aside:
    """One bag put aside, beside the kept one. ``at`` is ISO 8601; ``box`` is empty where it came from none by name."""

    id: str
    story: str
    box: str
    at: str
    why: str
    other: Facts
    kept: Facts

    @property
    def same_sound(self) -> bool:
        """Whether both hold the same sound, to the sample."""
        return self.other.sound == self.kept.sound


def undecided(tx: Tx) -> list[Row]:
    """Every bag put aside that nobody decided about, the oldest first."""
    return tx.all("SELECT id, story, box, why FROM aside WHERE place <> '' ORDER BY at, id")


def aside_of(place: ArchiveHome, tx: Tx, ident: str) -> Aside:
    """One of them. Raises `NoSuchStory` where it is not there, or somebody decided."""
    row = tx.one("SELECT id, story, box, at, why, place FROM aside WHERE id = ? AND place <> ''", ident)
    if row is None:
        raise NoSuchStory("No bag is put aside here by that name.", "Somebody has decided about it already.")
    story = str(row["story"])
    files = tx.all("SELECT path, sha256 FROM files WHERE story = ?", story)
    lines = tx.one("SELECT COUNT(*) AS number FROM consents WHERE story = ?", story)
    kept = Facts(
        int(lines["number"]) if lines else 0,
        sum(one["path"].startswith("data/") for one in files),
        next((str(one["sha256"]) for one in files if one["path"] == SOUND), ""),
    )
    folder = place.aside / Path(row["place"]).name / story
    return Aside(str(row["id"]), story, str(row["box"]), str(row["at"]), str(row["why"]), _facts(folder), kept)


def drop(place: ArchiveHome, ident: str, who: str, now: datetime) -> None:
    """Keep what is kept: the files of the other go, and the very same bag is refused from now on. `NoSuchStory`."""
    with place.catalogue() as catalogue, catalogue.write() as tx:
        row = tx.one("SELECT story, place FROM aside WHERE id = ? AND place <> ''", ident)
        if row is None:
            raise NoSuchStory("No bag is put aside here by that name.", "Somebody has decided about it already.")
        # The row stays: by it the box is told why, before it sends the same bag once more.
        tx.run("UPDATE aside SET place = '' WHERE id = ?", ident)
        note_change(tx, who, "bag put aside thrown away", str(row["story"]), ident, now)
    remove(place.aside / Path(row["place"]).name)


def _facts(folder: Path) -> Facts:
    try:
        listed = (folder / _MANIFEST).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        listed = []
    sums = {path.strip(): digest for digest, _, path in (line.partition(" ") for line in listed)}
    try:
        with (folder / CONSENT).open("rb") as file:
            lines = len(json.loads(file.read(_MOST_BYTES))["events"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Facts(None, len(sums), sums.get(SOUND, ""))
    return Facts(lines, len(sums), sums.get(SOUND, ""))
