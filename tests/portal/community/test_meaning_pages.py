"""Search by meaning at the desk and at the terminal: moments that lead to their second, filters, and machines off."""

from __future__ import annotations

import json
import re
import threading
import time

import numpy as np
import pytest
from click.testing import CliRunner

from archive.patterns import turnjobs
from archive.patterns.keeping import keep_indexed
from archive.patterns.meaning import FixedMeaning
from archive.patterns.vectors import build, is_behind
from archive.people.roles import Role
from archive.server.erase import withdraw
from archive.server.place import open_archive
from archive.tombstones import Tombstone
from audio.types import TakeId
from kiosk.commands.archive_ import command

WHISTLE = ("The mill whistle stopped and nobody knew the hour.",)
BREAD = ("He baked bread for all the people from over the river.",)


@pytest.fixture
def told(archive):
    (archive.place.path / "config.toml").write_text('[patterns]\nmeaning = "fixed"\n', encoding="utf-8")
    with open_archive(archive.place.path) as place:
        archive.place = place
        stories = [archive.story(lines=WHISTLE), archive.story(lines=BREAD), archive.story(lines=BREAD)]
        stories.append(archive.story(lines=BREAD))
        with place.catalogue() as catalogue, catalogue.write() as tx:
            tx.run("INSERT INTO consents (story, number, seq, act, at, by, yes, form, wording_version, wording_hash, "
                   "language, link) VALUES (?, 99, 99, 'hold', ?, 'x', 0, 'voice', '1', '', 'en', 'x')",
                   stories[-1], place.now().isoformat())  # fmt: skip
        build(place, FixedMeaning())
        yield stories


def test_a_question_leads_to_the_second_it_was_answered(archive, told, visit):
    ana = visit("ana", Role.ANALYST)
    page = ana.get("/search/meaning?q=who+baked+bread+for+the+people")
    found = re.findall(r'href="/story/(\w+)#at=(\d+)"', page)
    assert {story for story, _ in found[:2]} == set(told[1:3])
    assert found[0][1] == "1000"
    assert told[3] not in page
    assert "Put in order by a machine (fixed 1)" in page


def test_more_like_this_leads_to_other_voices(told, visit):
    ana = visit("ana", Role.ANALYST)
    page = ana.get(f"/search/like/{told[1]}?at=1500")
    assert "More like this" in page
    assert re.findall(r'href="/story/(\w+)#at=\d+">\s*<span', page)[0] == told[2]
    ana.get("/search/like/NOBODY?at=1500")
    assert ana.status == 403
    assert ana.get(f"/search/like/{told[3]}?at=1500")
    assert ana.status == 403
    ana.get(f"/search/like/{told[1]}?at=now")
    assert ana.status == 404


def test_filters_hold_and_a_withdrawal_is_gone_at_the_next_question(archive, told, visit):
    ana = visit("ana", Role.ANALYST)
    assert "Nothing was found by its meaning" in ana.get("/search/meaning?q=bread&language=es")
    assert told[1] in ana.get("/search/meaning?q=bread&site=Riverside+Library")
    withdraw(archive.place, Tombstone(TakeId(told[1]), archive.place.now()), "a test")
    page = ana.get("/search/meaning?q=bread")
    assert told[1] not in page
    assert told[2] in page


def test_with_machines_off_the_page_searches_words_alone(archive, told, request):
    (archive.place.path / "config.toml").write_text("[archive]\nai = false\n", encoding="utf-8")
    with open_archive(archive.place.path) as place:
        archive.place = place
        ida = request.getfixturevalue("visit")("ida", Role.ANALYST)
        assert "By meaning" not in ida.get("/search?q=bread")
        assert told[1] in ida.page
        assert "switched off" in ida.get("/search/meaning?q=bread")
        assert ida.status == 400


def test_at_the_terminal_and_by_itself_while_it_is_served(archive, told):
    home = ["--home", str(archive.place.path), "--json"]
    late = archive.story(lines=("The ferry sank beside the harbour wall.",))
    stop = threading.Event()
    keeper = threading.Thread(target=keep_indexed, args=(archive.place, stop, 0.05, FixedMeaning))
    keeper.start()
    try:
        deadline = time.monotonic() + 60
        asked = ["search", "where the ferry sank", "--meaning", *home]
        while time.monotonic() < deadline:
            found = json.loads(CliRunner().invoke(command, asked).output)
            if found["results"][0]["story"] == late:
                break
    finally:
        stop.set()
        keeper.join(60)
    assert not keeper.is_alive()
    assert found["results"][0] | {"text": "", "closeness": 0} == {
        "story": late, "start": 1.0, "end": found["results"][0]["end"], "text": "", "closeness": 0,
    }  # fmt: skip
    assert found["model"] == "fixed 1"
    done = json.loads(CliRunner().invoke(command, ["index", *home]).output)
    assert (done["made"], done["gone"], done["there"]) == (0, 0, 4)
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        assert not is_behind(tx, archive.place, FixedMeaning.name), "what is held keeps no model at work"
    assert json.loads(CliRunner().invoke(command, ["index", "--forget", *home]).output) == {"gone": 4}


def test_a_conversation_along_its_time_and_its_turns_put_right(archive, visit):
    class OneVoice:
        name = "one voice 1"

        def prints(self, windows):
            return np.ones((len(windows), 4), np.float32) / 2

    story = archive.story()
    ana, ida = visit("ana", Role.ANALYST), visit("ida", Role.PROMPT_DESIGNER)
    here = f"/story/{story}/timeline"
    assert "Nobody has said yet who spoke when" in ana.get(here)
    ana.post(f"{here}/propose")
    assert "Nobody has said yet" in ana.page
    assert turnjobs.work(archive.place, threading.Event(), OneVoice()) == 1
    ana.get(here)
    assert "one voice 1" in ana.page
    assert "not yet checked" in ana.page
    assert 'data-start="1000"' in ana.page
    ana.post(f"{here}/correct", turn="0", speaker="facilitator", everywhere="yes")
    assert "the facilitator spoke for 0:" in ana.page
    ana.post(f"{here}/correct", turn="0", speaker="Mr Havel")
    assert ana.status == 400
    assert "Let the machine propose" not in ida.get(here)
    ida.post(f"{here}/propose")
    assert ida.status == 403
    told = json.loads(
        CliRunner().invoke(command, ["timeline", story, "--home", str(archive.place.path), "--json"]).output
    )
    assert [turn["speaker"] for turn in told["turns"]] == ["facilitator"]
    assert told["turns"][0]["checked"]
    assert told["talk"]["group"] == 0
