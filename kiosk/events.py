"""What can happen to the session. ``at`` is monotonic seconds. Answers of machines name what they answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from archive.types import Kind
from audio.types import TakeId
from kiosk.names import Ends, Hint, Meaning, Mine


@dataclass(frozen=True, slots=True)
class Press:
    """A person pressed. ``fresh`` is a new take identifier, used only if this press makes a take possible."""

    meaning: Meaning
    at: float
    fresh: TakeId


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went by. Send it a few times a second, and once a frame is fine."""

    at: float


@dataclass(frozen=True, slots=True)
class ScreenShown:
    """The screen of this visit has finished appearing: from here on a yes to it counts (after `Rules.deliberate`)."""

    visit: int
    at: float


@dataclass(frozen=True, slots=True)
class SoundMade:
    """A spoken prompt, a chime or any sound of the box ended: time-outs count from here."""

    visit: int
    at: float


@dataclass(frozen=True, slots=True)
class Started:
    """Everything the box needs is there, and no open take can be offered back."""

    at: float


@dataclass(frozen=True, slots=True)
class TakeFound:
    """A take was open when the power went, the gap is known to be short: offer it back. ``people`` agreed to it."""

    take: TakeId
    seconds: float
    kind: Kind
    prompt: str
    language: str
    at: float
    people: int = 1


@dataclass(frozen=True, slots=True)
class IdlePress:
    """A control was pressed that does nothing now: still a press, so no yes right after it is deliberate."""

    at: float


@dataclass(frozen=True, slots=True)
class StewardCame:
    """The facilitator's code was typed."""

    at: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something the box needs is missing. ``say`` and ``do`` are sentences for the screen."""

    say: str
    do: str
    at: float


@dataclass(frozen=True, slots=True)
class Mended:
    """The trouble has gone."""

    at: float


@dataclass(frozen=True, slots=True)
class PromptsOffered:
    """The prompts for today in order, by id (at start, after midnight, after new ones arrived)."""

    prompts: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class CuesOffered:
    """Which cue buttons have something on them (1 to 8); the others are dark."""

    cues: tuple[int, ...]
    at: float


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """The microphone delivers for this take."""

    take: TakeId
    at: float


@dataclass(frozen=True, slots=True)
class StreamLost:
    """The microphone stopped delivering."""

    take: TakeId
    say: str
    at: float


@dataclass(frozen=True, slots=True)
class StreamBack:
    """The microphone delivers again."""

    take: TakeId
    at: float


@dataclass(frozen=True, slots=True)
class FirstSample:
    """The first sample of the take is stored."""

    take: TakeId
    at: float


@dataclass(frozen=True, slots=True)
class LevelHeard:
    """A change of the level hint. Levels themselves go to the screen directly, not through the session."""

    take: TakeId
    hint: Hint
    at: float


@dataclass(frozen=True, slots=True)
class QuietFor:
    """Nobody has spoken for so many seconds."""

    take: TakeId
    seconds: float
    at: float


@dataclass(frozen=True, slots=True)
class TakeClosed:
    """The take is on disk and was read back: ``seconds`` can be played, and cut at ``ends``."""

    take: TakeId
    seconds: float
    at: float
    ends: Ends = field(default_factory=Ends)


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What stays of ``take`` is the take ``made``, on disk and read back; the rest is erased."""

    take: TakeId
    made: TakeId
    seconds: float
    at: float
    ends: Ends = field(default_factory=Ends)


@dataclass(frozen=True, slots=True)
class TrimFailed:
    """Nothing was cut; ``say`` is a sentence."""

    take: TakeId
    say: str
    at: float


@dataclass(frozen=True, slots=True)
class TakeFailed:
    """The take cannot be written or closed."""

    take: TakeId
    say: str
    at: float


@dataclass(frozen=True, slots=True)
class SpaceLow:
    """The disk is nearly full: close what is open while it still can be."""

    say: str
    at: float


@dataclass(frozen=True, slots=True)
class Kept:
    """The story is kept: data and database are synced and were read back. Codes are shown and never written.

    ``codes`` are those of a group, one a person; a single teller has ``code`` alone.
    """

    take: TakeId
    code: str = field(repr=False)
    at: float = 0.0
    codes: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class KeepFailed:
    """Keeping did not work; the take is still there."""

    take: TakeId
    say: str
    at: float


@dataclass(frozen=True, slots=True)
class StoryChosen:
    """Rotation or the cue sheet chose this story for playback number ``play``; ``prompt`` is what it answers."""

    play: int
    story: TakeId
    at: float
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class PlaybackStarted:
    """Playback number ``play`` is heard; the device was given its first sample at ``handed``."""

    play: int
    at: float
    handed: float = 0.0


@dataclass(frozen=True, slots=True)
class PlaybackEnded:
    """Playback number ``play`` came to its end or was stopped."""

    play: int
    at: float


@dataclass(frozen=True, slots=True)
class NothingToPlay:
    """There is no voice to play (yet), or nothing on this button."""

    play: int
    at: float


@dataclass(frozen=True, slots=True)
class Refused:
    """Consent does not allow this playback now; ``why`` is a sentence."""

    play: int
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class CodeTyped:
    """A whole keep-code was entered."""

    code: str = field(repr=False)
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Typed:
    """A keyboard typed into the entering of a keep-code."""

    text: str = field(repr=False)
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Touched:
    """A finger touched this line of a list, counted from 0."""

    line: int
    at: float


@dataclass(frozen=True, slots=True)
class Pointed:
    """A finger or the mouse on the waveform, at this share of the story; ``lifted`` is whether it let go there."""

    share: float
    lifted: bool
    at: float


@dataclass(frozen=True, slots=True)
class CodeAccepted:
    """The keep-code opens this story."""

    visit: int
    story: TakeId
    at: float
    mine: Mine = field(default_factory=Mine)


@dataclass(frozen=True, slots=True)
class CodeRefused:
    """The keep-code fits nothing (``say`` is empty), or tries came too fast or something failed; ``say`` tells that."""

    visit: int
    say: str
    at: float


@dataclass(frozen=True, slots=True)
class Narrowed:
    """From here on only the code opens the story."""

    visit: int
    story: TakeId
    at: float
    mine: Mine = field(default_factory=Mine)


@dataclass(frozen=True, slots=True)
class PausesFound:
    """Where a part of the story could begin and end."""

    visit: int
    story: TakeId
    at: float
    ends: Ends = field(default_factory=Ends)


@dataclass(frozen=True, slots=True)
class PartGone:
    """The part is out of the story, here and at the next hand-on everywhere; ``mine`` is None if it cannot be read.

    ``waits``: there is no room to write the story without it, and until there is nobody hears any of it.
    """

    visit: int
    story: TakeId
    at: float
    mine: Mine | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class PartFailed:
    """Nothing was taken out; ``say`` is a sentence."""

    visit: int
    story: TakeId
    say: str
    at: float


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The story is withdrawn: erased here, and told to every copy."""

    visit: int
    story: TakeId
    at: float
    mine: Mine = field(default_factory=Mine)


MachineEvent: TypeAlias = (
    Tick
    | ScreenShown
    | SoundMade
    | Started
    | StewardCame
    | TakeFound
    | Trouble
    | Mended
    | PromptsOffered
    | CuesOffered
    | StreamOpened
    | StreamLost
    | StreamBack
    | FirstSample
    | LevelHeard
    | QuietFor
    | TakeClosed
    | Trimmed
    | TrimFailed
    | TakeFailed
    | SpaceLow
    | Kept
    | KeepFailed
    | StoryChosen
    | PlaybackStarted
    | PlaybackEnded
    | NothingToPlay
    | Refused
    | CodeAccepted
    | CodeRefused
    | Narrowed
    | PausesFound
    | PartGone
    | PartFailed
    | Withdrawn
)
Event: TypeAlias = Press | IdlePress | CodeTyped | Typed | Touched | Pointed | MachineEvent
