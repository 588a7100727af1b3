"""Puts a box together from its settings: the one place where drivers are chosen, by name.

Nothing here falls back silently. A microphone or loudspeaker that is missing is trouble the screen shows, and is
looked for again.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from archive.claims import claim
from archive.durable import write_file
from archive.errors import ArchiveError
from archive.feed.sent import LINES_FILE, SETTINGS_FILE
from archive.home import Home, open_home
from archive.night import Hours, NightPass
from archive.store import Store
from audio.capture import Capture
from audio.clock import Clock
from audio.errors import AudioError, NoModel
from audio.models import BUNDLES, find, installed, serves
from audio.player import Player, make_player
from audio.segmenter import ADAPTIVE
from audio.sources import Source, make_source
from audio.transcribe import Transcriber
from audio.vad import make_vad
from hardware.controls import Controls, make_controls
from hardware.lamps import Lamps, make_lamps
from hardware.pins import DEFAULT_PINS, PinMap
from hardware.types import Control, Lamp
from kiosk import config as settings
from kiosk import prompts, signing, texts
from kiosk.app import App, Arrival, Observer, Parts
from kiosk.config import Config
from kiosk.errors import KioskError
from kiosk.later import Beside
from kiosk.playing import Playing
from kiosk.room import NO_ROOM, NoRoom
from kiosk.sentsettings import with_sent
from kiosk.speech import Voice, speech_cache
from kiosk.telling import Telling
from kiosk.texts import Texts
from kiosk.window import Screen

SYSTEM_DEVICE = "default"


class NotReady(KioskError):
    """Something the box cannot start without is missing."""

    code = "not-ready"
    could_not_start = True


class Occupied(KioskError):
    """Another kiosk is at work on this home."""

    code = "occupied"
    could_not_start = True


@dataclass(frozen=True, slots=True)
class Setting:
    """A home with its settings, words and prompts, read and checked."""

    home: Home
    config: Config
    texts: Mapping[str, Texts]
    prompts: tuple[prompts.Prompt, ...]


def read_home(path: Path) -> Setting:
    """Open the home at ``path`` (made with defaults when absent) and read what the library set.

    Raises `HomeTrouble`, `BadConfig`, `BadTexts`, `BadPrompts`.
    """
    home = open_home(path)
    if not home.config.exists():
        # Whole or not at all: the transcriber may read it at the same moment.
        write_file(home.config, settings.default_toml().encode())
    config = with_sent(settings.load(home.config), home.config, home.feed / SETTINGS_FILE)
    languages = config.site.languages
    words = {language: texts.load(language, home.texts, home.feed / LINES_FILE) for language in languages}
    for one in words.values():
        signing.check_live(home.texts, one)
    return Setting(home, config, words, prompts.load(home.path, languages, config.site.prompts))


@contextmanager
def only_kiosk(home: Home) -> Iterator[None]:
    """Let one kiosk at a time work on ``home``: a second would take the story being told for one left by a crash.

    The claim ends with the process, however that ends. Raises `Occupied`.
    """
    claimed = claim(home.path / ".kiosk")
    if claimed is None:
        raise Occupied(f"Another box is at work on {home.path}.", "Stop it first, or give another folder with --home.")
    with claimed:
        yield


def model_for(config: Config, language: str) -> str:
    """Name the installed speech model for ``language``: the one that was set, else the first that understands it.

    Raises `NoModel` when none does: a wrong model is refused, not discovered in the archive.
    """
    return usual_model(language, config.sound.model)


def usual_model(language: str, chosen: str = "") -> str:
    """Name the installed speech model for ``language``: ``chosen``, else the first that understands it.

    Raises `NoModel` as `model_for`.
    """
    wanted = [chosen] if chosen else [name for name in BUNDLES if is_model(name)]
    for name in wanted:
        if is_model(name) and serves(name, language):
            try:
                find(name)
            except NoModel:
                continue
            return name
    raise _unfit(chosen, language)


def night_model(config: Config, language: str) -> str | None:
    """Name the installed speech model that is larger than the usual one for ``language``; None where there is none."""
    try:
        usual = model_for(config, language)
    except NoModel:
        return None
    fit = [name for name in installed() if is_model(name) and serves(name, language)]
    best = max(fit, key=_bytes, default=usual)
    return best if _bytes(best) > _bytes(usual) else None


def _bytes(name: str) -> int:
    return sum(path.stat().st_size for path in find(name).iterdir() if path.is_file())


def night_of(
    config: Config, store: Store, clock: Clock, make_best: Callable[[str], Transcriber | None]
) -> NightPass | None:
    """Make what goes over the day's stories by night; None where the settings leave it out."""
    night = config.night
    if not night.on:
        return None
    return NightPass(store, clock, Hours(night.begins, night.ends, 60.0 * night.quiet_minutes), make_best)


def is_model(name: str) -> bool:
    """Whether this is the name of a speech model (and not of speech to try one with)."""
    return name in BUNDLES and BUNDLES[name].folder.startswith("models/")


def _unfit(chosen: str, language: str) -> NoModel:
    """Say what is wrong with the model that was set, or that none is here."""
    empty = "Leave sound.model in config.toml empty, so that each language has the model that understands it."
    if not any(is_model(name) and serves(name, language) for name in BUNDLES):
        say = f"No speech model there is understands '{language}'."
        return NoModel(say, "Stories in it are kept without words; people can write them down at the archive.")
    if not chosen:
        say = f"No speech model on this machine understands '{language}'."
        return NoModel(say, "Fetch one with: hearth models fetch base")
    if not is_model(chosen):
        return NoModel(f"config.toml sets a speech model called '{chosen}', which is none.", empty)
    if not serves(chosen, language):
        return NoModel(f"The speech model {chosen}, which config.toml sets, does not understand '{language}'.", empty)
    say = f"The speech model {chosen}, which config.toml sets, is not on this machine or was altered."
    return NoModel(say, f"Fetch it with: hearth models fetch {chosen}")


def device(name: str) -> str:
    """Turn the settings' word for "the system's own" into what the audio side calls it."""
    return "" if name == SYSTEM_DEVICE else name


def pins_of(config: Config) -> PinMap:
    """The wiring: the documented one, changed where the settings say so."""
    controls, lamps = dict(DEFAULT_PINS.controls), dict(DEFAULT_PINS.lamps)
    for name, number in config.pins.items():
        if name == Lamp.RING or name.startswith("lamp_"):
            lamps[Lamp(name.removeprefix("lamp_"))] = number
        else:
            controls[Control(name)] = number
    return PinMap(controls, lamps)


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
