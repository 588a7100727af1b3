"""A box is set up: the table, then the whole way over real keys, a real database, the real page and a drawn screen."""

from __future__ import annotations

import html
import json
import re
import threading
import tomllib
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from starlette.testclient import TestClient

from archive.home import Home, open_home
from archive.phones import pair, show_digits
from archive.portal.app import make_app
from archive.store import Store
from audio.clock import VirtualClock
from audio.loopback import Heard, Loop
from audio.player import SilentPlayer
from hardware.drivers import make_controls
from hardware.types import Control
from kiosk.builds import BUILDS
from kiosk.config import load as load_config
from kiosk.door import Door, write_point
from kiosk.firstrun.aloud import Aloud
from kiosk.firstrun.running import Around, FirstRun
from kiosk.firstrun.sheet import ASKED, LIVE, STICK, Sheet, go_live, unfinished
from kiosk.firstrun.steps import ROWS, Deed, Happening, Step, Walk, keys, page, step
from kiosk.names import Meaning
from kiosk.poster import make_poster
from kiosk.settingsfile import put_settings
from kiosk.signing import SIGNED_USES, sign, signatures
from kiosk.speech import RATE, Reading, Voice
from kiosk.texts import load, shipped_languages
from kiosk.theme import DUSK
from kiosk.window import Picture

HOST = "10.42.7.1:8480"


class Box:
    """A box being set up, with a radio and a sound that do as they are told."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.home: Home = open_home(folder / "home")
        sign(self.home.texts, load("es"), "A reader of Spanish", date(2026, 3, 1))
        self.store = Store(self.home, self.clock)
        (folder / "door").mkdir()
        self.wanted, self.point = folder / "door/wanted", folder / "point.json"
        self.controls = make_controls("scripted", self.clock)
        self.screen = Picture(DUSK, (800, 480))
        self.heard: dict[str, Heard] = {"": Heard.GOOD}
        around = Around(
            self.store, self.clock, self.controls, self.screen, {code: load(code) for code in shipped_languages()},
            Door(folder / "door", self.point), lambda card: Loop(self.heard.get(card, Heard.NOTHING), -20.0, 40.0),
            lambda: ["Inner card", "USB card"],
        )  # fmt: skip
        self.run = FirstRun(around, ("en", "es", "ar", "hi", "zh"), "en")
        self.stop = threading.Event()
        self.ended: list[bool] = []

    def begin(self) -> None:
        """As `FirstRun.run` begins, but turned by hand."""
        self.controls.start(self.run._arrivals.put)
        self.run._tell()
        self.run.turn(0.0)

    def press(self, meaning: Meaning) -> None:
        control = next(control for control, meant in keys(self.run.walk).items() if meant is meaning)
        self.clock.advance(1.0)
        self.controls.press(control)
        self.run.turn(0.0)

    def until(self, done) -> None:
        for _ in range(400):
            if done():
                return
            self.run.turn(0.05)
        pytest.fail(f"never: {self.run.walk}")


class Phone:
    """A browser that sends the forms the pages gave it."""

    def __init__(self, box: Box) -> None:
        sheet = Sheet(box.home)
        self.client = TestClient(make_app(box.home, box.clock, frozenset({"10.42.7.1"}), set_up=sheet),
                                 base_url=f"http://{HOST}", headers={"origin": f"http://{HOST}"})  # fmt: skip
        self.text = ""

    def get(self, path: str) -> int:
        answer = self.client.get(path)
        self.text = answer.text
        return answer.status_code

    def send(self, path: str, **fields: str) -> int:
        token = re.search(r'name="token" value="([^"]+)"', self.text)
        assert token is not None
        answer = self.client.post(path, data={"token": token[1], **fields})
        self.text = answer.text
        return answer.status_code


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    made = Box(tmp_path)
    assert unfinished(made.home, made.store)
    made.begin()
    yield made
    made.store.close()


ANSWERS = {
    "name": "Linden Library", "steward": "The desk", "contact": "555 0100", "language": "es", "language_en": "1",
    "language_es": "1", "set_place": "1", "set_work": "1", "opens": "09:00", "closes": "18:00",
    "quiet_begins": "12:00", "quiet_ends": "13:00", "hand_on": "stick", "archive": "",
}  # fmt: skip


def test_every_row_can_be_reached_and_every_key_does_something() -> None:
    walks = [Walk(languages=("en", "ar"))]
    seen, used = set(), set()
    while walks:
        walk = walks.pop()
        if walk in seen:
            continue
        seen.add(walk)
        ons = [*keys(walk).values(), *Happening]
        for meaning in keys(walk).values():
            assert step(walk, meaning) != (walk, ()), (walk, meaning)
        for on in ons:
            for heard, other in ((Heard.GOOD, ""), (Heard.NOTHING, "USB")):
                after, _ = step(walk, on, heard=heard, other=other)
                used |= {(walk.step, on)} if after is not walk else set()
                walks.append(after)
    assert {(row.step, row.on) for row in ROWS} <= used | {(Step.SOUND, Happening.SAVED), (Step.LIVE, Happening.SAVED)}
    assert Step.DONE in {walk.step for walk in seen}
    assert page().count("\n") == len(ROWS) + 2


def test_only_the_press_on_the_last_screen_makes_a_box_live() -> None:
    assert [row for row in ROWS if Deed.FINISH in row.deeds] == [
        row for row in ROWS if row.to is Step.DONE and row.step is Step.LIVE and row.on is Meaning.GO_ON
    ]


def test_from_power_to_live_with_a_phone(box: Box) -> None:
    phone = Phone(box)
    box.press(Meaning.MOVE)
    assert box.run.walk.language == "es"
    box.press(Meaning.TAKE)
    assert box.wanted.exists(), "the press that shows the figures asks for the network"
    digits = box.run._digits
    phone.get("/remote")
    assert phone.send("/remote/pair", digits=digits) == 200
    assert 'name="language_es"' in phone.text, "a paired phone is led to the page of settings"
    assert phone.send("/remote/setup", **ANSWERS) == 200
    assert "/remote/papers/es" in phone.text
    box.until(lambda: box.run.walk.step is Step.SOUND and box.run.walk.heard is not None)
    assert box.run.walk.heard is Heard.GOOD
    box.press(Meaning.TAKE)
    assert unfinished(box.home, box.store)
    box.press(Meaning.GO_ON)
    assert box.run.walk.step is Step.DONE
    assert not unfinished(box.home, box.store)
    assert json.loads((box.home.path / LIVE).read_text())["at"]
    assert not box.wanted.exists(), "the network closes with it"
    assert phone.get("/remote/setup") == 200
    assert "language_es" not in phone.text, "and no page changes a setting any more"
    phone.get("/remote/papers/es")
    assert not phone.text.startswith("%PDF"), "the phone's right has ended"
    phone.client.cookies.set("hearth_phone", pair(box.store, show_digits(box.store)))
    assert phone.get("/remote/papers") == 200
    assert "/remote/papers/es" in phone.text, "a sign that is lost is printed by any phone that is paired later"
    assert phone.get("/remote/papers/es") == 200
    assert phone.text.startswith("%PDF")
    (box.home.texts / "signed.toml").unlink()
    phone.get("/remote/papers")
    assert "/remote/papers/en" in phone.text
    assert "/remote/papers/es" not in phone.text, "what nobody stands for is asked of nobody on paper"
    config = load_config(box.home.config)
    assert (config.site.name, config.site.language, config.site.languages) == ("Linden Library", "es", ("en", "es"))
    assert (config.site.prompts, config.archive.sync_to) == (("place", "work"), STICK)
    assert (config.hours.quiet_begins, config.site.contact) == ("12:00", "555 0100")


def test_without_the_figures_there_is_no_page_of_settings(box: Box) -> None:
    phone = Phone(box)
    box.press(Meaning.TAKE)
    assert phone.get("/remote/setup") == 200
    assert "language_es" not in phone.text
    phone.send("/remote/setup", **ANSWERS)
    assert load_config(box.home.config).site.name == "our library"
    wrong = "000000" if box.run._digits != "000000" else "111111"
    phone.get("/remote")
    assert phone.send("/remote/pair", digits=wrong) == 403


def test_a_draft_is_read_and_signed_on_the_phone_and_nothing_goes_live_in_another_language_unsaid(box: Box) -> None:
    phone = Phone(box)
    while box.run.walk.language != "hi":
        box.press(Meaning.MOVE)
    box.press(Meaning.TAKE)
    phone.get("/remote")
    phone.send("/remote/pair", digits=box.run._digits)
    assert re.search(r'value="hi" lang="hi" selected', phone.text), "chosen on the box, it is meant here, too"
    assert phone.send("/remote/setup", **ANSWERS | {"language": "hi", "language_hi": "1", "language_zh": "1"}) == 200
    config = load_config(box.home.config)
    assert (config.site.name, config.site.language, config.site.languages) == ("Linden Library", "en", ("en", "es"))
    assert phone.text.count("is not offered yet") == 2, "what was filled in is kept, and what is not offered is said"
    box.until(lambda: box.run.walk.step is Step.SOUND and box.run.walk.heard is not None)
    box.press(Meaning.TAKE)
    box.run.turn(0.0)
    assert box.run.walk.begins == "en", "the box's own screen says so, too"

    phone.get("/remote/setup/sign/hi?own")
    hindi = load("hi")
    for use in SIGNED_USES:
        assert html.escape(hindi.wording(use).text) in phone.text, f"the wording is there whole: {use}"
    read = re.search(r'name="read" value="([^"]+)"', phone.text)
    assert read is not None
    assert phone.send("/remote/setup/sign/hi", by="", read=read[1], own="1") == 403
    assert "is not a name" in phone.text
    phone.get("/remote/setup/sign/hi?own")
    assert phone.send("/remote/setup/sign/hi", by="A reader", read="0" * 64, own="1") == 403, (
        "other words than were read"
    )
    assert "hi" not in signatures(box.home.texts)
    phone.get("/remote/setup/sign/hi?own")
    assert phone.send("/remote/setup/sign/hi", by="A reader of Hindi", read=read[1], own="1") == 200
    assert signatures(box.home.texts)["hi"].by == "A reader of Hindi"
    assert "The box offers this language now" in phone.text
    site = load_config(box.home.config).site
    assert (site.language, site.languages) == ("hi", ("hi", "en", "es"))
    box.until(lambda: box.run.walk.begins == "")
    box.press(Meaning.GO_ON)
    phone.get("/remote/setup/sign/zh")
    assert "<form" not in phone.text or 'name="by"' not in phone.text, "with the phone's right the page has gone"


def test_a_finger_takes_a_language_as_on_a_live_box(box: Box) -> None:
    assert Control.VOLUME not in keys(box.run.walk), "nothing is read, so there is nothing to make louder"
    box.run.touched(7)
    assert box.run.walk.step is Step.LANGUAGE
    box.run.touched(2)
    assert (box.run.walk.step, box.run.walk.language) == (Step.PHONE, "ar")
    assert box.wanted.exists()


def test_only_a_paired_phone_signs(box: Box) -> None:
    phone = Phone(box)
    box.press(Meaning.TAKE)
    phone.get("/remote")
    phone.send("/remote/setup/sign/hi", by="Somebody", read="")
    assert "hi" not in signatures(box.home.texts)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"language": "zh"}, "not among those offered"),
        ({"set_place": "", "set_work": ""}, "No questions"),
        ({"opens": "25:00"}, "no time of day"),
        ({"hand_on": "archive", "archive": "http://here"}, "https://"),
        ({"name": " "}, "site.name"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_written(box: Box, change: dict[str, str], sentence: str) -> None:
    from archive.errors import Refused

    sheet = Sheet(box.home)
    with pytest.raises(Refused) as caught:
        sheet.save({key: value for key, value in (ANSWERS | change).items() if value})
    assert sentence in caught.value.say + caught.value.do
    assert load_config(box.home.config).site.name == "our library"


def test_a_wrong_sound_card_is_found_out_and_another_offered(box: Box) -> None:
    box.heard = {"": Heard.NOTHING, "USB card": Heard.GOOD}
    box.press(Meaning.TAKE)
    box.press(Meaning.DONE)
    box.until(lambda: box.run.walk.heard is not None)
    assert (box.run.walk.heard, box.run.walk.other) == (Heard.NOTHING, "USB card")
    box.press(Meaning.YES)
    box.until(lambda: box.run.walk.heard is not None)
    assert (box.run.walk.heard, box.run.walk.other) == (Heard.GOOD, "")
    assert load_config(box.home.config).sound.microphone == "USB card"


class Loudspeaker(SilentPlayer):
    """Remembers what was opened, closed and played on it."""

    opened: ClassVar[list[Loudspeaker]] = []

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock, lambda _: None)
        self.closed = False
        Loudspeaker.opened.append(self)

    def close(self) -> None:
        self.closed = True
        super().close()


@pytest.fixture
def heard_aloud(box: Box, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is read of each screen; a second of silence stands for the words."""
    Loudspeaker.opened.clear()
    read: list[str] = []

    class Spoken(Voice):
        def read(self, text: str, language: str) -> Reading | None:
            read.append(f"{language}: {text}")
            return Reading(np.zeros(RATE, np.float32), RATE)

    aloud = Aloud(Spoken({}), lambda: Loudspeaker(box.clock))
    box.run._around = replace(box.run._around, aloud=aloud)
    return read


def test_every_screen_of_the_setting_up_is_read_with_the_speak_key(box: Box, heard_aloud: list[str]) -> None:
    from hardware.accesspoint import ScriptedPoint

    box.run.turn(0.0)
    assert heard_aloud == []
    box.press(Meaning.SPEAK)
    box.until(lambda: len(heard_aloud) == 1 and len(Loudspeaker.opened) == 1)
    assert "English" in heard_aloud[0]
    box.press(Meaning.MOVE)
    box.until(lambda: len(heard_aloud) == 2)
    assert heard_aloud[1].startswith("es: ")
    box.press(Meaning.TAKE)
    write_point(box.point, ScriptedPoint().open())
    box.until(lambda: any("1 0 . 4 2 . 7 . 1" in said for said in heard_aloud))
    assert " ".join(box.run._digits) in heard_aloud[-1], "the figures one by one"
    point = ScriptedPoint().open()
    assert point.passphrase != ""
    box.press(Meaning.DONE)
    assert Loudspeaker.opened[-1].closed, "the tone has the loudspeaker for itself"
    box.until(lambda: box.run.walk.heard is not None)
    texts = load("es")
    box.until(lambda: texts.get("setup.sound_good") in heard_aloud[-1])
    assert not any(texts.get("setup.sound_trying") in said for said in heard_aloud)
    box.press(Meaning.TAKE)
    # Its sound is made beside the loop: only when it is played there is a loudspeaker to turn up.
    box.until(lambda: texts.get("setup.live_body") in heard_aloud[-1] and not Loudspeaker.opened[-1].closed)
    assert box.run.walk.volume == 1.0
    box.press(Meaning.LOUDER)
    assert Loudspeaker.opened[-1]._gain_db == pytest.approx(-6.0, abs=0.1), "what sounds now follows"
    box.run.touched(0)
    assert box.run.walk.step is Step.LIVE, "a finger takes a language on its own screen alone"
    said = len(heard_aloud)
    box.run.turn(0.0)
    assert len(heard_aloud) == said, "each screen once"
    box.press(Meaning.SPEAK)
    assert Loudspeaker.opened[-1].closed, "pressed again, it is silent at once"


@pytest.mark.parametrize("language", shipped_languages())
def test_the_speak_key_has_a_name_on_every_screen_of_the_setting_up(language: str) -> None:
    from kiosk.firstrun.looks import view

    texts = load(language)
    for step_ in (Step.LANGUAGE, Step.PHONE, Step.SOUND, Step.LIVE):
        walk = Walk(step_, shipped_languages(), language, heard=Heard.FAR)
        assert keys(walk)[Control.LANGUAGE] is Meaning.SPEAK
        (speak,) = view(walk, texts, keys(walk), None, 8480, "").side
        assert (speak.control, speak.label) == (Control.LANGUAGE, texts.get("keys.speak"))


def test_a_box_without_phone_or_sound_can_go_live_all_the_same(box: Box) -> None:
    box.heard = {}
    box.press(Meaning.MOVE)
    box.press(Meaning.TAKE)
    box.press(Meaning.DONE)
    box.until(lambda: box.run.walk.heard is not None)
    box.press(Meaning.TAKE)
    box.press(Meaning.GO_ON)
    assert load_config(box.home.config).site.language == "es"
    assert not unfinished(box.home, box.store)


def test_figures_nobody_typed_are_made_new_and_the_screen_shows_the_network(box: Box) -> None:
    from hardware.accesspoint import ScriptedPoint

    box.press(Meaning.TAKE)
    first = box.run._digits
    write_point(box.point, ScriptedPoint().open())
    box.clock.advance(121.0)
    box.run.turn(0.0)
    assert box.run._digits != first
    assert box.run._around.door.network() is not None


def test_mashing_never_makes_a_box_live_unseen(box: Box) -> None:
    """Ten thousand keys: whatever is pressed, the box is live only by the key under "Go live"."""
    import random

    chance = random.Random(4)
    walk, lived = Walk(languages=("en", "ar")), 0
    for _ in range(10_000):
        control = chance.choice(list(Control))
        meaning = keys(walk).get(control)
        if meaning is None:
            walk, _ = step(walk, chance.choice(list(Happening)), heard=chance.choice(list(Heard)))
            continue
        before = walk
        walk, deeds = step(walk, meaning)
        if Deed.FINISH in deeds:
            assert (before.step, meaning) == (Step.LIVE, Meaning.GO_ON)
            walk, lived = Walk(languages=("en", "ar")), lived + 1
    assert lived


def test_a_box_set_up_by_hand_is_never_sent_back_and_one_cut_short_goes_on(box: Box, tmp_path: Path) -> None:
    assert unfinished(box.home, box.store)
    Sheet(box.home).save(ANSWERS)
    assert unfinished(box.home, box.store), "the power went between the page and the last press"
    by_hand = open_home(tmp_path / "other")
    by_hand.config.write_text('[site]\nname = "Ours"\n')
    with Store(by_hand, box.clock) as store:
        assert not unfinished(by_hand, store)


@pytest.mark.parametrize("build", BUILDS)
def test_a_box_that_knows_its_screen_and_keys_and_nothing_else_still_asks(build: str, box: Box, tmp_path: Path) -> None:
    built = open_home(tmp_path / "built")
    put_settings(built.config, BUILDS[build])
    assert tomllib.loads(built.config.read_text())["controls"]["driver"] == "gpio"
    with Store(built, box.clock) as store:
        assert unfinished(built, store)


def test_what_is_asked_is_what_the_page_writes(box: Box) -> None:
    Sheet(box.home).save(ANSWERS)
    said = tomllib.loads(box.home.config.read_text())
    assert {f"{section}.{name}" for section, values in said.items() for name in values} == ASKED


def test_a_live_box_stays_live(box: Box) -> None:
    go_live(box.home, box.clock)
    assert not unfinished(box.home, box.store)


@pytest.mark.parametrize("language", shipped_languages())
def test_the_papers_say_what_the_screen_says(language: str, tmp_path: Path) -> None:
    import shutil
    import subprocess

    texts = load(language)
    made = make_poster(texts, "Linden Library", "The desk, 555 0100")
    assert made.startswith(b"%PDF-")
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed (poppler-utils)")
    (tmp_path / "papers.pdf").write_bytes(made)
    told = subprocess.run(["pdftotext", str(tmp_path / "papers.pdf"), "-"], capture_output=True, text=True, check=True)
    assert told.stdout.count("\f") == 2, "a poster and a sign, a page each"
    # Signs of one face drawn by another's numbers are other signs: a full stop came out as a letter.
    named = [f"consent.{use}" for use in ("record", "play_here", "archive", "partners", "public", "quote")]
    named += [f"poster.{key}" for key in ("title", "asked", "no", "back", "back_body", "ask", "sign", "sign_body")]
    shown = "".join(["Linden Library", "The desk, 555 0100", *map(texts.get, named)])
    plain = [Counter(sign for sign in text if sign.isascii() and sign.isprintable()) for text in (told.stdout, shown)]
    assert plain[0] - Counter(" " * 999) == plain[1] - Counter(" " * 999)
    assert "555 0100" in told.stdout
    if language in {"en", "es", "zh"}:
        # The letters of the others are joined and turned, and come back out of a PDF as shapes.
        squeezed = re.sub(r"\s+", "", told.stdout)
        for key in ("consent.record", "consent.play_here", "poster.sign", "poster.back_body"):
            assert re.sub(r"\s+", "", texts.get(key)) in squeezed
