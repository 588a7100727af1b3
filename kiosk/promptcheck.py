"""Looks at a set of prompts as a good interviewer would: each asks for an experience, once, openly, and fits.

The signs themselves are in `archive.promptsigns`, where the archive's desk finds them too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from archive.promptsigns import LONGEST, Fault, Finding, signs_of
from kiosk.prompts import Prompt, PromptSet


def check(one: PromptSet, languages: Sequence[str], folder: Path | None = None) -> tuple[Finding, ...]:
    """Everything found, in the order of the prompts. Recordings are looked for in ``folder`` where one is given."""
    return tuple(finding for prompt in one.prompts for finding in _prompt(prompt, languages, folder))


def _prompt(prompt: Prompt, languages: Sequence[str], folder: Path | None) -> list[Finding]:
    found = _texts(prompt.id, prompt.text, languages)
    for language in prompt.text:
        name = prompt.spoken.get(language)
        if name is None or (folder is not None and not (folder / name).is_file()):
            found.append(Finding(prompt.id, language, Fault.NO_RECORDING))
    # A group is asked these too, on the same screen.
    for number, text in enumerate(prompt.follow, 1):
        found += _texts(f"{prompt.id}/follow-{number}", text, languages)
    return found


def _texts(name: str, words: Mapping[str, str], languages: Sequence[str]) -> list[Finding]:
    found = [Finding(name, language, Fault.NO_LANGUAGE) for language in languages if language not in words]
    for language, text in words.items():
        if len(text) > LONGEST:
            found.append(Finding(name, language, Fault.TOO_LONG))
        found += [Finding(name, language, fault) for fault in signs_of(text, language)]
    return found
