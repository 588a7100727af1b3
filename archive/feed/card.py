"""The card of a loan: what a box has to know of a lent story beside its sound, sealed under the loan's own key.

When and in what language it was told, the format of the lent sound, how loud it is, and its words with their times
*in the lent sound*. A card never says who told it: nobody knows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive.errors import BadFeed
from archive.types import Kind
from audio.errors import DamagedTake
from audio.sealedfile import seal, unseal
from audio.types import AudioFormat, Ms, Sha256, TakeId, Word

_MOST_WORDS = 20_000
_LOUDEST, _SOFTEST = 20.0, -120.0


@dataclass(frozen=True, slots=True)
class Card:
    """Facts of a lent story. ``sha256`` and ``length`` are those of the lent PCM; ``by`` wrote the words down."""

    story: TakeId
    kind: Kind
    language: str
    prompt: str
    recorded_at: datetime
    clock_trusted: bool
    format: AudioFormat
    length: Ms
    sha256: Sha256
    lufs: float
    words: tuple[Word, ...]
    by: str


def seal_card(card: Card, key: bytes) -> bytes:
    """Seal a card under the loan's content key."""
    plain = {
        "story": card.story,
        "kind": card.kind.value,
        "language": card.language,
        "prompt": card.prompt,
        "recorded_at": card.recorded_at.isoformat(),
        "clock_trusted": card.clock_trusted,
        "format": [card.format.rate, card.format.channels, card.format.width],
        "length": card.length,
        "sha256": card.sha256,
        "lufs": round(card.lufs, 2),
        "words": [[one.text, one.start, one.end, round(one.probability, 4), one.unclear] for one in card.words],
        "by": card.by,
    }
    return seal(key, json.dumps(plain, ensure_ascii=False).encode(), _label(card.story))


def open_card(data: bytes, story: TakeId, key: bytes) -> Card:
    """Open the card of ``story``. Raises `BadFeed` for anything else."""
    try:
        plain: Any = json.loads(unseal(key, data, _label(story)))
        rate, channels, width = plain["format"]
        words = plain["words"]
        _require(plain["story"] == story and len(words) <= _MOST_WORDS and width in {2, 3} and channels in {1, 2})
        return Card(
            story, Kind(plain["kind"]), _line(plain["language"]), _line(plain["prompt"]),
            datetime.fromisoformat(plain["recorded_at"]), bool(plain["clock_trusted"]),
            AudioFormat(int(rate), channels, width), Ms(int(plain["length"])), Sha256(_line(plain["sha256"])),
            min(_LOUDEST, max(_SOFTEST, float(plain["lufs"]))), tuple(_word(*one) for one in words), _line(plain["by"]),
        )  # fmt: skip
    except (DamagedTake, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadFeed(
            "A card in this feed does not open, or says what no card says.", "Let the archive look."
        ) from error


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError


def _word(text: str, start: int, end: int, probability: float, unclear: bool) -> Word:
    _require(0 <= start <= end)
    return Word(_line(text), Ms(int(start)), Ms(int(end)), float(probability), bool(unclear))


def _line(value: object) -> str:
    if not isinstance(value, str) or len(value) > 500:  # noqa: PLR2004
        raise TypeError
    return value


def _label(story: TakeId) -> bytes:
    return f"hearth-loan-card-1 {story}".encode("ascii")
