from __future__ import annotations

from pathlib import Path

import pytest

from hardware.errors import NoPinLibrary, NoPins


class HandClock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def hands() -> HandClock:
    return HandClock()


class MadeMachine:
    """A tree that looks like a kernel's files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


@pytest.fixture
def machine(tmp_path: Path) -> MadeMachine:
    return MadeMachine(tmp_path / "machine")


@pytest.fixture
def if_there_are_pins():
    """Try something that needs real pins: returns what it made, or the sentence that says why it cannot."""

    def attempt(make):
        try:
            return make(), None
        except (NoPins, NoPinLibrary) as why:
            return None, why

    return attempt
