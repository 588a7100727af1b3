"""A box at rest has drawn a telling before the first visitor comes, and nobody sees it doing so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pygame
import pytest

from kiosk.extras import Extras
from kiosk.keys import keys
from kiosk.rehearsal import REST_S, Rehearsal, coming
from kiosk.screens.model import View
from kiosk.screens.renderer import Renderer
from kiosk.screens.samples import sample_scenes, sample_views
from kiosk.session import first
from kiosk.texts import load, shipped_languages
from kiosk.theme import DUSK
from kiosk.types import Heard, Playing, Rules, Session, State
from kiosk.view import view
from kiosk.window import Picture

SIZE = (800, 480)


class Watched(Picture):
    """A screen in memory that remembers what it was asked to draw ahead."""

    def __init__(self) -> None:
        super().__init__(DUSK, SIZE)
        self.ahead: list[View] = []

    def rehearse(self, view: View) -> None:
        self.ahead.append(view)


def at_rest(language: str = "en") -> Session:
    session, _ = first(0.0, Rules(), (language,), ["a"])
    return replace(session, state=State.ATTRACT, language=language)


def rest(rehearsal: Rehearsal, session: Session, seconds: float, now: float = 0.0) -> float:
    shown = view(session, Extras(prompt="Who taught you something?"), load(session.language), keys(session))
    for _ in range(round(seconds * 8)):
        rehearsal.beat(session, shown, now)
        now += 1 / 8
    return now


@pytest.mark.parametrize("language", shipped_languages())
def test_every_moment_of_a_telling_is_drawn_once_one_a_second(language: str) -> None:
    screen = Watched()
    rehearsal, session = Rehearsal(screen, {language: load(language)}), at_rest(language)
    now = rest(rehearsal, session, REST_S)
    assert screen.ahead == []
    now = rest(rehearsal, session, 2 * REST_S, now)
    assert len(screen.ahead) == 2
    rest(rehearsal, session, 20 * REST_S, now)
    assert len(screen.ahead) == len(coming(session)) == len(set(screen.ahead))


def test_nothing_is_drawn_ahead_while_somebody_is_at_the_box() -> None:
    screen = Watched()
    rehearsal, session = Rehearsal(screen, {"en": load("en")}), at_rest()
    for busy in (replace(session, state=State.CONSENT), replace(session, playing=Playing(Heard.VOICE, 1.0))):
        rest(rehearsal, busy, 5 * REST_S)
    assert screen.ahead == []
    rest(rehearsal, session, REST_S)
    assert screen.ahead == []


def test_what_was_drawn_ahead_needs_no_new_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    session, texts = at_rest(), load("en")
    renderer, surface = Renderer(DUSK, SIZE), pygame.Surface(SIZE)
    views = [
        view(one, Extras(prompt="Who taught you something?", time_left=99.0), texts, keys(one))
        for one in coming(session)
    ]
    for one in views:
        renderer.rehearse(one)

    def render(*given: Any) -> pygame.Surface:
        pytest.fail(f"drawn for the first time: {given[2]}")

    monkeypatch.setattr(renderer.fonts("en"), "render", render)
    consent = sample_scenes(texts)["consent"]
    for one in (*views, view(*consent, texts, keys(consent[0]))):
        renderer.draw(surface, one, 1.0)


def test_a_rehearsal_changes_nothing_on_the_glass() -> None:
    views = sample_views(load("en"))
    renderer, surface = Renderer(DUSK, SIZE), pygame.Surface(SIZE)
    renderer.draw(surface, views["attract"], 1.0)
    before = pygame.image.tobytes(surface, "RGB")
    renderer.rehearse(views["consent"])
    assert pygame.image.tobytes(surface, "RGB") == before
    assert renderer.draw(surface, views["attract"], 1.0) == []
    assert renderer.draw(surface, views["attract"], 2.0)
    whole = Renderer(DUSK, SIZE)
    assert pygame.image.tobytes(surface, "RGB") == pygame.image.tobytes(whole.picture(views["attract"], 2.0), "RGB")
    assert renderer.boxes == whole.boxes
