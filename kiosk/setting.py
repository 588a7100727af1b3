"""A home with what its library set, read and checked, and which speech model serves it: what every command begins with.

Nothing of screen, sound or the network is loaded for it (`kiosk.box` puts those together).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from archive.claims import KIOSK, claim
from archive.durable import write_file
from archive.feed.sent import LINES_FILE, SETTINGS_FILE
from archive.home import Home, open_home, sweep_unpacked
from audio.errors import NoModel
from audio.models import BUNDLES, find, installed, serves
from kiosk import config as settings
from kiosk import prompts, signing, texts
from kiosk.config import Config
from kiosk.errors import BadConfig, BadPrompts, BadTexts, KioskError
from kiosk.sentsettings import with_sent
from kiosk.texts import Texts

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
    """The settings in force: of languages those that are offered."""
    texts: Mapping[str, Texts]
    prompts: tuple[prompts.Prompt, ...]
    not_offered: tuple[BadTexts, ...] = ()
    """Why a language of the settings is left out: a draft, and nobody stands for its words as they are now."""


def open_box(path: Path) -> Home:
    """Open the home at ``path`` (made with defaults when absent) without reading what the library set.

    For whatever takes back, holds, erases or looks: no slip in the settings may stand before a no.
    Raises `HomeTrouble`.
    """
    home = open_home(path)
    if not home.config.exists():
        # Whole or not at all: the transcriber may read it at the same moment.
        write_file(home.config, settings.default_toml().encode())
    return home


def read_config(home: Home) -> Config:
    """Read the settings alone, with those an archive sent; languages are those that were wished. Raises `BadConfig`."""
    return with_sent(settings.load(home.config), home.config, home.feed / SETTINGS_FILE)


def read_texts(home: Home, language: str) -> Texts:
    """Read what the box says in ``language``, with the library's own lines. Raises `BadTexts`."""
    return texts.load(language, home.texts, home.feed / LINES_FILE)


def read_home(path: Path) -> Setting:
    """Open the home at ``path`` (made with defaults when absent) and read what the library set.

    A draft that nobody has signed, or that changed since (with an update, say), is not offered, and the box goes on in
    the others. Raises `HomeTrouble`, `BadConfig`, `BadTexts` (also where no language is left), `BadPrompts`.
    """
    home = open_box(path)
    config, words, left = _offered(home, read_config(home))
    return Setting(home, config, words, prompts.load(home.path, config.site.languages, config.site.prompts), left)


def _offered(home: Home, config: Config) -> tuple[Config, dict[str, Texts], tuple[BadTexts, ...]]:
    """The settings and words of the languages a visitor may agree in, and why others are left out."""
    words = {language: read_texts(home, language) for language in config.site.languages}
    left = {language: why for language, one in words.items() if (why := signing.why_not_live(home.texts, one))}
    offered = {language: one for language, one in words.items() if language not in left}
    if not offered:
        raise next(iter(left.values()))
    own = config.site.language if config.site.language in offered else next(iter(offered))
    site = replace(config.site, language=own, languages=tuple(offered))
    return replace(config, site=site), offered, tuple(left.values())


def settings_trouble(home: Home) -> tuple[Config | None, tuple[KioskError, ...]]:
    """The settings as far as they can be read, and everything that is wrong with them, words and questions at once."""
    try:
        config = read_config(home)
    except BadConfig as error:
        return None, (error,)
    found: list[KioskError] = []
    languages = []
    for language in config.site.languages:
        try:
            if (why := signing.why_not_live(home.texts, read_texts(home, language))) is None:
                languages.append(language)
            else:
                found.append(why)
        except BadTexts as error:
            found.append(error)
    try:
        prompts.load(home.path, tuple(languages) or config.site.languages, config.site.prompts)
    except BadPrompts as error:
        found.append(error)
    return config, tuple(found)


@contextmanager
def only_kiosk(home: Home) -> Iterator[None]:
    """Let one kiosk at a time work on ``home``: a second would take the story being told for one left by a crash.

    The claim ends with the process, however that ends. Raises `Occupied`.
    """
    claimed = claim(home.path / KIOSK)
    if claimed is None:
        raise Occupied(f"Another box is at work on {home.path}.", "Stop it first, or give another folder with --home.")
    with claimed:
        sweep_unpacked(home)
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
