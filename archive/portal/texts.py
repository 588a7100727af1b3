"""All words of the pages, by language, in ``text/<language>.toml``. A key that is missing fails; nothing falls back.

What a teller agrees to is worded, versioned and hashed as on the box; a library that changed those words on the box
(``HOME/texts``) has them changed here too.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from archive.errors import ArchiveError
from archive.shelf import Wording
from archive.types import Use

LANGUAGES = ("en", "es", "ar", "hi", "zh")


class BadPageText(ArchiveError):
    """A text of the pages is missing or asks for a value it is not given."""

    code = "bad-page-text"
    could_not_start = True


@dataclass(frozen=True, slots=True)
class Texts:
    """The words of one language, by key as in ``story.headline``."""

    language: str
    words: Mapping[str, str]

    def get(self, key: str, **values: object) -> str:
        """The text under ``key`` with ``{name}`` filled in. Raises `BadPageText`."""
        try:
            text = self.words[key]
            return text.format(**values) if "{" in text else text
        except (KeyError, IndexError) as hole:
            raise BadPageText(f"The text '{key}' of the pages misses {hole} in '{self.language}'.") from hole

    def trouble(self, code: str, say: str, do: str) -> tuple[str, str]:
        """What to say and do about an error of that code: in this language where it is known, else as given."""
        key = f"trouble.{code.replace('-', '_')}"
        return self.words.get(key, say), self.words.get(f"{key}_do", do)

    @property
    def draft(self) -> bool:
        """Whether no native speaker has checked these words yet: then nobody is asked for a yes in them."""
        return bool(self.words["language.draft"])

    def wording(self, use: Use) -> Wording:
        """What is shown when that use is asked, for the ledger."""
        version = self.get("consent.version")
        text = unicodedata.normalize("NFC", self.get(f"consent.{use.value}"))
        whole = f"{self.language}\n{version}\n{text}"
        return Wording(version, hashlib.sha256(whole.encode()).hexdigest(), self.language)


def load(language: str, overrides: Path | None = None) -> Texts:
    """Read the words of ``language``; from ``overrides`` (``HOME/texts``) only what people consent to is taken."""
    source = resources.files("archive.portal").joinpath("text", f"{language}.toml")
    words = _flat(tomllib.loads(source.read_text(encoding="utf-8")), f"{language}.toml")
    own = None if overrides is None else overrides / f"{language}.toml"
    if own is not None and os.path.lexists(own):
        if own.exists() and not own.is_file():
            raise BadPageText(f"{own} is no file: the library's own words cannot be read.")
        try:
            changed = _flat(tomllib.loads(own.read_text(encoding="utf-8")), str(own))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadPageText(f"{own} cannot be read: {error}.") from error
        words |= {key: text for key, text in changed.items() if key.startswith("consent.") and key in words}
    return Texts(language, words)


def _flat(tables: Mapping[str, object], name: str) -> dict[str, str]:
    words: dict[str, str] = {}
    for section, table in tables.items():
        if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
            raise BadPageText(f"'{section}' in {name} holds something that is no text.")
        words |= {f"{section}.{key}": text for key, text in table.items()}
    return words
