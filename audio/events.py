"""What capture announces. Frozen values for one queue; nobody waits for an answer."""

from __future__ import annotations

from dataclasses import dataclass

from audio.errors import AudioError
from audio.levels import Hint
from audio.types import AudioFormat, Level, Ms, Segment, SpeechMark, Take, TakeId, Tentative


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """The microphone is open from now on: the lamp follows this, not any state."""

    device: str
    format: AudioFormat


@dataclass(frozen=True, slots=True)
class StreamClosed:
    """The microphone is closed."""

    device: str


@dataclass(frozen=True, slots=True)
class StreamLost:
    """The stream has died or another device answers; announced once. ``say`` and ``do`` are for people."""

    say: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class StreamBack:
    """The same device delivers again, ``gap`` seconds after the last block before the loss."""

    gap: float


@dataclass(frozen=True, slots=True)
class LevelHeard:
    """Loudness of the last tenth of a second, captured until ``at`` (monotonic seconds), and the hint for the last 3 s.

    ``hint`` is None while there is less than a second to judge by, and where nobody speaks and the room is quiet.
    """

    level: Level
    at: float
    hint: Hint | None = None


@dataclass(frozen=True, slots=True)
class FirstSample:
    """The take's file exists; its first sample was captured ``at`` (monotonic seconds)."""

    take: TakeId
    at: float


@dataclass(frozen=True, slots=True)
class Marked:
    """Speech began or paused in the running take."""

    take: TakeId
    mark: SpeechMark


@dataclass(frozen=True, slots=True)
class SegmentClosed:
    """A segment can be transcribed: all its samples are on the disk and readable by other processes."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class SoundGap:
    """Sound is missing from the running take at ``at``: ``lost`` seconds of it, 0 where nobody can tell how much."""

    take: TakeId
    at: Ms
    lost: float


@dataclass(frozen=True, slots=True)
class ShortPause:
    """The teller breathes: the words of ``span`` may be looked for ahead; its samples are readable like a segment's."""

    span: Tentative


@dataclass(frozen=True, slots=True)
class TakeClosed:
    """The take is complete, synced, read back and hashed."""

    take: Take


@dataclass(frozen=True, slots=True)
class TakeFailed:
    """The take cannot go on. What is on the disk stays there, open, for recovery."""

    take: TakeId
    error: AudioError


CaptureEvent = (
    StreamOpened
    | StreamClosed
    | StreamLost
    | StreamBack
    | LevelHeard
    | FirstSample
    | Marked
    | SegmentClosed
    | ShortPause
    | SoundGap
    | TakeClosed
    | TakeFailed
)
"""Everything capture may announce."""
