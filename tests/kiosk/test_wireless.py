"""The library's wireless network from the phone's page to the machine: what is asked, what is told, what a loan leaves."""

from __future__ import annotations

import json
import logging
import os
import re
import threading

import pytest
from starlette.testclient import TestClient

from archive.errors import Refused
from archive.home import open_home
from archive.phones import Face, pair, put_face, show_digits
from archive.portal.app import make_app
from archive.store import Store
from audio.clock import SystemClock
from hardware.accesspoint import Network
from hardware.wireless import ScriptedWireless, joining
from kiosk.door import write_point
from kiosk.firstrun.sheet import Sheet
from kiosk.lending import Desk, finish_at_start
from kiosk.settingsfile import put_settings
from kiosk.wireless import ASKED, Asking, attend

PASSWORD = "quiet reading room"
LIBRARY, CLUB = joining("Linden Library", PASSWORD), joining("Chess Club", "rooks and pawns")
HOST = "10.42.7.1:8480"


class Machine:
    """Root's side: does what is asked as soon as the file is there, as the path unit has it done."""

    def __init__(self, folder):
        self.door, self.told, self.point = folder / "door", folder / "told.json", folder / "point/point.json"
        self.door.mkdir()
        self.point.parent.mkdir()
        self.wireless = ScriptedWireless()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()

    def _watch(self):
        while not self.stop.wait(0.005):
            if (self.door / ASKED).exists():
                attend(self.wireless, self.door, self.told)

    def end(self):
        self.stop.set()
        self.thread.join()


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    made = Machine(tmp_path)
    monkeypatch.setenv("HEARTH_DOOR", str(made.door))
    monkeypatch.setenv("HEARTH_WIRELESS", str(tmp_path))
    monkeypatch.setenv("HEARTH_ACCESS_POINT", str(made.point.parent))
    yield made
    made.end()


@pytest.fixture
def asking(machine):
    return Asking()


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "box")


def test_what_is_entered_on_the_paired_phone_is_joined_and_the_password_is_in_no_page_and_no_log(machine, home, caplog):
    caplog.set_level(logging.DEBUG)
    write_point(machine.point, Network("wlan0", "10.42.7.1", "Hearth-123", "abcd", kept="Old Hall"))
    app = make_app(home, SystemClock(), frozenset({"10.42.7.1"}), set_up=Sheet(home))
    phone = TestClient(app, base_url=f"http://{HOST}", headers={"origin": f"http://{HOST}"})
    with Store(home, SystemClock()) as store:
        put_face(store, Face("facilitator"))
        phone.cookies.set("hearth_phone", pair(store, show_digits(store)))
    page = phone.get("/remote/setup").text
    assert "Old Hall was not reached" in page
    fields = {
        "token": re.search(r'name="token" value="([^"]+)"', page).group(1), "name": "Linden Library", "language": "en",
        "language_en": "1", "set_place": "1", "hand_on": "",
    }  # fmt: skip
    answer = phone.post(
        "/remote/setup",
        data=fields | {"wireless_name": LIBRARY.name, "wireless_password": PASSWORD, "wireless_forget": "1"},
    )
    assert machine.wireless.network == LIBRARY, "a name that is typed counts more than a tick"
    said = answer.text + caplog.text + "".join(path.read_text(errors="replace") for path in home.path.glob("*.toml"))
    said += machine.told.read_text()
    assert PASSWORD not in said
    assert LIBRARY.key not in said
    phone.post("/remote/setup", data=fields)
    assert machine.wireless.network == LIBRARY, "an empty field leaves it as it is"
    refused = phone.post("/remote/setup", data=fields | {"wireless_name": "Hall", "wireless_password": "short"})
    assert "8 to 63 letters" in refused.text
    assert "short" not in refused.text
    phone.post("/remote/setup", data=fields | {"wireless_forget": "1"})
    assert machine.wireless.network is None
    write_point(machine.point, Network("wlan0", "10.42.7.1", "Hearth-123", "abcd", "Linden Library", "Linden Library"))
    assert "the box was in Linden Library" in phone.get("/remote/setup").text


def test_what_the_machine_could_not_do_is_said(machine, asking):
    machine.wireless.broken = True
    with pytest.raises(Refused, match="The radio is broken"):
        asking.join("Linden Library", PASSWORD)
    assert not list(machine.door.iterdir())


def test_a_machine_that_does_not_answer_is_told_of_and_nothing_stays_asked(machine):
    machine.end()
    with pytest.raises(Refused, match="did not answer"):
        Asking(patience_s=0.05).leave()
    assert not list(machine.door.iterdir())


def test_on_a_desk_there_is_nobody_to_ask(tmp_path):
    assert Asking(tmp_path / "absent", tmp_path / "told").shown() is None


@pytest.mark.parametrize(
    "laid",
    [
        b"", b"[]", b"{", b'{"do": "format"}', b'{"do": "join"}', b'{"do": "join", "name": "a", "key": "b"}',
        json.dumps({"do": "join", "name": "a\n[wifi]", "key": LIBRARY.key}).encode(),
        json.dumps({"do": "leave", "mark": "m", "more": "x" * 2000}).encode(),
    ],
)  # fmt: skip
def test_root_does_nothing_for_what_is_not_of_its_shape(tmp_path, laid):
    wireless, door = ScriptedWireless(), tmp_path / "door"
    wireless.join(LIBRARY)
    door.mkdir()
    (door / ASKED).write_bytes(laid)
    attend(wireless, door, tmp_path / "told.json")
    assert wireless.network == LIBRARY
    assert not list(door.iterdir())


def test_root_follows_no_link_and_waits_for_no_pipe(tmp_path):
    wireless, door, secret = ScriptedWireless(), tmp_path / "door", tmp_path / "secret"
    door.mkdir()
    secret.write_text(json.dumps({"do": "join", "name": "a", "key": "", "mark": "secret"}))
    (door / ASKED).symlink_to(secret)
    attend(wireless, door, tmp_path / "told.json")
    os.mkfifo(door / ASKED)
    attend(wireless, door, tmp_path / "told.json")
    assert wireless.network is None
    assert "secret" not in (tmp_path / "told.json").read_text()
    assert secret.exists()


def test_what_a_borrower_entered_goes_with_the_loan_and_the_librarys_own_comes_back(machine, home):
    put_settings(home.config, {"lending.on": True})
    machine.wireless.join(LIBRARY)
    with Store(home, SystemClock()) as store:
        desk = Desk(home)
        desk.out(store)
        machine.wireless.join(CLUB)
        desk.back(store)
        assert machine.wireless.network == LIBRARY
        machine.wireless.leave()
        desk.out(store)
        machine.wireless.join(CLUB)
        machine.wireless.broken = True
        with pytest.raises(Refused):
            desk.back(store)
        assert desk.now(store).stage.value == "returning", (
            "not ready for the next while it could be in this one's network"
        )
        finish_at_start(home.path)
        machine.wireless.broken = False
        finish_at_start(home.path)
        assert desk.now(store).stage.value == "ready"
    assert machine.wireless.network is None
