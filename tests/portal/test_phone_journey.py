"""A facilitator's phone at a real box: paired, pressing, lost; through the real server."""

from __future__ import annotations

import json
import re
import statistics
import time

import httpx
import pytest

from archive.desk import set_cue
from archive.phones import phone_paired, read_face
from archive.spans import spans_of
from archive.types import Use
from audio.types import Ms
from kiosk.facing import PHONE_S


class Phone:
    def __init__(self, address):
        self.client = httpx.Client(base_url=address, follow_redirects=True, timeout=20)
        self.form = ""

    def token(self):
        return re.search(r'name="token" value="([0-9a-f]+)"', self.client.get("/story").text).group(1)

    def post(self, path, **fields):
        return self.client.post(path, data={"token": self.token(), **fields})

    def pair(self, digits):
        answer = self.post("/remote/pair", digits=digits)
        self.form = self.token()
        return answer

    def press(self, meaning):
        fields = {"token": self.form, "press": meaning}
        return self.client.post("/remote/press", data=fields, headers={"Accept": "application/json"})


@pytest.fixture
def phone(box, serving, teller_at):
    take, _ = teller_at(box.store).story(Use.PLAY_HERE, seconds=8)
    set_cue(box.store, 1, take, Ms(0), Ms(6000), title="The night shift")
    box.facilitate()
    made = Phone(serving(box.setting.home))
    made.post("/remote/digits")
    assert 'id="keys"' in made.pair(box.digits()).text
    yield made
    made.client.close()


def test_a_conversation_is_led_from_the_phone(box, phone, record_property):
    page = phone.client.get("/remote").text
    assert "The night shift" in page
    box.press("begin_group", "next_person", "next_person", "next_person")
    box.until(lambda: read_face(box.store).people >= 3)
    box.settle()
    took = []

    def press(meaning):
        before = time.monotonic()
        number = phone.press(meaning).json()["pressed"]
        took.append(box.pressed(meaning, before) - before)
        box.until(lambda: (face := read_face(box.store)) is not None and face.seen >= number)
        return read_face(box.store)

    press("begin_group")
    box.until(lambda: box.state() == "conversation")
    box.until(lambda: read_face(box.store).live)
    take = box.store.db.conn.execute("SELECT id FROM takes WHERE kind = 'conversation'").fetchone()[0]
    assert press("cue1").playing == 1
    box.until(lambda: any(what == "PlaybackStarted" for _, what, _ in box.seen))
    assert press("cue1").playing == 0
    for _ in range(4):
        paused = press("pause")
        assert paused.paused_at is not None
        assert not paused.live
        assert press("resume").paused_at is None
    press("flag")
    asked = read_face(box.store).asks
    after = press("question")
    assert after.question == 1
    assert after.asks not in {"", asked}, "the phone shows the guide question that is on now"
    press("stop")
    box.until(lambda: box.state() == "review")
    marks = {span.mark.value for span in spans_of(box.store, take)}
    assert {"excerpt", "pause", "flag", "question"} <= marks
    record_property("press_ms", [round(one * 1000) for one in took])
    # Under 150 ms on a free machine; here other tests may be running beside, so the bound is what no reader misses.
    assert statistics.median(took) < 1.0
    assert PHONE_S < 0.150 / 3


def test_the_state_comes_to_the_phone_as_it_changes(box, phone):
    with phone.client.stream("GET", "/remote/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in stream.iter_lines() if line.startswith("data: "))
        first = json.loads(next(lines)[6:])
        assert (first["state"], first["live"], first["left"]) == ("facilitator", False, None)
        assert set(first) == {
            "state", "offers", "cues", "playing", "live", "people", "question", "still_there", "seen", "asks", "left", "paused",
            "marked", "language",
        }  # fmt: skip
        box.press("begin_group")
        told = next(told for line in lines if (told := json.loads(line[6:]))["state"] == "agreement")
        assert "next_person" not in told["offers"], "a person's yes belongs to the box"


def test_losing_the_phone_changes_nothing_on_the_box(box, phone):
    box.press("begin_group", "next_person", "next_person", "begin_group")
    box.until(lambda: (face := read_face(box.store)).state == "conversation" and face.live)
    phone.client.close()
    before = len(box.seen)
    time.sleep(0.5)
    assert {what for _, what, _ in box.seen[before:]} <= {"LevelHeard", "FirstSample", "QuietFor", "words", "Marked"}
    assert box.state() == "conversation"
    box.press("stop")
    box.until(lambda: box.state() == "review")


def test_the_phone_goes_when_the_facilitator_goes(box, phone):
    assert phone_paired(box.store)
    with phone.client.stream("GET", "/remote/events") as stream:
        box.press("back")
        assert any("event: ended" in line for line in stream.iter_lines())
    box.until(lambda: not phone_paired(box.store))
    assert read_face(box.store) is None
    assert phone.press("cue1").status_code == 403
    assert "Pair this phone" in phone.client.get("/remote").text


def test_what_a_phone_may_not_press_is_refused_and_the_box_hears_nothing(box, phone):
    last = box.store.last_command()
    for meaning in ("agree", "next_person", "keep", "discard", "withdraw", "yes", "confirm", "facilitate", "<b>"):
        assert phone.press(meaning).status_code == 403
    assert box.store.last_command() == last


def test_digits_are_shown_only_to_a_facilitator(box, serving):
    box.until(lambda: any(told.get("to") == "attract" for _, what, told in box.seen if what == "state"))
    visitor = Phone(serving(box.setting.home))
    visitor.post("/remote/digits")
    box.until(lambda: box.store.last_command() > 0)
    time.sleep(0.4)
    assert not box.digits_told()
    assert "This fits nothing here." in visitor.pair("123456").text
    visitor.client.close()
