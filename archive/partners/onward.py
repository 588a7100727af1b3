"""A partner's voice on the buttons of our boxes: put there by a person, lent on in the box's own feed, ended with it.

Nothing is cut or encoded anew: a box is handed the partner's own sealed sound and card, with their key wrapped for
that box and the teller's whole record, so that the box asks the gate itself at each press. What ends here is gone
there with the box's next feed, and only then the partner is told that it is gone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from nacl.public import PublicKey

from archive.catalogue import Row, Tx
from archive.catalogue.changes import note_change, stamp
from archive.envelope import wrap_for_public
from archive.errors import ArchiveError, NoKey, NoSuchObject, Refused
from archive.feed.manifest import MOST_EXCERPTS, Blob, LentExcerpt, Loan, sheet_name
from archive.guests import LOAN_S
from archive.partners.lent import (
    Guest,
    LentCut,
    answer_for,
    blob_name,
    consent_of,
    ended_here,
    guest_now,
    guest_of,
    key_of,
)
from archive.server.place import ArchiveHome
from audio.types import Ms, TakeId

_BUTTONS: Final = range(1, 9)


class BadLentCue(ArchiveError):
    """A partner's voice that cannot lie on a button like that."""

    code = "bad-lent-cue"


@dataclass(frozen=True, slots=True)
class LentCue:
    """What a partner lent and a person put on a button; ``why`` is the gate's answer where it does not sound now."""

    sheet: str
    button: int
    guest: Guest
    cut: LentCut | None
    why: str

    @property
    def allowed(self) -> bool:
        """Whether it may sound now."""
        return not self.why


def put_lent_cue(
    tx: Tx, box: str, button: int, partner: str, story: str, cut: str, who: str, now: datetime, *, sheet: str
) -> None:
    """Put a cut of a lent story on a button of a box's sheet, in place of what was there.

    Raises `BadLentCue` (no such button, sheet or cut), `NoSuchStory`, `Refused` with the gate's own sentence.
    """
    guest, _ = guest_now(tx, partner, story, now)
    try:
        name = sheet_name(sheet)
    except (TypeError, ValueError) as error:
        raise BadLentCue("A sheet's name has small letters, figures and hyphens.", "For instance: main.") from error
    if button not in _BUTTONS or cut not in {one.id for one in guest.cuts}:
        raise BadLentCue("This is no part of what the partner lends, or no button.", "Load the page again.")
    tx.run("DELETE FROM sheet_cues WHERE box = ? AND sheet = ? AND button = ?", box, name, button)
    tx.run(
        "INSERT INTO partner_cues (box, sheet, button, partner, story, cut, at, who) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (box, sheet, button) DO UPDATE SET partner = excluded.partner, story = excluded.story, "
        "cut = excluded.cut, at = excluded.at, who = excluded.who",
        box, name, button, partner, story, cut, stamp(now), who,
    )  # fmt: skip
    told = {"box": box, "sheet": name, "button": button, "partner": partner}
    note_change(tx, who, "lent cue put", story, json.dumps(told), now)


def lent_cues(tx: Tx, box: str, now: datetime) -> list[LentCue]:
    """Every button of a box a partner's voice lies on, each with what the gate says now."""
    ended = ended_here(tx)
    found = []
    for row in _rows(tx, box):
        guest = guest_of(row)
        cut = next((one for one in guest.cuts if one.id == row["cut"]), None)
        answer = answer_for(row, ended, now)
        why = "" if answer.allowed else answer.why
        if not why and cut is None:
            why = "The partner does not lend this part any more."
        found.append(LentCue(str(row["sheet"]), int(row["button"]), guest, cut, why))
    return found


def loans_onward(
    place: ArchiveHome, tx: Tx, box: str, seal: bytes, besides: frozenset[str]
) -> tuple[dict[str, dict[int, str]], list[Loan]]:
    """What partners' voices a box is lent now: cuts by button by sheet, and a loan a story. In a write transaction.

    ``besides`` are stories the box is lent already, and cut ids are unique among partners only by chance: a second
    one of the same name is left out. Raises `StoreTrouble`.
    """
    ended, now = ended_here(tx), place.now()
    sheets: dict[str, dict[int, str]] = {}
    wanted: dict[str, tuple[Row, dict[str, LentCut]]] = {}
    for row in _rows(tx, box):
        story = str(row["story"])
        cut = next((one for one in guest_of(row).cuts if one.id == row["cut"]), None)
        if cut is None or story in besides or not answer_for(row, ended, now).allowed:
            continue
        first, cuts = wanted.setdefault(story, (row, {}))
        if first["partner"] != row["partner"] or (cut.id not in cuts and len(cuts) == MOST_EXCERPTS):
            continue
        cuts[cut.id] = cut
        sheets.setdefault(str(row["sheet"]), {})[int(row["button"])] = cut.id
    loans = [loan for row, cuts in wanted.values() if (loan := _loan(place, tx, box, seal, row, cuts)) is not None]
    kept = {str(loan.story) for loan in loans}
    for row in tx.all("SELECT partner, story FROM partner_loans WHERE box = ?", box):
        if row["story"] not in kept:
            tx.run("DELETE FROM partner_loans WHERE box = ? AND partner = ? AND story = ?", box, row[0], row[1])
    return sheets, loans


def onward_blobs(tx: Tx, box: str) -> set[str]:
    """The names of every blob of partners that ``box`` is lent now."""
    rows = tx.all(
        "SELECT s.sound AS sound, s.card AS card FROM partner_loans l JOIN partner_stories s "
        "ON s.partner = l.partner AND s.story = l.story WHERE l.box = ?",
        box,
    )
    return {str(name) for row in rows for name in row}


def named_onward(place: ArchiveHome, tx: Tx, box: str, sha256: str) -> str:
    """Name the object that is a partner's blob ``box`` is lent, the gate asked once more.

    Raises `NoSuchObject`, `Refused`.
    """
    row = tx.one(
        "SELECT s.* FROM partner_loans l JOIN partner_stories s ON s.partner = l.partner AND s.story = l.story "
        "WHERE l.box = ? AND (s.sound = ? OR s.card = ?)",
        box, sha256, sha256,
    )  # fmt: skip
    if row is None:
        raise NoSuchObject("This is no part of this box's feed.", "Let the box fetch its feed again.")
    answer = answer_for(row, ended_here(tx), place.now())
    if not answer.allowed:
        raise Refused(answer.why)
    return blob_name(sha256)


def note_ended(tx: Tx, partner: str, volume: int, story: str, now: datetime) -> None:
    """Note that a lent story ended while a box of ours may hold it; nothing where none was handed it."""
    if tx.one("SELECT 1 FROM lent WHERE story = ? AND gone_at IS NULL", story) is not None:
        tx.run(
            "INSERT INTO partner_ended (partner, volume, story, at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (partner, story) DO UPDATE SET volume = excluded.volume, at = excluded.at",
            partner, volume, story, stamp(now),
        )  # fmt: skip


def volumes_with_copies(tx: Tx, partner: str, now: datetime) -> set[int]:
    """Volumes from which a story ended that some box of ours may still hold.

    After `LOAN_S` none does: a box that was not reached since has ended the loan by itself.
    """
    since = stamp(now - timedelta(seconds=LOAN_S))
    rows = tx.all(
        "SELECT volume FROM partner_ended e WHERE partner = ? AND at > ? AND EXISTS (SELECT 1 FROM lent "
        "WHERE lent.story = e.story AND lent.gone_at IS NULL)",
        partner, since,
    )  # fmt: skip
    return {int(row["volume"]) for row in rows}


def _rows(tx: Tx, box: str) -> list[Row]:
    return tx.all(
        "SELECT c.sheet AS sheet, c.button AS button, c.cut AS cut, s.* FROM partner_cues c JOIN partner_stories s "
        "ON s.partner = c.partner AND s.story = c.story WHERE c.box = ? ORDER BY c.sheet, c.button",
        box,
    )


def _loan(place: ArchiveHome, tx: Tx, box: str, seal: bytes, row: Row, cuts: dict[str, LentCut]) -> Loan | None:
    """The loan of one story; its key is wrapped once a box, so that a feed that says nothing new stays the same."""
    consent = consent_of(row)
    made_of = [hashlib.sha256(bytes(row["key"])).hexdigest(), row["sound"], row["card"], seal.hex()]
    recipe = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    here = (box, row["partner"], row["story"])
    kept = tx.one("SELECT * FROM partner_loans WHERE box = ? AND partner = ? AND story = ?", *here)
    if kept is not None and kept["recipe"] == recipe:
        key, sizes = bytes(kept["key"]), (int(kept["sound_size"]), int(kept["card_size"]))
    else:
        try:
            key = wrap_for_public(key_of(place, row), TakeId(str(row["story"])), PublicKey(seal))
            sizes = (_size(place, row, "sound"), _size(place, row, "card"))
        except (NoSuchObject, NoKey):
            return None  # it comes again whole with the next exchange
        tx.run(
            "INSERT INTO partner_loans (box, partner, story, recipe, key, sound_size, card_size) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (box, partner, story) DO UPDATE SET recipe = excluded.recipe, "
            "key = excluded.key, sound_size = excluded.sound_size, card_size = excluded.card_size",
            *here, recipe, key, *sizes,
        )  # fmt: skip
    told = tuple(
        LentExcerpt(one.id, Ms(one.start), Ms(one.end), Ms(one.at), one.title, one.note)
        for one in sorted(cuts.values(), key=lambda one: (one.start, one.end, one.id))
    )
    sound, card = Blob(str(row["sound"]), sizes[0]), Blob(str(row["card"]), sizes[1])
    return Loan(consent.story, str(row["site"]), key, consent, sound, card, told)


def _size(place: ArchiveHome, row: Row, what: str) -> int:
    return place.objects.size(blob_name(str(row[what])))
