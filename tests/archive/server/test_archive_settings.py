"""An archive's settings: what nobody would read is refused by its name, and an address is a whole one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archive.errors import HomeTrouble
from archive.server.settings import read_settings


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[archive]\nnmae = 'x'", "nmae"), ("[doors]\nx = 1", "[doors]"), ("foo = 1", "[foo]"),
        ("[door]\nadress = 'https://a.example'", "adress"), ("[serve]\nname = ['a']", "'name' in [serve]"),
        ("[patterns]\nmodel = 'x'", "model"), ("[door]\naddress = 'a.example'", "is no address"),
        ("[door]\naddress = 'https://me:secret@a.example'", "is no address"), ("[door]\ncontact = 5", "no mail address"),
        ("[archive]\npublic = 'yes'", "'public'"),
    ],
)  # fmt: skip
def test_a_setting_nobody_would_read_is_refused_by_its_name(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(HomeTrouble) as told:
        read_settings(tmp_path / "config.toml")
    assert named in told.value.say
    assert told.value.do


def test_the_first_settings_and_what_they_show_as_examples_are_read(tmp_path: Path) -> None:
    first = read_settings(tmp_path / "config.toml")
    assert (first.public, dict(first.more)) == (False, {})
    text = (tmp_path / "config.toml").read_text()
    shown = re.sub(r"(?m)^# (\[\w+\]|\w+ = .*)$", r"\1", text)
    assert "\n[door]\n" in shown
    (tmp_path / "config.toml").write_text(shown)
    assert set(read_settings(tmp_path / "config.toml").more) == {"serve", "door"}
