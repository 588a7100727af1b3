"""Where a box is expected and none is, nothing is made there, and nobody is told that all is well."""

from __future__ import annotations

import pytest

CODE = "417-maple-river-candle-north"
VERBS = (
    ("verify",), ("backup", "kept"), ("restore",), ("hold",), ("release", "K1WH"), ("guardian", "K1WH"),
    ("erase", "K1WH", "--yes"), ("story", CODE), ("withdraw", CODE), ("play", "K1WH"), ("search", "river"),
    ("heartbeat",), ("steward", "--key", "steward.key"),
)  # fmt: skip


@pytest.mark.parametrize("words", VERBS, ids=lambda words: words[0])
def test_a_slip_in_the_name_of_the_home_is_not_called_sound(verb, tmp_path, monkeypatch, words) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "unmounted").mkdir()
    for name in ("mispelt", "unmounted"):
        told = verb(*words, "--home", tmp_path / name, "--json")
        assert (told.code, told.json["error"]["code"]) == (2, "home-trouble")
        assert told.json["error"]["say"] == f"There is no box in {tmp_path / name}."
    assert [path.name for path in tmp_path.rglob("*")] == ["unmounted"]


def test_a_home_that_lost_its_database_is_still_looked_at(verb, tmp_path) -> None:
    home = tmp_path / "home"
    assert verb("list", "--home", home, "--json").code == 0
    assert verb("verify", "--home", home, "--json").json["sound"]
    (home / "hearth.db").unlink()
    (home / "config.toml").unlink()
    assert verb("verify", "--home", home, "--json").code in {0, 1}
