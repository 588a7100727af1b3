"""A new home for a simulated visitor who speaks another language than the box begins with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from archive.durable import write_file
from archive.home import open_home
from kiosk import signing, texts
from kiosk.config import Site, default_toml
from kiosk.presses import Language, Step

SIGNED_BY: Final = "nobody: a simulated visitor's trial"
"""Stands in ``texts/signed.toml`` for words that no person has answered for."""


def begin_trial(path: Path, steps: Sequence[Step]) -> None:
    """Let a home that is not there yet begin with the languages the visitor will speak; any other stays as it is.

    Draft languages are signed as a trial: a library's box is never made here. Raises `HomeTrouble`, `BadTexts`.
    """
    asked = [step.code for step in steps if isinstance(step, Language) and step.code in texts.shipped_languages()]
    languages = tuple(dict.fromkeys((*Site().languages, *asked)))
    if languages == tuple(Site().languages) or (path / "config.toml").exists():
        return
    home = open_home(path)
    for code in languages:
        words = texts.load(code, home.texts)
        if words.draft:
            signing.sign(home.texts, words, SIGNED_BY, datetime.now(UTC).astimezone().date())
    write_file(home.config, default_toml(languages).encode())
