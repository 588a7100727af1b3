"""A keyboard and a finger at the entering of a keep-code, through the real window on a display that shows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pygame
import pytest

from hardware.types import Control
from kiosk.screens.samples import sample_views
from kiosk.texts import load
from kiosk.theme import DUSK
from kiosk.window import Picture, Window

SIZE = (800, 480)


class Hands:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.typing = True
        self.told: list[object] = []

    def typed(self, text: str) -> None:
        self.told.append(text)

    def touched(self, line: int) -> None:
        self.told.append(line)

    def pointed(self, share: float, *, lifted: bool) -> None:
        self.told.append((share, lifted))

    def missed(self) -> None:
        self.told.append("missed")

    def key(self, name: str, down: bool) -> None:
        self.told.append((name, down))

    def touch(self, control: Control) -> None:
        self.told.append(control)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch, hands: Hands) -> Iterator[Window]:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    made = Window(DUSK, SIZE, key=hands.key, touch=hands.touch)
    made.listen(hands)
    made.show(sample_views(load("en"))["code_word"], 0.0)
    pygame.event.clear()
    yield made
    made.close()


def press(key: int, text: str = "") -> None:
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key, unicode=text, mod=0))


def click(place: tuple[int, int]) -> None:
    pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, button=1, pos=place))


def test_letters_are_text_and_arrows_stay_keys_while_a_code_is_entered(window: Window, hands: Hands) -> None:
    press(pygame.K_l, "l")
    press(pygame.K_4, "4")
    press(pygame.K_SPACE, " ")
    press(pygame.K_BACKSPACE, "\b")
    press(pygame.K_RETURN, "\r")
    press(pygame.K_DOWN)
    assert window.poll()
    assert hands.told == ["l", "4", " ", "\b", Control.LEFT, ("down", True)]


def test_letters_are_keys_everywhere_else(window: Window, hands: Hands) -> None:
    hands.typing = False
    press(pygame.K_l, "l")
    assert window.poll()
    assert hands.told == [("l", True)]


def test_a_finger_takes_a_line_or_a_key(window: Window, hands: Hands) -> None:
    lines = window._renderer._page.choices
    assert len(lines) == 4
    for rect in lines:
        click(rect.center)
    click((100, 460))
    click((740, 45))
    click((400, 20))
    assert window.poll()
    assert hands.told == [0, 1, 2, 3, Control.LEFT, Control.VOLUME, "missed"]


def test_lines_are_tall_enough_for_a_finger_and_lie_apart(window: Window) -> None:
    lines = window._renderer._page.choices
    assert min(min(rect.size) for rect in lines) / window._renderer.panel.px_per_mm >= 15
    assert not any(one.colliderect(two) for one, two in combinations(lines, 2))


def test_nobody_types_into_a_picture(hands: Hands) -> None:
    picture = Picture(DUSK, SIZE)
    picture.listen(hands)
    assert picture.poll()
    picture.close()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_finger_drags_the_mark_along_the_waveform_and_past_its_ends(
    window: Window, hands: Hands, language: str
) -> None:
    window.show(sample_views(load(language))["trim_begin"], 0.0)
    track = window._renderer._page.track
    assert track is not None

    def finger(kind: int, share: float, **more: object) -> None:
        place = (track.left + round(share * track.width), track.centery)
        pygame.event.post(pygame.event.Event(kind, pos=place, **more))

    finger(pygame.MOUSEMOTION, 0.1, rel=(1, 0), buttons=(1, 0, 0))
    finger(pygame.MOUSEBUTTONDOWN, 0.25, button=1)
    finger(pygame.MOUSEMOTION, 0.5, rel=(1, 0), buttons=(1, 0, 0))
    finger(pygame.MOUSEMOTION, 1.4, rel=(1, 0), buttons=(1, 0, 0))
    finger(pygame.MOUSEBUTTONUP, 0.75, button=1)
    finger(pygame.MOUSEMOTION, 0.9, rel=(1, 0), buttons=(0, 0, 0))
    assert window.poll()
    shares = [share for share, _ in hands.told]
    wanted = [0.25, 0.5, 1.0, 0.75] if language == "en" else [0.75, 0.5, 0.0, 0.25]
    assert shares == pytest.approx(wanted, abs=0.01)
    assert [lifted for _, lifted in hands.told] == [False, False, False, True]
