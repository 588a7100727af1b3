"""Taking a story back at the archive, with its keep-code, although only the box can check the code.

What is promised: from the moment of asking the story is held (nobody beyond the desk hears it, the public door and
every feed lose it with their next request). The code is sealed to the box the story came from and stored nowhere
else; the box checks it at its next contact, as if it were typed there. If it fits, the story is withdrawn at the box
and at the archive, as ever. If not, the story stays held until a curator decides, and the page says that the code did
not fit. A box that never calls again leaves its stories held; an archivist may then erase them. Narrowing is done at
the box.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from nacl.public import PublicKey, SealedBox

from archive.catalogue.changes import note_change, stamp
from archive.catalogue.consents import HOLD
from archive.catalogue.port import Tx
from archive.errors import ArchiveError
from archive.feed.manifest import MOST_CLAIMS, Claim
from archive.keycode import parse
from archive.takes import fresh_take
from audio.types import TakeId

NOTE = "Its teller asks to have it back; the box checks the code."


class NoBoxToAsk(ArchiveError):
    """The box that could check this code cannot be asked."""

    code = "no-box-to-ask"


@dataclass(frozen=True, slots=True)
class Asked:
    """A withdrawal that was asked for here. ``refused``: the box has looked, and the code did not fit."""

    at: str
    who: str
    box: str
    refused: bool


def take_back(tx: Tx, story: str, code: str, who: str, now: datetime) -> None:
    """Hold ``story`` at once, and let its box check ``code`` at its next contact. Asking again replaces the code.

    Raises `WrongCode` for what cannot be a keep-code, `NoBoxToAsk`.
    """
    plain = str(parse(code))
    row = tx.one(
        "SELECT s.box, b.seal FROM stories s LEFT JOIN boxes b ON b.name = s.box AND b.credential IS NOT NULL "
        "WHERE s.id = ?",
        story,
    )
    if row is None or row["seal"] is None:
        say = "The box this story came from does not call here any more: nobody can check the code."
        raise NoBoxToAsk(say, "Let an archivist erase the story, if you are sure who asks.")
    sealed = SealedBox(PublicKey(bytes(row["seal"]))).encrypt(plain.encode())
    tx.run("DELETE FROM claims WHERE story = ?", story)
    tx.run(
        "INSERT INTO claims (story, box, at, who, sealed, feed) VALUES (?, ?, ?, ?, ?, 0)",
        story, row["box"], stamp(now), who, sealed,
    )  # fmt: skip
    tx.run(
        "INSERT INTO reviews (id, story, at, who, verdict, note) VALUES (?, ?, ?, ?, ?, ?)",
        str(fresh_take(now)), story, stamp(now), who, HOLD, NOTE,
    )  # fmt: skip
    note_change(tx, who, "withdrawal asked for", story, "", now)


def asked_of(tx: Tx, story: str) -> Asked | None:
    """What was asked for a story that is still here; None where nothing was."""
    row = tx.one(
        "SELECT c.at, c.who, c.box, c.feed, f.applied FROM claims c LEFT JOIN box_feeds f ON f.box = c.box "
        "WHERE c.story = ?",
        story,
    )
    if row is None:
        return None
    return Asked(str(row["at"]), str(row["who"]), str(row["box"]), 0 < row["feed"] <= (row["applied"] or 0))


def claims_for(tx: Tx, box: str) -> tuple[Claim, ...]:
    """The codes ``box`` has to check: those it has not looked at yet."""
    rows = tx.all(
        "SELECT c.story, c.sealed FROM claims c LEFT JOIN box_feeds f ON f.box = c.box WHERE c.box = ? "
        "AND (c.feed = 0 OR c.feed > COALESCE(f.applied, 0)) ORDER BY c.story LIMIT ?",
        box, MOST_CLAIMS,
    )  # fmt: skip
    return tuple(Claim(TakeId(str(row["story"])), bytes(row["sealed"])) for row in rows)


def note_carried(tx: Tx, box: str, claims: tuple[Claim, ...], feed: int) -> None:
    """Note that the feed of this number carries ``claims``, if no earlier one did."""
    for one in claims:
        tx.run("UPDATE claims SET feed = ? WHERE box = ? AND story = ? AND feed = 0", feed, box, one.story)
