"""One list of findings for the doctor, the morning page and the heartbeat; each line says what to do."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib import metadata

import pytest

from archive.boxlooks import known
from archive.jobs import NO_MODEL
from archive.lately import last_visit, note_visit
from archive.shelf import Wording
from archive.store import Store
from archive.types import Use
from audio.clock import VirtualClock
from audio.takewriter import TakeWriter
from audio.types import AudioFormat, CutReason, Ms, Segment
from kiosk.appliance.nottaken import NotTaken, put_note
from kiosk.appliance.places import places
from kiosk.cli import run
from kiosk.health import QUIETER_LU, VISIT_DAYS, box_findings
from kiosk.setting import read_home

WORDING = Wording("1", "ab" * 32, "en")
SHAPE = AudioFormat(16_000)


@pytest.fixture
def setting(tmp_path, monkeypatch):
    monkeypatch.setenv("HEARTH_ROOT", str(tmp_path / "root"))
    home = tmp_path / "box"
    home.mkdir()
    (home / "config.toml").write_text(f'[archive]\nsync_to = "{tmp_path}/archive"\n')
    return read_home(home)


@pytest.fixture
def store(setting):
    with Store(setting.home, VirtualClock()) as opened:
        yield opened


def tell(store, lufs=None):
    opened = store.open_take(prompt="river", language="en", wording=WORDING, by="talk", sound=SHAPE)
    writer = TakeWriter(opened.path, opened.id, SHAPE, opened.key)
    writer.write(bytes(32_000))
    writer.flush()
    store.close_take(writer.close(speech=Ms(500)))
    code = store.keep(opened.id, wording=WORDING, by="keep").code
    store.decide(opened.id, Use.ARCHIVE, yes=True, wording=WORDING, by="left")
    if lufs is not None:
        with store.db.conn:
            store.db.conn.execute("INSERT INTO loudness VALUES (?, ?)", (opened.id, lufs))
    return opened.id, code


def found(setting, store):
    told = {one.code: one for one in box_findings(setting.home, store, devices=False)}
    assert all(one.do for one in told.values() if not one.ok), "a line that says no must say what to do"
    assert not any(one.do for one in told.values() if one.ok)
    return told


def test_every_topic_somebody_looks_after_has_its_line(setting, store):
    told = found(setting, store)
    assert set(told) >= {
        "power", "heat", "card", "space", "ballast", "clock", "level", "model-en", "languages", "voice", "sync",
        "story", "withdrawals", "version",
    }  # fmt: skip
    assert len(told) == len(box_findings(setting.home, store, devices=False)), "two lines about one topic"


def test_everything_wrong_with_the_settings_is_one_finding_beside_all_others(setting, store, capsys):
    well = found(setting, store)
    assert well["settings"].ok
    (setting.home.path / "prompts" / "mill.toml").write_text('name = "mill"\n')
    setting.home.config.write_text('[site]\nlanguages = ["en", "ar", "tlh"]\n')
    ill = found(setting, store)
    assert set(ill) == set(well) | {"model-ar", "model-tlh"}
    for wrong in ("'ar' is a draft and nobody has signed", "no texts in 'tlh'", "mill"):
        assert wrong in ill["settings"].say
    assert "hearth texts sign ar" in ill["settings"].do
    setting.home.config.write_text("[site]\nlanguagse = 3\n")
    left = set(well) - {"model-en", "night", "languages", "sync"}
    assert set(found(setting, store)) == left, "what hangs on no setting is told all the same"
    assert run(["doctor", "--home", str(setting.home.path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)["findings"]
    assert {one["code"] for one in told} >= left
    assert any("Did you mean 'language" in one["do"] for one in told)


def test_no_slip_in_the_settings_stands_before_a_no(setting, store, capsys):
    story, code = tell(store)
    kept, keeper = tell(store)
    where = ["--home", str(setting.home.path)]
    setting.home.config.write_text("[retention\n")
    (setting.home.texts / "en.toml").write_text("[consent\n")
    no, gone = ["story", str(keeper), "--no", "archive"], ["withdraw", str(code)]
    for told in (["list"], ["hold", kept], ["heartbeat"], no, gone):
        assert run([*told, *where]) == 0, (told, capsys.readouterr().err)
    assert store.standing(story).ended
    assert Use.ARCHIVE not in store.standing(kept).uses
    assert run(["story", str(keeper), "--yes", "archive", *where]) == 2, "a yes names the very words it was given to"
    assert run(["retention", *where]) == 1
    assert "nothing is erased for its age" in capsys.readouterr().err


def test_the_archive_has_words_for_every_topic_or_a_reason_for_none(setting, store):
    told = set(found(setting, store)) | {"lending", "store"}
    by_figures, settled, never_ill = {"level", "clock"}, {"sync", "withdrawals"}, {"languages", "night", "story"}
    without_devices = {"microphone", "speaker", "fonts"}
    unread = told - by_figures - settled - never_ill - without_devices
    # A home that cannot be opened hands nothing on.
    assert set(known(unread)) | {"store"} == {"model" if one == "model-en" else one for one in unread}


def test_a_microphone_much_quieter_than_usual_is_seen_and_not_before_usual_is_known(setting, store):
    for lufs in (-20.0, -40.0):
        tell(store, lufs)
    assert found(setting, store)["level"].ok
    for _ in range(8):
        tell(store, -20.0)
    assert found(setting, store)["level"].ok
    for _ in range(3):
        tell(store, -20.0 - QUIETER_LU - 1)
    level = found(setting, store)["level"]
    assert not level.ok
    assert "-31 LUFS" in level.say
    assert "covered" in level.do


def test_the_last_sync_is_told_and_a_centre_gone_for_days_wants_a_look(setting, store):
    assert not found(setting, store)["sync"].ok
    note_visit(setting.home, store.clock)
    assert last_visit(setting.home) == store.clock.wall()
    assert found(setting, store)["sync"].ok
    store.clock.advance(timedelta(days=VISIT_DAYS).total_seconds() + 1)
    sync = found(setting, store)["sync"]
    assert not sync.ok
    assert f"{VISIT_DAYS} days ago" in sync.say
    assert "Nothing is lost" in sync.do


def test_the_last_story_is_told_by_its_day_and_by_nothing_else(setting, store):
    assert found(setting, store)["story"].say == "No story was told yet."
    story, _ = tell(store)
    line = found(setting, store)["story"]
    assert store.clock.wall().date().isoformat() in line.say
    assert story not in line.say
    store.clock.set_wall(store.clock.wall(), trusted=False)
    tell(store)
    assert found(setting, store)["story"].say.startswith(f"Something was told since {store.clock.wall().date()}")


def test_a_box_without_a_clock_does_not_deny_what_happened(setting, store):
    store.clock.set_wall(store.clock.wall(), trusted=False)
    assert not found(setting, store)["sync"].ok
    tell(store)
    note_visit(setting.home, store.clock)
    told = found(setting, store)
    assert told["sync"].ok
    assert "no clock could confirm" in told["sync"].say
    assert told["story"].say == "Something was told here, on a day no clock could confirm."


def test_a_withdrawal_waits_until_the_archive_knows_it(setting, store):
    story, code = tell(store)
    _, never_sent = tell(store)
    store.add_receipt(story, "bag", "folder:x", "{}")
    assert found(setting, store)["withdrawals"].ok
    store.withdraw(str(code), "teller")
    store.withdraw(str(never_sent), "teller")
    waits = found(setting, store)["withdrawals"]
    assert not waits.ok
    assert waits.say == "1 withdrawal has not reached the archive yet."
    assert story not in waits.say
    store.add_receipt(story, "tombstone", "folder:x", "{}")
    assert found(setting, store)["withdrawals"].ok


def test_what_machines_gave_up_is_named_and_tried_again_where_somebody_asks(setting, store, capsys):
    story, _ = tell(store)
    with store.db.conn:
        store.add_segment(Segment(story, 1, Ms(0), Ms(900), Ms(500), CutReason.PAUSE))
        store.db.conn.execute("UPDATE jobs SET tries = 3, failed = 'RuntimeError' WHERE segment = 1")
    line = found(setting, store)["jobs"]
    assert not line.ok
    assert f"transcribe of {story}, stretch 2 (RuntimeError)" in line.say
    assert "log/transcriber.log" in line.do
    assert "hearth transcriber --retry" in line.do
    assert run(["transcriber", "--retry", story[-6:], "--home", str(setting.home.path)]) == 0
    assert story in capsys.readouterr().out
    assert found(setting, store)["jobs"].ok
    assert run(["transcriber", "--home", str(setting.home.path), "--retry"]) == 0
    assert capsys.readouterr().out == "Nothing was given up.\n"


def test_a_story_that_waits_for_a_model_has_its_own_line(setting, store):
    story, _ = tell(store)
    with store.db.conn:
        store.db.conn.execute("UPDATE jobs SET failed = ?", (NO_MODEL,))
    told = found(setting, store)
    assert told["jobs"].ok
    assert story in told["model-jobs"].say


def test_a_release_that_was_taken_back_is_told(setting, store, tmp_path):
    assert found(setting, store)["version"].ok
    refused = tmp_path / "root/opt/hearth/refused.json"
    refused.parent.mkdir(parents=True)
    refused.write_text(json.dumps(["9.9.9"]))
    version = found(setting, store)["version"]
    assert not version.ok
    assert "9.9.9" in version.say
    # Until something as new runs: what was mended long ago is nobody's to look at.
    refused.write_text(json.dumps(["0.0.9", metadata.version("digital-hearth")]))
    assert found(setting, store)["version"].ok


def test_a_release_that_lies_ready_and_could_not_be_taken_is_told(setting, store):
    places().prefix.mkdir(parents=True)
    put_note(places(), NotTaken("99.0", "Its packages are missing.", "Make it with them."))
    version = found(setting, store)["version"]
    assert not version.ok
    assert "Version 99.0 lies ready and could not be taken. Its packages are missing." in version.say
    put_note(places(), None)
    assert found(setting, store)["version"].ok
