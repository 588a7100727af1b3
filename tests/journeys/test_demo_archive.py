"""Box and archive in one command: out by night, found, cut, back on a button, gone; and open for a browser after."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys

import httpx
import pytest

from kiosk.archivedemo import ArchiveDemo


@pytest.fixture
def kept_open(program, clean_environment, speech, tmp_path):
    """The demonstration, left open at its end."""
    words = ["demo", "--archive", "--fast", "--keep", "--json", "--out", str(tmp_path)]
    process = subprocess.Popen(
        [program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment()
    )
    yield process
    if process.poll() is None:
        process.terminate()
    process.communicate(timeout=60)


def test_a_story_goes_out_comes_back_and_another_is_gone(kept_open):
    said = []
    for line in kept_open.stderr:
        said.append(line)
        if "to end." in line:
            break
    found = re.search(r"(http://127\.0\.0\.1:\d+)/code with this one-time code: (\S+)", "".join(said))
    assert found, "".join(said)
    url, code = found.groups()
    with httpx.Client(base_url=url, trust_env=False) as browser:
        form = browser.get("/code").text
        token = re.search(r'name="token" value="([^"]*)"', form).group(1)
        fields = {"token": token, "code": code, "name": "", "password": "four words like these", "to": "/"}
        fields["password2"] = fields["password"]
        inside = browser.post("/code", data=fields, follow_redirects=True)
        assert inside.status_code == 200, inside.text
        # One story is left to be heard: the other one was taken back.
        assert "1 story waits to be heard." in browser.get("/").text
    kept_open.send_signal(signal.SIGINT)
    answer = json.loads(kept_open.communicate(timeout=60)[0])
    assert kept_open.returncode == 0
    assert answer["happened"]
    steps = [step["step"] for step in answer["steps"]]
    for part in (
        "sync hands both",
        "search finds",
        "puts it on",
        "brings the cue",
        "lets it sound",
        "gone at the arch",
    ):
        assert any(part in step for step in steps), part
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz", trust_env=False)


def test_an_archive_that_does_not_open_is_a_no(monkeypatch, speech, tmp_path):
    for name in ("HEARTH_HOME", "HEARTH_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    said: list[str] = []
    summary = ArchiveDemo(tmp_path / "out", said.append, fast=True).walk()
    assert not summary.happened
    assert [step.happened for step in summary.steps] == [False]
    assert "the archive did not open" in said[-1]
