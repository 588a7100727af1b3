"""How deep a microphone really is. PortAudio and ALSA convert, and take 24 bit from a device of 16 without a word."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from audio.identity import PulseIdentity

WIDTHS: Final = (3, 2)
"""Bytes a sample that can be recorded, the deepest first."""
_ASOUND: Final = Path("/proc/asound")
_CARD = re.compile(r"\(hw:(\d+),")
_BITS = re.compile(r"\d+")


def own_widths(name: str, identity: PulseIdentity, asound: Path = _ASOUND) -> tuple[int, ...]:
    """Return the widths to try for the input PortAudio calls ``name``, its own first, in bytes a sample.

    A card says its formats to the kernel (USB), a sound server those of its sources: the deepest counts, for which of
    them will answer is not known before it does. Where nobody tells, 24 bit come first: so nothing is lost.
    """
    card = _CARD.search(name)
    told = identity.specs() if card is None else _of_card(asound / f"card{card.group(1)}")
    deepest = max((_bits(form) for form in told), default=0)
    return WIDTHS[::-1] if 0 < deepest <= 16 else WIDTHS  # noqa: PLR2004  bits


def _of_card(card: Path) -> list[str]:
    """The formats a USB card captures in."""
    try:
        listed = (card / "stream0").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    _, _, capture = listed.partition("\nCapture:")
    lines = (line.strip() for line in capture.splitlines())
    return [line.partition(":")[2].strip() for line in lines if line.startswith("Format:")]


def _bits(form: str) -> int:
    """The depth of a sample format as ALSA (S24_3LE, FLOAT_LE) or PulseAudio (s24-32le, float32le, ulaw) writes it."""
    found = _BITS.search(form)
    if found is None:
        return 32 if form.casefold().startswith("float") else 16
    return int(found.group())
