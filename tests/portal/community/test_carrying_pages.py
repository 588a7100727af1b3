"""The desk's pages for what is carried out: medleys, briefings, outcomes, partners; by hand and in a real browser."""

from __future__ import annotations

import io
import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from archive.boxes import add_box
from archive.patterns.medleys import medleys
from archive.patterns.phrases import phrases
from archive.patterns.themes import LONGEST, make_theme
from archive.people.roles import Role
from archive.reviewing.excerpts import cut
from archive.server.erase import withdraw
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
    withdraw(archive.place, Tombstone(TakeId(story), archive.place.now()), "ana")
    ana.get(f"/medleys/{medley}")
    assert "No voice of this medley may be heard" in ana.page
    assert ana.client.get(f"/medleys/{medley}/sound.flac").status_code == 400
    ana.post(f"/medleys/{medley}/end")
    assert "There is no medley yet." in ana.page


def parts_of(archive):
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        return [(item.kind.value, item.text or "voice") for item in medleys(tx)[0].items]


def test_a_medley_is_arranged_and_gets_a_recording(archive, visit):
    story, excerpt = told(archive)
    cara = visit("cara", Role.CURATOR)
    cara.get("/medleys")
    cara.post("/medleys", title="Over the river", language="en", **{"part-1": excerpt, "bridge-1": "Listen."})
    medley = medley_of(archive)
    here = f"/medleys/{medley}/arrange"
    cara.get(here)
    old = cara.field("seen")
    cara.post(here, seen=old, **{"place-1": "2", "text-1": "That was it.", "voice-1": "yes", "new-text": "And more."})
    assert (cara.status, cara.path) == (200, f"/medleys/{medley}")
    assert parts_of(archive) == [("excerpt", "voice"), ("spoken", "That was it."), ("written", "And more.")]
    cara.get(here)
    cara.post(here, seen=old, **{"out-1": "yes"})
    assert "changed while you had it open" in cara.page
    cara.get(here)
    for fields, said in (({"place-1": "x"}, "no place in a medley"), ({"out-1": "yes"}, "at least one excerpt")):
        cara.post(here, seen=cara.field("seen"), **fields)
        assert said in cara.page
        cara.get(here)
    sound = io.BytesIO()
    soundfile.write(sound, np.full(4410, 0.1), 22_050, format="WAV")
    for data, text, status in ((b"no sound", "Now hear.", 400), (sound.getvalue(), "", 400),
                               (bytes(300_000), "Now hear.", 400), (sound.getvalue(), "Now hear.", 200)):  # fmt: skip
        told_with = {"token": cara.field("token"), "seen": cara.field("seen"), "text": text, "place": "1"}
        answer = cara.client.post(f"/recorded/{medley}", data=told_with, files={"file": ("a.wav", data)})
        assert answer.status_code == status, answer.text
        assert len(list(archive.place.objects.keys("bridges/"))) == int(status == 200)
    assert parts_of(archive)[0] == ("recorded", "Now hear.")
    nobody = visit("ana", Role.ANALYST)
    nobody.get("/account")
    answer = nobody.client.post(
        f"/recorded/{medley}", data={"token": nobody.field("token")}, files={"file": ("a", b"x")}
    )
    assert answer.status_code == 403
    withdraw(archive.place, Tombstone(TakeId(story), archive.place.now()), "ana")
    assert "voice" not in [text for _, text in parts_of(archive)]
    assert cara.get(here)
    assert cara.status == 200


def test_a_part_goes_where_its_number_says():
    from archive.patterns.medleys import Item, Kind
    from archive.portal.community.arranging import rearranged

    items = [Item(Kind.RECORDED, sign, sound=sign) for sign in "abcd"]
    for form, order in (({}, "abcd"), ({"place-1": "3"}, "bcad"), ({"place-4": "1"}, "dabc"), ({"out-2": "yes"}, "acd"),
                        ({"place-1": "4", "place-4": "1"}, "dbca"), ({"place-2": "999"}, "acdb"),
                        ({"new-text": "x", "new-text-place": "2"}, "axbcd"), ({"new-text": "x"}, "abcdx")):  # fmt: skip
        assert "".join(item.text for item in rearranged(items, form)) == order, form


def test_a_quote_is_checked_by_who_is_signed_in_and_heard_it(archive, visit):
    story, _ = told(archive)
    ana = visit("ana", Role.ANALYST)
    ana.get("/briefings")
    careful = {"can": phrases("en").get("can"), "cannot": "No son una muestra.", "language": "es"}
    ana.post("/briefings", title="Bread", audience="the council", **careful)
    here = ana.path
    # What nobody changed is said in its language; what somebody wrote stays.
    assert phrases("es").get("can") in ana.page
    assert "No son una muestra." in ana.page
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
        # As long as a theme may be: every theme fits into a briefing.
        long = ("Far and farther. " * 40)[: LONGEST - 21] + "Bread was far to get."
        theme = make_theme(tx, long, "ana", archive.place.now())
    ana.post(f"{here}/point", theme=theme)
    assert "This theme does not stand, and keeps the briefing here." in ana.page
    assert f"/patterns/themes/{theme}" in ana.page
    ana.post(f"{here}/remove", point=point)
    assert "Bread was far to get.</h2>" in ana.page
    assert "People came far for bread.</h2>" not in ana.page


def unpacked(visitor, path):
    """What a page hands out: the files of its zip, by name."""
    answer = visitor.client.post(path, data={"token": visitor.field("token")})
    assert answer.headers["content-type"] == "application/zip", answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def test_who_answers_for_the_voices_hands_them_out(archive, visit):
    story, excerpt = told(archive)
    ana, cara = visit("ana", Role.ANALYST), visit("cara", Role.CURATOR)
    ana.get("/briefings")
    ana.post("/briefings", title="Bread / every day", cannot="They are no sample.")
    here = ana.path
    ana.post(f"{here}/point", sentence="People came far for bread.")
    ana.post(f"{here}/quote", point=ana.field("point"), story=story, **{"from": "0:01", "until": "0:05"})
    assert "It stays here. Quote 1 may not leave." in ana.page
    cara.get(here)
    cara.post(f"{here}/hand-out")
    assert "Quote 1 may not leave. Nobody has checked it" in cara.page
    ana.post(f"{here}/check", quote=ana.field("quote"), text="People came over the river.", heard="yes")
    assert "It is ready. A curator or an organizer hands it out." in ana.page
    ana.post(f"{here}/hand-out")
    assert ana.status == 403
    olga = visit("olga", Role.ORGANIZER)
    olga.get("/briefings")
    assert here in olga.page
    olga.get(here)
    assert "“People came over the river.”" in olga.page, "who lets it go reads and hears it"
    assert re.findall(r'action="([^"]+)"', olga.page.partition("<main")[2]) == [f"{here}/hand-out"]
    cara.get(here)
    files = unpacked(cara, f"{here}/hand-out")
    assert {name.partition("/")[2] for name in files} == {
        "index.html", "briefing.pdf", "quotes.csv", "briefing.json", "sounds/01.flac",
    }  # fmt: skip
    assert {name.partition("/")[0] for name in files} == {"Bread-every-day"}
    assert "went out" in cara.get(here)
    cara.get("/medleys")
    cara.post("/medleys", title="Over the river", language="en", **{"part-1": excerpt})
    medley = medley_of(archive)
    assert "Hand it out" not in cara.get(f"/medleys/{medley}?for=public")
    assert "Hand it out" in cara.get(f"/medleys/{medley}?for=press")
    files = unpacked(cara, f"/medleys/{medley}/hand-out")
    assert {name.rpartition(".")[2] for name in files} == {"flac", "vtt", "txt"}
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        said = tx.all("SELECT what FROM changes WHERE who = 'cara' AND what LIKE 'left in a %' ORDER BY what")
    assert [row["what"] for row in said] == ["left in a briefing", "left in a medley"]
    assert [one.name for one in archive.place.work.iterdir() if one.is_dir()] == []
    withdraw(archive.place, Tombstone(TakeId(story), archive.place.now()), "ana")
    cara.post(f"/medleys/{medley}/hand-out")
    assert cara.status == 400


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
    for path in (
        "/medleys",
        f"/medleys/{medley}",
        f"/medleys/{medley}/arrange",
        "/briefings",
        briefing,
        "/outcomes",
        "/partners",
    ):
        browser.open(address + path)
        assert browser.js("document.documentElement.scrollWidth <= innerWidth"), path
        assert browser.js("document.querySelectorAll('h1').length") == 1, path
        unlabelled = browser.js(
            "[...document.querySelectorAll('input:not([type=hidden]),select,textarea')].filter(e => !e.labels.length).length"
        )
        assert unlabelled == 0, path
        if shots := os.environ.get("HEARTH_PICTURES"):
            name = path.strip("/").split("/")
            browser.picture(Path(shots) / f"{name[0]}{'-one' * (len(name) - 1)}-{width}.png")
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
    withdraw(archive.place, Tombstone(TakeId(story), archive.place.now()), "ana")
    assert here not in door.shelf(Request({"type": "http", "query_string": b""})).body.decode()
    assert [client.get(here + end).status_code for end in ("", "/sound.flac", "/captions.vtt")] == [404] * 3
