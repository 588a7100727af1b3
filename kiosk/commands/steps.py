"""What a hand-on and an archive's visit are doing just now, in words for who looks on at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from archive.ingest import Progress
from kiosk.commands.common import note

_SAID: Final[Mapping[str, str]] = MappingProxyType(
    {
        "visit": "Looking whether the archive can be reached",
        "withdrawals": "Telling what was taken back here, and asking what was taken back there",
        "erase": "Erasing {} here: it was taken back at the archive",
        "tombstone": "Saying that {} was taken back",
        "bury": "Taking back {}",
        "take back": "Taking back {}",
        "bag": "Packing {}",
        "send": "Handing over {}",
        "sending": "Handing over {}",
        "settle": "Looking at what was handed over",
        "judged": "",
        "check": "Looking at every byte of {}",
        "look at": "Looking at every byte of {}",
        "keep": "Taking in {}",
        "place": "",
        "sign": "Signing for {}",
        "receipt": "Reading the receipt for {}",
        "feed": "Reading what the archive prepared for this box",
        "card": "Fetching the words of {}",
        "sound": "Fetching the voice of {}",
        "again": "{} Trying again.",
        "apply": "Putting into use what the archive prepared",
    }
)
"""By step; empty where the one before it says enough."""
_OF_A_BOX: Final = "Leaving what was prepared for the box {}"


def tell_steps() -> Progress:
    """Return a function that says each step to standard error, once where the same follows itself."""
    last = ""

    def progress(step: str, story: str) -> None:
        nonlocal last
        words = _OF_A_BOX if step == "feed" and story else _SAID.get(step)
        said = f"{step.capitalize()} {story}".rstrip() if words is None else words.format(story)
        if said and said != last:
            note(said)
            last = said

    return progress
