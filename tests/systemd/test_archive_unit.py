"""The unit of an archive's server: systemd has nothing to say about it, and it may do little."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd/archive/hearth-archive.service"
BACKUP = ROOT / "systemd/archive/hearth-archive-backup.service"
UNITS = (UNIT, BACKUP, BACKUP.with_suffix(".timer"))
MOST_EXPOSURE = 2.0

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@pytest.fixture
def installed(tmp_path):
    """Copies whose program exists: verify looks for it."""
    program = tmp_path / "hearth"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace("/opt/hearth-archive/bin/hearth", str(program))
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    return tmp_path


def analyze(folder, unit, *arguments):
    call = ["systemd-analyze", *arguments, f"./{unit.name}"]
    return subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_nothing_to_say_about_it(installed, unit):
    found = analyze(installed, unit, "verify", "--man=no")
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@needs_systemd
@pytest.mark.parametrize("unit", [UNIT, BACKUP], ids=lambda unit: unit.name)
def test_it_is_no_more_exposed_than_it_must_be(installed, unit):
    within = f"--threshold={round(MOST_EXPOSURE * 10)}"
    judged = analyze(installed, unit, "security", "--offline=true", "--no-pager", within)
    assert judged.returncode == 0, judged.stdout[-2000:]


def test_its_words_are_those_of_the_program_and_of_the_page():
    from kiosk.commands.archiving.serve import command

    lines = UNIT.read_text(encoding="utf-8").splitlines()
    (start,) = (line.partition("=")[2].split() for line in lines if line.startswith("ExecStart="))
    assert start[1:3] == ["archive", "serve"]
    known = {word for option in command.params for word in option.opts}
    assert {word for word in start if word.startswith("--")} <= known
    port = start[start.index("--bind") + 1].rpartition(":")[2]
    assert f"SocketBindAllow=tcp:{port}" in lines
    page = (ROOT / "docs/archive.md").read_text(encoding="utf-8")
    for name in (start[0].rpartition("/bin/")[0], f"127.0.0.1:{port}", UNIT.name, "hearth-archive.sysusers.conf"):
        assert name in page


def test_it_is_never_put_on_a_box():
    assert not list((ROOT / "systemd").glob("hearth-archive*"))
    assert "archive/" not in (ROOT / "scripts/install").read_text(encoding="utf-8").replace("/archive/debian", "")


def test_the_nightly_backup_goes_where_the_page_says_and_never_onto_the_machines_own_disk():
    from kiosk.commands.archiving.backup import command

    text = BACKUP.read_text(encoding="utf-8")
    (start,) = (line.partition("=")[2].split() for line in text.splitlines() if line.startswith("ExecStart="))
    assert start[1:3] == ["archive", "backup"]
    place, options = start[3], [word for word in start[4:] if word.startswith("--")]
    assert set(options) <= {word for option in command.params for word in option.opts}
    assert "--own-disk" in options
    assert "AssertPath" not in text, "a run that systemd leaves out fails nowhere"
    assert f"ReadWritePaths=-{place}" in text.splitlines()
    assert "InaccessiblePaths=-/var/lib/hearth-archive-keys" in text
    page = (ROOT / "docs/archive.md").read_text(encoding="utf-8")
    assert f"`{place}`" in page
    assert BACKUP.with_suffix(".timer").name in page
