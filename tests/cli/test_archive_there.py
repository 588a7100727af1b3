"""Where an archive is expected and none is, nothing is made there; where one may begin, that is said."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "words",
    [("search", "river"), ("verify",), ("export", "out"), ("backup", "kept"), ("move", "--to", "folder:other")],
    ids=lambda words: words[0],
)
def test_a_slip_in_the_name_of_the_home_makes_no_archive(verb, tmp_path, monkeypatch, words) -> None:
    monkeypatch.chdir(tmp_path)
    told = verb("archive", *words, "--home", tmp_path / "mispelt", "--json")
    assert (told.code, told.json["error"]["code"]) == (2, "home-trouble")
    assert told.json["error"]["say"] == f"There is no archive at {tmp_path / 'mispelt'}."
    assert not list(tmp_path.iterdir())


def test_a_new_archive_is_said_once_and_is_there_from_then_on(verb, tmp_path) -> None:
    home = tmp_path / "new"
    assert "a new one is made there" in verb("archive", "box", "add", "maple", "--home", home, "--json").err
    assert verb("archive", "box", "list", "--home", home).err == ""
    assert verb("archive", "search", "river", "--home", home, "--json").json == {"results": []}
    assert verb("archive", "partner", "stories", "--home", home).out == "No partner lends a story here.\n"
    slip = verb("archive", "medley", "make", "A ferry", "SLIP", "--home", home, "--json").json["error"]
    assert "identifier" in slip["do"]
