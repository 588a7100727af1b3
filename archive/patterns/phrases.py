"""What a briefing says around the words of its voices, in the languages it can go out in (``phrases.toml``).

A key that is missing in one language fails; nothing falls back word by word. Languages other than English are drafts
until somebody whose language it is has read them: `Phrases.draft` says so to whoever chooses one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final

LANGUAGES: Final = ("en", "es", "ar", "hi", "zh")
_RIGHT_TO_LEFT: Final = {"ar"}
_RIGHT_MARK: Final = "\u200f"


@dataclass(frozen=True)
class Phrases:
    """The phrases of one language."""

    language: str
    words: Mapping[str, Any]

    @property
    def direction(self) -> str:
        """As HTML names it."""
        return "rtl" if self.language in _RIGHT_TO_LEFT else "ltr"

    @property
    def draft(self) -> bool:
        """Whether nobody whose language it is has read these phrases."""
        return bool(self.words["draft"])

    def get(self, key: str, **values: object) -> str:
        """The phrase under ``key`` with ``{name}`` filled in. Raises `KeyError`."""
        text: str = self.words[key]
        return text.format(**{name: self.name(value) for name, value in values.items()}) if "{" in text else text

    def name(self, value: object) -> str:
        """Something of its own within a line: where that is read from the right, no number behind it joins it."""
        return f"{value}{_RIGHT_MARK}" if self.direction == "rtl" else str(value)

    def some(self, key: str, number: int) -> str:
        """A number of something, as in ``1 quote`` or ``3 quotes``."""
        return self.get(f"{key}_one" if number == 1 else f"{key}_many", n=number)

    def day(self, stamp: str) -> str:
        """An ISO time as a day a reader knows at once: 2026-03-01 as 1 March 2026."""
        at = datetime.fromisoformat(stamp)
        return self.get("day", day=at.day, month=self.words["months"][at.month - 1], year=at.year)


@cache
def phrases(language: str) -> Phrases:
    """The phrases of ``language``; of one that has none the English ones, which say that they are English."""
    known = language if language in LANGUAGES else LANGUAGES[0]
    told = tomllib.loads(resources.files("archive.patterns").joinpath("phrases.toml").read_text(encoding="utf-8"))
    return Phrases(known, told[known])
