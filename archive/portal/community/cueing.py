"""Cue sheets by box: which excerpt sounds at which button. The gate is asked for each, for that very box."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from archive import curation
from archive.boxes import box_in_use, boxes
from archive.catalogue import Tx
from archive.catalogue.consents import ask as ask_gate
from archive.curation import BUTTONS, MAIN, BadSheet, SheetCue, reader_for, sheets_of, site_of
from archive.partners.lent import Guest, guests
from archive.partners.onward import lent_cues, put_lent_cue
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post
from archive.reviewing.excerpts import Cut, excerpts_of, touched_by_redaction
from archive.types import Reader

LINKS = (Link("/cues", "Cues", Permission.CUES),)
MOST = 400
"""Excerpts offered for a button, the newest first."""


@dataclass(frozen=True, slots=True)
class Button:
    """One button of a sheet, and what lies on it."""

    number: int
    cue: SheetCue | None = None
    title: str = ""
    """Empty for a story the desk may not open now: then not even its name is said."""
    lent_by: str = ""
    """The partner whose voice it is; empty for one of our own."""

    @property
    def link(self) -> str:
        """The page of the story it is of."""
        assert self.cue is not None
        story = self.cue.excerpt.story
        return f"/partners/{self.lent_by}/{story}" if self.lent_by else f"/story/{story}#excerpts"


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    permission = Permission.CUES
    return [
        get(desk, "/cues", permission, _choose),
        get(desk, "/cues/{box}", permission, _sheet),
        post(desk, "/cues/{box}/put", permission, _put, "/cues/{box}"),
        post(desk, "/cues/{box}/clear", permission, _clear, "/cues/{box}"),
    ]


def _choose(ask: Ask) -> Response:
    known = [box for box in boxes(ask.catalogue) if box.revoked_at is None]
    with ask.reading() as tx:
        rows = [(box.name, site_of(tx, box.name), lying_on(tx, box.name, ask.now)) for box in known]
    if len(rows) == 1:
        return go(f"/cues/{known[0].name}")
    return ask.page("cues", boxes=rows)


def lying_on(tx: Tx, box: str, now: datetime) -> list[Button]:
    """The buttons of a box something lies on, in order."""
    found = []
    for cue in sheets_of(tx, box, now).get(MAIN, []):
        here = cue.allowed or ask_gate(tx, cue.excerpt.story, Reader.DESK, now).allowed
        found.append(Button(cue.button, cue, cue.excerpt.title if here else ""))
    return sorted([*found, *_lent(tx, box, now)], key=lambda one: one.number)


def _lent(tx: Tx, box: str, now: datetime) -> list[Button]:
    """The buttons of a box a partner's voice lies on."""
    found = []
    for one in lent_cues(tx, box, now):
        if one.sheet == MAIN:
            start, end = (one.cut.start, one.cut.end) if one.cut else (0, 0)
            title = (one.cut.title if one.cut else "") or one.guest.headline
            excerpt = Cut(one.cut.id if one.cut else "", one.guest.story, start, end, title, "", "", "")
            cue = SheetCue(one.button, excerpt, one.allowed, one.why)
            found.append(Button(one.button, cue, title if one.allowed else "", one.guest.partner))
    return found


def _sheet(ask: Ask) -> Response:
    box = _known(ask)
    with ask.reading() as tx:
        lying = {one.number: one for one in lying_on(tx, box, ask.now)}
        offered = offers(tx, box, ask.now)
        lent = guests(tx, ask.desk.place)[:MOST]
        site = site_of(tx, box)
    buttons = [lying.get(number, Button(number)) for number in BUTTONS]
    return ask.page("cue_sheet", box=box, site=site, buttons=buttons, offered=offered, lent=_by_partner(lent))


def offers(tx: Tx, box: str, now: datetime) -> list[Cut]:
    """The excerpts in use that may sound at ``box`` now, the newest first."""
    rows = tx.all("SELECT DISTINCT story FROM excerpts ORDER BY story DESC LIMIT ?", MOST)
    stories = [str(row["story"]) for row in rows]
    allowed = [story for story in stories if ask_gate(tx, story, reader_for(tx, box, story), now).allowed]
    cuts = [cut for story in allowed for cut in excerpts_of(tx, story) if not touched_by_redaction(tx, cut)]
    return sorted(cuts, key=lambda cut: cut.at, reverse=True)[:MOST]


def _by_partner(lent: list[Guest]) -> dict[str, list[Guest]]:
    found: dict[str, list[Guest]] = {}
    for one in lent:
        found.setdefault(one.partner, []).append(one)
    return found


def _put(ask: Ask) -> Response:
    box, button = _known(ask), button_of(ask)
    story, _, excerpt = ask.form.get("excerpt", "").partition(":")
    excerpt, _, partner = excerpt.partition(":")
    with ask.writing() as tx:
        if partner:
            put_lent_cue(tx, box, button, partner, story, excerpt, ask.who, ask.now, sheet=MAIN)
            return go(f"/cues/{box}")
        curation.put_cue(tx, box, button, story, excerpt, ask.who, ask.now)
    return go(f"/cues/{box}")


def _clear(ask: Ask) -> Response:
    box, button = _known(ask), button_of(ask)
    with ask.writing() as tx:
        curation.clear_cue(tx, box, button, ask.who, ask.now)
    return go(f"/cues/{box}")


def _known(ask: Ask) -> str:
    return box_in_use(ask.catalogue, ask.part("box")).name


def button_of(ask: Ask) -> int:
    """The button a form names, 1 to 8. Raises `BadSheet`."""
    text = ask.form.get("button", "")
    if text not in {str(number) for number in BUTTONS}:
        raise BadSheet("Cue buttons are numbered 1 to 8.", "Load the page again.")
    return int(text)
