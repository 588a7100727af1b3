"""What every test shares: minutes by group, and the list of what this machine could not run."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

# What is tested is what is installed: programs the tests start must not take modules from the folder they stand in.
os.environ["PYTHONSAFEPATH"] = "1"
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

_TESTS = Path(__file__).parent
_seconds: Counter[str] = Counter()
_skipped: list[tuple[str, str]] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    group = report.nodeid.split("/")[1] if "/" in report.nodeid else "other"
    _seconds[group] += report.duration
    if report.skipped and isinstance(report.longrepr, tuple):
        _skipped.append((report.nodeid, report.longrepr[2].removeprefix("Skipped: ")))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("minutes by group")
    for group, seconds in _seconds.most_common():
        terminalreporter.write_line(f"{seconds / 60:6.1f} min  {group}")
    terminalreporter.section("what this machine could not run")
    for node, reason in _skipped:
        terminalreporter.write_line(f"{node}: {reason}")
    if not _skipped:
        terminalreporter.write_line("nothing: every test ran")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Debian's PostgreSQL, started for these tests in a folder of its own; each call gives the address of an empty place.

    Only a socket in that folder leads in. As root the server runs as the user its package made.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    programs = found[-1].parent if found else None
    if programs is None:
        pytest.skip("the database server is not installed (Debian: postgresql)")
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="hearth-pg-"))
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        call = [programs / program, "-D", data, *arguments]
        subprocess.run(
            call, check=True, user=user, cwd=folder, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    try:
        run("initdb", "-A", "trust", "-U", "hearth", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        # What the tests kill is the server's client, never the server: it need not wait for the disk.
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -c listen_addresses= -c fsync=off", "start")
        numbers = count(1)

        def empty() -> str:
            name = f"place{next(numbers)}"
            psql = [programs / "psql", "-q", "-h", folder, "-U", "hearth", "-d", "postgres", "-c", f"CREATE SCHEMA {name}"]
            subprocess.run(psql, check=True, timeout=60)
            return f"postgresql:///postgres?host={folder}&user=hearth&options=-csearch_path%3D{name}"

        try:
            yield empty
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
