"""The real program as a process, real speech, and one evening at the box that many tests look at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from archive.home import open_home
from archive.store import Store
from audio.clock import SystemClock
from audio.errors import NoModel
from audio.models import find
from audio.speech import Spoken, on_this_machine

PROGRAM = Path(sys.executable).parent / "hearth"
LEFT_OUT = {"HEARTH_HOME", "HEARTH_KEYS"}


@dataclass(frozen=True)
class Ran:
    """How a run of the program ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        answer = json.loads(self.out)
        assert isinstance(answer, dict)
        return answer


@dataclass(frozen=True)
class Evening:
    """What two tellers left behind: the first shares with the room and the archive, the second with nobody."""

    home: Path
    files: tuple[Path, ...]
    report: dict[str, Any]

    @property
    def shared(self) -> dict[str, Any]:
        return self.report["stories"][0]

    @property
    def private(self) -> dict[str, Any]:
        return self.report["stories"][1]

    def copy(self, to: Path) -> Evening:
        """The same home once more, keys beside it as they were."""
        shutil.copytree(self.home, to)
        shutil.copytree(self.home.with_name(f"{self.home.name}-keys"), to.with_name(f"{to.name}-keys"))
        return Evening(to, self.files, self.report)


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in LEFT_OUT} | more


@pytest.fixture(scope="session")
def program() -> Path:
    return PROGRAM


@pytest.fixture(scope="session")
def clean_environment() -> Callable[..., dict[str, str]]:
    return environment


@pytest.fixture(scope="session")
def hearth() -> Callable[..., Ran]:
    """Run the real program to its end."""

    def run(*words: object, timeout: float = 200, **env: str) -> Ran:
        done = subprocess.run(
            [PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=timeout, check=False,
            env=environment(**env), stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def speech() -> list[Spoken]:
    """Short real recordings, shortest first."""
    try:
        find("tiny.en")
        found = list(on_this_machine())
    except NoModel as error:
        pytest.skip(f"{error.say} {error.do}")

    def seconds(one: Spoken) -> float:
        with wave.open(str(one.path)) as file:
            return file.getnframes() / file.getframerate()

    return sorted(found, key=seconds)


@pytest.fixture(scope="session")
def clearest(speech) -> Spoken:
    """The recording whose words a small model gets right."""
    return next((one for one in speech if "mister john dashwood" in one.text), speech[-2])


@pytest.fixture(scope="session")
def evening(hearth, speech, clearest, tmp_path_factory) -> Evening:
    home = tmp_path_factory.mktemp("evening") / "home"
    files = (clearest.path, speech[0].path)
    ran = hearth(
        "simulate", "--home", home, "--mic", files[0], "--mic", files[1], "--json", "--presses",
        "talk agree talk @speech talk keep archive play_here done talk agree talk @2.5 talk keep done",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    return Evening(home, files, ran.json)


@pytest.fixture
def copied(evening, tmp_path) -> Evening:
    return evening.copy(tmp_path / "box")


@pytest.fixture
def look() -> Callable[[Path], Store]:
    """Open the store of a home, as a second program would."""

    def open_store(home: Path) -> Store:
        return Store(open_home(home), SystemClock())

    return open_store


@pytest.fixture(scope="session")
def pcm_of() -> Callable[[Path], bytes]:
    def read(path: Path) -> bytes:
        with wave.open(str(path)) as file:
            return file.readframes(file.getnframes())

    return read


@pytest.fixture
def in_process(capsys, monkeypatch) -> Callable[..., Ran]:
    """Run a command line in this process: the same answers, faster."""
    from kiosk.cli import run

    for name in LEFT_OUT:
        monkeypatch.delenv(name, raising=False)

    def call(*words: object) -> Ran:
        capsys.readouterr()
        code = run([str(word) for word in words])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return call
