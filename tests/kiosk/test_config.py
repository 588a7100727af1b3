"""Settings: defaults, what is refused and in which words."""

from __future__ import annotations

from dataclasses import fields

import pytest

from hardware.types import CUES, Control, Lamp
from kiosk import config
from kiosk.box import pins_of
from kiosk.errors import BadConfig
from kiosk.types import Rules


def test_an_absent_file_and_an_empty_one_are_the_defaults(tmp_path):
    assert config.load(tmp_path / "config.toml") == config.Config()
    assert config.parse("") == config.Config()
    assert config.Config().rules() == Rules()


def test_the_default_file_can_be_read_with_and_without_its_comments():
    text = config.default_toml()
    assert config.parse(text) == config.Config()
    bare = "\n".join(
        line.removeprefix("# ") if " = " in line and line.startswith("# ") else line
        for line in text.splitlines()
        if "left = 17" not in line
    )
    assert config.parse(bare) == config.Config()
    for kind in config.SECTIONS.values():
        assert all(f"# {item.name} = " in text for item in fields(kind))


def test_what_is_set_is_taken(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(
        '[site]\nname = "Biblioteca"\nlanguage = "es"\nlanguages = ["en", "es"]\n[times]\nstory = 120\n[pins]\nleft = 17\n[screen]\nfullscreen = true\n'
    )
    loaded = config.load(path)
    assert (loaded.site.name, loaded.times.story, loaded.pins, loaded.screen.fullscreen) == (
        "Biblioteca",
        120.0,
        {"left": 17},
        True,
    )
    assert loaded.rules().story == 120.0


@pytest.mark.parametrize(
    ("text", "said", "advice"),
    [
        ("[sounds]\n", "no section called 'sounds'", "'sound'"),
        ("[sound]\nmicrofone = 'x'\n", "no setting in [sound] called 'microfone'", "'microphone'"),
        ("[sound]\nqqqq = 'x'\n", "'qqqq'", "Known are"),
        ("site = 1\n", "'site' is a section", "[site]"),
        ("[site]\nname = 3\n", "site.name is 3", "our library"),
        ("[site]\nname = ' '\n", "Text, not empty", ""),
        ("[site]\nlanguages = []\n", "A list of different words", ""),
        ("[site]\nlanguages = ['en', 'en']\n", "A list of different words", ""),
        ("[site]\nlanguage = 'ar'\n", "'ar' is not among", "site.languages"),
        ("[times]\nstill_there = 5\n", "from 20 to 300", "20.0"),
        ("[times]\nstory = true\n", "A number from", ""),
        ("[times]\nextensions = 2.5\n", "A whole number from 10", ""),
        ("[screen]\nfullscreen = 1\n", "true or false", "false"),
        ("[sound]\nvad = 'ears'\n", "One of: silero, webrtc", ""),
        ("[pins]\nlef = 3\n", "no pin called 'lef'", "'left'"),
        ("[pins]\nleft = 99\n", "pins.left is 99", "0 to 27"),
        ("[pins]\nleft = 3\nright = 3\n", "are both 3", "its own pin"),
        ("[site\n", "not valid TOML", "Correct that line"),
    ],
)
def test_what_is_not_allowed_is_refused_with_a_sentence(text, said, advice):
    with pytest.raises(BadConfig) as caught:
        config.parse(text, "/home/box/config.toml")
    assert said in caught.value.say
    assert caught.value.say.startswith("/home/box/config.toml")
    assert advice in caught.value.do
    assert caught.value.do


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadConfig, match="cannot be read"):
        config.load(tmp_path / "config.toml")


def test_every_cue_button_and_its_lamp_can_be_wired() -> None:
    usual = pins_of(config.parse(""))
    assert usual.hat
    assert {control for control in usual.controls if control in CUES} == set(CUES[:4])
    eight = pins_of(config.parse("[controls]\ncue_buttons = 8\n[pins]\nlamp_cue5 = 14\ncue7 = 18\n"))
    assert (eight.lamps[Lamp.CUE5], eight.controls[Control.CUE7]) == (14, 18)
    assert set(CUES) <= set(eight.controls)
    lamps = {name.removeprefix("lamp_") for name in config.PIN_NAMES if name.startswith("lamp_")} | {"ring"}
    assert lamps == set(Lamp), "a name that is offered in the settings is one the box knows"


def test_a_secret_without_its_quotation_marks_is_not_repeated() -> None:
    for text in ("[controls]\nfacilitator_code = 4267\n", "[sync]\nproxy = ['http://rosalind:4267@proxy.example']\n"):
        with pytest.raises(BadConfig, match="is not allowed") as caught:
            config.parse(text)
        assert "4267" not in caught.value.say + caught.value.do
