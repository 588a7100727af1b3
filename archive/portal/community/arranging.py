"""A medley's parts at the desk: another order, other words, a voice more or less, a recording of a person between.

Everything is done with a number a part: a form needs no pointer and no script for it. What a browser sends was made
from a medley as it stood then; if somebody changed it meanwhile, nothing is done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.responses import Response

from archive.catalogue import Tx
from archive.errors import ArchiveError
from archive.patterns import medleys
from archive.patterns.dropping import drop_bridges
from archive.patterns.medleys import LONGEST_BRIDGE, BadMedley, Item, Kind, Medley, Purpose, cut_of, voice_answer
from archive.patterns.rendering import keep_bridge, must_be_bridge
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post, upload
from archive.portal.community.medleying import offered
from archive.server.erase import settle

LINKS: tuple[Link, ...] = ()
RECORDED = "/recorded/"
"""Below this path a recording comes along with a form."""
_HOWS = {
    Kind.SPOKEN: "A machine’s voice says", Kind.WRITTEN: "Shown over silence", Kind.RECORDED: "A recording says",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A part as the form shows it; ``number`` counts from 1."""

    number: int
    item: Item
    head: str
    note: str = ""


def routes(desk: Desk) -> list[Page]:
    """The pages of this module: who may cut excerpts arranges medleys."""
    make, one = Permission.EXCERPT, "/medleys/{medley}/arrange"
    return [
        get(desk, one, make, _form),
        post(desk, one, make, _arrange, one),
        upload(desk, f"{RECORDED}{{medley}}", make, _record, one),
    ]


def _form(ask: Ask) -> Response:
    with ask.reading() as tx:
        found = medleys.medley_of(tx, ask.part("medley"))
        rows = [_row(tx, number, item, ask.now) for number, item in enumerate(found.items, start=1)]
        excerpts = offered(ask, tx)
    longest = {"longest": LONGEST_BRIDGE, "most": medleys.MOST_ITEMS}
    return ask.page("medley_arrange", medley=found, rows=rows, seen=seen_of(found), excerpts=excerpts, **longest)


def _row(tx: Tx, number: int, item: Item, now: datetime) -> Row:
    if item.kind is not Kind.EXCERPT:
        return Row(number, item, _HOWS[item.kind])
    cut, answer = cut_of(tx, item.excerpt), voice_answer(tx, item.story, Purpose.DESK, now)
    if cut is None or not answer.allowed:
        return Row(number, item, "A voice", answer.why if not answer.allowed else "It was taken out of use.")
    return Row(number, item, cut.title)


def _arrange(ask: Ask) -> Response:
    ident = ask.part("medley")
    with ask.writing() as tx:
        found = _as_seen(tx, ident, ask.form)
        medleys.arrange(tx, ident, rearranged(found.items, ask.form), ask.who, ask.now)
    settle(ask.desk.place, ask.catalogue)
    return go(f"/medleys/{ident}")


def _record(ask: Ask) -> Response:
    """Add a recording of a person between two parts: decoded to its end before it is kept."""
    ident, sha256 = ask.part("medley"), ""
    text = " ".join(ask.form.get("text", "").split())
    if not text:
        raise BadMedley("A recording needs its words.", "Whoever cannot hear it reads them.")
    must_be_bridge(ask.file)
    try:
        with ask.writing() as tx:
            found = _as_seen(tx, ident, ask.form)
            sha256 = keep_bridge(ask.desk.place.objects, ask.file)
            items = _put_in(found.items, Item(Kind.RECORDED, text, sound=sha256), ask.form.get("place", ""))
            medleys.arrange(tx, ident, items, ask.who, ask.now)
    except ArchiveError:
        with ask.writing() as tx:  # a recording that was stored for nothing
            drop_bridges(tx, [sha256], ask.now)
        settle(ask.desk.place, ask.catalogue)
        raise
    return go(f"/medleys/{ident}/arrange")


def seen_of(medley: Medley) -> str:
    """Name a medley as it stands: what a form was made from."""
    return hashlib.sha256(repr(medley.items).encode()).hexdigest()[:16]


def rearranged(items: Sequence[Item], form: Mapping[str, str]) -> list[Item]:
    """The parts a form asks for. Pure. Raises `BadMedley` for a place that is no number.

    ``place-1`` is where part 1 goes: what stands there moves on. ``out-1`` leaves it out, ``text-1`` are its words,
    ``voice-1`` lets a machine read them. ``new-part`` and ``new-text`` come in at ``new-part-place`` and
    ``new-text-place``, or at the end.
    """
    placed: list[tuple[float, Item]] = []
    for number, item in enumerate(items, start=1):
        if form.get(f"out-{number}") == "yes":
            continue
        place = _place(form.get(f"place-{number}", ""), number)
        # A part that goes up stands before what is there, one that goes down behind it.
        placed.append((place + (place > number) / 2 - (place < number) / 2, _reworded(item, number, form)))
    end = len(items) + 1
    if excerpt := form.get("new-part", ""):
        placed.append((_place(form.get("new-part-place", ""), end) - 0.5, Item(Kind.EXCERPT, excerpt=excerpt)))
    if text := form.get("new-text", "").strip():
        kind = Kind.SPOKEN if form.get("new-voice") == "yes" else Kind.WRITTEN
        placed.append((_place(form.get("new-text-place", ""), end) - 0.5, Item(kind, text)))
    return [item for _, item in sorted(placed, key=lambda one: one[0])]


def _reworded(item: Item, number: int, form: Mapping[str, str]) -> Item:
    if item.kind is Kind.EXCERPT:
        return item
    kind = item.kind
    if kind is not Kind.RECORDED:
        kind = Kind.SPOKEN if form.get(f"voice-{number}") == "yes" else Kind.WRITTEN
    return replace(item, kind=kind, text=form.get(f"text-{number}", item.text))


def _put_in(items: Sequence[Item], item: Item, place: str) -> list[Item]:
    at = _place(place, len(items) + 1) - 1
    return [*items[:at], item, *items[at:]]


def _place(text: str, otherwise: int) -> int:
    plain = text.strip()
    if not plain:
        return otherwise
    if not (plain.isascii() and plain.isdecimal() and len(plain) < 4 and int(plain) > 0):  # noqa: PLR2004 (0 to 999)
        raise BadMedley(f"{plain[:20]!r} is no place in a medley.", "Write 1 for the first part, 2 for the second.")
    return int(plain)


def _as_seen(tx: Tx, medley: str, form: Mapping[str, str]) -> Medley:
    found = medleys.medley_of(tx, medley)
    if form.get("seen", "") != seen_of(found):
        raise BadMedley("This medley was changed while you had it open.", "Load the page again. Nothing was changed.")
    return found
