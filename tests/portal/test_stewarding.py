"""A steward on the pages: two presses take a story out, and it goes back or goes for good only by a person's press."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from archive.phones import pair, show_digits
from archive.portal import stewarding
from archive.portal.app import make_app
from archive.restorehold import hold_all
from archive.types import Act, Use

HOST = "http://127.0.0.1:8480"
PRESSES = ("/remote/hold", "/remote/release", "/remote/erase")


@pytest.fixture
def browser(home, clock):
    def make(client="127.0.0.1"):
        app = make_app(home, clock, frozenset({"127.0.0.1"}), health=lambda _: [])
        return TestClient(app, base_url=HOST, client=(client, 5000), follow_redirects=True)

    return make


def press(page, path, action, **fields):
    token = re.search(r'name="token" value="([^"]+)"', page.get(path).text)[1]
    return page.post(action, data={"token": token, **fields})


def test_two_presses_take_a_story_out_and_it_waits_until_a_person_decides(browser, store, teller):
    take, _ = teller.story(Use.PLAY_HERE)
    sealed, _ = teller.story()
    page = browser()
    morning = page.get("/remote/morning").text
    assert 'href="/remote/stories"' in morning
    assert "Waiting for you" not in morning
    there = page.get("/remote/stories").text
    assert f'value="{take}"' in there
    assert sealed not in there, "nobody hears it anyway"
    waiting = press(page, "/remote/stories", "/remote/hold", story=take).text
    assert store.standing(take).held
    assert "Waiting for you" in waiting
    assert take in waiting
    assert "All is well" not in waiting
    assert take not in page.get("/remote/stories").text
    back = press(page, "/remote/morning", "/remote/release", story=take).text
    assert not store.standing(take).held
    assert "Waiting for you" not in back


def test_erasing_is_asked_a_second_time(browser, store, teller):
    take, _ = teller.story(Use.PLAY_HERE)
    store.hold(take, "key")
    page = browser()
    assert "told staff" in page.get("/remote/morning").text
    asked = press(page, "/remote/morning", "/remote/erase", story=take).text
    assert "Nobody can bring it back" in asked
    assert store.standing(take).kept
    press(page, "/remote/morning", "/remote/erase", story=take, sure="yes")
    assert store.standing(take).ended is Act.WITHDRAW
    assert [gone.take for gone in store.tombstones()] == [take]


def test_only_who_sees_the_morning_decides(browser, store, teller):
    take, _ = teller.story(Use.PLAY_HERE)
    visitor = browser("192.0.2.20")
    token = re.search(r'name="token" value="([^"]+)"', visitor.get("/story").text)[1]
    for path in PRESSES:
        for given in ({}, {"token": "0" * 64}):
            assert visitor.post(path, data={**given, "story": take, "sure": "yes"}).status_code == 403
        answer = visitor.post(path, data={"token": token, "story": take, "sure": "yes"}, follow_redirects=False)
        assert answer.headers["location"] == "/remote", path
    assert visitor.get("/remote/stories", follow_redirects=False).headers["location"] == "/remote"
    where = store.standing(take)
    assert (where.kept, where.held) == (True, False)
    phone = browser("192.0.2.21")
    phone.cookies.set("hearth_phone", pair(store, show_digits(store)), path="/remote")
    press(phone, "/remote/stories", "/remote/hold", story=take)
    assert store.standing(take).held


def test_an_older_story_is_named_by_the_end_of_its_number(browser, store, teller, monkeypatch):
    older, _ = teller.story(Use.PLAY_HERE)
    newer, _ = teller.story(Use.PLAY_HERE)
    monkeypatch.setattr(stewarding, "_MOST", 1)
    page = browser()
    there = page.get("/remote/stories").text
    assert newer in there
    assert older not in there
    press(page, "/remote/stories", "/remote/hold", story=older[-6:].lower())
    assert store.standing(older).held
    assert press(page, "/remote/stories", "/remote/hold", story="nothing").status_code == 404


def test_what_a_restored_box_holds_waits_for_no_steward(browser, store, teller):
    take, _ = teller.story(Use.PLAY_HERE)
    hold_all(store)
    assert take not in browser().get("/remote/morning").text


@pytest.mark.parametrize("language", ["en", "es", "ar", "hi", "zh"])
def test_every_page_is_there_in_every_language(browser, store, teller, language):
    shown, _ = teller.story(Use.PLAY_HERE)
    held, _ = teller.story(Use.PLAY_HERE)
    store.hold(held, "restore: something newer is known")
    page = browser()
    page.cookies.set("hearth_language", language)
    assert shown in page.get("/remote/stories").text
    assert f'<html lang="{language}"' in page.get("/remote/morning").text
    assert held in press(page, "/remote/morning", "/remote/erase", story=held).text
