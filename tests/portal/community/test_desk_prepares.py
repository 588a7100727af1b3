"""The desk's pages that prepare and look after things: boxes, cue sheets, questions, search, policy, log."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import timedelta

import pytest
from nacl.public import PrivateKey

from archive import curation
from archive.boxes import Box, add_box, box_with, greet
from archive.catalogue.changes import note_change
from archive.catalogue.consents import held_back
from archive.people.roles import Role
from archive.portal.community.boxing import facts_about
from archive.reviewing.excerpts import cut
from archive.server.policy import FIRST, read_policy
from archive.types import Use


@pytest.fixture
def curator(visit):
    return visit("cara", Role.CURATOR)


@pytest.fixture
def organizer(visit):
    return visit("omar", Role.ORGANIZER)


def excerpt_of(archive, story, title="The whistle"):
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        return cut(tx, story, 1000, 24_000, title, "", "cara", archive.place.now())


def known_box(archive, name="front-desk", site="Riverside Library"):
    with archive.place.catalogue() as catalogue:
        credential = add_box(catalogue, name, "omar", archive.place.now())
        with catalogue.write() as tx:
            curation.set_site(tx, name, site, "omar", archive.place.now())
        return credential


# -- search


def test_a_word_leads_to_its_moment_and_filters_narrow(archive, curator):
    story = archive.story()
    page = curator.get("/search?q=Havel")
    assert re.search(rf'href="/story/{story}#at=\d+"', page)
    assert "<mark>Havel</mark>" in page
    assert "Riverside Library" in page
    assert f"/story/{story}" in curator.get('/search?q="mill whistle"&prompt=mill&site=Riverside Library&language=en')
    assert f"/story/{story}" in curator.get("/search?q=NEAR(learned bake, 3)")
    for narrower in ("site=Elsewhere", "language=es", "prompt=river", "since=2200-01-01", "until=1999-12-31"):
        page = curator.get(f"/search?q=Havel&{narrower}")
        assert f"/story/{story}" not in page
        assert "Nobody said this" in page
    assert curator.get("/search?q=Havel&since=nonsense&before=x").count("<mark>") == 1


def test_a_page_of_moments_leads_to_the_next(archive, curator):
    stories = [archive.story(lines=("The ferry came late.",), days=number + 1) for number in range(21)]
    first = curator.get("/search?q=ferry")
    assert first.count("<mark>") == 20
    more = html.unescape(re.search(r'href="(/search\?[^"]*before=\d+)"', first).group(1))
    second = curator.get(more)
    assert second.count("<mark>") == 1
    assert sum(f"/story/{story}#" in first + second for story in stories) == 21


def test_what_the_gate_refuses_is_not_found(archive, curator):
    story = archive.story()
    assert story in curator.get("/search?q=Havel")
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("DELETE FROM consents WHERE story = ? AND use = ?", story, "archive")
    page = curator.get("/search?q=Havel")
    assert story not in page
    assert "<mark>" not in page


# -- cue sheets


def test_an_excerpt_is_put_on_a_button_and_taken_off(archive, curator):
    known_box(archive)
    story = archive.story()
    ident = excerpt_of(archive, story)
    assert curator.get("/cues")
    assert curator.path == "/cues/front-desk"
    assert f'value="{story}:{ident}"' in curator.page
    curator.post("/cues/front-desk/put", excerpt=f"{story}:{ident}", button="3")
    assert curator.path == "/cues/front-desk"
    assert "The whistle" in curator.page
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        assert [(c.button, c.allowed) for c in curation.sheets_of(tx, "front-desk", archive.place.now())["main"]] == [
            (3, True)
        ]
    curator.post("/cues/front-desk/clear", button="3")
    assert "Take off" not in curator.page
    for button in ("0", "9", "x", ""):
        curator.post("/cues/front-desk/put", excerpt=f"{story}:{ident}", button=button)
        assert curator.status == 400, button


def test_a_box_elsewhere_is_offered_only_what_was_lent(archive, curator):
    known_box(archive, "other", "Another Library")
    story = archive.story()
    ident = excerpt_of(archive, story)
    assert ident not in curator.get("/cues/other")
    curator.post("/cues/other/put", excerpt=f"{story}:{ident}", button="1")
    assert curator.status == 403
    assert archive.story((*(Use.RECORD, Use.KEEP, Use.PLAY_HERE, Use.ARCHIVE), Use.PARTNERS))
    assert curator.get("/cues/nowhere")
    assert curator.status == 400


# -- boxes


def test_a_box_is_let_in_placed_and_let_go_in_one_click(archive, organizer):
    page = organizer.post("/boxes/add", name="maple-street", site="Maple Library")
    assert "http://127.0.0.1:8490<" in page, "the address it is told to, as a box takes it"
    credential = re.search(r"hearth-[\w-]+", page).group()
    with archive.place.catalogue() as catalogue:
        assert box_with(catalogue, credential).name == "maple-street"
    assert "Maple Library" in organizer.get("/boxes")
    assert credential not in organizer.page
    organizer.post("/boxes/maple-street/site", site="Elm Library")
    assert "Elm Library" in organizer.page
    organizer.post("/boxes/maple-street/revoke")
    assert "counts no more since" in organizer.page
    with archive.place.catalogue() as catalogue:
        assert box_with(catalogue, credential) is None
    organizer.post("/boxes/nobody/revoke")
    assert organizer.status == 400
    organizer.post("/boxes/add", name="<script>")
    assert organizer.status == 400


def test_what_is_set_from_here_goes_to_the_box_and_can_be_left_to_it_again(archive, organizer):
    organizer.post("/boxes/add", name="maple-street")
    told = {"sound.volume": "40", "screen.theme": "light", "times.prompt_turn": "90"}
    organizer.post("/boxes/maple-street/settings", **told)
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        sent = {"sound.volume": 0.4, "screen.theme": "light", "times.prompt_turn": 90.0}
        assert curation.settings_of(tx, "maple-street") == sent
    assert 'value="40"' in organizer.get("/boxes")
    assert '<option value="light" selected' in organizer.page
    assert 'value="90"' in organizer.page
    for wrong in (
        {"sound.volume": "140"},
        {"screen.theme": "pink"},
        {"times.prompt_turn": "nan"},
        {"sound.volume": "x"},
    ):
        organizer.post("/boxes/maple-street/settings", **(told | wrong))
        assert organizer.status == 400
    organizer.post("/boxes/maple-street/settings", **{"screen.theme": "light"})
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        assert curation.settings_of(tx, "maple-street") == {"screen.theme": "light"}


def test_a_box_says_how_it_is_and_nothing_of_stories(archive, visit):
    credential = known_box(archive)
    archive.story()
    now = archive.place.now()
    told = {
        "version": "1.2", "clock": (now - timedelta(minutes=9)).isoformat(), "disk_free_mb": 4000.0, "disk_days": 12,
        "mic_lufs": -40.0, "mic_usual_lufs": -24.0,
    }  # fmt: skip
    with archive.place.catalogue() as catalogue:
        greet(catalogue, box_with(catalogue, credential), b"s" * 32, b"v" * 32, told, now)
    page = visit("sam", Role.SYSADMIN).get("/boxes")
    for part in ("12 days", "16 dB quieter than usual", "9 minutes off", "1.2", "Look at this"):
        assert part in page, part
    assert "whistle" not in page


def test_what_is_well_and_what_somebody_should_look_at(archive):
    now = archive.place.now()
    seen = now.isoformat()
    fine = {"clock": seen, "clock_trusted": True, "disk_free_mb": 9e4, "disk_days": 900, "mic_lufs": -24.0,
            "mic_usual_lufs": -23.0, "version": "1"}  # fmt: skip
    assert not any(fact.look for fact in facts_about(Box("a", seen, seen_at=seen, pulse=fine), now))
    wrong = {"mic_lufs": -10.0, "disk_days": 29.0, "clock_trusted": False}
    looked = {fact.name for fact in facts_about(Box("a", seen, seen_at=seen, pulse=fine | wrong), now) if fact.look}
    assert looked == {"microphone", "disk", "clock"}
    found = fine | {"look": ["power", "space", "not-known-here"]}
    shown = [
        (fact.name, fact.value) for fact in facts_about(Box("a", seen, seen_at=seen, pulse=found), now) if fact.look
    ]
    assert shown == [("power", "too weak"), ("room", "nearly used up")]
    # The days of its disk say it already.
    looked = [fact.name for fact in facts_about(Box("a", seen, seen_at=seen, pulse=found | wrong), now) if fact.look]
    assert looked == ["disk", "microphone", "clock", "power"]
    old = (now - timedelta(days=4)).isoformat()
    assert [fact.name for fact in facts_about(Box("a", old), now) if fact.look] == ["last seen"]
    assert not any(fact.look for fact in facts_about(Box("a", seen), now))


# -- questions


@pytest.fixture
def designer(visit):
    return visit("dora", Role.PROMPT_DESIGNER)


def test_a_set_is_written_question_by_question(archive, designer):
    known_box(archive, "maple")
    designer.get("/prompts")
    designer.post(
        "/prompts/add", title="The mill", name="the-mill", languages="en, es", first="Tell me of the whistle."
    )
    assert designer.status == 200, designer.page
    assert designer.path == "/prompts/the-mill/the-mill-q1"
    seen = designer.field("seen")
    designer.post(
        designer.path, seen=seen, since="2026-03-01", until="", **{
            "text-en": "Tell me about the day the whistle stopped.", "text-es": "Cuénteme del día del silbato.",
            "follow-en": "Who was there?\nWhat did you hear?", "follow-es": "¿Quién estaba?\n¿Qué oyó?",
        }
    )  # fmt: skip
    assert designer.path == "/prompts/the-mill"
    assert "Cuénteme del día" in designer.page
    first = designer.field("seen")
    designer.get("/prompts/the-mill/new")
    designer.post("/prompts/the-mill/new", seen=first, **{"text-en": "And the bakery?", "text-es": "¿Y la panadería?"})
    assert designer.path == "/prompts/the-mill"
    designer.post("/prompts/the-mill/boxes", seen=designer.field("seen"), box="maple", **{"title-en": "Mills"})
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        (stored,) = curation.prompt_sets(tx)
    assert (stored.boxes, stored.title["en"], [one.id for one in stored.prompts]) == (
        ("maple",), "Mills", ["the-mill-q1", "the-mill-q2"],
    )  # fmt: skip
    assert stored.prompts[0].follow[1] == {"en": "What did you hear?", "es": "¿Qué oyó?"}
    designer.post("/prompts/the-mill/boxes", seen=first)
    assert designer.status == 409, "somebody else was faster"
    designer.get("/prompts/the-mill")
    designer.post("/prompts/the-mill/the-mill-q1/remove", seen=designer.field("seen"))
    designer.post("/prompts/the-mill/the-mill-q2/remove", seen=designer.field("seen"))
    assert designer.status == 400, "a set has at least one question"
    designer.get("/prompts/the-mill")
    designer.post("/prompts/the-mill/remove", seen=designer.field("seen"))
    assert designer.path == "/prompts"
    assert designer.get("/prompts/the-mill")
    assert designer.status == 404


def test_advice_comes_while_a_question_is_typed(designer):
    page = designer.post("/prompts/look", language="en", **{"text-en": "Do you like the river?"})
    assert "It can be answered with yes or no." in page
    assert "notice" not in designer.post("/prompts/look", language="en", **{"text-en": "Tell me about the river."})
    assert "more than 90" in designer.post("/prompts/look", language="en", **{"text-en": "river " * 16})
    assert 'dir="rtl"' in designer.post("/prompts/look", language="ar", **{"text-ar": "احك لي"})
    for wrong in ("", "EN", "<b>"):
        assert designer.post("/prompts/look", language=wrong)
        assert designer.status == 400


# -- policy and log


def test_a_policy_is_the_librarys_own_and_is_never_reset(archive, organizer, visit):
    place = archive.place
    assert "Who decides" in visit("sam", Role.SYSADMIN).get("/policy")
    organizer.get("/policy/change")
    seen = organizer.field("seen")
    organizer.post("/policy/change", seen=seen, text="# Ours\r\n\r\nWe decide together.")
    assert "We decide together." in organizer.page
    assert (place.texts / "moderation.md").read_text() == "# Ours\n\nWe decide together.\n"
    (kept,) = place.texts.glob("moderation-until-*.md")
    assert kept.read_text() == FIRST
    organizer.post("/policy/change", seen=seen, text="Mine alone.")
    assert organizer.status == 409
    assert "Mine alone." in organizer.page
    assert read_policy(place).text.startswith("# Ours")
    organizer.post("/policy/change", seen=read_policy(place).version, text="  ")
    assert organizer.status == 400


def test_the_log_is_a_table_no_spreadsheet_runs(archive, organizer):
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        for number in range(2100):
            note_change(tx, "=1+1", "noted", f"thing {number}", "", archive.place.now())
    assert "thing 2099" in organizer.get("/log")
    answer = organizer.client.get("/log.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["subject"] for row in rows if row["what"] == "noted"] == [f"thing {number}" for number in range(2100)]
    assert {row["who"] for row in rows if row["what"] == "noted"} == {"'=1+1"}


# -- a withdrawal with the keep-code


def test_a_story_is_held_as_soon_as_its_teller_asks_for_it(archive, organizer):
    story = archive.story()
    code = "417-maple-river-candle-north"
    organizer.post(f"/story/{story}/back", code=code)
    assert organizer.status == 400
    assert "does not call here any more" in organizer.page
    credential = known_box(archive)
    with archive.place.catalogue() as catalogue:
        now = archive.place.now()
        greet(catalogue, box_with(catalogue, credential), bytes(PrivateKey.generate().public_key), b"v" * 32, {}, now)
    organizer.get(f"/story/{story}/back")
    organizer.post(f"/story/{story}/back", code="nonsense")
    assert organizer.status == 403
    organizer.post(f"/story/{story}/back", code=code)
    assert "It is held since" in organizer.page
    assert code not in organizer.page
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        assert held_back(tx, story)
