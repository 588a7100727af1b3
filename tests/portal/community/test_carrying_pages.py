"""The desk's pages for what is carried out: medleys, briefings, outcomes, partners; by hand and in a real browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from archive.boxes import add_box
from archive.patterns.medleys import medleys
from archive.patterns.themes import make_theme
from archive.people.roles import Role
from archive.reviewing.excerpts import cut
from archive.tombstones import Tombstone
from archive.types import Use
from audio.types import TakeId

EVERY = (Use.RECORD, Use.KEEP, Use.PLAY_HERE, Use.ARCHIVE, Use.PUBLIC, Use.QUOTE)
LONG = tuple(
    f"{n} people came over from the other side of the river for his bread every single morning." for n in range(5)
)


def told(archive):
    story = archive.story(EVERY, lines=LONG)
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        return story, cut(tx, story, 1_000, 24_000, "Bread from over the river", "", "ana", archive.place.now())


def medley_of(archive):
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        return medleys(tx)[0].id


def test_who_opens_the_public_door_hears_a_medley_first_and_makes_none(archive, visit):
    _, excerpt = told(archive)
    cara = visit("cara", Role.CURATOR)
    cara.get("/medleys")
    cara.post("/medleys", title="Over the river", language="en", **{"part-1": excerpt})
    medley = medley_of(archive)
    assert "public door</button>" not in cara.page
    oma = visit("oma", Role.ORGANIZER)
    oma.get("/medleys")
    assert "Over the river" in oma.page
    assert "Put one together" not in oma.page
    oma.get(f"/medleys/{medley}?for=public")
    assert "End this medley" not in oma.page
    assert "Put it on the box" not in oma.page
    with archive.place.catalogue() as catalogue:
        add_box(catalogue, "front-desk", "omar", archive.place.now())
    cara.get(f"/medleys/{medley}")
    cara.post(f"/medleys/{medley}/cue", box="front-desk", button="3")
    assert (cara.status, cara.path) == (200, "/cues/front-desk")
    assert "Bread from over the river</a>" in cara.page
    assert "It lies on button 3 of" in cara.get(f"/medleys/{medley}")
    oma.post(f"/medleys/{medley}/door", public="yes")
    assert (oma.status, "Take it from the public door" in oma.page) == (200, True)
    oma.post(f"/medleys/{medley}/end")
    assert oma.status == 403
    assert "It stands at the public door." in cara.get(f"/medleys/{medley}")


def test_a_medley_is_put_together_heard_opened_and_ended(archive, visit):
    story, excerpt = told(archive)
    ana = visit("ana", Role.CURATOR, Role.ORGANIZER)
    ana.get("/medleys")
    assert "Bread from over the river" in ana.page
    ana.post("/medleys", title="Over the river", language="en", **{"part-1": excerpt, "bridge-1": "Listen."})
    assert ana.status == 200
    medley = medley_of(archive)
    ana.get(f"/medleys/{medley}?for=public")
    assert "1 voice, as everybody, at the public door may hear them now" in ana.page
    answer = ana.client.get(f"/medleys/{medley}/sound.flac?for=public", headers={"range": "bytes=0-3"})
    assert (answer.status_code, answer.content) == (206, b"fLaC")
    assert ana.get(f"/medleys/{medley}/captions.vtt").startswith("WEBVTT")
    ana.get(f"/medleys/{medley}?for=lend")
    assert "Left out" not in ana.page
    ana.post(f"/medleys/{medley}/door", public="yes")
    assert "Take it from the public door" in ana.page
    assert "The public door of this archive is closed" in ana.page
    ana.get(f"/medleys/{medley}?for=nobody")
    assert ana.status == 400
    from archive.server.erase import withdraw

    withdraw(archive.place, Tombstone(TakeId(story), archive.place.now()), "ana")
    ana.get(f"/medleys/{medley}")
    assert "No voice of this medley may be heard" in ana.page
    assert ana.client.get(f"/medleys/{medley}/sound.flac").status_code == 400
    ana.post(f"/medleys/{medley}/end")
    assert "There is no medley yet." in ana.page


def test_a_quote_is_checked_by_who_is_signed_in_and_heard_it(archive, visit):
    story, _ = told(archive)
    ana = visit("ana", Role.ANALYST)
    ana.get("/briefings")
    ana.post("/briefings", title="Bread", audience="the council", cannot="They are no sample.")
    here = ana.path
    ana.post(f"{here}/point", sentence="People came far for bread.")
    point = ana.field("point")
    ana.post(f"{here}/quote", point=point, story=story, **{"from": "0:01", "until": "0:05"})
    assert "Nobody has checked it against the sound yet." in ana.page
    quote = ana.field("quote")
    ana.post(f"{here}/check", quote=quote, text="People came over the river.")
    assert "Listen to the quote before you check it." in ana.page
    ana.get(here)
    ana.post(f"{here}/check", quote=quote, text="People came over the river.", heard="yes")
    assert "checked by ana; may leave" in ana.page
    ana.post(f"{here}/quote", point=point, story=story, **{"from": "soon", "until": "0:05"})
    assert "no time in a story" in ana.page
    ana.get(here)
    ana.post(f"{here}/remove", quote=quote)
    assert "No voice says this yet." in ana.page
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        theme = make_theme(tx, "Bread was far to get.", "ana", archive.place.now())
    ana.post(f"{here}/point", theme=theme)
    assert "This theme does not stand, and keeps the briefing here." in ana.page
    assert f"/patterns/themes/{theme}" in ana.page
    ana.post(f"{here}/remove", point=point)
    assert "Bread was far to get.</h2>" in ana.page
    assert "People came far for bread.</h2>" not in ana.page


def test_outcomes_are_told_and_ended(archive, visit):
    told(archive)
    olu = visit("olu", Role.ORGANIZER)
    olu.get("/outcomes")
    olu.post("/outcomes", prompt="mill", text="The council read it.", **{"line-en": "The bakery is open again."})
    assert "The bakery is open again." in olu.page
    olu.post("/outcomes", prompt="mill", **{"line-en": "x" * 60})
    assert olu.status == 400
    olu.get("/outcomes")
    olu.post("/outcomes/end", outcome=olu.field("outcome"))
    assert "Nothing is told yet" in olu.page


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_stand_in_a_real_browser(archive, visit, address, browser, width):
    story, excerpt = told(archive)
    ana = visit("ana", Role.CURATOR, Role.ORGANIZER, Role.ANALYST)
    ana.post("/medleys", title="Over the river", language="en", **{"part-1": excerpt})
    medley = medley_of(archive)
    ana.get("/briefings")
    ana.post("/briefings", title="Bread", audience="the council", cannot="They are no sample.")
    briefing = ana.path
    ana.post(f"{briefing}/point", sentence="People came far for bread.")
    ana.post(f"{briefing}/quote", point=ana.field("point"), story=story, **{"from": "0:01", "until": "0:05"})
    ana.get("/outcomes")
    ana.post("/outcomes", prompt="mill", text="The council read it.", **{"line-en": "The bakery is open again."})
    browser.size(width, 844 if width < 800 else 800, phone=width < 800)
    browser.call("Network.setCookie", name="hearth", value=archive.tokens["ana"], url=address)
    for path in ("/medleys", f"/medleys/{medley}", "/briefings", briefing, "/outcomes", "/partners"):
        browser.open(address + path)
        assert browser.js("document.documentElement.scrollWidth <= innerWidth"), path
        assert browser.js("document.querySelectorAll('h1').length") == 1, path
        unlabelled = browser.js(
            "[...document.querySelectorAll('input:not([type=hidden]),select,textarea')].filter(e => !e.labels.length).length"
        )
        assert unlabelled == 0, path
        if shots := os.environ.get("HEARTH_PICTURES"):
            name = path.strip("/").split("/")
            browser.picture(Path(shots) / f"{name[0]}{'-one' if len(name) > 1 else ''}-{width}.png")
    browser.open(f"{address}/medleys/{medley}")
    assert browser.wait(
        "document.querySelector('audio').readyState >= 1 && document.querySelector('audio').duration > 20"
    )


def test_a_public_medley_is_what_a_person_put_there(archive, visit):
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.testclient import TestClient

    from archive.patterns.medleys import Item, Kind, make_medley, set_door
    from archive.portal.community import public, publicmedley

    story, excerpt = told(archive)
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        medley = make_medley(
            tx, "Over the river", "en", [Item(Kind.EXCERPT, excerpt=excerpt)], "ana", archive.place.now()
        )
    door = public._Door(archive.place)
    made = publicmedley.routes(archive.place, door.answer, door.page, {})
    client = TestClient(Starlette(routes=made))
    here = f"/public/medley/{medley}"
    assert [client.get(here + end).status_code for end in ("", "/sound.flac", "/captions.vtt")] == [404] * 3
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        set_door(tx, medley, public=True, who="ana", now=archive.place.now())
    assert f'href="{here}"' in door.shelf(Request({"type": "http", "query_string": b""})).body.decode()
    page = client.get(here).text
    assert "Over the river" in page
    assert ">bread</span>" in page, "who cannot hear it reads it"
    assert "A medley of 1 voice" in page
    assert client.get(f"{here}/sound.flac").content[:4] == b"fLaC"
    from archive.server.erase import withdraw

    withdraw(archive.place, Tombstone(TakeId(story), archive.place.now()), "ana")
    assert here not in door.shelf(Request({"type": "http", "query_string": b""})).body.decode()
    assert [client.get(here + end).status_code for end in ("", "/sound.flac", "/captions.vtt")] == [404] * 3
