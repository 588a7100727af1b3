"""What is installed is what was locked, hash by hash, and continuous integration runs what the README says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
PYTHONS = ("3.11", "3.12", "3.13")


def entries(text):
    """Return what a lock pins: requirement and number of hashes."""
    whole = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE))
    found = []
    for line in whole.splitlines():
        if line.strip():
            requirement = Requirement(HASH.split(line)[0].strip())
            found.append((requirement, len(HASH.findall(line))))
    return found


def lock(name):
    return entries((ROOT / "locks" / name).read_text(encoding="utf-8"))


def names(pinned):
    return {canonicalize_name(requirement.name) for requirement, _ in pinned}


@pytest.mark.parametrize("name", ["run.txt", "test.txt", "models.txt"])
def test_everything_is_pinned_to_one_version_with_its_hashes(name):
    for requirement, hashes in lock(name):
        (version,) = requirement.specifier
        assert version.operator == "==", requirement
        assert hashes, f"{requirement} has no hash"
        assert requirement.url is None


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_lock_covers_what_the_project_asks_for(python, machine):
    here = {
        "python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux", "platform_system": "Linux",
        "platform_machine": machine, "implementation_name": "cpython", "platform_python_implementation": "CPython",
    }  # fmt: skip
    pinned = {
        canonicalize_name(need.name): str(need.specifier).removeprefix("==")
        for need, _ in lock("run.txt")
        if need.marker is None or need.marker.evaluate(here)
    }
    for line in PROJECT["project"]["dependencies"]:
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate(here):
            assert need.specifier.contains(pinned[canonicalize_name(need.name)]), need


def test_the_lock_for_tests_contains_the_lock_for_running():
    # An environment made for tests then serves the demo too, and nothing is tested that is not shipped.
    tested = {(canonicalize_name(need.name), str(need.specifier)) for need, _ in lock("test.txt")}
    shipped = {(canonicalize_name(need.name), str(need.specifier)) for need, _ in lock("run.txt")}
    assert shipped <= tested
    wanted = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependency-groups"]["dev"]}
    assert wanted <= names(lock("test.txt"))


def test_a_lock_without_a_hash_would_be_seen():
    assert entries("a==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n# c\nb==2\n") == [
        (Requirement("a==1.0"), 1),
        (Requirement("b==2"), 0),
    ]


def test_no_lock_names_where_packages_come_from():
    # The machine that installs decides that; the hashes decide what is accepted.
    for path in (ROOT / "locks").iterdir():
        assert not re.search(r"https?://|index-url|find-links", path.read_text(encoding="utf-8")), path.name


def test_integration_runs_the_test_command_and_nothing_else():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line.strip() and not line.startswith("#")]
    assert commands == ['exec "$(dirname "$0")/../scripts/test"']


@pytest.mark.parametrize("name", ["demo", "test", "lock", "pages", "pictures"])
def test_scripts_can_be_started(name):
    path = ROOT / "scripts" / name
    assert path.stat().st_mode & 0o111
    assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")


def test_set_up_asks_for_hashes_and_for_nothing_unlocked():
    text = (ROOT / "scripts" / "setup.sh").read_text(encoding="utf-8")
    installs = [line for line in text.splitlines() if "pip install" in line]
    assert installs
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)


def test_python_versions_agree_everywhere():
    assert PROJECT["project"]["requires-python"] == ">=3.11,<3.14"
    setup = (ROOT / "scripts" / "setup.sh").read_text(encoding="utf-8")
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in setup
    assert PROJECT["tool"]["mypy"]["python_version"] == PYTHONS[0]
