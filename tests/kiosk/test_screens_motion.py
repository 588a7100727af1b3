"""What moves is small, slow and right: drawing only the changes gives the same picture as drawing everything."""

from __future__ import annotations

from dataclasses import replace

import pygame
import pytest

from kiosk.screens.icons import Icon, draw_icon
from kiosk.screens.model import CaptionWord, Kind, View
from kiosk.screens.parts import BREATH_S, LiveWave, breath
from kiosk.screens.renderer import SCREENS, Renderer
from kiosk.screens.samples import sample_views, warm_picture
from kiosk.texts import load
from kiosk.theme import DUSK

SIZE = (800, 480)


@pytest.fixture(scope="module")
def views() -> dict[str, View]:
    return sample_views(load("en"))


def same(one: pygame.Surface, other: pygame.Surface) -> bool:
    return pygame.image.tobytes(one, "RGB") == pygame.image.tobytes(other, "RGB")


@pytest.mark.parametrize("name", ["attract", "ready", "listening", "review_hearing", "recording_long", "still_there"])
def test_drawing_the_changes_is_drawing_it_all(views: dict[str, View], name: str) -> None:
    moving, surface = Renderer(DUSK, SIZE), pygame.Surface(SIZE)
    shown = views[name]
    for tick in range(40):
        played = None if shown.played is None else tick / 40
        used = None if shown.time_fraction is None else tick / 40
        shown = replace(shown, level=(tick % 7) / 7, played=played, time_fraction=used)
        moving.draw(surface, shown, tick / 10)
    assert same(surface, Renderer(DUSK, SIZE).picture(shown, 3.9))


def test_the_next_question_has_nothing_left_of_the_one_before(views: dict[str, View]) -> None:
    renderer, surface = Renderer(DUSK, SIZE), pygame.Surface(SIZE)
    shown = views["attract"]
    for body in ("Tell us about a day you were young and jumpy, gagging, joyfully yawping.", "Who was there?"):
        shown = replace(shown, body=body)
        for tick in range(45):
            renderer.draw(surface, shown, tick / 10)
        assert same(surface, Renderer(DUSK, SIZE).picture(shown, 4.4)), body


@pytest.mark.parametrize("name", sorted(sample_views(load("en"))))
def test_a_still_screen_costs_nothing(views: dict[str, View], name: str) -> None:
    renderer, surface = Renderer(DUSK, SIZE), pygame.Surface(SIZE)
    assert renderer.draw(surface, views[name], 1.0) == [surface.get_rect()]
    assert renderer.draw(surface, views[name], 1.0) == []


def test_the_coals_breathe_once_in_four_seconds_in_a_small_place(views: dict[str, View]) -> None:
    renderer, surface = Renderer(DUSK, SIZE), pygame.Surface(SIZE)
    renderer.draw(surface, views["attract"], 0.0)
    changed = [rect for tick in range(1, 121) for rect in renderer.draw(surface, views["attract"], tick / 30)]
    assert 10 <= len(changed) <= 40
    assert max(rect.width * rect.height for rect in changed) < 0.2 * SIZE[0] * SIZE[1]
    assert breath(0) == 0
    assert breath(BREATH_S / 2) == pytest.approx(1)
    assert breath(BREATH_S) == pytest.approx(0)


def test_the_ember_swells_with_the_voice(views: dict[str, View]) -> None:
    renderer = Renderer(DUSK, SIZE)

    def brightness(level: float) -> int:
        picture = renderer.picture(replace(views["ready"], level=level))
        return int(pygame.surfarray.array3d(picture).sum())

    assert brightness(0.0) < brightness(0.5) < brightness(1.0)


def test_paused_has_no_ember(views: dict[str, View]) -> None:
    renderer = Renderer(DUSK, SIZE)

    def glowing(name: str) -> int:
        pixels = pygame.surfarray.array3d(renderer.picture(views[name]))[:, :370].astype(int)
        return int(((pixels[..., 0] > 180) & (pixels[..., 0] - pixels[..., 2] > 70)).sum())

    assert glowing("recording") > 200
    assert glowing("paused") == 0
    assert glowing("stream_lost") == 0


def test_the_live_bars_keep_the_last_seconds() -> None:
    wave = LiveWave(pygame.Rect(0, 0, 80, 20), (255, 255, 255), (50, 50, 50))
    view = View(kind=Kind.RECORDING, level=0.5)
    for tick in range(100):
        wave.step(view, tick / 16)
    assert len(wave._levels) == min(50, 80 // wave.pitch)
    assert wave.step(view, 6.0) == wave.step(view, 6.01)


def test_the_history_outlives_new_words(views: dict[str, View]) -> None:
    renderer, surface = Renderer(DUSK, SIZE), pygame.Surface(SIZE)
    for tick in range(20):
        renderer.draw(surface, views["recording"], tick / 8)
    more = replace(views["recording"], captions=(*views["recording"].captions, CaptionWord("more", settled=False)))
    assert renderer.draw(surface, more, 2.5) == [surface.get_rect()]
    wave = next(part for part in renderer._parts if isinstance(part, LiveWave))
    assert len(wave._levels) > 15


def test_captions_show_the_last_lines(views: dict[str, View]) -> None:
    renderer = Renderer(DUSK, SIZE)
    words = tuple(CaptionWord(f"word{number}") for number in range(300))
    renderer.picture(replace(views["recording"], captions=words))
    shown = [box.text for box in renderer.boxes if box.text.startswith("word")]
    assert shown[-1] == "word299"
    assert 6 <= len(shown) <= 20
    assert "Draft, written by a machine" in [box.text for box in renderer.boxes]


def test_every_screen_has_its_file_and_every_icon_its_shape(views: dict[str, View]) -> None:
    assert set(SCREENS) == set(Kind)
    assert {shown.kind for shown in views.values()} == set(Kind)
    for icon in Icon:
        alpha = pygame.surfarray.array_alpha(draw_icon(icon, 48, (255, 255, 255)))
        assert 60 < (alpha > 128).sum() < 48 * 48 * 0.7, icon
        assert ((alpha > 20) & (alpha < 235)).any(), "soft edges"


def test_a_picture_can_be_taken_after_some_seconds(views: dict[str, View]) -> None:
    renderer = Renderer(DUSK, SIZE)
    assert not same(warm_picture(renderer, views["recording"]), Renderer(DUSK, SIZE).picture(views["recording"]))
