"""What an archive tells every visitor arrives by feed and stands on the idle and the thanks screen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pygame
import pytest

from kiosk.keys import keys
from kiosk.screens.measure import measure
from kiosk.screens.renderer import Renderer
from kiosk.texts import load, shipped_languages
from kiosk.theme import DUSK, PANEL_WIDTHS_MM
from kiosk.types import Session, State
from kiosk.view import Extras, view

LINES = {
    "en": "The bench by the river is back, as you wished.",
    "es": "El banco junto al río ha vuelto, como pidieron",
    "ar": "عاد المقعد قرب النهر كما طلبتم في قصصكم هنا.",
    "hi": "नदी किनारे की बेंच लौट आई, जैसा आपने चाहा था।",
    "zh": "如您所愿，河边的长椅又回来了。谢谢大家讲述。",
}
PROMPT = "Tell me about the day the mill whistle stopped for good."
LONG = "Tell me about the day the mill whistle stopped and nobody knew the time any more, please."


@pytest.mark.parametrize("language", shipped_languages())
def test_the_idle_screen_shows_it_in_every_size(tmp_path: Path, language: str) -> None:
    sent = tmp_path / "outcomes.json"
    sent.write_text(json.dumps([LINES]), encoding="utf-8")
    texts = load(language, tmp_path, sent)
    assert texts.outcomes == (LINES[language],)
    session = Session(state=State.ATTRACT, language=language)
    shown = view(session, Extras(prompt=PROMPT), texts, keys(session))
    assert shown.notes == (LINES[language],)
    pygame.font.init()
    for size in PANEL_WIDTHS_MM:
        assert measure(Renderer(DUSK, size), shown).misfits == (), size
    assert view(session, Extras(prompt=LONG), texts, keys(session)).notes == ()
    # A machine's own sentence comes first, and another visit shows another line.
    told = view(replace(session, say="The microphone is missing."), Extras(prompt=PROMPT), texts, keys(session))
    assert told.notes == ("The microphone is missing.",)
    two = replace(texts, outcomes=("One.", "Two."))
    assert [view(replace(session, visit=n), Extras(), two, keys(session)).notes for n in range(3)] == [
        ("One.",),
        ("Two.",),
        ("One.",),
    ]


def test_a_box_starts_whatever_stands_in_the_file(tmp_path: Path) -> None:
    sent = tmp_path / "outcomes.json"
    for body in ("", "{", "[1]", "null", '[{"es": "Hola."}]'):
        sent.write_text(body, encoding="utf-8")
        assert load("en", tmp_path, sent).outcomes == ()
    assert load("en", tmp_path, tmp_path / "nothing").outcomes == ()
