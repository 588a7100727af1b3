"""Puts a box together from its settings: the one place where drivers are chosen, by name.

Nothing here falls back silently. A microphone or loudspeaker that is missing is trouble the screen shows, and is
looked for again.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archive.errors import ArchiveError
from archive.store import Store
from audio.capture import Capture
from audio.clock import Clock
from audio.drivers import make_player, make_source, make_vad
from audio.errors import AudioError
from audio.player import Player
from audio.segmenter import ADAPTIVE
from audio.sources import Source
from hardware.controls import Controls
from hardware.drivers import make_controls, make_lamps
from hardware.lamps import Lamps
from hardware.pins import PinMap, wired
from hardware.types import Control, Lamp
from kiosk import prompts
from kiosk.app import App, Arrival, Observer, Parts
from kiosk.config import Config
from kiosk.later import Beside
from kiosk.playing import Playing
from kiosk.room import NO_ROOM, NoRoom
from kiosk.setting import Setting, device
from kiosk.speech import Voice, speech_cache
from kiosk.telling import Telling
from kiosk.window import Screen


def pins_of(config: Config) -> PinMap:
    """The wiring: the documented one, changed where the settings say so."""
    usual = wired(config.controls.cue_buttons)
    controls, lamps = dict(usual.controls), dict(usual.lamps)
    for name, number in config.pins.items():
        if name == Lamp.RING or name.startswith("lamp_"):
            lamps[Lamp(name.removeprefix("lamp_"))] = number
        else:
            controls[Control(name)] = number
    return PinMap(controls, lamps, hat=usual.hat)


@dataclass(frozen=True, slots=True)
class Drivers:
    """What stands for the outside world."""

    source: Source
    player: Player
    controls: Controls
    lamps: Lamps
    screen: Screen | None = None
    begin_track: Callable[[float], float] | None = None


def make_source_of(config: Config, clock: Clock) -> Source:
    """Make the microphone the settings name. Raises `NoMicrophone`."""
    sound = config.sound
    rate = sound.rate or None
    return make_source("microphone", clock, device=device(sound.microphone), rate=rate, width=sound.width)


def make_hands(config: Config, clock: Clock) -> tuple[Controls, Lamps]:
    """Make keys and lamps as the settings name them. Raises `HardwareError`."""
    pins = pins_of(config)
    return make_controls(config.controls.driver, clock, pins=pins), make_lamps(config.controls.lamps, clock, pins=pins)


def make_player_of(config: Config, clock: Clock, arrivals: queue.SimpleQueue[Arrival]) -> Player:
    """Make the loudspeaker the settings name. Raises `NoSpeaker`."""
    return make_player("speaker", clock, arrivals.put, device=device(config.sound.speaker))


def make_voice(setting: Setting) -> Voice:
    """Make what reads screens aloud: the library's own recordings first, the machine's voice for the rest."""
    home = setting.home
    return Voice(
        setting.texts, setting.prompts, recordings=home.texts, prompt_recordings=home.path / "prompts",
        cache=speech_cache(),
    )  # fmt: skip


def _words_of(known: Sequence[prompts.Prompt]) -> Callable[[str, str], str]:
    """How a question stands on the screen, for the take: its set may be rewritten before the story is handed on."""
    questions = {prompt.id: prompt for prompt in known}
    return lambda prompt, language: questions[prompt].say(language) if prompt in questions else ""


def make_app(
    setting: Setting,
    store: Store,
    clock: Clock,
    drivers: Drivers,
    arrivals: queue.SimpleQueue[Arrival],
    *,
    observer: Observer | None = None,
) -> App:
    """Join everything into an app. ``arrivals`` is the one queue the drivers already announce into."""
    config = setting.config
    capture = Capture(drivers.source, make_vad(config.sound.vad), clock, arrivals.put)
    rules = config.rules()
    telling = Telling(
        store, drivers.source, capture, clock, arrivals.put, site=config.site.name, rules=ADAPTIVE,
        longest_s=rules.story, longest_group_s=rules.conversation,
        beside=Beside(arrivals.put), begin_track=drivers.begin_track, asked=_words_of(setting.prompts),
    )  # fmt: skip
    voice = make_voice(setting)
    playing = Playing(
        store, drivers.player, clock, arrivals.put, volume=config.begins_at, voice=voice, texts=setting.texts,
        themes=prompts.themes(setting.prompts),
        quiet=lambda: config.hours.quiet.holds(clock.wall().astimezone().time()),
    )  # fmt: skip

    def check() -> tuple[str, str] | None:
        """Look for what would keep the box from doing its work."""
        try:
            store.home.load_keys()
            if not telling.room():
                return setting.texts[config.site.language].trouble(NoRoom.code, NO_ROOM)
        except (ArchiveError, AudioError) as error:
            return error.say, error.do
        return None

    languages = (config.site.language, *(code for code in config.site.languages if code != config.site.language))
    today = prompts.playable(setting.prompts, clock.wall().date(), config.site.name)
    by_id = {prompt.id: prompt for prompt in setting.prompts}
    asked = tuple(by_id[name] for name in today)
    parts = Parts(
        store, clock, drivers.controls, drivers.lamps, telling, playing, setting.texts, asked, drivers.screen, check,
        arrivals,
    )  # fmt: skip
    return App(parts, rules, languages, observer, steward=config.controls.facilitator_code)
