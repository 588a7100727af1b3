"""Setting a box up, its sound for real: the tone leaves by the loudspeaker and comes back by one of the microphones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from archive.home import open_home
from archive.store import Store
from audio.clock import SystemClock
from audio.loopback import Heard
from audio.virtualsound import MICROPHONE, SPEAKER, VirtualSound
from hardware.drivers import make_controls
from kiosk.config import load as load_config
from kiosk.door import Door
from kiosk.firstrun.running import Around, FirstRun
from kiosk.firstrun.sound import hear_itself, other_cards
from kiosk.firstrun.steps import Step, Walk, keys
from kiosk.names import Meaning
from kiosk.settingsfile import put_settings
from kiosk.texts import load
from kiosk.theme import DUSK
from kiosk.window import Picture

pytestmark = pytest.mark.alone  # sound in real time, through a sound server


class Room:
    """What leads from the loudspeaker to the microphone, softer by so many dB."""

    def __init__(self, sound: VirtualSound) -> None:
        self._sound = sound
        self._number = sound.control(
            "load-module", "module-loopback", "source=speaker.monitor", "sink=micfeed", "latency_msec=30"
        ).strip()

    def softer(self, decibels: int) -> None:
        found = [line.split("\t") for line in self._sound.control("list", "short", "sink-inputs").splitlines()]
        # The idle feeds are somebody's; what a module plays is nobody's.
        (mine,) = [line[0] for line in found if line[2] == "-"]
        self._sound.control("set-sink-input-volume", mine, f"-{decibels}dB")

    def close(self) -> None:
        self._sound.control("unload-module", self._number)


@pytest.fixture
def room(virtual_sound):
    made = Room(virtual_sound)
    yield made
    made.close()


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, virtual_sound):
    """A box that stands at trying its sound; returns its walk once it knows."""
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    home, clock, stop = open_home(tmp_path / "home"), SystemClock(), threading.Event()
    put_settings(home.config, {"sound.microphone": MICROPHONE, "sound.speaker": SPEAKER})
    controls = make_controls("scripted", clock)
    with Store(home, clock) as store:
        run = FirstRun(
            Around(
                store, clock, controls, Picture(DUSK, (800, 480)), {"en": load("en")},
                Door(tmp_path, tmp_path / "point.json"), lambda card: hear_itself(home, clock, stop, card),
                lambda: other_cards(home),
            ),
            ("en",), "en",
        )  # fmt: skip
        controls.start(run._arrivals.put)
        run.walk = replace(run.walk, step=Step.SOUND, heard=Heard.NOTHING)

        def press(meaning: Meaning) -> Walk:
            control = next(control for control, meant in keys(run.walk).items() if meant is meaning)
            controls.press(control)
            run.turn(1.0)
            for _ in range(600):
                if run.walk.heard is not None:
                    return run.walk
                run.turn(0.05)
            pytest.fail("it never heard anything, nor that there is nothing")

        yield press, home


def tried(box) -> Callable[[Meaning], Walk]:
    return box[0]


def test_it_hears_itself_and_says_when_the_microphone_is_too_far(box, room) -> None:
    assert tried(box)(Meaning.HEAR).heard is Heard.GOOD
    room.softer(40)
    assert tried(box)(Meaning.HEAR).heard is Heard.FAR


def test_a_wrong_sound_card_is_found_out_and_the_right_one_taken(box, room) -> None:
    press, home = box
    put_settings(home.config, {"sound.microphone": "Headset nobody plugged in"})
    found = press(Meaning.HEAR)
    assert (found.heard, found.other) == (Heard.NOTHING, MICROPHONE)
    assert press(Meaning.YES).heard is Heard.GOOD
    assert load_config(home.config).sound.microphone == MICROPHONE


def test_where_nothing_leads_from_one_to_the_other_it_says_so_and_offers_nothing(box) -> None:
    found = tried(box)(Meaning.HEAR)
    assert (found.heard, found.other) == (Heard.NOTHING, "")
