"""What partners lend, at the desk: whose each voice is, found by words, on a box's button, gone when it is taken back."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from archive.boxes import add_box
from archive.curation import AskedPrompt, PreparedSet, put_cue, save_prompts
from archive.partners.exchange import exchange_folder
from archive.partners.known import add_partner, partner_named
from archive.people.roles import Role
from archive.reviewing.excerpts import cut
from archive.server.erase import withdraw
from archive.server.place import open_archive
from archive.tombstones import Tombstone
from archive.types import Use
from audio.clock import SystemClock
from audio.types import TakeId

LENT = (Use.RECORD, Use.KEEP, Use.ARCHIVE, Use.PARTNERS)


@pytest.fixture
def lower(archive, tmp_path):
    """Another archive, which tells stories of its own and leaves them here on a stick."""
    with open_archive(tmp_path / "lower", SystemClock()) as place:
        other = replace(archive, place=place, tokens={}, told={})
        for here, there, name in ((archive.place, place, "lower"), (place, archive.place, "upper")):
            with here.catalogue() as catalogue, catalogue.write() as tx:
                add_partner(tx, name, there.public_key, "ana", here.now())
        (tmp_path / "stick").mkdir()

        def swap():
            for here, name in ((place, "upper"), (archive.place, "lower")):
                with here.catalogue() as catalogue, catalogue.read() as tx:
                    partner = partner_named(tx, name)
                exchange_folder(here, partner, tmp_path / "stick", "ana")

        yield other, swap


def test_a_guest_is_named_as_one_found_put_on_a_button_and_gone(archive, lower, visit):
    other, swap = lower
    story = other.story(LENT)
    with other.place.catalogue() as catalogue, catalogue.write() as tx:
        piece = cut(tx, story, 1000, 23_000, "Six in the morning", "", "ana", other.place.now())
        put_cue(tx, "Front Desk", 5, story, piece, "ana", other.place.now())
        asked = AskedPrompt("whistle", {"en": "When did the whistle stop?"})
        save_prompts(tx, PreparedSet("mill", {"en": "The mill"}, [asked]), "ana", other.place.now())
    swap()
    with archive.place.catalogue() as catalogue:
        add_box(catalogue, "hill", "ana", archive.place.now())
    ana = visit("ana", Role.CURATOR, Role.PROMPT_DESIGNER)
    ana.get("/partners")
    assert archive.place.public_key.fingerprint in ana.page, "what another archive's people compare"
    assert f'href="/partners/lower/{story}"' in ana.page
    ana.get(f"/partners/lower/{story}")
    assert "This voice is a guest, lent by lower" in ana.page
    assert "Yes: played and studied at partner libraries and archives" in ana.page
    assert "No: quoted in writing" in ana.page
    assert ">Havel</span>" in ana.page
    answer = ana.client.get(f"/partners/lower/{story}/sound.flac", headers={"range": "bytes=0-3"})
    assert (answer.status_code, answer.content) == (206, b"fLaC")
    ana.get("/search?q=Havel")
    assert 'href="/search/partners?q=Havel"' in ana.page
    ana.get("/search/partners?q=Havel")
    assert f'href="/partners/lower/{story}#at=' in ana.page
    ana.get(f"/story/{story}")
    assert ana.status == 404, "it is no story of this archive"
    ana.get("/cues/hill")
    assert '<optgroup label="Lent by lower">' in ana.page
    ana.post("/cues/hill/put", excerpt=f"{story}:{story}00:lower", button="3")
    assert "lent by lower" in ana.page
    ana.get("/partners")
    assert re.search("last exchanged .*Six in the morning", ana.page, re.DOTALL)
    assert "may not sound" not in ana.page
    ana.post("/partners/lower/sheets/front-desk-main", box="hill")
    assert ana.path == "/cues/hill"
    assert (ana.page.count("· lent by lower"), "Six in the morning</a>" in ana.page) == (2, True)
    ana.post("/partners/lower/sheets/no-such", box="hill")
    assert "does not send this sheet any more" in ana.page
    ana.get("/partners")
    ana.post("/partners/lower/questions/mill")
    assert (ana.path, "When did the whistle stop?" in ana.page) == ("/prompts/lower-mill", True)
    ana.get("/partners")
    ana.post("/partners/lower/questions/mill")
    assert "taken over already" in ana.page
    sam = visit("sam", Role.SYSADMIN)
    for path in ("/partners", f"/partners/lower/{story}", f"/partners/lower/{story}/sound.flac", "/search/partners"):
        sam.get(path)
        assert sam.status == 403, path
    withdraw(other.place, Tombstone(TakeId(story), other.place.now()), "ana")
    swap()
    for path, gone in ((f"/partners/lower/{story}", 404), (f"/partners/lower/{story}/sound.flac", 404)):
        ana.get(path)
        assert ana.status == gone
    ana.get("/search/partners?q=Havel")
    assert "Nobody said this in what partners lend" in ana.page
    ana.get("/cues/hill")
    assert story not in ana.page
    ana.get("/partners")
    assert "Six in the morning" not in ana.page


def test_turns_are_asked_for_and_followed_on_the_page(archive, visit):
    story = archive.story()
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("UPDATE stories SET kind = 'conversation' WHERE id = ?", story)
    ana = visit("ana", Role.ANALYST)
    ana.get("/patterns/sessions")
    assert "Let the machine propose for the one without turns" in ana.page
    ana.post("/patterns/sessions")
    assert "waiting" in ana.page
    ana.get(f"/story/{story}/timeline")
    assert 'hx-get="/story/' in ana.page
    assert "it begins as soon as it is free" in ana.page
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("UPDATE turn_jobs SET state = 'working', done_ms = 12000, whole_ms = 60000")
    ana.get(f"/story/{story}/timeline/progress")
    assert "listened to 0:12 of 1:00" in ana.page
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("DELETE FROM turn_jobs")
    ana.get(f"/story/{story}/timeline/progress")
    assert "The machine is done." in ana.page
