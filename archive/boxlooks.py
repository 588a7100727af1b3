"""What an archive hears of a box's own check-up: codes alone, each of them one that stands here with its words.

A box judges itself (`hearth doctor`) and says of what is not well the code, never a sentence: what stands on the page
of boxes is written here. Not among them is what the page judges by figures of its own (loudness, clock), what handing
on settles at that moment, and what a process without sound devices cannot know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_ANY_MODEL = "model"


@dataclass(frozen=True, slots=True)
class Look:
    """The words for one code: what of the box, how it is, and what to do."""

    name: str
    value: str
    say: str


LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "power": Look("power", "too weak", "Give it the supply made for its board, with its own cable."),
        "writable": Look("card", "can no longer be written", "Copy its stories to a stick and replace the card."),
        "card": Look("card", "wearing out", "Make a backup (hearth backup), and move the box to a new card soon."),
        "space": Look("room", "nearly used up", "Hand on, or put in a larger card."),
        "files": Look("room", "too little for more files", "Hand on; if that does not help, look what fills the card."),
        "ballast": Look("room", "none held for taking back", "Hand on, or remove files that are not the box's own."),
        "heat": Look("heat", "too hot", "Move it out of the sun and free its air slots."),
        "memory": Look("memory", "short", "Start it again; if it comes back, choose a smaller speech model there."),
        "swap": Look("memory", "may be written to the card", "Run scripts/install there again, then start it anew."),
        "keys": Look("keys", "missing", "Put its key folder back: without it its stories stay closed."),
        "ledger": Look("consents", "their record was altered", "Leave the box as it is until somebody has looked."),
        "jobs": Look("work", "given up on a story", "On the box: hearth doctor says which, and what to do."),
        "model-jobs": Look("work", "waits for a speech model", "On the box: hearth models fetch base"),
        "night-jobs": Look("work", "of the night given up", "On the box: hearth doctor says which, and what to do."),
        "unfinished": Look("takes", "one was never finished", "The box offers or holds it when it starts: start it."),
        "restored": Look("stories", "held since a restore", "Let it hand on here once, or see hearth restore --help."),
        "settings": Look("settings", "not as they should be", "On the box: hearth doctor says what, and what to do."),
        "lending": Look("lending", "not cleared", "On the box: hearth doctor says what is left to do."),
        "voice": Look("reading aloud", "its voice is missing", "On the box: sudo apt install espeak-ng"),
        "version": Look("release", "one was not taken, or taken back", "On the box: hearth doctor says why."),
        _ANY_MODEL: Look("speech model", "missing for a language", "On the box: hearth models fetch base"),
    }
)
"""In the order of the page: what endangers stories first."""


def known(codes: Iterable[object]) -> list[str]:
    """Keep of ``codes`` those that have words here, once each and in their order. Pure.

    A language is no part of it: ``model-es`` is ``model``.
    """
    told = {_of(code) for code in codes if isinstance(code, str)}
    return [code for code in LOOKS if code in told]


def _of(code: str) -> str:
    return _ANY_MODEL if code.startswith(f"{_ANY_MODEL}-") and code not in LOOKS else code
