"""What the session asks to be done: effects, carried out one after the other in the order they are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from archive.types import Form, Kind, Use
from audio.types import Ms, TakeId
from kiosk.names import About


@dataclass(frozen=True, slots=True)
class Prepare:
    """Check the box and look for an open take; answer `Started`, `TakeFound` or `Trouble`."""


@dataclass(frozen=True, slots=True)
class AskTrouble:
    """Look whether the trouble has gone; answer `Mended`, or nothing."""


@dataclass(frozen=True, slots=True)
class RecordDecision:
    """Write the yes to being recorded, with the wording shown. Must be on disk before the next effect runs.

    ``people`` is how many agreed, one press each. ``carried_from`` names the take whose yes, given in this same visit,
    covers this one too (the teller chose to tell it again).
    """

    take: TakeId
    language: str
    people: int = 1
    carried_from: TakeId | None = None


@dataclass(frozen=True, slots=True)
class AgreeOne:
    """Write that one more person agreed to be recorded, while it is off the record. ``people`` counts this one, too."""

    take: TakeId
    language: str
    people: int


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Open the microphone for this take; nothing is stored yet. Answer `StreamOpened` or `StreamLost`."""

    take: TakeId


@dataclass(frozen=True, slots=True)
class CloseStream:
    """Close the microphone now."""


@dataclass(frozen=True, slots=True)
class StartTake:
    """Store from the first sample captured at or after ``at``."""

    take: TakeId
    at: float
    kind: Kind
    prompt: str
    language: str


@dataclass(frozen=True, slots=True)
class ContinueTake:
    """Go on storing into a recovered take from ``at``."""

    take: TakeId
    at: float


@dataclass(frozen=True, slots=True)
class PauseTake:
    """Off the record from ``at``: nothing is stored, and the ring is dark because the stream is closed meanwhile."""

    take: TakeId
    at: float


@dataclass(frozen=True, slots=True)
class ResumeTake:
    """On the record again from ``at``."""

    take: TakeId
    at: float


@dataclass(frozen=True, slots=True)
class CloseTake:
    """End the take at ``at``, sync, read back; answer `TakeClosed` or `TakeFailed`."""

    take: TakeId
    at: float


@dataclass(frozen=True, slots=True)
class DiscardTake:
    """Erase the take, open or closed: its teller asked for it twice."""

    take: TakeId


@dataclass(frozen=True, slots=True)
class HoldTake:
    """Sealed hold: nobody hears it; erased after a day. Does nothing if the take is a kept story already."""

    take: TakeId


@dataclass(frozen=True, slots=True)
class KeepTake:
    """Keep it: one transaction, synced and read back. Answer `Kept` or `KeepFailed`."""

    take: TakeId
    kind: Kind
    prompt: str
    language: str
    people: int = 1
    years: int = 0
    """Its teller is under this age until they say otherwise; 0 where the age is not asked."""


@dataclass(frozen=True, slots=True)
class Decide:
    """Write the answer to one use, with the wording shown. ``pressed`` is False for a no by time-out."""

    take: TakeId
    use: Use
    yes: bool
    language: str
    pressed: bool = True
    form: Form = Form.VOICE
    wait_years: int = 0
    """Nobody may use it before so many years have passed."""


@dataclass(frozen=True, slots=True)
class SayAge:
    """Write that the teller is ``years`` old or older; keeping has written that they are under it."""

    take: TakeId
    years: int
    language: str


@dataclass(frozen=True, slots=True)
class EndReview:
    """The visit in which this take was told is over: transcription may go on only as its uses allow."""

    take: TakeId


@dataclass(frozen=True, slots=True)
class ForgetVisit:
    """Clear everything of the visit from memory: captions, keep-code, typed code; volume goes back.

    ``same_people`` are still there, and what they chose stays: the volume.
    """

    visit: int
    same_people: bool = False


@dataclass(frozen=True, slots=True)
class PlayNext:
    """Choose a voice by rotation, ask consent, play it as playback ``play``.

    ``about`` narrows the choice to those that answer the prompt ``like``, or one of its theme. ``softly`` is for a box
    at rest.
    """

    play: int
    about: About = About.ANY
    like: str = ""
    softly: bool = False


@dataclass(frozen=True, slots=True)
class PlayCue:
    """Play what is on cue button ``cue``, if consent allows, as playback ``play``."""

    play: int
    cue: int


@dataclass(frozen=True, slots=True)
class PlayOwn:
    """Play the teller's own take or story as playback ``play``, or [``start``, ``end``) of it."""

    play: int
    take: TakeId
    start: Ms = Ms(0)
    end: Ms | None = None


@dataclass(frozen=True, slots=True)
class TrimTake:
    """Make [``start``, ``end``) of the take under review a take of its own, ``made``, and erase the first.

    Answer `Trimmed` or `TrimFailed`.
    """

    take: TakeId
    made: TakeId
    start: Ms
    end: Ms


@dataclass(frozen=True, slots=True)
class FindPauses:
    """Find the pauses of a story its teller came back to; answer `PausesFound` or `PartFailed`."""

    visit: int
    story: TakeId


@dataclass(frozen=True, slots=True)
class TakeOut:
    """Take [``start``, ``end``) out of a story its teller came back to, for good. Answer `PartGone` or `PartFailed`."""

    visit: int
    story: TakeId
    start: Ms
    end: Ms


@dataclass(frozen=True, slots=True)
class OfferPairing:
    """Show the digits that pair a facilitator's phone, and open the box's own access point where it has one."""


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """Fade out and stop, within 150 ms."""


@dataclass(frozen=True, slots=True)
class CheckCode:
    """Try a keep-code; answer `CodeAccepted` or `CodeRefused`."""

    visit: int
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Narrow:
    """No to every use: only the code opens it. Answer `Narrowed`."""

    visit: int
    story: TakeId


@dataclass(frozen=True, slots=True)
class NarrowUse:
    """No to one use of a story its teller came back to. Answer `Narrowed`."""

    visit: int
    story: TakeId
    use: Use
    language: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Withdraw and erase. Answer `Withdrawn`."""

    visit: int
    story: TakeId


@dataclass(frozen=True, slots=True)
class TellLibrarian:
    """Put this story before a librarian."""

    story: TakeId


@dataclass(frozen=True, slots=True)
class FlagMoment:
    """Mark this moment of the conversation."""

    take: TakeId
    at: float


@dataclass(frozen=True, slots=True)
class SetLanguage:
    """Screens, speech, prompts and wording are in this language from now on."""

    language: str


@dataclass(frozen=True, slots=True)
class Speak:
    """Read the screen aloud, or with ``short`` only what it tells just now; announce `SoundMade` at its end."""

    visit: int
    short: bool = False


@dataclass(frozen=True, slots=True)
class StopSpeaking:
    """Stop reading aloud."""


@dataclass(frozen=True, slots=True)
class Louder:
    """One step louder, from the loudest to the softest."""


@dataclass(frozen=True, slots=True)
class Warn:
    """Tell the teller gently that so many seconds are left; ``aloud`` where screens are read and nothing sounds."""

    seconds: float
    aloud: bool = False


Effect: TypeAlias = (
    Prepare
    | AskTrouble
    | RecordDecision
    | AgreeOne
    | OpenStream
    | CloseStream
    | StartTake
    | ContinueTake
    | PauseTake
    | ResumeTake
    | CloseTake
    | DiscardTake
    | HoldTake
    | KeepTake
    | Decide
    | SayAge
    | EndReview
    | ForgetVisit
    | PlayNext
    | PlayCue
    | PlayOwn
    | TrimTake
    | FindPauses
    | TakeOut
    | OfferPairing
    | StopPlaying
    | CheckCode
    | Narrow
    | NarrowUse
    | Withdraw
    | TellLibrarian
    | FlagMoment
    | SetLanguage
    | Speak
    | StopSpeaking
    | Louder
    | Warn
)
