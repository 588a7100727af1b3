"""What `hearth sync` says to a person and to a program when something is refused, or breaks off."""

from __future__ import annotations

import re

import pytest

from archive.server.place import open_archive
from archive.server.visits import visit_folder
from archive.transports.folder import BOXES


def test_a_run_that_breaks_off_tells_what_was_done_and_why_it_ended(verb, home, tmp_path) -> None:
    (tmp_path / "file").write_text("no folder")
    told = verb("sync", "--to", tmp_path / "file", "--home", home, "--json")
    assert told.code == 1
    assert told.json["error"]["code"] == "transport-trouble"
    assert (told.json["bags"], told.json["waiting"]) == ([], 0)
    assert "is not a folder." in told.err
    told = verb("sync", "--to", tmp_path / "file", "--home", home)
    assert (told.code, told.out.splitlines()[0]) == (1, f"To {tmp_path / 'file'}: 0 stories signed for, 0 withdrawals.")
    assert "is not a folder." in told.err


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_feed_that_is_not_believed_is_said_and_ends_with_one(verb, home, tmp_path, as_json) -> None:
    with open_archive(tmp_path / "archive") as place:
        (tmp_path / "stick").mkdir()
        visit_folder(place, tmp_path / "stick")
    assert verb("sync", "--to", tmp_path / "stick", "--home", home).code == 0
    (hello,) = (tmp_path / "stick" / BOXES).glob("*.json")
    hello.with_suffix(".feed").write_bytes(b"something else")
    told = verb("sync", "--to", tmp_path / "stick", "--home", home, *as_json)
    assert told.code == 1
    if as_json:
        assert told.json["error"]["code"] == "feed-refused"
    assert "was not taken: What the archive sent is not a feed." in told.out
    steps = told.err.splitlines()
    assert "Reading what the archive prepared for this box" in steps
    assert all(re.fullmatch(r"[A-Z][^{}_]+", line) for line in steps)


def test_a_box_that_comes_by_stick_is_made_known_as_the_visit_says(verb, home, tmp_path) -> None:
    stick, place = tmp_path / "stick", ("--home", tmp_path / "archive")
    stick.mkdir()
    assert verb("archive", "visit", stick, *place).code == 0
    assert verb("sync", "--to", stick, "--home", home).code == 0
    said = verb("archive", "visit", stick, *place).out
    (letters,) = re.findall(r"asks for a feed: ((?:[0-9a-f]{4} ?){8})\.", said)
    assert letters in verb("doctor", "--home", home).out, "the same stands at the box, so that two people can compare"
    (meet,) = re.findall(r"hearth archive box meet NAME (\S+)", said)
    assert verb("archive", "box", "meet", "maple-street", meet, *place).code == 0
    assert "maple-street" in verb("archive", "box", "list", *place).out
    assert "asks for a feed" not in verb("archive", "visit", stick, *place).out
