"""Object stores for the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.objects import Objects, open_objects


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    return open_objects(
        f"folder:{tmp_path / 'objects'}" if request.param == "folder" else request.getfixturevalue("s3_url")
    )
