"""All words of the box, by language: shipped in ``kiosk/text/<language>.toml``, changed line by line in ``HOME/texts``.

A language is one file. A key that is missing, unknown or not a text is refused by name when the file is read, so a
visitor never meets a hole. What tellers agree to has a version and a hash, kept with every answer.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from string import Formatter

from archive.feed.manifest import LONGEST_LINE, line_width
from archive.types import Use
from kiosk.errors import BadTexts

DEFAULT = "en"
KEEPING = "review.headline"
"""The question whether to keep."""
STEWARD = ".".join(("consent", "steward"))  # noqa: FLY002 - not a key every language has
"""A sentence of a library's own file alone, said after that question: from then on the steward's key opens it, too."""
LONGEST_OUTCOME = LONGEST_LINE
"""Letters of one line about what became of stories: what the narrowest panel shows beside the keep-code."""
"""From here on letters are as wide as two."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The very words a person was shown, for the consent ledger. ``hash``: SHA-256 of language, version and text."""

    text: str
    version: str
    hash: str


@dataclass(frozen=True, slots=True)
class Texts:
    """The words of one language, by key as in ``recording.headline``."""

    language: str
    words: Mapping[str, str]
    draft: bool = False
    """No native speaker has checked these words yet: not shown to visitors before `kiosk.signing` has a signature."""

    steward: bool = False
    """The library's own words say, where keeping is asked, that the steward of the box has a key, too."""

    outcomes: tuple[str, ...] = ()
    """What became of stories like these, in the library's own words, shown in turn when a story is safe."""

    aloud: bool = False
    """They are heard and not read: lengths are whole words ("2 minutes and 10 seconds")."""

    @property
    def name(self) -> str:
        """The language in its own script."""
        return self.get("language.name")

    def get(self, key: str, **values: object) -> str:
        """The text under ``key`` with ``{name}`` filled in; `BadTexts` when the key or a value is missing."""
        if key not in self.words:
            raise BadTexts(f"The text '{key}' is missing in '{self.language}'.", _nearest(key, self.words))
        text = self.words[key]
        try:
            return text.format(**values) if "{" in text else text
        except (KeyError, IndexError) as hole:
            raise BadTexts(
                f"The text '{key}' in '{self.language}' asks for {hole}.", "Use the shipped names."
            ) from hole

    def counted(self, key: str, count: int) -> str:
        """The text under ``key`` in its form for so many: forms are parted by ``|``, the last is any other."""
        forms = self.get(key, count=count).split(" | ")
        return forms[min(_form(self.language, count), len(forms) - 1)]

    def to_be_heard(self) -> Texts:
        """The same words, with lengths as they are said."""
        return replace(self, aloud=True)

    def find(self, key: str) -> str | None:
        """The text under ``key`` as it stands, or ``None``."""
        return self.words.get(key)

    def wording(self, use: Use, *, group: bool = False) -> Wording:
        """What is shown when that use is asked; `Use.KEEP` is the question of the review, a ``group`` agrees as one."""
        section = "group" if group else "consent"
        own = {Use.KEEP: KEEPING, Use.RECORD: "agreement.body" if group else "consent.record"}
        text = self.get(own.get(use, f"{section}.{use.value}"))
        version = self.get("consent.version")
        whole = "\n".join((self.language, version, unicodedata.normalize("NFC", text)))
        return Wording(text, version, hashlib.sha256(whole.encode()).hexdigest())

    def trouble(self, code: str, say: str, do: str = "") -> tuple[str, str]:
        """What to say and do about an error of that code, in this language where it is known, else as given."""
        key = f"trouble.{code.replace('-', '_')}"
        return self.words.get(key, say), self.words.get(f"{key}_do", do)


def _form(language: str, count: int) -> int:
    """Which of a text's forms ``count`` takes: one and more; in Arabic one, two, three to ten, more; in Chinese two."""
    if language == "ar":
        return count - 1 if count in {1, 2} else 2 if 3 <= count % 100 <= 10 else 3  # noqa: PLR2004 - its grammar
    return int(count != (2 if language == "zh" else 1))


@cache
def shipped_languages() -> tuple[str, ...]:
    """The languages that come with the box, the default first."""
    found = sorted(
        Path(entry.name).stem
        for entry in resources.files("kiosk").joinpath("text").iterdir()
        if entry.name.endswith(".toml")
    )
    return (DEFAULT, *(language for language in found if language != DEFAULT))


def load(language: str, overrides: Path | None = None, sent: Path | None = None) -> Texts:
    """The texts of ``language``; ``overrides`` is the folder ``HOME/texts`` (need not exist).

    Raises `BadTexts` when there is no such language, a file cannot be read, a key is missing or unknown, or a text
    asks for a value the shipped one does not have.
    """
    base = _shipped(DEFAULT)
    words = dict(_shipped(language))
    own = None if overrides is None else overrides / f"{language}.toml"
    said = ""
    # Whatever lies there is read: what is no file says so, instead of the library's words going unused in silence.
    if own is not None and os.path.lexists(own):
        changed = _flat(_parse(_read(own), str(own)), str(own))
        said = changed.pop(STEWARD, "")
        _check_known(changed, base, str(own))
        words.update(changed)
        if said:
            # One text from here on: shown, read aloud and hashed together.
            words[KEEPING] = f"{words[KEEPING]} {said}"
    missing = sorted(set(base) - set(words))
    if missing:
        raise BadTexts(f"The language '{language}' misses the text '{missing[0]}'.", "Add the line to its file.")
    for key, text in words.items():
        if extra := _holes(text) - _holes(base[key]):
            raise BadTexts(f"The text '{key}' in '{language}' asks for '{min(extra)}'.", "Use the shipped names.")
    told = (*_outcomes(language, overrides), *_sent(language, sent))
    return Texts(language, words, draft=is_draft(language), steward=bool(said), outcomes=told)


def _outcomes(language: str, folder: Path | None) -> tuple[str, ...]:
    """What became of stories like these, one line each, from ``outcomes.toml``; the library writes them."""
    path = None if folder is None else folder / "outcomes.toml"
    if path is None or not os.path.lexists(path):
        return ()
    told = _parse(_read(path), str(path)).get("outcome", [])
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise BadTexts(f"'outcome' in {path} is not a list.", 'Write [[outcome]] and a line by language: en = "...".')
    return tuple(_outcome(number, one.get(language), language, str(path)) for number, one in enumerate(told, start=1))


def _sent(language: str, path: Path | None) -> tuple[str, ...]:
    """What archives tell every visitor, from the file the last feeds left, as far as this language has it."""
    try:
        told = [] if path is None else json.loads(path.read_bytes())
        return tuple(str(one[language]) for one in told if language in one)
    except (OSError, ValueError, TypeError):
        # It is written anew by the next sync; a box starts without it.
        return ()


def _outcome(number: int, line: object, language: str, name: str) -> str:
    if not isinstance(line, str) or not line.strip():
        raise BadTexts(f"Outcome {number} in {name} has no words in '{language}'.", "Add them.")
    if line_width(line) > LONGEST_OUTCOME:
        say = f"Outcome {number} in {name} is too long in '{language}' for its one line."
        raise BadTexts(say, f"At most {LONGEST_OUTCOME} letters fit; a Chinese sign counts as two.")
    return line


@cache
def own_name(language: str) -> str:
    """The name of a shipped language in its own script."""
    return _shipped(language)["language.name"]


@cache
def is_draft(language: str) -> bool:
    """Whether the shipped words of that language say ``[language] draft = true``."""
    table = _parse(_shipped_file(language), f"{language}.toml").get("language")
    return isinstance(table, dict) and table.get("draft") is True


def _shipped(language: str) -> dict[str, str]:
    name = f"{language}.toml"
    tables = _parse(_shipped_file(language), name)
    about = tables.get("language")
    if isinstance(about, dict) and isinstance(about.get("draft"), bool):
        del about["draft"]
    return _flat(tables, name)


def _shipped_file(language: str) -> str:
    if language not in shipped_languages():
        raise BadTexts(f"There are no texts in '{language}'.", f"There are: {', '.join(shipped_languages())}.")
    return resources.files("kiosk").joinpath("text", f"{language}.toml").read_text(encoding="utf-8")


def _read(path: Path) -> str:
    if path.exists() and not path.is_file():
        raise BadTexts(f"{path} is no file.", "Put the library's words into a file of this name.")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as trouble:
        raise BadTexts(f"The texts in {path} cannot be read.", str(trouble)) from trouble


def _parse(text: str, name: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as trouble:
        raise BadTexts(f"The texts in {name} are not TOML: {trouble}.", "Compare with the shipped file.") from trouble


def _flat(tables: Mapping[str, object], name: str) -> dict[str, str]:
    words: dict[str, str] = {}
    for section, table in tables.items():
        if not isinstance(table, dict):
            raise BadTexts(f"'{section}' in {name} stands outside a section.", "Write it under a [section].")
        for key, text in table.items():
            if not isinstance(text, str) or not text.strip():
                raise BadTexts(f"'{section}.{key}' in {name} is not a text.", "Write it in quotation marks.")
            words[f"{section}.{key}"] = text
    return words


def _check_known(words: Mapping[str, str], known: Mapping[str, str], name: str) -> None:
    for key in words:
        if key not in known:
            raise BadTexts(f"Nobody uses the text '{key}' in {name}.", _nearest(key, known))


def _holes(text: str) -> set[str]:
    try:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError as trouble:
        raise BadTexts(f"The text '{text}' has an open bracket.", "Write {{ for a bracket.") from trouble


def _nearest(key: str, known: Mapping[str, str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"Did you mean '{close[0]}'?" if close else "Compare with the shipped file."
