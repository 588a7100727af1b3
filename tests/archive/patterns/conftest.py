"""An empty archive for patterns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.server.place import ArchiveHome, open_archive
from audio.clock import SystemClock


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveHome]:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    with open_archive(tmp_path / "archive", SystemClock()) as opened:
        yield opened
