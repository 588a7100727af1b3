from __future__ import annotations

import pytest

from hardware.keyboard import KEYS, control_for, explain
from hardware.types import Control


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
