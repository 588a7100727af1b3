"""The heartbeat says how the box is and not a word of what it keeps."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from archive.home import open_home
from archive.store import Store
from audio.clock import VirtualClock
from hardware.findings import Finding
from kiosk.cli import hearth
from kiosk.heartbeat import box_id, heartbeat, lay_down

AT = datetime(2026, 5, 4, 13, 37, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    with Store(open_home(tmp_path / "box"), VirtualClock()) as store:
        yield store


def test_it_tells_these_things_and_no_other(store):
    found = [
        Finding("heat", ok=False, say="91 °C in the back room", do="Move it."),
        Finding("space", ok=True, say="9 GB"),
    ]
    told = heartbeat(store, found, site="our library", at=AT)
    assert told.keys() == {
        "format", "box", "site", "version", "at", "clock_trusted", "look", "failed_work", "last_sync"
    }  # fmt: skip
    assert told["look"] == ["heat"]
    assert told["at"] == "2026-05-04T13:00:00+00:00"
    assert told["last_sync"] is None
    assert "back room" not in json.dumps(told)


def test_the_last_hand_on_is_told_by_its_day(store):
    store.add_receipt("01HZZZZZZZZZZZZZZZZZZZZZZZ", "bag", "somewhere", "signed")
    told = heartbeat(store, [], site="our library", at=AT)
    assert told["last_sync"] == store.clock.wall().date().isoformat()
    assert "01HZZ" not in json.dumps(told)


def test_a_box_keeps_its_name_and_another_has_another(store, tmp_path):
    assert box_id(store.home) == box_id(open_home(tmp_path / "box"))
    assert box_id(store.home) != box_id(open_home(tmp_path / "other"))


def test_the_latest_takes_the_place_of_the_one_before(store, tmp_path):
    archive = tmp_path / "archive"
    archive.mkdir()
    for hour in (1, 2, 3):
        told = heartbeat(store, [], site="our library", at=AT.replace(hour=hour))
        places = lay_down(told, store.home, str(archive))
    assert [json.loads(path.read_text())["at"][11:13] for path in places] == ["03", "03"]
    assert [path.name for path in (archive / "heartbeats").iterdir()] == [f"{box_id(store.home)}.json"]


@pytest.mark.parametrize("where", ["", "https://archive.example/", "/does/not/exist"])
def test_without_a_folder_it_waits_in_the_outbox(store, where):
    assert lay_down(heartbeat(store, [], site="x", at=AT), store.home, where) == [store.home.outbox / "heartbeat.json"]


def test_a_place_that_cannot_be_written_keeps_it_waiting_in_the_outbox(store, tmp_path):
    (tmp_path / "heartbeats").write_text("no folder, as where a stick is missing")
    told = heartbeat(store, [], site="x", at=AT)
    assert lay_down(told, store.home, str(tmp_path)) == [store.home.outbox / "heartbeat.json"]
    assert json.loads((store.home.outbox / "heartbeat.json").read_text()) == told


def test_the_verb_lays_it_down(tmp_path):
    home = tmp_path / "box"
    open_home(home)
    done = CliRunner().invoke(hearth, ["heartbeat", "--home", str(home), "--json"], catch_exceptions=False)
    assert json.loads(done.stdout) == json.loads((home / "outbox/heartbeat.json").read_text())
