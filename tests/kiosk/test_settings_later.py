"""Long after going live the library's settings change: by a facilitator's phone, and without a terminal."""

from __future__ import annotations

import re
import threading
import time
from datetime import date

import pytest
from starlette.testclient import TestClient

from archive.credential import kept_credential
from archive.errors import Refused
from archive.feed.hello import fingerprint_of
from archive.phones import Face, pair, put_face, read_face, show_digits
from archive.portal.app import make_app
from archive.store import Store
from audio.clock import SystemClock
from audio.sources import WavSource
from hardware.accesspoint import Network
from kiosk import running
from kiosk.builds import BUILDS
from kiosk.config import load as load_config
from kiosk.door import write_point
from kiosk.facing import Facing
from kiosk.firstrun.sheet import Sheet, go_live
from kiosk.names import State
from kiosk.playing import Playing
from kiosk.setting import read_home
from kiosk.settingsfile import put_settings
from kiosk.signing import sign
from kiosk.texts import load

HOST = "10.42.7.1:8480"
ANSWERS = {
    "name": "Linden Library", "contact": "555 0199", "language": "en", "language_en": "1", "language_es": "1",
    "set_place": "1", "opens": "10:00", "closes": "18:00", "quiet_begins": "", "quiet_ends": "", "hand_on": "",
}  # fmt: skip
GIVEN = "hearth-" + "aB3_-x" * 7


@pytest.fixture
def written():
    """What stands in its file of settings when the box is switched on."""
    return {}


@pytest.fixture
def setting(tmp_path, monkeypatch, written):
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    made = read_home(tmp_path / "box")
    put_settings(made.home.config, written)
    made = read_home(tmp_path / "box")
    sign(made.home.texts, load("es"), "A reader of Spanish", date(2026, 3, 1))
    go_live(made.home, SystemClock())
    return made


@pytest.fixture
def fingers(monkeypatch):
    """What was made of the keyboard, newest last."""
    made, known = [], running.make_hands

    def make(*arguments):
        made.append(known(*arguments)[0])
        return made[-1], known(*arguments)[1]

    monkeypatch.setattr(running, "make_hands", make)
    return made


@pytest.fixture
def at_work(setting, fingers):
    """The kiosk as systemd starts it, without a window; `press` a key on it until something is so."""
    stop = threading.Event()
    box = threading.Thread(
        target=running.run_box, args=(setting,),
        kwargs={
            "window": False, "with_transcriber": False, "set_up": True, "stop": stop,
            "stand_in": lambda clock: WavSource([], clock),
        },
    )  # fmt: skip
    box.start()

    def press(key, until):
        ends = time.monotonic() + 60
        while not until():
            assert box.is_alive()
            assert time.monotonic() < ends
            if fingers and key:
                fingers[-1].key(key, pressed=True)
                fingers[-1].key(key, pressed=False)
            stop.wait(0.1)

    yield press
    stop.set()
    box.join(60)
    assert not box.is_alive()


@pytest.fixture
def phone(setting):
    app = make_app(
        setting.home, SystemClock(), frozenset({"10.42.7.1"}), health=lambda _: [],
        set_up=Sheet(setting.home),
    )  # fmt: skip
    return TestClient(app, base_url=f"http://{HOST}", headers={"origin": f"http://{HOST}"})


def token(phone):
    return re.search(r'name="token" value="([^"]+)"', phone.get("/story").text).group(1)


def test_a_facilitators_phone_changes_settings_and_the_box_begins_again_once_it_is_left(
    setting, at_work, fingers, phone
):
    with Store(setting.home, SystemClock()) as store:
        at_work("f", lambda: read_face(store) is not None)
        assert 'name="opens"' not in phone.get("/remote/setup").text, "a phone that is not paired changes nothing"
        phone.cookies.set("hearth_phone", pair(store, show_digits(store)))
        assert 'href="/remote/setup"' in phone.get("/remote/morning").text
        shown = phone.get("/remote/setup").text
        assert "Settings of this box" in shown
        assert fingerprint_of(setting.home.load_keys()) in shown, "what the archive's people compare, on a stick"
        saved = phone.post("/remote/setup", data={"token": token(phone), **ANSWERS})
        assert "with these settings" in saved.text
        assert load_config(setting.home.config).hours.opens == "10:00"
        assert len(fingers) == 1
        assert read_face(store) is not None, "never from under whoever is at the box"
        at_work("right", lambda: len(fingers) == 2)
        at_work("f", lambda: read_face(store) is not None)
        assert (setting.home.path / "contact.txt").read_text().strip() == "555 0199"
        at_work("right", lambda: read_face(store) is None)
        answer = phone.post("/remote/setup", data={"token": token(phone), **ANSWERS | {"name": "Mine"}})
        assert 'name="opens"' not in answer.text
        assert load_config(setting.home.config).site.name == "Linden Library", "with the facilitator the phone goes"


@pytest.fixture
def ear(monkeypatch, tmp_path):
    """What a box with an access point read aloud, the states it was in, and where its network is written."""
    point, heard, states, tell = tmp_path / "point.json", [], [], Facing.tell
    monkeypatch.setenv("HEARTH_ACCESS_POINT", str(point.parent))
    monkeypatch.setenv("HEARTH_DOOR", str(point.parent))
    monkeypatch.setattr(Playing, "read", lambda _, __, text, ___: heard.append(text))
    monkeypatch.setattr(Facing, "tell", lambda *given: (states.append(given[1].state), tell(*given))[1])
    return heard, states, point


@pytest.mark.parametrize(
    "written", [BUILDS["handset"] | {"controls.driver": "keyboard", "controls.lamps": "remembered"}]
)
def test_a_handset_tells_its_digits_and_its_network_to_the_ear(ear, at_work, fingers):
    heard, states, point = ear

    def once(key, until):
        at_work("", lambda: fingers)
        fingers[-1].key(key, pressed=True)
        fingers[-1].key(key, pressed=False)
        at_work("", until)

    at_work("", lambda: states and states[-1] is State.ATTRACT)
    once("f", lambda: states[-1] is State.FACILITATOR)
    assert not heard, "what is not asked for is not read"
    once("f", lambda: heard)
    assert re.search(r"\b\d \d \d \d \d \d\b", heard[0])
    write_point(point, Network("wlan0", "10.42.7.1", "Hearth-123", "maple-4821"))
    at_work("", lambda: len(heard) > 1)
    assert "maple-4821" in heard[1]


def test_a_place_that_somebody_wrote_into_the_file_stays_unless_another_is_chosen(setting):
    put_settings(setting.home.config, {"archive.sync_to": "rclone:attic"})
    sheet = Sheet(setting.home)
    shown = sheet.shown()
    assert (shown["hand_on"], shown["place"]) == ("other", "rclone:attic")
    sheet.save(ANSWERS | {"hand_on": "other"})
    assert load_config(setting.home.config).archive.sync_to == "rclone:attic"
    sheet.save(ANSWERS)
    assert load_config(setting.home.config).archive.sync_to == ""


def test_an_archive_is_reached_without_a_terminal_and_what_it_gave_is_shown_to_no_other(setting):
    sheet, kept = Sheet(setting.home), setting.home.credential
    there = ANSWERS | {"hand_on": "archive", "archive": "https://archive.example"}
    with pytest.raises(Refused, match="no credential"):
        sheet.save(there | {"credential": "hearth-half"})
    assert load_config(setting.home.config).archive.sync_to == ""
    sheet.save(there | {"credential": f" {GIVEN}\n"})
    assert (kept_credential(setting.home), kept.stat().st_mode & 0o777) == (GIVEN, 0o600)
    sheet.save(there)
    assert sheet.shown()["credential_here"], "left empty it stays"
    sheet.save(there | {"archive": "https://elsewhere.example"})
    assert not kept.exists()
    sheet.save(there | {"credential": GIVEN})
    sheet.save(ANSWERS)
    assert not kept.exists()


def test_what_the_page_lacks_is_said_and_nothing_typed_is_lost(setting, phone):
    with Store(setting.home, SystemClock()) as store:
        phone.cookies.set("hearth_phone", pair(store, show_digits(store)))
        put_face(store, Face("facilitator"))
    phone.cookies.set("hearth_language", "es")

    def sends(**fields):
        return phone.post("/remote/setup", data={"token": token(phone), **ANSWERS, **fields}).text

    refused = sends(archive="https://archive.example", credential=GIVEN, steward="Somebody at the desk")
    assert "las historias van a otra parte" in refused, "it must not be dropped in silence"
    assert 'value="Somebody at the desk"' in refused
    assert 'value="https://archive.example"' in refused
    assert 'name="language_es" value="1" checked' in " ".join(refused.split())
    assert GIVEN not in refused
    assert load_config(setting.home.config).archive.sync_to == ""
    assert "falta su credencial" in sends(hand_on="archive", archive="https://archive.example")
    there = sends(hand_on="archive", archive="https://archive.example", credential=GIVEN)
    assert "falta su credencial" not in there
    assert "Ya hay una" in there
    assert GIVEN not in there


def test_a_slip_in_the_file_is_said_on_the_page_and_is_no_error_of_the_server(setting):
    setting.home.config.write_text("[site]\nnaem = 1\n")
    for asked in (Sheet(setting.home).shown, lambda: Sheet(setting.home).save(ANSWERS)):
        with pytest.raises(Refused, match="naem"):
            asked()


def test_a_language_in_which_a_librarys_own_questions_are_missing_is_refused(setting):
    """The box would not start with it, and nobody without a terminal could take it back."""
    setting.home.prompts.joinpath("own.toml").write_text(
        'name = "own"\n[[prompt]]\nid = "mill"\n[prompt.text]\nen = "What happened at the mill?"\n'
    )
    sheet = Sheet(setting.home)
    with pytest.raises(Refused) as caught:
        sheet.save(ANSWERS)
    assert "es" in caught.value.say
    assert load_config(setting.home.config).site.name == "our library"
    sheet.save({key: value for key, value in ANSWERS.items() if key != "language_es"})
    assert load_config(setting.home.config).site.name == "Linden Library"
