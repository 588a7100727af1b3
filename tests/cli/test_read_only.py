"""A home on a disk that may only be read: what it keeps can still be looked at, checked and carried away."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.database import connect_to_read
from archive.errors import HomeTrouble
from archive.home import home_to_read, open_home
from archive.shelf import Wording
from archive.store import Store
from audio.clock import SystemClock

BOX = "box"


@pytest.fixture
def sealed_off(tmp_path: Path) -> Iterator[Path]:
    """A folder whose contents may not be written: mounted so, or for who is not root by its rights."""
    folder = tmp_path / "disk"
    folder.mkdir()
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)
    for path in (folder, folder / BOX):
        if path.exists():
            path.chmod(0o700)


def seal_off(folder: Path) -> None:
    if os.geteuid():
        for path in (folder / BOX, folder):
            path.chmod(stat.S_IRUSR | stat.S_IXUSR)
        return
    for command in (["--bind", str(folder), str(folder)], ["-o", "remount,ro,bind", str(folder)]):
        if subprocess.run(["mount", *command], capture_output=True, check=False).returncode:
            pytest.skip("mounting is not allowed here")


def test_reading_verbs_work_and_change_nothing_and_the_others_say_why_not(verb, sealed_off, tmp_path) -> None:
    home = sealed_off / BOX
    Store(open_home(home), SystemClock()).close()
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    seal_off(sealed_off)
    assert verb("list", "--home", home, "--json").json == {"stories": [], "guests": []}
    assert verb("verify", "--home", home, "--json").code == 0
    assert verb("search", "--home", home, "river", "--json").code == 0
    saved = verb("backup", tmp_path / "saved", "--keys", tmp_path / "keys", "--home", home)
    assert saved.code == 0, saved.err
    told = verb("doctor", "--home", home, "--json")
    assert (told.code, told.json["error"]["code"]) == (1, "not-well")
    assert "store" in {one["code"] for one in told.json["findings"] if not one["ok"]}
    assert "may be written" in verb("doctor", "--home", home).out
    refused = verb("retention", "--home", home)
    assert refused.code != 0
    assert "may be written" in refused.err
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_a_receipt_is_read_and_a_keep_code_is_refused_with_the_reason(verb, sealed_off) -> None:
    home = sealed_off / BOX
    with Store(open_home(home), SystemClock()) as store:
        take = store.open_take(prompt="p", language="en", wording=Wording("1", "ab" * 32, "en"), by="key").id
        store.add_tombstone(take)
    seal_off(sealed_off)
    assert "sound" in verb("story", take, "--home", home, "--json").json["withdrawn"]["erased_here"]
    refused = verb("story", "417-maple-river-candle-north", "--home", home, "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, HomeTrouble.code)
    assert "cannot be tried" in refused.json["error"]["say"]


def test_what_a_crash_left_in_the_log_is_read_along(verb, sealed_off, tmp_path) -> None:
    home = sealed_off / BOX
    with Store(open_home(tmp_path / "alive"), SystemClock()) as store:
        store.add_command("press", "talk")
        shutil.copytree(tmp_path / "alive", home)
    seal_off(sealed_off)
    assert (home / "hearth.db-wal").stat().st_size
    with Store(home_to_read(home), SystemClock(), to_read=True) as looking:
        assert looking.last_command() > 0
        with pytest.raises(HomeTrouble):
            looking.add_command("press", "talk")


def test_a_log_that_cannot_be_read_without_writing_and_no_box_at_all_are_said(sealed_off, tmp_path) -> None:
    home = sealed_off / BOX
    with Store(open_home(tmp_path / "alive"), SystemClock()) as store:
        store.add_command("press", "talk")
        shutil.copytree(tmp_path / "alive", home)
    (home / "hearth.db-shm").unlink()
    seal_off(sealed_off)
    with pytest.raises(HomeTrouble, match="without writing"):
        connect_to_read(home_to_read(home))
    with pytest.raises(HomeTrouble, match="no box"):
        home_to_read(sealed_off / "nowhere")
