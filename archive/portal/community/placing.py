"""From an excerpt, wherever it is shown, to a box's button: which box, which button, one decision."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from archive.boxes import boxes
from archive.catalogue.consents import ask as ask_gate
from archive.curation import BUTTONS, reader_for, site_of
from archive.errors import Refused
from archive.people.roles import Permission
from archive.portal.community.cueing import Button, lying_on
from archive.portal.community.desk import Ask, Desk, Link, Page, get
from archive.reviewing.excerpts import BadExcerpt, excerpts_of, touched_by_redaction
from archive.reviewing.told import facts_of
from archive.types import Reader

LINKS: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Crate:
    """A box as a place for this excerpt: its eight buttons, or ``why`` it may not sound there."""

    name: str
    site: str
    buttons: tuple[Button, ...]
    why: str


def routes(desk: Desk) -> list[Page]:
    """The pages of this module; the form goes to the box's own page."""
    return [get(desk, "/story/{story}/excerpt/{excerpt}/cue", Permission.CUES, _place)]


def _place(ask: Ask) -> Response:
    story, now = ask.part("story"), ask.now
    known = [box.name for box in boxes(ask.catalogue) if box.revoked_at is None]
    with ask.reading() as tx:
        facts = facts_of(tx, story)
        answer = ask_gate(tx, story, Reader.DESK, now)
        if not answer.allowed:
            raise Refused(answer.why, "Nobody here may open it.")
        found = next((one for one in excerpts_of(tx, story) if one.id == ask.part("excerpt")), None)
        if found is None:
            raise BadExcerpt("This excerpt is not there any more.", "Choose another one on the story's page.")
        blanked = touched_by_redaction(tx, found)
        crates = []
        for name in known:
            there = ask_gate(tx, story, reader_for(tx, name, story), now)
            why = "Something in it was blanked out since." if blanked else "" if there.allowed else there.why
            lying = {one.number: one for one in lying_on(tx, name, now)}
            buttons = tuple(lying.get(number, Button(number)) for number in BUTTONS)
            crates.append(Crate(name, site_of(tx, name), buttons, why))
    return ask.page("place", story=facts, excerpt=found, crates=crates)
