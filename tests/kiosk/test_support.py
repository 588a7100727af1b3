"""The support bundle: everything a helper needs, and nothing that was told, however it got into a log."""

from __future__ import annotations

import json
import zipfile
from itertools import pairwise

import pytest
from click.testing import CliRunner

from archive.shelf import Wording
from archive.store import Store
from archive.transcription import TranscriberWorker
from archive.types import Use
from audio.clock import VirtualClock
from audio.takewriter import TakeWriter
from audio.transcribe import FixedTranscriber
from audio.types import AudioFormat, CutReason, Ms, Segment
from kiosk.appliance.sayings import content_free
from kiosk.appliance.support import LINES, _entries
from kiosk.cli import hearth
from kiosk.setting import read_home

SAID = "My grandmother Ottilie hid the zeppelin blueprints under the linden tree"
TITLE = "Ottilie and the airship"
SHAPE = AudioFormat(16_000)
WORDING = Wording("1", "ab" * 32, "en")


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """A home full of what must not leave it; returns the home and every secret by what it is."""
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    home = tmp_path / "box"
    home.mkdir()
    (home / "config.toml").write_text(
        '[controls]\nfacilitator_code = "42671358"\n[sync]\nproxy = "http://rosalind:swordfish9@proxy.example:3128"\n'
    )
    setting = read_home(home)
    (setting.home.keys / "archive-credential").write_text("hearth-SECRETcredential")
    clock = VirtualClock()
    with Store(setting.home, clock) as store:
        opened = store.open_take(prompt="river", language="en", wording=WORDING, by="talk", sound=SHAPE)
        writer = TakeWriter(opened.path, opened.id, SHAPE, opened.key)
        writer.write(bytes(64_000))
        writer.flush()
        store.add_segment(Segment(opened.id, 0, Ms(0), Ms(2000), Ms(2000), CutReason.PAUSE))
        store.close_take(writer.close(speech=Ms(500)))
        code = store.keep(opened.id, wording=WORDING, by="keep").code
        store.decide(opened.id, Use.PLAY_HERE, yes=True, wording=WORDING, by="left")
        with store.db.conn:
            store.add_segment(Segment(opened.id, 7, Ms(2000), Ms(2900), Ms(500), CutReason.PAUSE))
            store.db.conn.execute("UPDATE jobs SET tries = 3, failed = 'RuntimeError' WHERE segment = 7")
    worker = TranscriberWorker(setting.home, clock, lambda _: FixedTranscriber([SAID]))
    while worker.run_once():
        pass
    worker.close()
    (home / "log/transcriber.log").write_text(
        "".join(f"line {number}\n" for number in range(3 * LINES))
        + f"kiosk.reviewing: take {opened.id} was not trimmed: NoKey\n"
        + f"archive.transcription: {SAID}\n"
        + f"kiosk.telling: the code {code} of Rosalind was typed, title {TITLE!r}, steward 42671358\n"
        + 'Traceback (most recent call last):\n  File "/srv/rosalind/x/kiosk/app.py", line 12, in round\n'
        + f'    say("{SAID}")\nValueError: {SAID} hearth-SECRETcredential\n',
        encoding="utf-8",
    )
    (home / "log/notes.txt").write_text(SAID)
    secrets = [word for word in (SAID + " " + TITLE).lower().split() if len(word) >= 6]
    # A word of a code is an ordinary word, which a finding may use as well; two in a row are not.
    secrets += [f"{one}{between}{two}" for one, two in pairwise(code.words) for between in "- "]
    secrets += [str(code), str(opened.id), "42671358", "rosalind", "swordfish", "secretcredential"]
    return home, [one.lower() for one in secrets]


def bundle(home, tmp_path, verb=("support",)):
    file = tmp_path / "support.zip"
    done = CliRunner().invoke(hearth, [*verb, str(file), "--home", str(home), "--json"], catch_exceptions=False)
    with zipfile.ZipFile(file) as opened:
        files = {name: opened.read(name).decode() for name in opened.namelist()}
    assert sorted(files) == json.loads(done.stdout)["files"]
    return files


def test_nothing_that_was_told_typed_or_kept_secret_is_in_it(planted, tmp_path):
    home, secrets = planted
    assert len(secrets) > 12
    files = bundle(home, tmp_path)
    # Names of packages are no secrets; the words of a code may be among them.
    whole = "\n".join(text for name, text in files.items() if name not in {"versions.json", "READ-ME.txt"}).lower()
    assert [secret for secret in secrets if secret in whole] == []
    assert "notes.txt" not in "".join(files)


def test_what_a_helper_needs_is_in_it(planted, tmp_path):
    home, _ = planted
    files = bundle(home, tmp_path)
    findings = {one["code"] for one in json.loads(files["findings.json"])}
    assert {"power", "space", "ledger", "version", "microphone"} <= findings
    config = json.loads(files["config.json"])
    assert config["controls"]["facilitator_code"] == "(set)"
    assert config["sync"]["proxy"] == "http://(left out)@proxy.example:3128"
    assert config["sound"]["volume"] == 0.7
    versions = json.loads(files["versions.json"])
    assert versions["version"]
    assert "starlette" in versions["packages"]
    said = {one["code"]: one["say"] for one in json.loads(files["findings.json"])}
    assert "transcribe of …, stretch 8 (RuntimeError)" in said["jobs"]
    log = files["log/transcriber.log"]
    assert "kiosk.reviewing: … was not trimmed: NoKey" in log
    assert 'File "kiosk/app.py", line 12, in round' in log
    assert "ValueError" in log
    assert len(log.splitlines()) == LINES
    assert files["units.txt"]
    assert files["journal.txt"]
    (home / "config.toml").write_text("[controls\n")
    files = bundle(home, tmp_path)
    assert "cannot be read" in files["config.json"]
    assert "not valid TOML" in files["findings.json"]


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("take 01JC8Q3Y5Z7R9T2V4W6X8Y0A1B was not trimmed: HomeTrouble", "… was not trimmed: HomeTrouble"),
        ("The river froze and we walked across it", "…"),
        ("417-maple-river-candle-north", "…"),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
        ("", ""),
    ],
)
def test_of_a_line_stays_what_the_program_wrote(line, kept):
    assert content_free(line) == kept


def test_systemds_own_lines_stay_and_a_programs_are_looked_at():
    entries = [
        {"MESSAGE": "hearth-kiosk.service: Main process exited, status=1", "UNIT": "hearth-kiosk.service",
         "SYSLOG_IDENTIFIER": "systemd", "__REALTIME_TIMESTAMP": "1700000000000000"},
        {"MESSAGE": SAID, "_SYSTEMD_UNIT": "hearth-kiosk.service", "SYSLOG_IDENTIFIER": "hearth",
         "__REALTIME_TIMESTAMP": "1700000000000000"},
        {"MESSAGE": [200, 1], "__REALTIME_TIMESTAMP": "1700000000000000"},
    ]  # fmt: skip
    told = list(_entries([*map(json.dumps, entries), "no entry at all"]))
    assert told[0].endswith("hearth-kiosk.service: hearth-kiosk.service: Main process exited, status=1")
    assert told[1] == "2023-11-14T22:13:20Z hearth-kiosk.service: …"
    assert "Ottilie" not in "".join(told)


def test_a_bundle_without_a_key_is_this_one_and_a_release_is_never_made_unsigned(planted, tmp_path):
    home, _ = planted
    assert "findings.json" in bundle(home, tmp_path, ("bundle", "--to"))
    refused = CliRunner().invoke(hearth, ["bundle", "--source", str(tmp_path), "--json"])
    assert refused.exit_code != 0
    assert not list(tmp_path.glob("*.hearth"))
