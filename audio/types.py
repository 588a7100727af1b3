"""The values that travel through the sound side of the box.

Everything here is frozen and needs only the standard library. Times inside a take are whole
milliseconds (`Ms`) from its first stored sample; times of the machine are monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NewType

Ms = NewType("Ms", int)
"""Milliseconds, counted from the first stored sample of a take."""
TakeId = NewType("TakeId", str)
"""A sortable identifier (ULID). A story keeps the identifier of its take."""
Sha256 = NewType("Sha256", str)
"""Hexadecimal SHA-256 over the stored PCM samples of a take (not over any file)."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How samples lie in memory: interleaved little-endian signed integers.

    ``rate`` in Hz, ``channels`` a count, ``width`` in bytes a sample (2 or 3).
    """

    rate: int
    channels: int = 1
    width: int = 2

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.channels * self.width

    def bytes_of(self, length: Ms) -> int:
        """How many bytes hold ``length``, rounded down to whole sample frames."""
        return self.rate * length // 1000 * self.frame_bytes

    def ms_of(self, size: int) -> Ms:
        """How long ``size`` bytes last, rounded down."""
        return Ms(size // self.frame_bytes * 1000 // self.rate)


@dataclass(frozen=True, slots=True)
class Block:
    """What a source delivers, as it delivers it: any length, nothing judged yet.

    ``at`` is the monotonic second at which the first sample was captured. ``overflow`` says that the
    device lost samples before this block.
    """

    pcm: bytes
    at: float
    overflow: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """An exact slice of sound: every frame of a stream has the same length."""

    pcm: bytes
    seq: int
    at: float


class Voicing(StrEnum):
    """What a voice detector says of a span. ``UNKNOWN`` is a legal verdict (still filling its window)."""

    SPEECH = "speech"
    SILENCE = "silence"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement and the span of sample frames it judged, counted from the detector's reset."""

    voicing: Voicing
    probability: float
    start: int
    end: int


class MarkKind(StrEnum):
    """Turning points in a take's speech."""

    STARTED = "started"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class SpeechMark:
    """Speech began or paused at ``at``."""

    kind: MarkKind
    at: Ms


class CutReason(StrEnum):
    """Why a segment ends where it does."""

    PAUSE = "pause"
    FULL = "full"
    END = "end"


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a take handed to the transcriber while the story goes on. ``voiced`` is measured speech."""

    take: TakeId
    index: int
    start: Ms
    end: Ms
    voiced: Ms
    reason: CutReason


@dataclass(frozen=True, slots=True)
class Tentative:
    """A stretch of the still open segment ``index`` that ends in a short pause: its words may be looked for already.

    A promise of nothing: the segment may close elsewhere. Stretches of one segment follow each other without a gap
    from its start on. ``voiced`` is measured speech.
    """

    take: TakeId
    index: int
    start: Ms
    end: Ms
    voiced: Ms


@dataclass(frozen=True, slots=True)
class Word:
    """One word as a machine heard it. ``unclear`` marks doubt; it never hides the word."""

    text: str
    start: Ms
    end: Ms
    probability: float
    unclear: bool = False


@dataclass(frozen=True, slots=True)
class Take:
    """A closed take: synced to disk, read back, hashed."""

    id: TakeId
    path: Path
    format: AudioFormat
    length: Ms
    speech: Ms
    overflows: int
    clipped: int
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class Level:
    """Loudness of one frame. dBFS, full scale is 0; ``floor`` is the running noise floor."""

    rms: float
    peak: float
    floor: float
    clipped: int
