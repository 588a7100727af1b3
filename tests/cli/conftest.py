"""Command lines run in this process, and homes for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kiosk.cli import run


@dataclass(frozen=True)
class Answer:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        answer = json.loads(self.out)
        assert isinstance(answer, dict)
        return answer


@pytest.fixture
def verb(capsys, monkeypatch) -> Callable[..., Answer]:
    """Run a command line in this process, away from any home or keys of the machine."""
    for name in ("HEARTH_HOME", "HEARTH_KEYS"):
        monkeypatch.delenv(name, raising=False)

    def call(*words: object) -> Answer:
        capsys.readouterr()
        code = run([str(word) for word in words])
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return call


@pytest.fixture
def home(tmp_path) -> Path:
    """A home that is not there yet."""
    return tmp_path / "not" / "there" / "yet"
