"""What a key does now, a finger or the mouse can do too: on every screen, and where not, for a reason."""

from __future__ import annotations

from dataclasses import replace

import pygame
import pytest

from hardware.types import CUES, Control
from kiosk import types as t
from kiosk.keys import keys
from kiosk.screens.model import Kind, View
from kiosk.screens.page import KEYS, key_rect
from kiosk.screens.renderer import Renderer
from kiosk.screens.samples import sample_scenes
from kiosk.session import step
from kiosk.texts import load
from kiosk.theme import DUSK
from kiosk.types import CUE_MEANINGS, Heard, Meaning, Rules, Session, SetLanguage, State
from kiosk.view import Extras, view

SIZES = {"en": (800, 480), "ar": (800, 480)}
LEFT_HANDED = "ar"
DESK = frozenset({State.LISTENING, State.RECORDING, State.CONVERSATION})
"""States that have more keys where a facilitator is at the box."""
RENDERERS = {language: Renderer(DUSK, size) for language, size in SIZES.items()}


def scenes(language: str) -> dict[str, tuple[Session, Extras]]:
    """The pictures' moments, each as a facilitator's too, with cues on the buttons and a key-switch."""
    shown = {}
    for name, (session, extras) in sample_scenes(load(language)).items():
        here = replace(session, cues=tuple(extras.cues), rules=replace(session.rules, key_switch=True))
        shown[name] = (here, extras)
        if session.state in DESK:
            shown[f"{name} at the desk"] = (replace(here, home=State.FACILITATOR), extras)
    return shown


def without_touch(control: Control, session: Session, shown: View) -> str:
    """Why this key is for the hand alone here; empty where it is not."""
    kind = shown.kind
    if control is Control.FACILITATOR and session.state is State.ATTRACT:
        return "the desk is behind a key-switch or a code: visitors are not to find it with a finger"
    if control in CUES and kind in {Kind.ATTRACT, Kind.LISTENING}:
        return "a visitor's screen has one question; it offers voices by Listen, and stops one by its own key"
    if control in CUES and kind is Kind.FACILITATOR and not shown.tiles:
        return "the digits for a phone have the screen until they are typed or put away"
    if control in CUES and shown.captions:
        return "while a cue is heard its words have the screen; a finger stops it and finds the others again"
    return ""


def crowded(renderer: Renderer) -> list[tuple[Control, Control]]:
    """Keys beside the three whose places share more than a seventh of the smaller one."""
    found = []
    for index, (control, one) in enumerate(renderer.sides):
        for other, two in renderer.sides[index + 1 :]:
            both = one.clip(two)
            if both.width * both.height * 7 > min(one.width * one.height, two.width * two.height):
                found.append((control, other))
    return found


@pytest.mark.parametrize("language", SIZES)
def test_every_key_that_does_something_is_found_by_a_finger(language: str) -> None:
    renderer, texts = RENDERERS[language], load(language)
    whole = pygame.Rect(0, 0, *SIZES[language])
    pressed: set[Meaning] = set()
    seen: set[object] = set()
    for name, (scene, extras) in scenes(language).items():
        session = replace(scene, rules=replace(scene.rules, left_handed=language == LEFT_HANDED))
        offered = keys(session)
        shown = view(session, extras, texts, offered)
        alike = (shown.kind, *offered, *shown.captions[:1], len(shown.tiles), len(shown.lines), shown.time_words == "")
        if alike in seen:
            continue
        seen.add(alike)
        renderer.picture(shown)
        sides = dict(renderer.sides)
        assert len(sides) == len(renderer.sides), f"{name}: one place a key"
        assert set(sides) <= set(offered), f"{name}: nothing dead to touch"
        for control, meaning in offered.items():
            if control in KEYS:
                place = key_rect(renderer.panel, control)
            elif control in CUES and shown.kind is Kind.CODE_ENTRY:
                # These buttons are a short cut to the lines.
                assert len(renderer.lines) > CUES.index(control), name
                continue
            elif control in sides:
                place = sides[control]
            else:
                why = without_touch(control, session, shown)
                playing = session.playing
                own = playing is not None and playing.heard is Heard.CUE and shown.kind is not Kind.LISTENING
                assert why, f"{name}: {control} means {meaning}, and no finger finds it"
                assert not (own and CUE_MEANINGS.index(meaning) + 1 == playing.cue), f"{name}: no finger stops it"  # type: ignore[union-attr]  # own
                continue
            assert whole.contains(place), (name, control)
            assert renderer.control_at(place.center) is control, (name, control)
            pressed.add(meaning)
        assert crowded(renderer) == [], name
    assert {Meaning.CUE8, Meaning.FLAG, Meaning.PAIR, Meaning.QUESTION, Meaning.LOUDER, Meaning.SPEAK} <= pressed
    assert {Meaning.LANGUAGE, Meaning.CAPTIONS} <= pressed


def test_a_finger_on_a_language_takes_it() -> None:
    session = Session(state=State.LANGUAGES, languages=("en", "es", "ar"), language="es", line=2, speaking=True)
    after, effects = step(session, t.Touched(2, 5.0))
    assert (after.state, after.language, after.line) == (State.CHOOSING, "ar", 0)
    assert effects == (SetLanguage("ar"), t.Speak(1))
    for nowhere in (3, -1):
        assert step(session, t.Touched(nowhere, 5.0)) == (session, ())


def test_a_finger_on_a_cue_plays_it_and_on_the_one_that_sounds_stops_it() -> None:
    texts, renderer = load("en"), RENDERERS["en"]
    scene, extras = sample_scenes(texts)["conversation_eight"]
    session = replace(scene, cues=tuple(extras.cues), rules=Rules())

    def touch(session: Session) -> tuple[Session, tuple[t.Effect, ...]]:
        renderer.picture(view(session, extras, texts, keys(session)))
        place = dict(renderer.sides)[Control.CUE6].center
        control = renderer.control_at(place)
        assert control is not None
        return step(session, t.Press(keys(session)[control], 50.0, t.TakeId("fresh")))

    playing, effects = touch(session)
    assert effects == (t.PlayCue(1, 6),)
    _, effects = touch(playing)
    assert t.StopPlaying() in effects


def test_a_line_marked_with_a_finger_is_read_where_screens_are() -> None:
    story = Session(state=State.MY_STORY, story=t.TakeId("a"), mine=t.Mine((), 60.0), speaking=True)
    marked, effects = step(story, t.Touched(2, 5.0))
    assert (marked.line, effects) == (2, (t.Speak(1),))


def test_a_hand_that_slaps_the_glass_agrees_to_nothing_with_its_next() -> None:
    asked = Session(state=State.CONSENT, shown_at=10.0)
    slapped, _ = step(asked, t.IdlePress(50.0))
    assert step(slapped, t.Press(Meaning.AGREE, 50.1, t.TakeId("fresh")))[0].state is State.CONSENT
    assert step(slapped, t.Press(Meaning.AGREE, 51.0, t.TakeId("fresh")))[0].state is State.READY
