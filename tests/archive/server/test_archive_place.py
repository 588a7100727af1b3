"""An archive whose catalogue is gone, or whose settings name another one, is not taken for a new archive."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from archive.errors import DamagedStore
from archive.server.place import open_archive


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    with open_archive(tmp_path / "archive") as place:
        place.objects.put("bags/01JC8Q3Y5Z7R9T2V4W6X8Y0A1B/0123456789abcdef/bagit.txt", io.BytesIO(b"told"))
    return tmp_path / "archive"


@pytest.mark.parametrize(
    "lose",
    [
        lambda home: (home / "archive.db").unlink(),
        lambda home: (home / "archive.db").write_bytes(b""),
        lambda home: (home / "config.toml").write_text('[archive]\ncatalogue = "sqlite:archvie.db"\n'),
    ],
)
def test_no_new_catalogue_is_made_beside_bags(home: Path, lose: Callable[[Path], None]) -> None:
    lose(home)
    before = sorted(path.name for path in home.iterdir() if path.stat().st_size)
    with pytest.raises(DamagedStore, match="whose they are"):
        open_archive(home)
    assert sorted(path.name for path in home.iterdir() if path.stat().st_size) == before
    assert (home / "objects/bags/01JC8Q3Y5Z7R9T2V4W6X8Y0A1B/0123456789abcdef/bagit.txt").is_file()


def test_nor_in_an_empty_database_server(home: Path, postgres: Callable[[], str]) -> None:
    (home / "config.toml").write_text(f'[archive]\ncatalogue = "{postgres()}"\n')
    for _ in range(2):
        with pytest.raises(DamagedStore, match="whose they are"):
            open_archive(home)
