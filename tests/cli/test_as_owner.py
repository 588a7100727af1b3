"""A command given by root leaves nothing in a home that the home's own user cannot read."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from archive.home import open_home
from kiosk.cli import run
from kiosk.rights import DEVICES
from kiosk.settingsfile import put_settings

NOBODY = 65534
UNITS = Path(__file__).parents[2] / "systemd"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")


def lent_box(place: Path):
    home = open_home(place)
    put_settings(home.config, {"lending.on": True})
    (home.texts / "en.toml").write_text('[poster]\nsign = "Tell us"\n')
    return home


@pytest.fixture
def box():
    """A lent box of another user, in a folder that user can reach."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    home = lent_box(place / "box")
    for path in (home.path, home.keys, *home.path.rglob("*"), *home.keys.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    yield home
    shutil.rmtree(place)


@pytest.fixture
def once_by_root(verb, tmp_path):
    """The same on root's own home: it stays root's, and all of the program is loaded, wherever its Python lies."""
    own = lent_box(tmp_path / "own")
    for word in ("--out", "--back"):
        assert verb("lend", word, "--home", own.path).code == 0
    verb("support", tmp_path / "bundle.zip", "--home", own.path)
    assert os.geteuid() == 0
    assert own.texts.stat().st_uid == 0


def in_a_child(work) -> tuple[int, str]:
    """Do ``work`` in a copy of this process, which may then step down; return what it returned and said."""
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        code = 99
        try:
            sys.stdout = sys.stderr = os.fdopen(said, "w")
            code = work()
            sys.stdout.flush()
        finally:
            os._exit(code)
    os.close(said)
    with os.fdopen(heard) as file:
        told = file.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told


@needs_root
def test_what_root_asks_for_is_done_as_the_owner_of_the_home(box, once_by_root):
    def work() -> int:
        codes = [run(["lend", word, "--home", str(box.path)]) for word in ("--out", "--back")]
        return int(codes != [0, 0] or os.geteuid() == 0 or os.umask(0) != 0o077)

    assert in_a_child(work)[0] == 0
    made = [*box.path.rglob("*"), *box.keys.rglob("*")]
    assert box.texts / "en.toml" in made
    assert [path for path in made if path.lstat().st_uid != NOBODY] == []


@needs_root
def test_where_that_user_may_not_write_is_said_with_who_it_was(box, once_by_root):
    private = Path(tempfile.mkdtemp())
    words = ["support", str(private / "bundle.zip"), "--home", str(box.path)]
    try:
        code, told = in_a_child(lambda: run(words))
        assert code == 1
        assert told.startswith("Going on as nobody, to whom ")
        assert list(private.iterdir()) == []
    finally:
        shutil.rmtree(private)


def test_the_devices_are_seen_as_the_box_sees_them():
    lines = (UNITS / "hearth-kiosk.service").read_text(encoding="utf-8").splitlines()
    assert f"SupplementaryGroups={' '.join(DEVICES)}" in lines
