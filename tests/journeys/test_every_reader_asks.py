"""If the gate says no, nobody reads: every way to a story's words or sound, tried with a gate that refuses everything."""

from __future__ import annotations

import sys

import pytest

from archive import consent
from archive.consent import Answer
from archive.types import Reader
from kiosk.presses import PressNotLegal, parse
from kiosk.setting import read_home
from kiosk.simulation import Simulation, story_json


@pytest.fixture
def refused(monkeypatch) -> set[Reader]:
    """Put a gate in place that allows nothing, wherever the program looks for it; it notes who asked."""
    asked: set[Reader] = set()

    def no(_standing: object, reader: Reader, _now: object) -> Answer:
        asked.add(reader)
        return Answer(False, "Nobody may.")

    true_gate = consent.may
    places = [
        module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in {"archive", "kiosk"} and getattr(module, "may", None) is true_gate
    ]
    assert places
    for module in places:
        monkeypatch.setattr(module, "may", no)
    return asked


@pytest.fixture
def cued(copied, in_process):
    """An evening with an excerpt on a button, every module loaded, before the gate closes."""
    for words in (
        ["search", "leisure"],
        ["play", copied.shared["id"], "--silent"],
        ["cue", "set", 1, copied.shared["id"]],
    ):
        assert in_process(*words, "--home", copied.home).code == 0
    assert in_process("sync", "--home", copied.home, "--json").code == 2
    return copied


def test_with_a_closed_gate_no_verb_reads_anything(cued, refused, in_process, tmp_path) -> None:
    home, identifier = cued.home, cued.shared["id"]
    assert in_process("search", "leisure", "--home", home, "--json").json == {"results": []}
    assert in_process("play", identifier, "--silent", "--home", home, "--json").json["error"]["say"] == "Nobody may."
    assert in_process("cue", "--home", home, "--json").json["cues"] == []
    assert in_process("cue", "set", 2, identifier, "--home", home, "--json").json["error"]["say"] == "Nobody may."
    assert in_process("sync", "--to", tmp_path / "archive", "--home", home, "--json").json["bags"] == []
    assert not list((tmp_path / "archive").rglob("*.flac"))
    assert refused >= {Reader.INDEX, Reader.PLAY, Reader.CUE}
    assert refused & {Reader.BAG, Reader.SYNC}
    assert in_process("transcriber", "--once", "--home", home).code == 0
    # Taking back asks no gate: it is a teller's right whatever anybody allows.
    assert in_process("withdraw", cued.shared["keep_code"], "--home", home).code == 0


def test_with_a_closed_gate_the_box_plays_and_shows_nothing(cued, refused, look, monkeypatch) -> None:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    simulation = Simulation(read_home(cued.home), [])
    report = simulation.run(parse("listen @2 stop"))
    happened = [event.what for event in report.events]
    assert "NothingToPlay" in happened
    assert "PlaybackStarted" not in happened
    assert not simulation.app.session.cues
    assert {Reader.PLAY, Reader.CUE} <= refused
    with look(cued.home) as store:
        told = story_json(store, store.story(cued.shared["id"]), cued.shared["keep_code"])
    assert (told["transcript"], told["words"]) == ("", [])


def test_with_a_closed_gate_a_visitor_hears_nothing_not_even_their_own_and_no_word_is_written(
    evening, refused, tmp_path, monkeypatch
) -> None:
    """The gate of this process refuses the review: the take is closed unread, and nothing can be heard or kept."""
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    simulation = Simulation(read_home(tmp_path / "home"), [evening.files[1]])
    with pytest.raises(PressNotLegal):
        simulation.run(parse("talk agree talk @1 talk hear @1 keep"))
    happened = [event.what for event in simulation.report.events]
    assert "FirstSample" in happened
    assert not {"words", "PlaybackStarted", "Kept"} & set(happened)
    assert Reader.REVIEW in refused
    assert simulation.store.stories() == []
