from __future__ import annotations

import os
import shutil
from typing import NamedTuple

import pytest

from audio.types import AudioFormat
from kiosk import room as module
from kiosk.room import AHEAD_S, Room

SOUND = AudioFormat(16_000)
SECOND = SOUND.rate * SOUND.frame_bytes


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def disk(monkeypatch):
    """A disk whose free space the test sets."""
    free = [10_000_000_000]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free[0]))
    return free


def on_disk(folder):
    """Bytes the file has and, where the file system tells, really has on the disk."""
    stat = (folder / ".room").stat()
    return stat.st_size, stat.st_blocks * 512


def test_space_is_really_taken_and_given_back(tmp_path):
    room = Room(tmp_path)
    assert room.hold(SOUND, 60.0)
    size, blocks = on_disk(tmp_path)
    assert size == room.held >= 60 * SECOND
    assert blocks >= size
    room.release()
    assert room.held == 0
    assert not (tmp_path / ".room").exists()


def test_it_shrinks_ahead_of_the_take_and_keeps_the_end(tmp_path):
    room = Room(tmp_path)
    room.hold(SOUND, 600.0)
    whole = room.held
    room.grown(SOUND, 0)
    assert whole - room.held >= AHEAD_S * SECOND, "the first seconds must find space"
    room.grown(SOUND, 100 * SECOND)
    assert room.held <= whole - 105 * SECOND
    assert on_disk(tmp_path)[0] == room.held
    before = room.held
    room.grown(SOUND, 50 * SECOND)
    assert room.held == before, "it never grows while there is enough"


def test_a_longer_story_gets_more_if_there_is(tmp_path, disk):
    room = Room(tmp_path)
    room.hold(SOUND, 100.0)
    room.grown(SOUND, 50 * SECOND)
    assert room.held > 300 * SECOND
    room.release()
    room.hold(SOUND, 100.0)
    disk[0] = 0
    room.grown(SOUND, 99 * SECOND)
    assert room.held == module._LATER_BYTES, "what closing and keeping need stays held"


def test_too_little_space_holds_nothing(tmp_path, disk):
    room = Room(tmp_path)
    disk[0] = 60 * SECOND + module.SPARE_BYTES
    assert not room.fits(SOUND, 60.0)
    assert not room.hold(SOUND, 60.0)
    assert not (tmp_path / ".room").exists()
    disk[0] += 10_000_000
    assert room.hold(SOUND, 60.0)


def test_what_a_killed_run_held_is_given_back(tmp_path):
    Room(tmp_path).hold(SOUND, 1.0)
    Room(tmp_path).release()
    assert not (tmp_path / ".room").exists()


def test_a_disk_that_refuses_is_no_room(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    room = Room(tmp_path)
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    assert not room.hold(SOUND, 1.0)
    assert room.held == 0
    monkeypatch.setattr(os, "fsync", refuse)
    assert not room.fits(SOUND, 1.0)
    assert list(tmp_path.iterdir()) == []
    assert not Room(tmp_path / "gone").fits(SOUND, 1.0)


def test_a_room_that_cannot_shrink_goes_on(tmp_path, monkeypatch):
    room = Room(tmp_path)
    room.hold(SOUND, 600.0)
    held = room.held

    def refuse(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "ftruncate", refuse)
    room.grown(SOUND, 50 * SECOND)
    assert room.held == held
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    room.grown(SOUND, 590 * SECOND)
    assert room.held == held
    room.release()
