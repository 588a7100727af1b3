"""Whether every locked package is there ready-made for a board: pip is asked, with hashes, and nothing is built.

Packages that exist as sources alone are pure Python (the list below says which); the box builds those itself, which
needs their build tools and no compiler.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from packaging.markers import Marker

LOCK = Path(__file__).parents[1] / "locks/run.txt"
TEST_LOCK = LOCK.with_name("test.txt")
TEST_TOOLS = frozenset({
    "hypothesis", "iniconfig", "packaging", "pluggy", "pygments", "pytest", "pytest-timeout", "sortedcontainers",
})  # fmt: skip
"""What the core of the tests runs with, beside what a box runs with."""
SOURCES_ALONE = {"bagit": ("setuptools", "setuptools-scm>=8", "wheel")}
"""Pure Python without a wheel on the index, and what building it takes."""
GLIBC = {"3.11": 36, "3.12": 38, "3.13": 41}
"""The C library that comes with each Python: Debian 12 has 2.36, Debian 13 has 2.41."""
_ENTRY = re.compile(
    r"^([A-Za-z0-9._-]+==[^ \\;]+)(?: ; ([^\\\n]+))? \\\n((?:    --hash=\S+(?: \\)?\n?)+)", re.MULTILINE
)


def entries(lock: str, machine: str, python: str) -> dict[str, str]:
    """What the lock asks for on that board, by name and version, with its hashes.

    Markers are judged here: pip judges them for the Python it runs on itself.
    """
    there = {
        "python_version": python, "python_full_version": f"{python}.2", "platform_machine": machine, "sys_platform": "linux",
        "implementation_name": "cpython", "platform_python_implementation": "CPython", "os_name": "posix", "platform_system": "Linux",
    }  # fmt: skip
    return {
        name: f"{name} \\\n{hashes}"
        for name, marker, hashes in _ENTRY.findall(lock)
        if not marker or Marker(marker).evaluate(there)
    }


def wanted(machine: str, python: str, *, tests: bool = False) -> dict[str, str]:
    """What a box has on that board, and with ``tests`` what its tests run with: as `entries`."""
    every = entries(LOCK.read_text(encoding="utf-8"), machine, python)
    if not tests:
        return every
    more = entries(TEST_LOCK.read_text(encoding="utf-8"), machine, python)
    return every | {name: text for name, text in more.items() if name.partition("==")[0] in TEST_TOOLS}


def tags(machine: str, python: str) -> list[str]:
    """Options of pip for a board: every manylinux its C library can run, newest first."""
    number = python.replace(".", "")
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC[python], 16, -1)] + [
        f"manylinux2014_{machine}",
        f"linux_{machine}",
    ]
    abis = [f"cp{number}", "abi3", "none"]
    return [
        "--only-binary=:all:", "--python-version", python, "--implementation", "cp",
        *(part for abi in abis for part in ("--abi", abi)), *(part for one in platforms for part in ("--platform", one)),
    ]  # fmt: skip


def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this environment's pip."""
    return subprocess.run(
        [sys.executable, "-m", "pip", *arguments, "--no-input", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=False,
    )


def check(machine: str, python: str, target: Path | None, *, tests: bool = False) -> dict[str, object]:
    """Ask for all of the lock at once; return what would be installed, and what is missing."""
    every = wanted(machine, python, tests=tests)
    sources = {name: text for name, text in every.items() if name.partition("==")[0] in SOURCES_ALONE}
    with tempfile.TemporaryDirectory() as room:
        lock = Path(room) / "lock.txt"
        lock.write_text("\n".join(text for name, text in every.items() if name not in sources), encoding="utf-8")
        report = Path(room) / "report.json"
        asked = pip(
            "install",
            "--dry-run",
            "--ignore-installed",
            "--no-deps",
            "--require-hashes",
            "--quiet",
            "--report",
            str(report),
            "--target",
            room,
            *tags(machine, python),
            "-r",
            str(lock),
        )
        if asked.returncode:
            missing = re.findall(r"No matching distribution found for (\S+)", asked.stderr)
            return {
                "python": python,
                "machine": machine,
                "ok": False,
                "missing": missing or [asked.stderr.strip()[-300:]],
            }
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
        names = sorted(Path(one["download_info"]["url"]).name for one in found)
        wrong = [name for name in names if not name.endswith(".whl")]
        fetched = _fetch(machine, python, lock, target, sources) if target else None
    answer: dict[str, object] = {
        "python": python, "machine": machine, "ok": not wrong, "wheels": len(names), "compiled": sum("none-any" not in name for name in names),
        "built_on_the_box": sorted(SOURCES_ALONE), "missing": wrong,
    }  # fmt: skip
    return answer | ({} if fetched is None else {"fetched_mb": fetched})


def _fetch(machine: str, python: str, lock: Path, target: Path, sources: dict[str, str]) -> int:
    """Fetch all of it into ``target``; return its size in megabytes."""
    target.mkdir(parents=True, exist_ok=True)
    others = lock.with_name("sources.txt")
    others.write_text("\n".join(sources.values()), encoding="utf-8")
    tools: Sequence[str] = sorted({tool for needs in SOURCES_ALONE.values() for tool in needs})
    for arguments in (
        ("--no-deps", "--require-hashes", *tags(machine, python), "-r", str(lock)),
        ("--no-deps", "--require-hashes", "-r", str(others)),
        ("--only-binary=:all:", *tools),
    ):
        done = pip("download", "--quiet", "-d", str(target), *arguments)
        if done.returncode:
            sys.exit(f"The packages could not be fetched: {done.stderr.strip()[-300:]}")
    return sum(path.stat().st_size for path in target.iterdir()) // 1_000_000


def main() -> int:
    """Check each Python asked for."""
    parser = argparse.ArgumentParser(description="Check that every locked package is ready-made for a board.")
    parser.add_argument("--python", nargs="+", choices=sorted(GLIBC), default=sorted(GLIBC))
    parser.add_argument("--machine", choices=("aarch64", "x86_64"), default="aarch64")
    parser.add_argument("--to", type=Path, help="fetch the packages into this folder (give one Python)")
    parser.add_argument("--tests", action="store_true", help="what the core of the tests runs with too")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    answers = [check(given.machine, python, given.to, tests=given.tests) for python in given.python]
    if given.json:
        print(json.dumps({"ok": all(one["ok"] for one in answers), "checked": answers}))
    else:
        for one in answers:
            told = (
                f"{one['wheels']} wheels, {one['compiled']} of them compiled"
                if one["ok"]
                else f"missing: {', '.join(map(str, one['missing']))}"
            )
            print(f"{'ok  ' if one['ok'] else 'LOOK'}  Python {one['python']} on {one['machine']}: {told}")
    return 0 if all(one["ok"] for one in answers) else 1


if __name__ == "__main__":
    sys.exit(main())
