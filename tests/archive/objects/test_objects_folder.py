"""What a folder adds to the contract: durable, whole after a kill, and nothing leads out of it."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archive.errors import NoSuchObject, StoreTrouble
from archive.objects import open_objects
from archive.objects.folder import FolderObjects

KEY = "bags/a/data/story.flac"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def store(root: Path) -> FolderObjects:
    return FolderObjects(root)


def test_an_object_is_a_file_of_its_owner_alone(store: FolderObjects, root: Path) -> None:
    store.put(KEY, io.BytesIO(b"hello"))
    path = root / KEY
    assert path.read_bytes() == b"hello"
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(folder.stat().st_mode & 0o777 == 0o700 for folder in (root, root / "bags", path.parent))


def test_data_and_every_new_name_are_synced_before_put_returns(
    store: FolderObjects, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, rename = os.fsync, os.rename

    def synced(handle: int) -> None:
        steps.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().relative_to(root)}".split(".flac.")[0])
        sync(handle)

    def renamed(*args: object, **more: object) -> None:
        steps.append("rename")
        rename(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    store.put(KEY, io.BytesIO(b"hello"))
    assert steps == [
        "sync .",
        "sync bags",
        "sync bags/a",
        "sync bags/a/data/story",
        "rename",
        "sync bags/a/data",
    ]


def test_a_link_planted_in_the_folder_leads_nowhere(store: FolderObjects, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"not yours")
    store.put("bags/a/x", io.BytesIO(b"x"))
    (root / "bags/link").symlink_to(outside)
    (root / "bags/a/secret").symlink_to(outside / "secret")
    os.mkfifo(root / "bags/a/pipe")
    for key in ("bags/link/secret", "bags/a/secret"):
        assert not _there(store, key)
    assert list(store.keys()) == ["bags/a/x"]
    with pytest.raises(StoreTrouble):
        store.put("bags/link/new", io.BytesIO(b"x"))
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert store.delete("bags/a/secret")
    assert (outside / "secret").read_bytes() == b"not yours"


def _there(store: FolderObjects, key: str) -> bool:
    try:
        store.open(key).close()
    except (NoSuchObject, StoreTrouble):
        return False
    return True


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "objects").symlink_to(tmp_path / "disk")
    store = open_objects(f"folder:{tmp_path / 'objects'}")
    store.put(KEY, io.BytesIO(b"x"))
    assert (tmp_path / "disk" / KEY).read_bytes() == b"x"


def test_empty_folders_go_and_full_ones_stay(store: FolderObjects, root: Path) -> None:
    store.put(KEY, io.BytesIO(b"x"))
    store.put("bags/b", io.BytesIO(b"x"))
    store.delete(KEY)
    assert sorted(path.name for path in root.rglob("*")) == ["b", "bags"]


def test_a_full_disk_is_said_and_not_made_fuller(
    store: FolderObjects, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (root / "bags/a/data").mkdir(parents=True)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreTrouble, match="full"):
        store.put(KEY, io.BytesIO(b"x" * 100_000))
    monkeypatch.undo()
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_a_place_that_cannot_be_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreTrouble) as told:
        FolderObjects(tmp_path / "file" / "objects")
    assert told.value.do


WRITER = """
import io, sys
from archive.objects import open_objects
store = open_objects("folder:" + sys.argv[1])
class Endless(io.RawIOBase):
    given = 0
    def read(self, size=-1):
        if self.given > 3_000_000:
            print("writing", flush=True)
            sys.stdin.read()
        self.given += size
        return b"n" * size
store.put(sys.argv[2], io.BytesIO(b"old"))
store.put(sys.argv[2], Endless())
"""


def test_a_killed_writer_leaves_the_old_object_and_is_swept_later(store: FolderObjects, root: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), KEY], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"writing\n"
    child.kill()
    child.communicate()
    assert store.open(KEY).read() == b"old"
    assert list(store.keys()) == [KEY]
    left = list(root.rglob("*.part"))
    assert len(left) == 1
    assert store.sweep() == 0
    yesterday = time.time() - 90_000
    os.utime(left[0], (yesterday, yesterday))
    assert store.sweep() == 1
    assert [path.name for path in root.rglob("*") if path.is_file()] == ["story.flac"]
