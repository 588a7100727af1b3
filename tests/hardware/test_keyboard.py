from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from hardware.keyboard import KEYS, KeyboardControls, control_for, explain
from hardware.types import Control

TEXTS = Path(__file__).parents[2] / "kiosk" / "text"


@pytest.mark.parametrize(
    ("key", "control"),
    [
        ("left", Control.LEFT), ("A", Control.LEFT), ("down", Control.MIDDLE), ("s", Control.MIDDLE),
        ("space", Control.MIDDLE), ("return", Control.MIDDLE), ("right", Control.RIGHT), ("d", Control.RIGHT),
        ("1", Control.CUE1), ("[8]", Control.CUE8), ("F", Control.FACILITATOR), ("l", Control.LANGUAGE),
        ("v", Control.VOLUME), ("q", None), ("escape", None), ("", None),
    ],
)  # fmt: skip
def test_keys_stand_for_controls(key, control):
    assert control_for(key) is control


def test_every_control_has_a_key():
    assert set(KEYS.values()) == set(Control)


def test_the_explanation_names_keys_that_work_and_every_control():
    signs = {"←": "left", "→": "right", "↓": "down"}
    explained = set()
    for keys, text_key in explain():
        assert text_key.startswith("keys.")
        names = [str(n) for n in range(1, 9)] if keys == "1-8" else keys.split()
        explained |= {control_for(signs.get(name, name)) for name in names}
    assert explained == set(Control)


def test_a_touch_on_the_screen_is_a_press_and_a_nervous_finger_is_one(hands):
    controls, told = KeyboardControls(hands), []
    controls.start(told.append)
    for pause in (0.01, 0.2, 0.0):
        controls.touch(Control.RIGHT)
        hands.now += pause
    assert [(event.control, event.at) for event in told] == [
        (Control.RIGHT, 100.0),
        (Control.RIGHT, pytest.approx(100.21)),
    ]


def test_a_key_that_does_nothing_is_told_apart(hands):
    controls, told = KeyboardControls(hands), []
    controls.start(told.append)
    assert controls.key("q", True) is None
    assert told == []


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_is_explained_has_words(language):
    texts = tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))
    assert {text_key.split(".")[1] for _, text_key in explain()} <= set(texts["keys"])
