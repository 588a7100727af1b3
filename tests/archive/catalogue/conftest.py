"""A catalogue of every kind, empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.catalogue import Catalogue, open_catalogue


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty catalogue of each kind."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'archive.db'}"
    return str(request.getfixturevalue("postgres")())


@pytest.fixture
def catalogue(address: str) -> Iterator[Catalogue]:
    with open_catalogue(address) as opened:
        yield opened
