"""Set-up says in one sentence what is missing, and does again only what is not done. No network is touched."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETUP = ROOT / "scripts" / "setup.sh"


@pytest.fixture
def clone(tmp_path):
    """A place that looks like a clone to the set-up's functions."""
    place = tmp_path / "a place"
    for folder in ("scripts", "locks", "audio", "hardware", "archive", "kiosk"):
        (place / folder).mkdir(parents=True)
        (place / folder / "something.txt").write_text(folder)
    shutil.copy(SETUP, place / "scripts")
    for lock in ("run.txt", "test.txt"):
        (place / "locks" / lock).write_text(f"# {lock}\n")
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, place)
    return place


def run(place, commands, **environment):
    """Source setup.sh in ``place`` and run ``commands``; the words are what reaches the person."""
    script = f". {shlex.quote(str(place / 'scripts' / 'setup.sh'))}\n{commands}\n"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTH_")}
    return subprocess.run(
        ["bash", "-uo", "pipefail", "-c", script],
        env=kept | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def interpreter(folder, version, *, environments=True):
    """A Python by name only: it answers the questions set-up asks."""
    folder.mkdir(exist_ok=True)
    program = folder / "python3"
    answers = f"""#!/bin/sh
case "$2$1" in
  *-V*) echo Python {version};;
  *version_info*) {sys.executable} -c 'import sys; sys.exit(not (3, 11) <= ({version.replace(".", ", ")})[:2] <= (3, 13))';;
  *ensurepip*) exit {0 if environments else 1};;
esac
"""
    program.write_text(answers)
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(("version", "fits"), [("3.10.9", 1), ("3.11.0", 0), ("3.13.7", 0), ("3.14.0", 1)])
def test_a_python_fits_by_its_version(clone, tmp_path, version, fits):
    program = interpreter(tmp_path / "bin", version)
    assert run(clone, f"fits {program}").returncode == fits


def test_too_old_a_python_is_one_sentence_and_two(clone, tmp_path):
    program = interpreter(tmp_path / "bin", "3.9.2")
    done = run(clone, "set_up run.txt", HEARTH_PYTHON=str(program))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "3.11, 3.12 or 3.13 is needed" in done.stderr
    assert "Python 3.9.2" in done.stderr
    assert not (clone / ".venv").exists()


def test_a_python_that_is_not_there_is_said_too(clone):
    done = run(clone, "set_up run.txt", HEARTH_PYTHON="/nowhere/python3")
    assert done.returncode == 2
    assert "/nowhere/python3 has none" in done.stderr


def test_a_python_that_makes_environments_goes_first(clone, tmp_path):
    bare = interpreter(tmp_path / "bare", "3.12.1", environments=False).parent
    whole = interpreter(tmp_path / "whole", "3.11.2")
    (whole.parent / "python3.12").symlink_to(whole)
    done = run(clone, "find_python", PATH=f"{bare}:{whole.parent}:{os.environ['PATH']}")
    assert done.stdout.strip() == str(whole.parent / "python3.12")


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        (
            "NewConnectionError(... [Errno -3] Temporary failure in name)\nERROR: No matching distribution found for numpy",
            "index cannot be reached",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "recorded hash"),
        ("ERROR: No matching distribution found for ctranslate2==4.6.0", "no ready-made ctranslate2==4.6.0"),
        ("ERROR: [Errno 13] Permission denied: '/x/.venv/lib'", "belongs to somebody else"),
        ("something unheard of", "something unheard of"),
    ],
)
def test_what_pip_says_becomes_one_sentence(clone, lines, sentence):
    (clone / ".setup.log").write_text(lines + "\n")
    done = run(clone, "free_mb() { echo 9000; }; why_it_failed")
    assert sentence in done.stdout
    assert done.stdout.count("\n") == 1


def test_only_the_failed_step_is_asked_for_the_cause(clone):
    commands = (
        "step one bash -c 'echo No space left on device; true'; step two bash -c 'echo odd; false'; why_it_failed"
    )
    done = run(clone, "free_mb() { echo 9000; }; " + commands)
    assert "odd" in done.stdout
    assert "disk" not in done.stdout
    assert "1. one ... done (" in done.stderr  # how many seconds is the machine's affair
    assert "2. two ... stopped" in done.stderr


def test_a_step_that_lasts_shows_that_it_goes_on(clone):
    done = run(clone, "read() { (exit 142); }; beat 'x' & sleep 0.3; kill $!; wait 2>/dev/null")
    assert "still at it: 10 s" in done.stderr


def test_a_full_disk_is_noticed_before_anything_is_made(clone):
    done = run(clone, "set_up run.txt", HEARTH_PYTHON=sys.executable, HEARTH_MIN_FREE_MB="999999999")
    assert done.returncode == 2
    assert "disk is too full" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (clone / ".venv").exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(clone):
    done = run(clone, "is_writable() { false; }; set_up run.txt", HEARTH_PYTHON=sys.executable)
    assert done.returncode == 2
    assert done.stderr == (
        f"The folder {clone} cannot be written: clone the project to a place of your own and run this there.\n"
    )


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs a Debian system")
def test_what_apt_may_not_install_is_named_with_what_stands_in(clone):
    asked = '"hearth-none-a:a voice:a stand-in speaks" "hearth-none-b:an ear:a stand-in speaks" "bash:a shell:nothing"'
    done = run(clone, f"debian_packages {asked}", HEARTH_NO_APT="1")
    assert done.returncode == 0
    assert "without hearth-none-a, hearth-none-b a stand-in speaks" in done.stderr
    assert "sudo apt install hearth-none-a hearth-none-b\n" in done.stderr
    assert "bash" not in done.stderr


def test_an_environment_for_tests_serves_the_demo_but_not_the_other_way(clone):
    (clone / ".venv").mkdir()
    ask = "; packages_are_here run.txt; echo $?; packages_are_here test.txt; echo $?"
    assert run(clone, "stamp .packages $(lock_stamp test.txt)" + ask).stdout.split() == ["0", "0"]
    assert run(clone, "stamp .packages $(lock_stamp run.txt)" + ask).stdout.split() == ["0", "1"]
    (clone / "locks" / "run.txt").write_text("# newer\n")
    assert run(clone, "packages_are_here run.txt; echo $?").stdout.split() == ["1"]


def test_an_environment_is_kept_only_where_it_was_made_and_while_its_python_lives(clone):
    (clone / ".venv" / "bin").mkdir(parents=True)
    python = clone / ".venv" / "bin" / "python"
    python.symlink_to(sys.executable)
    assert run(clone, 'stamp .environment "$venv"; environment_works').returncode == 0
    assert run(clone, "environment_works", HEARTH_PYTHON="/nowhere/python3").returncode == 1
    python.unlink()
    assert run(clone, "environment_works").returncode != 0
    python.symlink_to(sys.executable)
    moved = clone.rename(clone.with_name("moved"))
    assert run(moved, "environment_works").returncode == 1


def test_a_changed_source_file_means_a_new_wheel(clone):
    before = run(clone, "fingerprint").stdout
    (clone / "audio" / "something.txt").write_text("changed")
    assert run(clone, "fingerprint").stdout != before
    (clone / "audio" / "something.txt").write_text("audio")
    assert run(clone, "fingerprint").stdout == before


def test_settings_of_other_work_do_not_reach_in(clone):
    done = run(clone, 'echo "${PYTHONPATH-gone} ${PIP_USER-gone}"', PYTHONPATH="/x", PIP_USER="1")
    assert done.stdout == "gone gone\n"


@pytest.mark.parametrize("script", ["demo", "soak", "test"])
def test_whoever_asks_what_a_script_does_gets_an_answer_and_no_set_up(clone, script):
    shutil.copy(ROOT / "scripts" / script, clone / "scripts")
    before = sorted(path.name for path in clone.iterdir())
    done = subprocess.run([clone / "scripts" / script, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.split(".")[0] in (ROOT / "scripts" / script).read_text(encoding="utf-8")
    assert len(done.stdout) > 80
    assert sorted(path.name for path in clone.iterdir()) == before
