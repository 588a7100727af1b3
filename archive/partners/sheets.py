"""Cue sheets partners sent: what they thought worth hearing in what order, and a way onto the buttons of a box here.

A sheet names cuts, never sounds: each voice on it is a loan of its own, asked for by itself, and stays silent or ends
without the sheet knowing of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from archive.catalogue import Tx
from archive.partners.lent import Guest, LentCut, guests
from archive.partners.onward import BadLentCue, put_lent_cue
from archive.partners.taking import texts_of
from archive.server.place import ArchiveHome


@dataclass(frozen=True, slots=True)
class LentSheetCue:
    """What lies on a button of a partner's sheet."""

    button: int
    guest: Guest
    cut: LentCut


@dataclass(frozen=True, slots=True)
class LentSheet:
    """A partner's sheet: what of it may sound here now, by button, and on how many of its buttons nothing may."""

    partner: str
    name: str
    cues: tuple[LentSheetCue, ...]
    silent: int


def lent_sheets(tx: Tx, place: ArchiveHome) -> list[LentSheet]:
    """Every sheet partners sent, by partner and name; the gate is asked about every voice on it."""
    sent: dict[tuple[str, str], dict[int, str]] = {}
    for partner, name, body in texts_of(tx, "sheet"):
        # Its buttons lie in the volumes their stories lie in.
        buttons = sent.setdefault((partner, name), {})
        buttons.update({int(button): str(cut) for button, cut in json.loads(body).items()})
    lent = {(guest.partner, cut.id): (guest, cut) for guest in guests(tx, place) for cut in guest.cuts}
    found = []
    for (partner, name), buttons in sent.items():
        cues = tuple(
            LentSheetCue(button, *lent[partner, cut])
            for button, cut in sorted(buttons.items())
            if (partner, cut) in lent
        )
        found.append(LentSheet(partner, name, cues, len(buttons) - len(cues)))
    return found


def put_lent_sheet(tx: Tx, place: ArchiveHome, box: str, partner: str, name: str, who: str, *, sheet: str) -> LentSheet:
    """Put every voice of a partner's sheet that may sound here on the same button of a box's ``sheet``; returns which.

    What lay on those buttons goes; the others stay as they are. Raises `BadLentCue` where the partner does not send
    this sheet, or nothing of it may sound now.
    """
    found = next((one for one in lent_sheets(tx, place) if (one.partner, one.name) == (partner, name)), None)
    if found is None:
        raise BadLentCue("This partner does not send this sheet any more.", "Load the page again.")
    if not found.cues:
        raise BadLentCue("Nothing on this sheet may sound here now.", "Exchange with the partner, then look again.")
    for cue in found.cues:
        story = cue.guest.story
        put_lent_cue(tx, box, cue.button, partner, story, cue.cut.id, who, place.now(), sheet=sheet)
    return found
