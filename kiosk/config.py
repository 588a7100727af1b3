"""Settings of a library's box: ``HOME/config.toml``, read once, checked whole, refused with a sentence.

Every setting has a default, so that an empty or absent file is fine. An unknown name is refused with the nearest known
one; a value of another kind or outside its range is refused with file, name and what is allowed (`BadConfig`).
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from kiosk.errors import BadConfig
from kiosk.openhours import Span, is_clock
from kiosk.prompts import SETS
from kiosk.stewardcode import is_code
from kiosk.types import Rules

EAR = 0.5
"""The volume a visit with headphones begins with at most: the first step of the volume key."""

Plain = str | int | float | bool | tuple[str, ...]


def _setting(
    default: Plain,
    about: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    empty: bool = False,
) -> Any:
    """One setting: its default, what it is for, and what is allowed. ``low`` and ``high`` are inclusive."""
    allowed = {"about": about, "low": low, "high": high, "choices": choices, "empty": empty}
    return field(default=default, metadata=allowed)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the box stands and what it speaks."""

    name: str = _setting("our library", "The library's name, as visitors know it.")
    steward: str = _setting("", "Who looks after the box.", empty=True)
    contact: str = _setting("", "Where the steward is reached: a desk, a telephone number.", empty=True)
    language: str = _setting("en", "The library's own language; the box returns to it after each visit.")
    languages: tuple[str, ...] = _setting(
        ("en",), "Every language offered, by code; a draft only once somebody has signed for it."
    )
    prompts: tuple[str, ...] = _setting(SETS, "The sets of questions asked while HOME/prompts holds none of yours.")


@dataclass(frozen=True, slots=True)
class HoursConfig:
    """When the library is open, and when the box keeps quiet. Times as HH:MM."""

    opens: str = _setting("", "When the library opens; empty where that varies.", empty=True)
    closes: str = _setting("", "When it closes.", empty=True)
    quiet_begins: str = _setting(
        "", "From here on nothing sounds at rest, and each visit begins softly; empty is never.", empty=True
    )
    quiet_ends: str = _setting("", "Until here.", empty=True)

    @property
    def quiet(self) -> Span:
        """When the box keeps quiet."""
        return Span(self.quiet_begins, self.quiet_ends)


@dataclass(frozen=True, slots=True)
class Sound:
    """Microphone, loudspeaker and the machine that writes down what is said."""

    microphone: str = _setting("default", "The microphone by (part of) its name; 'default' takes the system's.")
    speaker: str = _setting("default", "The loudspeaker by (part of) its name; 'default' takes the system's.")
    rate: int = _setting(0, "Samples a second; 0 takes what the microphone does best.", low=0, high=96_000)
    width: int = _setting(0, "Bytes a sample: 2 (16 bit), 3 (24 bit); 0: the microphone's own depth.", low=0, high=3)
    vad: str = _setting("silero", "What tells speech from silence.", choices=("silero", "webrtc"))
    transcriber: str = _setting("shorttail", "What writes down speech.", choices=("shorttail", "whisper", "fixed"))
    model: str = _setting("", "The speech model by name; empty takes the one that was set up.", empty=True)
    volume: float = _setting(0.7, "The volume each visit begins with, 0 to 1.", low=0.0, high=1.0)
    headphones: bool = _setting(
        default=False, about="People listen with headphones: each visit begins softly, and nothing sounds at rest."
    )


@dataclass(frozen=True, slots=True)
class Screen:
    """The panel: the size of text is computed from these."""

    width: int = _setting(800, "Pixels across.", low=640, high=7680)
    height: int = _setting(480, "Pixels down.", low=400, high=4320)
    width_mm: float = _setting(154.0, "Width of the lit panel in millimetres.", low=60.0, high=2000.0)
    distance_mm: float = _setting(600.0, "How far away people stand or sit, in millimetres.", low=300.0, high=3000.0)
    fullscreen: bool = _setting(default=False, about="Fill the screen (on a box) or open a window (on a desk).")
    theme: str = _setting("dusk", "Colours.", choices=("dusk", "contrast", "light"))


@dataclass(frozen=True, slots=True)
class Times:
    """How long the box waits, in seconds. Nothing is ever agreed by waiting."""

    deliberate: float = _setting(0.4, "A yes counts this long after its question was shown.", low=0.2, high=3.0)
    still_there: float = _setting(20.0, "How long 'Still there?' stands.", low=20.0, high=300.0)
    choosing: float = _setting(60.0, "Choosing prompt and language.", low=30.0, high=900.0)
    consent: float = _setting(90.0, "Reading what recording means.", low=30.0, high=900.0)
    ready: float = _setting(60.0, "Trying the microphone.", low=30.0, high=900.0)
    story: float = _setting(300.0, "The longest story before it is extended.", low=60.0, high=3600.0)
    listened: float = _setting(1800.0, "The longest story while a facilitator listens.", low=60.0, high=7200.0)
    extension: float = _setting(300.0, "How much one press adds.", low=60.0, high=3600.0)
    extensions: int = _setting(10, "How often a story can be extended.", low=10, high=100)
    pause: float = _setting(600.0, "How long a pause may last.", low=60.0, high=3600.0)
    review: float = _setting(90.0, "Keep, hear, tell again or throw away.", low=30.0, high=900.0)
    sharing: float = _setting(90.0, "Who may hear it.", low=30.0, high=900.0)
    thanks: float = _setting(120.0, "The keep-code on the screen.", low=30.0, high=900.0)
    listening: float = _setting(60.0, "After a voice has ended.", low=30.0, high=900.0)
    code_entry: float = _setting(120.0, "Entering a keep-code.", low=30.0, high=900.0)
    my_story: float = _setting(120.0, "A teller with a code.", low=30.0, high=900.0)
    facilitator: float = _setting(
        1800.0,
        "The facilitator's desk; a group's pause and what follows its talk wait at least as long.",
        low=60.0,
        high=14_400.0,
    )
    agreement: float = _setting(600.0, "A group agreeing.", low=60.0, high=3600.0)
    conversation: float = _setting(7200.0, "The longest conversation.", low=300.0, high=14_400.0)
    recovered: float = _setting(120.0, "After the power blinked.", low=30.0, high=900.0)
    attract_voice: float = _setting(
        0.0, "Silence at rest after which an earlier voice is heard, quietly; 0 never.", low=0.0, high=3600.0
    )
    prompt_turn: float = _setting(45.0, "How long one prompt is on show.", low=10.0, high=3600.0)


@dataclass(frozen=True, slots=True)
class ControlsConfig:
    """Hands and lamps."""

    facilitator_code: str = _setting(
        "",
        "What a facilitator types on the cue keys (4 to 12 figures, 1 to 8); empty lets only the key in.",
        empty=True,
    )
    cue_buttons: int = _setting(
        4,
        "How many cue buttons are wired, each with its lamp; more than four take the pins of a sound HAT.",
        low=0,
        high=8,
    )
    driver: str = _setting("keyboard", "What reads the keys.", choices=("keyboard", "gpio", "mock", "scripted"))
    hand: str = _setting(
        "right", "The hand the keys lie for: for the left one, yes is at the right.", choices=("right", "left")
    )
    lamps: str = _setting("remembered", "What lights the lamps.", choices=("remembered", "gpio", "mock"))


@dataclass(frozen=True, slots=True)
class Consent:
    """What tellers are asked beside the uses. The words themselves are in ``texts``."""

    ask_age: int = _setting(0, "Ask whether a teller is so many years old; 0 does not ask.", low=0, high=25)
    ask_form: bool = _setting(default=False, about="Ask whether others may hear the voice or only read the words.")
    embargo_years: int = _setting(0, "Ask whether others shall wait so many years; 0 does not ask.", low=0, high=100)


@dataclass(frozen=True, slots=True)
class Archive:
    """Where stories with the needed yes are handed on to."""

    sync_to: str = _setting(
        "",
        "An archive's address (https://...), a folder (a stick or share), or a remote of rclone's (rclone:NAME); "
        "empty hands nothing on.",
        empty=True,
    )


@dataclass(frozen=True, slots=True)
class Sync:
    """How the way to the archive is gone."""

    kbit_s: int = _setting(0, "The most kilobits a second that are sent; 0 for no limit.", low=0, high=10_000_000)
    proxy: str = _setting(
        "", "A proxy on the way out, http://HOST:PORT; empty takes what the system says, if anything.", empty=True
    )
    window_minutes: int = _setting(210, "How long one run may take; the next one goes on.", low=1, high=1440)


@dataclass(frozen=True, slots=True)
class Retention:
    """When what nobody asked to share is erased."""

    kept_days: int = _setting(90, "Kept stories with no other yes.", low=1, high=3650)
    held_hours: int = _setting(24, "Takes neither kept nor thrown away.", low=1, high=24)


@dataclass(frozen=True, slots=True)
class Night:
    """The hours in which nobody comes: the best speech model here goes over what was hard to hear by day."""

    on: bool = _setting(default=True, about="Go over the day's stories by night, where a better model is here.")
    begins: int = _setting(22, "The hour after closing at which it begins.", low=0, high=23)
    ends: int = _setting(6, "The hour before opening at which it ends.", low=0, high=23)
    quiet_minutes: int = _setting(30, "Minutes since the last press before it begins.", low=5, high=240)


@dataclass(frozen=True, slots=True)
class Lending:
    """A box that is lent to a group, a family, a school, and comes back."""

    on: bool = _setting(
        default=False, about="This box is lent: `hearth lend --back` closes and clears it between borrowers."
    )


@dataclass(frozen=True, slots=True)
class Config:
    """All settings. ``pins`` are BCM numbers by the name of the control or lamp, for real buttons; empty on a desk."""

    site: Site = field(default_factory=Site)
    hours: HoursConfig = field(default_factory=HoursConfig)
    sound: Sound = field(default_factory=Sound)
    screen: Screen = field(default_factory=Screen)
    times: Times = field(default_factory=Times)
    controls: ControlsConfig = field(default_factory=ControlsConfig)
    pins: Mapping[str, int] = field(default_factory=dict)
    consent: Consent = field(default_factory=Consent)
    archive: Archive = field(default_factory=Archive)
    sync: Sync = field(default_factory=Sync)
    retention: Retention = field(default_factory=Retention)
    night: Night = field(default_factory=Night)
    lending: Lending = field(default_factory=Lending)

    @property
    def begins_at(self) -> float:
        """The volume each visit begins with: into an ear the softest, whatever the last visitor chose."""
        return min(self.sound.volume, EAR) if self.sound.headphones else self.sound.volume

    def rules(self) -> Rules:
        """The times as the session wants them."""
        given = {item.name: getattr(part, item.name) for part in (self.times, self.consent) for item in fields(part)}
        # A key of a keyboard is within everybody's reach; a switch with a key is not.
        switch = self.controls.driver == "gpio" or not self.controls.facilitator_code
        if self.sound.headphones:
            # Into headphones that hang on their hook nobody listens.
            given["attract_voice"] = 0.0
        coded = bool(self.controls.facilitator_code)
        given["headphones"] = self.sound.headphones
        return Rules(**given, left_handed=self.controls.hand == "left", key_switch=switch, code_on_cues=coded)


SECRET = re.compile(r"code|key|secret|password|token|credential")
"""In the names of settings whose value is told to nobody."""
SECTIONS: dict[str, type[Any]] = {
    "site": Site,
    "hours": HoursConfig,
    "sound": Sound,
    "screen": Screen,
    "times": Times,
    "controls": ControlsConfig,
    "consent": Consent,
    "archive": Archive,
    "sync": Sync,
    "retention": Retention,
    "night": Night,
    "lending": Lending,
}
PIN_NAMES: tuple[str, ...] = (
    "left", "middle", "right", "language", "volume", "facilitator", *(f"cue{n}" for n in range(1, 9)),
    "ring", "lamp_left", "lamp_middle", "lamp_right", *(f"lamp_cue{n}" for n in range(1, 9)),
)  # fmt: skip
_HIGHEST_PIN = 27


def load(path: Path) -> Config:
    """Read the settings at ``path``; an absent file means all defaults. Raises `BadConfig`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        message = f"The settings in {path} cannot be read: {error}."
        raise BadConfig(message, "Check that the file is there, is text, and may be read.") from error
    return parse(text, str(path))


def parse(text: str, where: str = "config.toml") -> Config:
    """Read settings from TOML ``text``; ``where`` names it in sentences. Raises `BadConfig`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{where} is not valid TOML: {error}."
        raise BadConfig(message, "Correct that line, or start again from `hearth config --default`.") from error
    _known(where, "section", data, (*SECTIONS, "pins"))
    for name, values in data.items():
        if not isinstance(values, dict):
            message = f"{where}: '{name}' is a section, not a value."
            raise BadConfig(message, f"Write [{name}] on its own line, with its settings below.")
    sections = {name: _section(where, name, kind, data.get(name, {})) for name, kind in SECTIONS.items()}
    config = Config(**sections, pins=_pins(where, data.get("pins", {})))
    if config.controls.facilitator_code and not is_code(config.controls.facilitator_code):
        message = f"{where}: controls.facilitator_code is not 4 to 12 figures from 1 to 8."
        raise BadConfig(message, "It is typed on the cue keys, so it has no other figures.")
    for name in ("opens", "closes", "quiet_begins", "quiet_ends"):
        at = getattr(config.hours, name)
        if at and not is_clock(at):
            message = f"{where}: hours.{name} is '{at}', which is no time of day."
            raise BadConfig(message, "Write it with four figures, as in 09:30 or 18:00.")
    if config.site.language not in config.site.languages:
        message = f"{where}: site.language '{config.site.language}' is not among site.languages."
        raise BadConfig(message, "Add it to site.languages, or choose one that is there.")
    return config


def default_toml(languages: tuple[str, ...] = ()) -> str:
    """A settings file with every setting, its default, what it is for and what is allowed; ``languages`` are set."""
    lines = ["# Settings of this box. What is commented out is the default.", ""]
    for name, kind in SECTIONS.items():
        lines += [f"[{name}]"]
        for item in fields(kind):
            lines += [f"# {item.metadata['about']} {_allowed(item)}", f"# {item.name} = {_toml(item.default)}"]
            if languages and (name, item.name) == ("site", "languages"):
                lines += [f"languages = {_toml(languages)}"]
        lines += [""]
    lines += ["[pins]", "# BCM numbers of real buttons and lamps by name, for instance:", "# left = 17", ""]
    return "\n".join(lines)


def _section(where: str, name: str, kind: type[Any], values: dict[str, Any]) -> Any:
    known = {item.name: item for item in fields(kind)}
    _known(where, f"setting in [{name}]", values, tuple(known))
    return kind(**{key: _checked(f"{where}: {name}.{key}", known[key], value) for key, value in values.items()})


def _known(where: str, what: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            do = f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(known)}."
            message = f"{where}: there is no {what} called '{key}'."
            raise BadConfig(message, do)


def _checked(where: str, item: Field[Any], value: Any) -> Plain:
    """The value in the kind of the default, or `BadConfig`."""
    default, allowed = item.default, item.metadata
    fits: Plain | None = None
    match default:
        case bool():
            fits = value if isinstance(value, bool) else None
        case int():
            fits = value if isinstance(value, int) and not isinstance(value, bool) else None
        case float():
            fits = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        case str():
            fits = value if isinstance(value, str) and (value.strip() or allowed["empty"]) else None
        case tuple():
            words = isinstance(value, list) and bool(value) and all(isinstance(one, str) and one for one in value)
            fits = tuple(value) if words and len(set(value)) == len(value) else None
    low, high, choices = allowed["low"], allowed["high"], allowed["choices"]
    inside = fits is not None and (low is None or (isinstance(fits, int | float) and low <= fits <= high))
    if not inside or (choices and fits not in choices) or fits is None:
        # What is wrong is told on pages and to whoever helps; a code without its quotation marks must not be.
        told = "not" if SECRET.search(item.name) or item.name == "proxy" else f"{value!r}, which is not"
        message = f"{where} is {told} allowed. {_allowed(item)}"
        raise BadConfig(message, f"The default is {_toml(default)}.")
    return fits


def _pins(where: str, values: dict[str, Any]) -> dict[str, int]:
    _known(where, "pin", values, PIN_NAMES)
    for name, pin in values.items():
        if isinstance(pin, bool) or not isinstance(pin, int) or not 0 <= pin <= _HIGHEST_PIN:
            message = f"{where}: pins.{name} is {pin!r}, which is not allowed."
            raise BadConfig(message, f"A whole number from 0 to {_HIGHEST_PIN} (BCM numbering).")
        twice = [other for other, number in values.items() if number == pin and other != name]
        if twice:
            message = f"{where}: pins.{name} and pins.{twice[0]} are both {pin}."
            raise BadConfig(message, "Give each its own pin.")
    return dict(values)


def _allowed(item: Field[Any]) -> str:
    allowed = item.metadata
    if allowed["choices"]:
        return f"One of: {', '.join(allowed['choices'])}."
    match item.default:
        case bool():
            return "true or false."
        case int():
            return f"A whole number from {allowed['low']} to {allowed['high']}."
        case float():
            return f"A number from {allowed['low']:g} to {allowed['high']:g}."
        case tuple():
            return "A list of different words, at least one."
        case _:
            return "Text." if allowed["empty"] else "Text, not empty."


def _toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"'
        case tuple():
            return "[" + ", ".join(f'"{one}"' for one in value) + "]"
        case _:
            return str(value)
