"""What stands behind a sentence of a briefing that was taken from a theme, as far as it may be told outside.

A theme goes out with what holds it up and what speaks against it: how many voices (five and more; fewer are not
counted out), its counter-examples or where somebody looked for one, and which of the quotes stand against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from archive.catalogue import Tx
from archive.patterns.phrases import Phrases, phrases
from archive.patterns.small import enough
from archive.patterns.themes import BadTheme, Look, Side, Theme, Voice, theme_of

GONE = "The theme is not there any more."


@dataclass(frozen=True, slots=True)
class Backing:
    """A theme behind a sentence at this look. ``why`` says what it lacks; ``lines`` are for a briefing's readers."""

    sentence: str
    stands: bool
    why: str
    lines: tuple[str, ...]
    voices: tuple[Voice, ...]

    def side(self, story: str, start: int, end: int) -> Side | None:
        """Where [start, end) ms of a story stands; None where nobody put it on one side alone."""
        sides = {one.side for one in self.voices if one.story == story and one.start < end and start < one.end}
        return sides.pop() if len(sides) == 1 else None


def backing_of(tx: Tx, theme: str, now: datetime, language: str = "en") -> Backing:
    """Look at a theme again, the gate asked for every voice of it; one that is gone does not stand.

    Its ``lines`` are in ``language``, what keeps it here in English, as the desk is.
    """
    try:
        found = theme_of(tx, theme, now)
    except BadTheme:
        return Backing("", stands=False, why=GONE, lines=(), voices=())
    heard = tuple(voice for voice in found.voices if voice.open)
    return Backing(found.sentence, found.stands, " ".join(found.says), tuple(_lines(found, phrases(language))), heard)


def _lines(theme: Theme, said: Phrases) -> Iterator[str]:
    stand = _voices("stand", theme.now.voices, said)
    if theme.now.against:
        yield said.get("standing_both", stand=stand, against=_voices("against", theme.now.against, said))
        return
    yield said.get("standing", stand=stand)
    yield from (_looked(look, said) for look in theme.looks)


def _voices(side: str, count: int, said: Phrases) -> str:
    """How many voices, in words where the number is not told."""
    return said.get(f"{side}_few") if enough(count) is None else said.get(f"{side}_many", n=count)


def _looked(look: Look, said: Phrases) -> str:
    narrow = ", ".join(part for part in (look.looked.prompt, look.looked.site, look.looked.language) if part)
    through = said.get("through_few")
    if enough(look.stories) is not None:
        # What one question or place holds would follow from the rest.
        through = said.get("through_more") if look.looked.narrow else said.get("through_many", n=look.stories)
    where = f"{through}{f' ({narrow})' if narrow else ''}"
    return said.get("looked", who=look.who, asked=look.asked, through=where)
