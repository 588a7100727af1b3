"""The questions the box asks: sets of prompts in TOML, checked whole, refused with a sentence.

The box comes with sets of its own (`SETS`). Sets under ``HOME/prompts/*.toml`` take their place: a library that writes
its own asks only its own. A prompt has an id, its text by language, follow-up questions, and if wanted the first and
last day it is asked, the box it belongs to, and a spoken file by language.
"""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

from archive.promptsigns import LONGEST
from kiosk.errors import BadPrompts

SETS: tuple[str, ...] = ("place", "arrival", "work", "divide", "growing-up", "growing-old", "pandemic")
"""The sets the box comes with, in the order in which it asks them."""
_log = logging.getLogger(__name__)
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_PROMPT_KEYS = frozenset({"id", "text", "follow", "from", "until", "box", "spoken"})
_SET_KEYS = frozenset({"name", "title", "prompt"})


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question. ``text``, each ``follow`` and ``spoken`` are by language; ``since`` and ``until`` are inclusive."""

    id: str
    text: Mapping[str, str]
    follow: tuple[Mapping[str, str], ...] = ()
    since: date | None = None
    until: date | None = None
    box: str = ""
    spoken: Mapping[str, str] = field(default_factory=dict)
    theme: Mapping[str, str] = field(default_factory=dict)
    """What its set is about, by language: prompts of one theme are of one set."""

    def topic(self, language: str) -> str:
        """What it is about, in ``language``, else in English, else as its set says it."""
        return self.theme.get(language) or self.theme.get("en") or next(iter(self.theme.values()), "")

    def say(self, language: str) -> str:
        """The text in ``language``, else in English, else in the first language it has."""
        return self.text.get(language) or self.text.get("en") or next(iter(self.text.values()))

    def questions(self, language: str) -> tuple[str, ...]:
        """The question and its follow-ups, in order, for a conversation."""
        return (
            self.say(language),
            *(text.get(language) or text.get("en") or next(iter(text.values())) for text in self.follow),
        )

    def asked(self, day: date, box: str = "") -> bool:
        """Whether it is asked on ``day`` on the box called ``box``."""
        started = self.since is None or self.since <= day
        over = self.until is not None and day > self.until
        return started and not over and self.box in {"", box}


@dataclass(frozen=True, slots=True)
class PromptSet:
    """Prompts that belong together, in their order."""

    name: str
    title: Mapping[str, str]
    prompts: tuple[Prompt, ...]


def load(home: Path | None, languages: Sequence[str], shipped: Sequence[str] = SETS) -> tuple[Prompt, ...]:
    """Every prompt of the box: the sets under ``home/prompts`` in the order of their names, else the ``shipped`` ones.

    ``languages`` are the languages the box offers: a prompt without one of them is refused. Raises `BadPrompts`.
    Sets an archive sent (``home/feed/prompts``) come after these and never replace a prompt of the library's own; one
    that does not fit this box is left out and noted, since nobody here can mend it.
    """
    files = sorted((home / "prompts").glob("*.toml")) if home is not None else []
    sets = [read(path, languages) for path in files] or [ours(name, languages) for name in shipped]
    prompts: dict[str, Prompt] = {}
    for one in sets:
        for prompt in one.prompts:
            if prompt.id in prompts:
                message = f"The prompt '{prompt.id}' is in two sets; one of them is '{one.name}'."
                raise BadPrompts(message, "Give one of them another id, or remove it.")
            prompts[prompt.id] = prompt
    for prompt in _sent(home, languages):
        prompts.setdefault(prompt.id, prompt)
    return tuple(prompts.values())


def _sent(home: Path | None, languages: Sequence[str]) -> Iterable[Prompt]:
    for path in sorted((home / "feed" / "prompts").glob("*.toml")) if home is not None else []:
        try:
            yield from read(path, languages).prompts
        except BadPrompts as error:
            _log.warning("a set of prompts the archive sent is left out: %s", error.say)


def ours(name: str, languages: Sequence[str] = ("en",)) -> PromptSet:
    """A set the box comes with. Raises `BadPrompts` when there is none of that name, or not in these languages."""
    if name not in SETS:
        message = f"There is no set of prompts called '{name}'."
        raise BadPrompts(message, f"There are: {', '.join(SETS)}.")
    text = resources.files("kiosk").joinpath("promptsets", f"{name}.toml").read_text(encoding="utf-8")
    return parse(text, f"the set '{name}'", languages)


def read(path: Path, languages: Sequence[str]) -> PromptSet:
    """One set from a file. Raises `BadPrompts`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"The prompts in {path} cannot be read: {error}."
        raise BadPrompts(message, "Check that the file is text and may be read.") from error
    return parse(text, str(path), languages)


def parse(text: str, where: str, languages: Sequence[str], *, longest: int = LONGEST) -> PromptSet:
    """One set from TOML ``text``; ``where`` names it in sentences. Raises `BadPrompts`.

    A checker that wants to tell everything at once asks for no language and allows any length.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{where} is not valid TOML: {error}."
        raise BadPrompts(message, "Correct that line.") from error
    _only(where, data, _SET_KEYS)
    entries = data.get("prompt", [])
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        message = f"{where} holds no prompt."
        raise BadPrompts(message, "Write at least one [[prompt]] with an id and a text.")
    prompts = tuple(_prompt(where, entry, languages, longest) for entry in entries)
    ids = [prompt.id for prompt in prompts]
    for name in ids:
        if ids.count(name) > 1:
            message = f"{where}: the prompt '{name}' is there twice."
            raise BadPrompts(message, "Give one of them another id.")
    title = _texts(f"{where}: title", data.get("title", {"en": str(data.get("name", where))}), ())
    return PromptSet(str(data.get("name", where)), title, tuple(replace(prompt, theme=title) for prompt in prompts))


def themes(prompts: Iterable[Prompt]) -> dict[str, frozenset[str]]:
    """For each prompt the ids of all that are about the same thing, itself among them."""
    every = tuple(prompts)
    return {one.id: frozenset(other.id for other in every if other.theme == one.theme) for one in every}


def playable(prompts: Iterable[Prompt], day: date, box: str = "") -> tuple[str, ...]:
    """The ids asked on ``day`` on this box, in order; all of them when dates would leave none: a box always asks."""
    every = tuple(prompts)
    today = tuple(prompt.id for prompt in every if prompt.asked(day, box))
    return today or tuple(prompt.id for prompt in every)


def _prompt(where: str, entry: Mapping[str, Any], languages: Sequence[str], longest: int) -> Prompt:
    name = entry.get("id")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        message = f"{where}: a prompt has the id {name!r}."
        raise BadPrompts(message, "An id is small letters, digits and hyphens, like 'first-day'.")
    here = f"{where}: prompt '{name}'"
    _only(here, entry, _PROMPT_KEYS)
    text = _fitting(f"{here}: text", entry.get("text"), languages, longest)
    follow = entry.get("follow", [])
    if not isinstance(follow, list):
        message = f"{here}: follow is not a list."
        raise BadPrompts(message, 'Write follow = [ { en = "What happened then?" } ].')
    since, until = _day(here, entry, "from"), _day(here, entry, "until")
    if since is not None and until is not None and until < since:
        message = f"{here} ends on {until}, before it begins on {since}."
        raise BadPrompts(message, "Exchange the two days.")
    box = entry.get("box", "")
    if not isinstance(box, str):
        message = f"{here}: box is {box!r}, not a name."
        raise BadPrompts(message, 'Write box = "the name of the box".')
    spoken = _texts(f"{here}: spoken", entry["spoken"], ()) if "spoken" in entry else {}
    follows = tuple(_fitting(f"{here}: follow", one, languages, longest) for one in follow)
    return Prompt(name, text, follows, since, until, box, spoken)


def _fitting(where: str, value: object, languages: Sequence[str], longest: int) -> dict[str, str]:
    """Text by language that fits the screen, none missing: no visitor is asked in a language they did not choose."""
    texts = _texts(where, value, languages)
    for language, words in texts.items():
        if len(words) > longest:
            message = f"{where} is {len(words)} characters long in '{language}'."
            raise BadPrompts(message, f"At most {longest} characters fit the screen.")
    return texts


def _texts(where: str, value: object, languages: Sequence[str]) -> dict[str, str]:
    """Text by language, none missing, none empty."""
    if not isinstance(value, dict) or not value:
        message = f"{where} is missing."
        raise BadPrompts(message, 'Write it by language: { en = "...", es = "..." }.')
    for language, words in value.items():
        if not _LANGUAGE.fullmatch(language) or not isinstance(words, str) or not words.strip():
            message = f"{where} has {words!r} for '{language}'."
            raise BadPrompts(message, "Write a language code and words between quotes.")
    missing = [language for language in languages if language not in value]
    if missing:
        message = f"{where} has no words in: {', '.join(missing)}."
        raise BadPrompts(message, "Add them, or offer fewer languages in site.languages.")
    return {language: " ".join(words.split()) for language, words in value.items()}


def _only(where: str, given: Mapping[str, Any], known: frozenset[str]) -> None:
    for key in given:
        if key not in known:
            message = f"{where} has '{key}', which nothing reads."
            raise BadPrompts(message, f"Known are: {', '.join(sorted(known))}.")


def _day(where: str, entry: Mapping[str, Any], key: str) -> date | None:
    value = entry.get(key)
    if value is None or type(value) is date:
        return value
    message = f"{where}: {key} is {value!r}, not a day."
    raise BadPrompts(message, f"Write {key} = 2026-03-01, without quotes.")
