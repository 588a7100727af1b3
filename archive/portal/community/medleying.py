"""Medleys at the desk: put excerpts in an order with bridges between, hear them as others may, open or end them."""

from __future__ import annotations

from starlette.responses import Response

from archive.boxes import box_in_use, boxes
from archive.catalogue import Tx
from archive.catalogue.consents import ask as ask_gate
from archive.export.places import Places
from archive.patterns import medleys
from archive.patterns.medleys import BadMedley, Item, Kind, Purpose
from archive.patterns.pressing import take_out
from archive.patterns.rendering import recipe_now, rendition_of
from archive.people.roles import Permission
from archive.portal.community.cueing import button_of
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post
from archive.portal.community.handout import named, zipped
from archive.portal.community.ranges import sound_by_range
from archive.reviewing.excerpts import Cut, excerpts_of, touched_by_redaction
from archive.server.erase import settle
from archive.types import Reader

LINKS = (Link("/medleys", "Medleys", Permission.STORIES),)
MOST = 200
"""Excerpts offered, the newest first."""
TELLS = {
    Purpose.DESK: "the archive’s own people",
    Purpose.LEND: "visitors of libraries, and partners",
    Purpose.PUBLIC: "everybody, at the public door",
    Purpose.PRESS: "a radio or a newspaper",
}


def routes(desk: Desk) -> list[Page]:
    """The pages of this module.

    Who may hear stories hears medleys of them; who may cut excerpts makes and ends them; who may fill cue sheets puts
    them on boxes; who may open the public door puts them there; who may hand things out takes files for the press.
    The gate is asked for every voice besides, for whom it is meant.
    """
    hear, make = Permission.STORIES, Permission.EXCERPT
    return [
        get(desk, "/medleys", hear, _list),
        post(desk, "/medleys", make, _make, "/medleys"),
        get(desk, "/medleys/{medley}", hear, _one),
        get(desk, "/medleys/{medley}/sound.flac", hear, _sound),
        get(desk, "/medleys/{medley}/captions.vtt", hear, _captions),
        post(desk, "/medleys/{medley}/end", make, _end, "/medleys/{medley}"),
        post(desk, "/medleys/{medley}/cue", Permission.CUES, _cue, "/medleys/{medley}"),
        post(desk, "/medleys/{medley}/door", Permission.PUBLISH, _door, "/medleys/{medley}"),
        post(desk, "/medleys/{medley}/hand-out", Permission.HAND_OUT, _hand_out, "/medleys/{medley}?for=press"),
    ]


def _list(ask: Ask) -> Response:
    with ask.reading() as tx:
        excerpts = offered(ask, tx) if ask.may(Permission.EXCERPT) else []
        told = {str(row["language"]) for row in tx.all("SELECT DISTINCT language FROM stories")}
        languages = sorted({one.partition("-")[0] for one in told if one} | {"en"})
        return ask.page("medleys", medleys=medleys.medleys(tx), excerpts=excerpts, languages=languages)


def _make(ask: Ask) -> Response:
    with ask.writing() as tx:
        ident = medleys.make_medley(
            tx, ask.form.get("title", ""), ask.form.get("language", "en"), _items(ask), ask.who, ask.now
        )
    return go(f"/medleys/{ident}")


def _items(ask: Ask) -> list[Item]:
    """The parts of a form: ``part-1`` names an excerpt, ``bridge-1`` what is said or shown before it."""
    items = []
    for number in range(1, 9):
        bridge, excerpt = ask.form.get(f"bridge-{number}", "").strip(), ask.form.get(f"part-{number}", "")
        if bridge:
            items.append(Item(Kind.SPOKEN if ask.form.get("voice") == "yes" else Kind.WRITTEN, bridge))
        if excerpt:
            items.append(Item(Kind.EXCERPT, excerpt=excerpt))
    return items


def _one(ask: Ask) -> Response:
    ident, purpose = ask.part("medley"), _purpose(ask)
    with ask.reading() as tx:
        found, lies = medleys.medley_of(tx, ident), medleys.on_boxes(tx, ident)
    known = [box.name for box in boxes(ask.catalogue) if box.revoked_at is None] if ask.may(Permission.CUES) else []
    settings = ask.desk.place.settings
    outside = Places.told(settings.more).medley(ident) if settings.public else ""
    made, why = None, ""
    try:
        made = rendition_of(ask.desk.place, ident, purpose)
    except BadMedley as error:
        why = error.say
    shown = {"medley": found, "made": made, "why": why, "purpose": purpose, "tells": TELLS}
    return ask.page("medley", **shown, lies=lies, boxes=known, outside=outside)


def _sound(ask: Ask) -> Response:
    """By range; the gate is asked for every voice at each piece, and a voice that went ends the sound."""
    place, ident, purpose = ask.desk.place, ask.part("medley"), _purpose(ask)
    made = rendition_of(place, ident, purpose)

    def gated() -> str:
        if recipe_now(place, ident, purpose) != made.recipe:
            raise BadMedley("This medley has changed.", "Load the page again.")
        return made.key

    return sound_by_range(place.objects, gated, ask.request.headers.get("range"))


def _captions(ask: Ask) -> Response:
    made = rendition_of(ask.desk.place, ask.part("medley"), _purpose(ask))
    return Response(made.captions, media_type="text/vtt; charset=utf-8")


def _end(ask: Ask) -> Response:
    with ask.writing() as tx:
        medleys.end_medley(tx, ask.part("medley"), ask.who, ask.now)
    settle(ask.desk.place, ask.catalogue)
    return go("/medleys")


def _cue(ask: Ask) -> Response:
    box, first = box_in_use(ask.catalogue, ask.form.get("box", "")).name, button_of(ask)
    with ask.writing() as tx:
        medleys.put_on_box(tx, ask.part("medley"), box, first, ask.who, ask.now)
    return go(f"/cues/{box}")


def _door(ask: Ask) -> Response:
    with ask.writing() as tx:
        medleys.set_door(tx, ask.part("medley"), ask.form.get("public") == "yes", ask.who, ask.now)
    return go(f"/medleys/{ask.part('medley')}")


def _hand_out(ask: Ask) -> Response:
    """Answer what `hearth archive medley render --for press --out` writes, as a zip."""
    place, ident = ask.desk.place, ask.part("medley")
    with ask.reading() as tx:
        title = medleys.medley_of(tx, ident).title
    file = f"{named(title)}.flac"
    return zipped(place, title, lambda folder: take_out(place, ident, Purpose.PRESS, folder / file, ask.who))


def _purpose(ask: Ask) -> Purpose:
    asked = ask.request.query_params.get("for", Purpose.DESK.value)
    if asked not in set(Purpose):
        raise BadMedley("A medley is for nobody of that name.", "Choose whom it is for.")
    return Purpose(asked)


def offered(ask: Ask, tx: Tx) -> list[Cut]:
    """Excerpts to put into a medley, the newest first: whole, and heard at the desk now."""
    rows = tx.all("SELECT DISTINCT story FROM excerpts ORDER BY story DESC")
    found: list[Cut] = []
    for row in rows:
        if len(found) >= MOST:
            break
        answer = ask_gate(tx, row["story"], Reader.DESK, ask.now)
        if answer.allowed and answer.voice:
            found += [one for one in excerpts_of(tx, row["story"]) if not touched_by_redaction(tx, one)]
    return sorted(found, key=lambda one: one.at, reverse=True)[:MOST]
