"""How loud a stored sound is, without having all of it in memory."""

from __future__ import annotations

from typing import Final

from archive.masters import START, Master
from audio.loudness import loudness_of
from audio.types import Ms

PIECE: Final = 10_000
MEASURED_PIECES: Final = 60


def loudness_in(sound: Master, start: Ms = START, end: Ms | None = None) -> float:
    """Return the integrated loudness of [start, end) of ``sound`` in LUFS; minus infinity for silence.

    Of what lasts longer than ten minutes so much is measured, evenly spread: two hours need not be decoded.
    Raises `DamagedTake` or `BadSound`.
    """
    last = sound.length if end is None else min(end, sound.length)
    starts = range(start, max(start + 1, last), PIECE)
    step = max(1, -(-len(starts) // MEASURED_PIECES))
    # One by one: a story of five minutes at once took more memory than box and model have together.
    pieces = (sound.samples(Ms(at), Ms(min(at + PIECE, last))) for at in starts[::step])
    return loudness_of(pieces, sound.format.rate)
