"""The steward lends the box and takes it back on a page: at the machine or with the paired phone, and nobody else."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from archive.lending import Stage, lend_out, lent
from archive.phones import pair, phone_paired, show_digits
from archive.portal.app import make_app
from archive.types import Use
from kiosk.lending import Desk
from kiosk.settingsfile import put_settings

HOST = "http://127.0.0.1:8480"


@pytest.fixture
def browser(home, clock):
    put_settings(home.config, {"lending.on": True})

    def make(client="127.0.0.1"):
        app = make_app(home, clock, frozenset({"127.0.0.1"}), health=lambda _: [], lend=Desk(home))
        return TestClient(app, base_url=HOST, client=(client, 5000), follow_redirects=False, headers={"origin": HOST})

    return make


def press(page, **fields):
    token = re.search(r'name="token" value="([^"]+)"', page.get("/remote/lending").text)[1]
    return page.post("/remote/lending", data={"token": token, **fields})


def test_one_button_lends_it_and_one_takes_it_back(browser, store, teller):
    page = browser()
    assert 'href="/remote/lending"' in page.get("/remote/morning").text
    assert "has not been lent yet" in page.get("/remote/lending").text
    assert press(page).status_code == 303
    assert "This box is lent." in page.get("/remote/lending").text
    take, _ = teller.story(Use.PLAY_HERE)
    refused = press(page)
    assert refused.status_code == 409
    assert "Somebody is telling a story" in refused.text
    store.close_review(take, "done")
    store.db.conn.execute("UPDATE jobs SET done_at = 'now'")
    store.db.conn.commit()
    assert "ready for the next borrower" in press(page).text
    assert store.standing(take).sealed
    assert lent(store).stage is Stage.READY


def test_what_was_not_handed_on_is_said_and_asked_a_second_time(browser, store, teller):
    lend_out(store)
    take, _ = teller.story(Use.ARCHIVE)
    store.close_review(take, "done")
    store.db.conn.execute("UPDATE jobs SET done_at = 'now'")
    store.db.conn.commit()
    page = browser()
    assert 'name="anyway"' not in page.get("/remote/lending").text
    asked = press(page)
    assert "not handed on yet" in asked.text
    assert 'name="anyway"' in asked.text
    assert lent(store).stage is Stage.OUT
    assert "ready for the next borrower" in press(page, anyway="1").text
    assert store.standing(take).held


def test_the_paired_phone_may_and_is_let_go_another_may_not(browser, store):
    lend_out(store)
    other = browser("192.0.2.20")
    assert other.get("/remote/lending").headers["location"] == "/remote"
    phone = browser("192.0.2.21")
    phone.headers["cookie"] = f"hearth_phone={pair(store, show_digits(store))}"
    page = phone.get("/remote/lending")
    assert page.status_code == 200
    browser_cookie = re.findall(r"hearth[a-z_]*=[^;]+", "; ".join(page.headers.get_list("set-cookie")))
    phone.headers["cookie"] = "; ".join([phone.headers["cookie"], *browser_cookie])
    token = re.search(r'name="token" value="([^"]+)"', page.text)[1]
    assert "ready for the next borrower" in phone.post("/remote/lending", data={"token": token}).text
    assert not phone_paired(store)


@pytest.mark.parametrize("language", ["en", "es", "ar", "hi", "zh"])
def test_it_is_there_in_every_language(browser, language):
    page = browser().get("/remote/lending", headers={"cookie": f"hearth_language={language}"}).text
    assert f'<html lang="{language}"' in page


def test_a_box_that_is_not_lent_has_no_such_page(browser, home):
    page = browser()
    put_settings(home.config, {"lending.on": False})
    assert page.get("/remote/lending").headers["location"] == "/remote"
    assert "/remote/lending" not in page.get("/remote/morning").text
