"""The library lends a box and takes it back by one command, and the next group begins with setting it up."""

from __future__ import annotations

import queue

import pytest

from archive.home import open_home
from archive.keycode import Cost
from archive.lending import RETURNED, Stage, begin_return, lent
from archive.shelf import Wording
from archive.store import Store
from archive.types import Use
from audio.clock import SystemClock, VirtualClock
from audio.player import SilentPlayer
from audio.sources import ScriptedSource
from audio.takewriter import TakeWriter
from audio.types import AudioFormat, Ms
from kiosk.box import Drivers, make_app, make_hands
from kiosk.config import load
from kiosk.firstrun.sheet import go_live, unfinished
from kiosk.lending import finish
from kiosk.names import State
from kiosk.setting import read_home
from kiosk.settingsfile import put_settings

WORDING = Wording("1", "ab" * 32, "en")


@pytest.fixture
def box(home, verb):
    """A live box of a library that lends it."""
    place = open_home(home)
    put_settings(place.config, {"lending.on": True, "site.name": "Linden Library", "controls.facilitator_code": "1234"})
    (place.texts / "en.toml").write_text('[poster]\nsign = "Tell us"\n')
    go_live(place, SystemClock())
    return place


@pytest.fixture
def tell(box):
    def one(*uses):
        with Store(box, SystemClock(), Cost(8, 1, 1)) as store:
            opened = store.open_take(
                prompt="river", language="en", wording=WORDING, by="talk", sound=AudioFormat(16_000)
            )
            writer = TakeWriter(opened.path, opened.id, AudioFormat(16_000), opened.key)
            writer.write(bytes(64_000))
            store.close_take(writer.close(speech=Ms(500)))
            store.keep(opened.id, wording=WORDING, by="keep")
            for use in uses:
                store.decide(opened.id, use, yes=True, wording=WORDING, by="left")
            store.close_review(opened.id, "done")
            store.db.conn.execute("UPDATE jobs SET done_at = 'now'")
            store.db.conn.commit()
        return opened.id

    return one


def borrow(box):
    """What a group does to a box."""
    put_settings(
        box.config, {"site.name": "The Chess Club", "archive.sync_to": "https://club.example", "hours.opens": "20:00"}
    )
    (box.texts / "en.toml").write_text('[poster]\nsign = "Chess here"\n')
    (box.prompts / "chess.toml").write_text(
        '[[prompt]]\nid = "chess"\n[prompt.text]\nen = "Who taught you?"\nes = "¿Quién le enseñó?"\n'
    )
    box.credential.write_text("hearth-club")


def test_it_goes_out_comes_back_and_is_ready(verb, box, tell):
    assert verb("lend", "--home", box.path).out.strip() == "This box is for lending and has not been lent yet."
    assert "is lent" in verb("lend", "--out", "--home", box.path).out
    borrow(box)
    take = tell(Use.PLAY_HERE)
    assert verb("list", "--home", box.path, "--json").json["stories"]
    told = verb("lend", "--back", "--home", box.path, "--json").json
    assert (told["stage"], told["sealed"], told["held"]) == ("ready", [take], [])
    assert "ready for the next borrower" in told["say"]
    assert verb("list", "--home", box.path).out.strip() == "No story yet."
    assert take not in verb("search", "river", "--home", box.path, "--json").out
    earlier = verb("list", "--earlier", "--home", box.path, "--json").json["stories"]
    assert [(one["id"], one["sealed"]) for one in earlier] == [(take, True)]
    config = load(box.config)
    assert (config.site.name, config.archive.sync_to, config.hours.opens) == ("Linden Library", "", "")
    assert config.controls.facilitator_code == "", "nobody who knew it gets in with it"
    assert config.lending.on
    assert (box.texts / "en.toml").read_text() == '[poster]\nsign = "Tell us"\n'
    assert not list(box.prompts.iterdir())
    assert not box.credential.exists()
    with Store(box, SystemClock()) as store:
        assert unfinished(box, store), "the next one sets it up"


def test_what_was_not_handed_on_is_refused_then_held_and_doctor_says_so(verb, box, tell):
    verb("lend", "--out", "--home", box.path)
    take = tell(Use.ARCHIVE)
    refused = verb("lend", "--back", "--home", box.path, "--json")
    assert refused.code == 1
    assert refused.json["error"]["code"] == "not-returned"
    assert "not handed on" in refused.err
    assert verb("list", "--home", box.path, "--json").json["stories"], "nothing has changed"
    told = verb("lend", "--back", "--anyway", "--home", box.path, "--json").json
    assert (told["sealed"], told["held"]) == ([], [take])
    lines = {line["code"]: line for line in verb("doctor", "--home", box.path, "--json").json["findings"]}
    assert not lines["lending"]["ok"]
    assert "hearth release" in lines["lending"]["do"]


def test_what_a_borrower_broke_does_not_keep_the_box_from_being_put_away(verb, box):
    verb("lend", "--out", "--home", box.path)
    (box.prompts / "chess.toml").write_text("# nothing in it")
    box.config.write_text("[[[")
    assert verb("config", "--home", box.path).code == 2
    assert "ready for the next borrower" in verb("lend", "--back", "--home", box.path).out
    assert load(box.config).site.name == "Linden Library"
    assert verb("list", "--home", box.path).code == 0


def test_a_library_that_does_not_lend_cannot_do_it_by_mistake(verb, home):
    answer = verb("lend", "--out", "--home", home, "--json")
    assert (answer.code, answer.json["error"]["code"]) == (1, "not-for-lending")
    assert verb("lend", "--out", "--back", "--home", home).code == 2
    assert "lending" not in {line["code"] for line in verb("doctor", "--home", home, "--json").json["findings"]}


def test_a_return_that_the_power_cut_short_is_finished_before_the_box_shows_anything(verb, box, tell, monkeypatch):
    from kiosk.commands import run_

    seen = []
    verb("lend", "--out", "--home", box.path)
    borrow(box)
    take = tell(Use.PLAY_HERE)
    with Store(box, SystemClock()) as store:
        begin_return(store)
        assert verb("lend", "--home", box.path).out.startswith("Putting this box away was cut short.")
    (box.prompts / "chess.toml").write_text("# broken")
    monkeypatch.setattr(run_, "run_box", lambda setting, **_: seen.append(setting.config.site.name))
    assert verb("run", "--set-up", "--headless", "--home", box.path).code == 0
    assert seen == ["Linden Library"]
    with Store(box, SystemClock()) as store:
        assert lent(store).stage is Stage.READY
        assert store.standing(take).sealed
        assert finish(box, store).sealed == []


def test_a_running_kiosk_ends_when_nobody_is_at_it(box):
    clock, arrivals = VirtualClock(), queue.SimpleQueue()
    setting = read_home(box.path)
    with Store(box, clock, Cost(8, 1, 1)) as store:
        source = ScriptedSource(clock, [])
        controls, lamps = make_hands(setting.config, clock)
        app = make_app(
            setting, store, clock, Drivers(source, SilentPlayer(clock, arrivals.put), controls, lamps, None), arrivals
        )
        app.start()
        app.session = type(app.session)(state=State.RECORDING, language="en")
        store.add_command(RETURNED)
        app._look()
        assert app._returned
        assert not app.closed, "never from under a teller"
        app.session = type(app.session)(state=State.ATTRACT, language="en")
        app.round(0.0)
        assert app.closed
        app.stop()
