"""Every screen: it fits, it can be read, and its colours are apart.

Each language is measured at one size of panel here, and every size comes up; `scripts/measure-screens` measures all.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygame
import pytest

import kiosk
from archive.types import ASKED_USES
from hardware.types import Control
from kiosk.fonts import FOLDERS, Face, Fonts
from kiosk.keys import keys
from kiosk.screens.icons import Icon
from kiosk.screens.measure import measure, side_controls
from kiosk.screens.model import KeyFace, View
from kiosk.screens.page import KEYS, key_band, key_rect
from kiosk.screens.parts import TimeBar
from kiosk.screens.renderer import Renderer
from kiosk.screens.samples import contact_sheet, sample_views
from kiosk.texts import load, shipped_languages
from kiosk.theme import DUSK, THEMES, Theme, contrast, font_size, make_theme, panel_of, sizes_of
from kiosk.types import Meaning, Rules, Session, State

SIZES = ((800, 480), (1280, 720), (1280, 800))
NOTO = any((folder / "NotoSans-Regular.ttf").is_file() for folder in FOLDERS)


def linear(pixels: np.ndarray) -> np.ndarray:
    part = pixels / 255
    part = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return part @ np.array([0.2126, 0.7152, 0.0722])


SIZE_OF = {"en": SIZES[0], "es": SIZES[1], "ar": SIZES[2], "hi": SIZES[0], "zh": SIZES[1]}
_MADE: dict[tuple[int, int], Renderer] = {}


def renderer_of(language: str) -> Renderer:
    size = SIZE_OF.get(language, SIZES[0])
    return _MADE.setdefault(size, Renderer(DUSK, size))


@pytest.mark.parametrize("language", shipped_languages())
def test_every_screen_fits_and_can_be_read(language: str) -> None:
    renderer = renderer_of(language)
    if renderer.fonts(language).notice:
        pytest.skip("the Noto fonts of this language are not on this machine (fonts-noto-core, fonts-noto-cjk)")
    sizes = sizes_of(renderer.panel)
    for name, shown in sample_views(load(language)).items():
        assert measure(renderer, shown).faults == (), name
        assert renderer.boxes, name
        for box in renderer.boxes:
            assert box.size >= (sizes.decide if box.main else sizes.note), f"{name}: {box.text!r}"


def test_titles_that_people_wrote_end_after_a_word() -> None:
    renderer = Renderer(DUSK, (800, 480))
    views = sample_views(load("en"))
    long = "How my grandmother came over the pass in the winter of that year with nothing but a sewing machine"
    for name in ("facilitator", "facilitator_eight", "conversation", "conversation_eight", "conversation_hearing"):
        tiles = tuple(replace(shown, title=long) for shown in views[name].tiles)
        assert measure(renderer, replace(views[name], tiles=tiles)).faults == (), name
        written = [box.text for box in renderer.boxes if box.text.startswith("How my")]
        assert written, name
        assert all(text.endswith("…") and text[:-1] in long for text in written), name


def test_a_long_question_of_a_group_keeps_its_lines_beside_eight_buttons() -> None:
    renderer = Renderer(DUSK, (800, 480))
    shown = sample_views(load("en"))["conversation_eight"]
    long = "Tell us about somebody who made room for you when you came to this town, and how they did it."
    assert measure(renderer, replace(shown, body=long)).faults == ()
    assert [box.text for box in renderer.boxes if box.text.isdigit()] == list("12345678")


def test_what_falls_short_is_told() -> None:
    renderer = Renderer(replace(DUSK, paper=(90, 80, 70)), (800, 480))
    views = sample_views(load("en"))
    assert any("contrast" in fault for fault in measure(renderer, views["consent"]).faults)
    long = replace(views["consent"], body="word " * 200)
    assert any("does not fit" in fault for fault in measure(Renderer(DUSK, (800, 480)), long).faults)


def test_a_finger_finds_the_keys_beside_the_three() -> None:
    renderer = Renderer(DUSK, (800, 480))
    for language in ("en", "ar"):
        renderer.picture(sample_views(load(language))["consent"])
        assert side_controls(renderer) == (Control.VOLUME, Control.LANGUAGE)
        for control, rect in renderer.sides:
            assert renderer.control_at(rect.center) is control
        louder = dict(renderer.sides)[Control.VOLUME]
        assert (louder.centerx > 400) is (language == "en"), "mirrored with the lines"
    renderer.picture(sample_views(load("en"))["recording"])
    assert side_controls(renderer) == (Control.VOLUME, Control.LANGUAGE), "hide words at the foot"


@pytest.mark.parametrize("language", shipped_languages())
def test_the_keys_at_the_top_stay_within_the_margins(language: str) -> None:
    renderer = Renderer(DUSK, (800, 480))
    shown = sample_views(load(language))["attract"]
    picture = renderer.picture(shown)
    margin = sizes_of(renderer.panel).margin
    strip = pygame.surfarray.array3d(picture)[:, 4:40].astype(int)
    beside = np.r_[0 : margin - 2, 800 - margin + 2 : 800]
    assert np.abs(strip[beside] - strip[:1]).max() < 12, "the ground alone"


def test_the_pages_of_a_right_to_left_language_are_mirrored() -> None:
    renderer = Renderer(DUSK, (800, 480))
    views = sample_views(load("ar"))
    renderer.picture(views["sharing"])
    question = max((box for box in renderer.boxes if box.main), key=lambda box: box.size)
    assert question.rect.right > 750
    yes = next(face for face in views["sharing"].keys if face.icon is Icon.CHECK)
    assert yes.control is Control.RIGHT
    renderer.picture(views["recording"])
    bar = next(part for part in renderer._parts if isinstance(part, TimeBar))
    surface = pygame.Surface((800, 480))
    bar.paint(surface, views["recording"], 0.0)
    middle = bar.rect.centery
    assert sum(surface.get_at((bar.rect.right - 20, middle))[:3]) > sum(
        surface.get_at((bar.rect.left + 20, middle))[:3]
    )


def test_the_left_hand_has_yes_at_the_right() -> None:
    session = Session(state=State.CONSENT, rules=Rules(left_handed=True))
    assert keys(session)[Control.RIGHT] is Meaning.AGREE
    assert keys(replace(session, language="ar"))[Control.LEFT] is Meaning.AGREE


def test_captions_and_prompts_have_the_angle_of_the_standard() -> None:
    assert font_size(panel_of((800, 480)), 0.7, 600) in range(52, 56)
    assert font_size(panel_of((1280, 720)), 0.7, 600) in range(83, 88)
    assert font_size(panel_of((1280, 800)), 0.7, 600) in range(59, 63)
    sizes = sizes_of(panel_of((800, 480)))
    assert sizes.decide in range(39, 42)
    assert sizes.note >= 28
    renderer = Renderer(DUSK, (800, 480))
    for name in ("attract", "recording", "listening", "sharing", "thanks"):
        renderer.picture(sample_views(load("en"))[name])
        assert any(box.face is Face.SERIF and box.size >= sizes.prompt for box in renderer.boxes), name


def test_every_line_of_a_list_is_found_by_a_finger_and_none_lies_on_another() -> None:
    views = sample_views(load("en"))
    for renderer in (renderer_of("en"), renderer_of("es")):
        for name in ("my_story", "part_gone", "listening_more_any", "choosing", "languages"):
            shown = views[name]
            assert measure(renderer, shown).faults == (), name
            assert len(renderer.lines) == len(shown.lines), name
            for number, rect in enumerate(renderer.lines):
                assert min(rect.size) / renderer.panel.px_per_mm >= 15, name
                assert renderer.line_at(rect.center) == number, name
                assert rect.bottom <= renderer.panel.height - key_band(renderer.panel), name
                assert rect.collidelist(renderer.lines[number + 1 :]) == -1, name


def test_a_list_of_many_languages_stands_in_as_many_columns_as_a_finger_needs() -> None:
    renderer = renderer_of("en")
    shown = replace(sample_views(load("en"))["languages"], lines=("English", "Español", "Türkçe") * 3)
    assert measure(renderer, shown).faults == ()


@pytest.mark.parametrize("language", shipped_languages())
def test_every_theme_fits_the_list_of_what_else_can_be_heard(language: str) -> None:
    renderer, texts = renderer_of(language), load(language)
    shown = sample_views(texts)["listening_more_any"]
    sets = Path(kiosk.__file__).parent / "promptsets"
    titles = [tomllib.loads(path.read_text("utf-8"))["title"][language] for path in sets.glob("*.toml")]
    assert len(titles) == 7
    for title in titles:
        lines = (*shown.lines[:2], texts.get("line.same_theme", theme=title), shown.lines[-1])
        assert measure(renderer, replace(shown, lines=lines)).faults == (), title


@pytest.mark.skipif(not NOTO, reason="the Noto fonts are not on this machine (Debian package fonts-noto-core)")
@pytest.mark.parametrize("face", list(Face))
def test_capitals_are_as_tall_as_assumed(face: Face) -> None:
    font = Fonts("en").at(face, 200)
    ink = pygame.mask.from_surface(font.render("H", True, (255, 255, 255))).get_bounding_rects()[0]
    assert ink.height / 200 == pytest.approx(0.714, abs=0.015)


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_colours_are_apart(theme: Theme) -> None:
    for ground in (theme.dusk, theme.glow, theme.tile):
        assert contrast(theme.paper, ground) >= 7
        assert contrast(theme.note, ground) >= 4.5
        assert contrast(theme.code, ground) >= 7
        assert contrast(theme.ember, ground) >= 3
        assert contrast(theme.moon, ground) >= 3
        assert contrast(theme.alert, ground) >= 3
    for lamp in (theme.ember, theme.moon, theme.paper):
        assert contrast(theme.ink, lamp) >= 7


@pytest.mark.parametrize("name", ["contrast", "light"])
def test_the_other_themes_are_readable_too(name: str) -> None:
    renderer = Renderer(make_theme(name), (800, 480))
    for screen, shown in sample_views(load("en")).items():
        assert measure(renderer, shown).faults == (), screen
    with pytest.raises(KeyError, match="dusk"):
        make_theme("neon")


def test_a_text_that_is_too_long_is_noticed() -> None:
    renderer = renderer_of("en")
    shown = sample_views(load("en"))["consent"]
    long = View(kind=shown.kind, body=shown.body * 5, keys=shown.keys)
    renderer.picture(long)
    assert [box.fits for box in renderer.boxes if box.text == long.body] == [False]


@pytest.mark.parametrize("size", SIZES)
def test_a_finger_finds_the_keys(size: tuple[int, int]) -> None:
    panel, renderer = panel_of(size), Renderer(DUSK, size)
    for control in KEYS:
        rect = key_rect(panel, control)
        assert rect.width / panel.px_per_mm >= 15
        assert rect.height / panel.px_per_mm >= 15
        assert renderer.control_at(rect.center) is control
    assert renderer.control_at((size[0] // 2, size[1] // 3)) is None
    assert key_band(panel) < size[1] // 3


def test_a_dead_key_is_dark_and_unnamed_and_a_live_one_is_lit() -> None:
    renderer = Renderer(DUSK, (800, 480))
    shown = sample_views(load("en"))["consent"]
    picture = renderer.picture(shown)

    def brightest(control: Control) -> float:
        rect = key_rect(renderer.panel, control)
        return float(linear(pygame.surfarray.array3d(picture.subsurface(rect)).reshape(-1, 3).astype(float)).max())

    assert shown.key(Control.MIDDLE) is None
    assert brightest(Control.MIDDLE) < 0.1
    assert brightest(Control.LEFT) > 0.4
    named = [box.text for box in renderer.boxes if box.rect.top >= 480 - key_band(renderer.panel)]
    assert named == ["Yes", "No"]


@pytest.mark.parametrize(("language", "name"), [("ar", "part_end"), ("hi", "recording")])
def test_a_key_word_hangs_free_of_its_lamp(language: str, name: str) -> None:
    renderer = renderer_of(language)
    picture = renderer.picture(sample_views(load(language))[name])
    pixels = pygame.surfarray.array3d(picture)
    # Down a column of the left key's lamp, beside its icon.
    column = pixels[key_rect(renderer.panel, Control.LEFT).centerx - 36]
    lamp = np.flatnonzero((column == DUSK.ember).all(axis=1))
    # Paper has much blue, the light around a lamp has little.
    above = pixels[:, lamp.min() - 3 : lamp.min(), 2]
    assert above.max() < 150


@pytest.mark.parametrize("language", shipped_languages())
def test_without_noto_the_screens_still_stand(language: str) -> None:
    fonts = Fonts(language, folders=(Path("/nowhere"),))
    assert "fonts-noto-core" in fonts.notice
    renderer = Renderer(DUSK, (800, 480), fonts=fonts)
    for name, shown in sample_views(load(language)).items():
        renderer.picture(shown)
        assert [box.text for box in renderer.boxes if not box.fits] == [], name
    assert renderer.notice == fonts.notice


def test_the_sheet_holds_every_screen() -> None:
    views = dict(list(sample_views(load("en")).items())[:5])
    sheet = contact_sheet(views, (800, 480), columns=2, width=800)
    assert sheet.get_width() == 800
    assert sheet.get_height() > 3 * 200


@pytest.mark.parametrize("language", shipped_languages())
def test_every_shipped_prompt_fits_on_attract_and_choosing(language: str) -> None:
    renderer = renderer_of(language)
    sets = Path(kiosk.__file__).parent / "promptsets"
    prompts = [
        p["text"][language] for path in sets.glob("*.toml") for p in tomllib.loads(path.read_text("utf-8"))["prompt"]
    ]
    assert len(prompts) >= 12
    if language in {"en", "es"}:
        prompts.append("Tell us about someone who showed you a kindness, long ago, that you can still remember now")
    for name in ("attract", "choosing"):
        shown = sample_views(load(language))[name]
        for prompt in prompts:
            renderer.picture(replace(shown, body=prompt))
            assert all(box.fits for box in renderer.boxes), (name, prompt)


@pytest.mark.parametrize("language", shipped_languages())
def test_every_notice_hint_and_trouble_fits(language: str) -> None:
    renderer = renderer_of(language)
    texts = load(language)
    views = sample_views(texts)
    says = {key: text for key, text in texts.words.items() if key.startswith("notice.")}
    places = [
        ("attract", "notes"),
        ("recording", "notes"),
        ("review", "notes"),
        ("listening", "notes"),
    ]
    places += [("listening_end", "body"), ("facilitator", "notes")]
    for key in ("notice.narrowed", "notice.only_me"):
        renderer.picture(replace(views["my_story"], headline=texts.get(key)))
        assert [box.text for box in renderer.boxes if not box.fits] == [], key
    renderer.picture(replace(views["paused"], notes=(texts.get("notice.sound_lost"),)))
    assert [box.text for box in renderer.boxes if not box.fits] == []
    for key, text in says.items():
        for name, where in places:
            shown = replace(views[name], **{where: (text,) if where == "notes" else text})
            renderer.picture(shown)
            assert [box.text for box in renderer.boxes if not box.fits] == [], (name, key)
    codes = {key.removeprefix("trouble.").removesuffix("_do") for key in texts.words if key.startswith("trouble.")}
    for code in codes:
        say, do = texts.trouble(code, "")
        renderer.picture(replace(views["out_of_service"], body=say, notes=(do,)))
        assert [box.text for box in renderer.boxes if not box.fits] == [], code
        renderer.picture(replace(views["my_story"], headline=say))
        assert [box.text for box in renderer.boxes if not box.fits] == [], f"{code}, above a list"
    for use in ASKED_USES:
        renderer.picture(replace(views["sharing"], body=texts.get(f"consent.{use.value}")))
        assert [box.text for box in renderer.boxes if not box.fits] == [], use
    for meaning in ("discard", "redo", "withdraw", "narrow"):
        question = texts.get(f"again.{meaning}")
        renderer.picture(replace(views["discard_again"], headline=question, body=texts.get(f"again.{meaning}_body")))
        assert [box.text for box in renderer.boxes if not box.fits] == [], meaning
    sound = ("hint.silent", "hint.hum", "hint.overdriven")
    for hint in ("ready.ask", "ready.waiting", "ready.too_loud", "recording.lost", *sound):
        renderer.picture(replace(views["ready"], body=texts.get(hint)))
        assert [box.text for box in renderer.boxes if not box.fits] == [], hint
    for hint in sound:
        renderer.picture(replace(views["recording"], notes=(texts.get(hint),)))
        assert [box.text for box in renderer.boxes if not box.fits] == [], hint


@pytest.mark.parametrize("language", shipped_languages())
def test_every_key_word_fits_its_key(language: str) -> None:
    renderer = renderer_of(language)
    texts = load(language)
    shown = sample_views(texts)["consent"]
    explained = {"keys.left", "keys.middle", "keys.right", "keys.cues", "keys.facilitator", "keys.volume"}
    for key, label in texts.words.items():
        if key.startswith("keys.") and key not in explained:
            renderer.picture(replace(shown, keys=(KeyFace(Control.LEFT, label, Icon.CHECK),)))
            assert [box.text for box in renderer.boxes if not box.fits] == [], key
