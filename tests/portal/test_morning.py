"""The morning page: for who stands at the machine or has the paired phone, and for nobody else."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from archive.phones import pair, show_digits
from archive.portal.app import make_app
from hardware.findings import Finding

LINES = [
    Finding("power", ok=False, say="The power supply is too weak.", do="Use the board's own."),
    Finding("heat", ok=True, say="The processor is at 50 °C."),
]


@pytest.fixture
def browser(home, clock):
    def make(client="192.0.2.20", lines=LINES):
        app = make_app(home, clock, frozenset({"127.0.0.1"}), health=lambda _: lines)
        return TestClient(app, base_url="http://127.0.0.1:8480", client=(client, 5000), follow_redirects=False)

    return make


def test_on_the_machine_itself_what_wants_a_look_comes_first_with_what_to_do(browser):
    page = browser("127.0.0.1").get("/remote/morning").text
    assert "One thing wants a look." in page
    assert page.index("too weak") < page.index("Use the board") < page.index("50 °C")
    assert 'href="/remote/morning"' in browser("127.0.0.1").get("/").text


def test_when_all_is_well_it_says_so(browser):
    page = browser("127.0.0.1", [LINES[1]]).get("/remote/morning").text
    assert "All is well." in page
    assert 'class="door look"' not in page
    assert "/remote/papers" not in page, "without settings there are no papers"


def test_a_visitors_phone_is_led_to_the_pairing_and_the_paired_one_sees_it(browser, store):
    phone = browser()
    turned = phone.get("/remote/morning")
    assert (turned.status_code, turned.headers["location"]) == (303, "/remote")
    assert "morning" not in phone.get("/").text
    token = pair(store, show_digits(store))
    seen = phone.get("/remote/morning", headers={"cookie": f"hearth_phone={token}"})
    assert "too weak" in seen.text


def test_without_somebody_to_ask_there_is_no_such_page(guest):
    guest.get("/remote/morning")
    assert guest.status == 404


@pytest.mark.parametrize("language", ["en", "es", "ar", "hi", "zh"])
def test_it_is_there_in_every_language(browser, language):
    client = browser("127.0.0.1")
    page = client.get("/remote/morning", headers={"cookie": f"hearth_language={language}"}).text
    assert f'<html lang="{language}"' in page
    assert "too weak" in page


def test_twice_as_many_lines_are_counted(browser):
    assert "2 things want a look." in browser("127.0.0.1", [LINES[0], LINES[0], LINES[1]]).get("/remote/morning").text
