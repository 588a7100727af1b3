"""What became of stories like these: a library's own line when a story is safe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pygame
import pytest

from archive.keycode import wordlist
from kiosk.errors import BadTexts
from kiosk.keys import keys
from kiosk.screens.measure import measure
from kiosk.screens.renderer import Renderer
from kiosk.texts import load, shipped_languages
from kiosk.theme import DUSK, PANEL_WIDTHS_MM
from kiosk.types import Session, State
from kiosk.view import Extras, spoken, view

LINES = {
    "en": "The bench by the river is back, as you wished.",
    "es": "El banco junto al río ha vuelto, como pidieron",
    "ar": "عاد المقعد قرب النهر كما طلبتم في قصصكم هنا.",
    "hi": "नदी किनारे की बेंच लौट आई, जैसा आपने चाहा था।",
    "zh": "如您所愿，河边的长椅又回来了。谢谢大家讲述。",
}


def write(folder: Path, **lines: str) -> None:
    told = "\n".join(f'{language} = "{line}"' for language, line in lines.items())
    (folder / "outcomes.toml").write_text(f"[[outcome]]\n{told}\n[[outcome]]\n{told}\n", encoding="utf-8")


@pytest.mark.parametrize("language", shipped_languages())
def test_it_is_shown_and_read_when_a_story_is_safe(tmp_path: Path, language: str) -> None:
    write(tmp_path, **LINES)
    texts = load(language, tmp_path)
    assert texts.outcomes == (LINES[language],) * 2
    codes = ("417-maple-river-candle-north",)
    session = Session(state=State.THANKS, language=language, keep_code=codes[0], keep_codes=codes)
    shown = view(session, Extras(), texts, keys(session))
    assert shown.notes == (LINES[language],)
    assert LINES[language] in spoken(shown, texts)
    pygame.font.init()
    for size in PANEL_WIDTHS_MM:
        assert measure(Renderer(DUSK, size), shown).faults == (), size


@pytest.mark.parametrize("language", shipped_languages())
def test_the_words_of_every_code_have_room(tmp_path: Path, language: str) -> None:
    texts = load(language)
    pygame.font.init()
    longest = sorted(wordlist(language), key=len)[-40:]
    chance = Random(7)
    for size in ((800, 480), (1280, 720)):
        renderer = Renderer(DUSK, size)
        for _ in range(4):
            code = "-".join(["417", *chance.sample(longest, 4)])
            session = Session(state=State.THANKS, language=language, keep_code=code, keep_codes=(code,))
            shown = view(session, Extras(), texts, keys(session))
            for one in (shown, replace(shown, notes=(LINES[language],))):
                assert measure(renderer, one).misfits == (), (size, code)


def test_a_line_that_is_missing_or_too_long_is_refused(tmp_path: Path) -> None:
    assert load("en", tmp_path).outcomes == ()
    write(tmp_path, en="Short.")
    with pytest.raises(BadTexts, match="no words in 'es'"):
        load("es", tmp_path)
    for language, line in (("en", "x" * 47), ("zh", "长" * 24)):
        write(tmp_path, **{language: line})
        with pytest.raises(BadTexts, match="too long"):
            load(language, tmp_path)
    (tmp_path / "outcomes.toml").write_text('outcome = "x"\n', encoding="utf-8")
    with pytest.raises(BadTexts, match="not a list"):
        load("en", tmp_path)
