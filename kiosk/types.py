"""What the session is made of: states, meanings, events, effects and the session itself.

Everything here is a frozen value. A time called ``at`` is monotonic seconds and always arrives inside an event; nothing in
the session reads a clock. Events that answer a machine carry the number of the visit, the take or the playback they belong
to, so that one which comes late can be told apart and is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from archive.types import Kind, Use
from audio.types import TakeId


class State(StrEnum):
    """Where the conversation with the visitor stands."""

    STARTING = "starting"
    ATTRACT = "attract"
    CHOOSING = "choosing"
    CONSENT = "consent"
    READY = "ready"
    RECORDING = "recording"
    CLOSING = "closing"
    REVIEW = "review"
    SHARING = "sharing"
    THANKS = "thanks"
    LISTENING = "listening"
    CODE_ENTRY = "code_entry"
    MY_STORY = "my_story"
    FACILITATOR = "facilitator"
    AGREEMENT = "agreement"
    CONVERSATION = "conversation"
    RECOVERED = "recovered"
    OUT_OF_SERVICE = "out_of_service"


class Meaning(StrEnum):
    """What a press means; which control means what now is `kiosk.keys.keys`."""

    TALK = "talk"
    """Begin (attract, choosing, listening), start the take (ready), end it (recording)."""
    AGREE = "agree"
    DECLINE = "decline"
    LISTEN = "listen"
    NEXT = "next"
    """Another prompt, another voice."""
    STOP = "stop"
    KEEP = "keep"
    DISCARD = "discard"
    REDO = "redo"
    HEAR = "hear"
    TRIM = "trim"
    YES = "yes"
    NO = "no"
    DONE = "done"
    """In sharing: no to everything not yet answered."""
    PAUSE = "pause"
    RESUME = "resume"
    LANGUAGE = "language"
    SPEAK = "speak"
    LOUDER = "louder"
    FACILITATE = "facilitate"
    CUE1 = "cue1"
    CUE2 = "cue2"
    CUE3 = "cue3"
    CUE4 = "cue4"
    CUE5 = "cue5"
    CUE6 = "cue6"
    CUE7 = "cue7"
    CUE8 = "cue8"
    BACK = "back"
    CONFIRM = "confirm"
    """The second press, after the box asked again."""
    EXTEND = "extend"
    """More time: "I am still here", or a longer story."""
    GO_ON = "go_on"
    FLAG = "flag"
    TELL_LIBRARIAN = "tell_librarian"
    SAY_CODE = "say_code"
    NARROW = "narrow"
    WITHDRAW = "withdraw"
    QUESTION = "question"
    """The next guide question of a group conversation."""
    BEGIN_GROUP = "begin_group"
    NEXT_PERSON = "next_person"
    """One more person of the group agrees."""


CUE_MEANINGS: tuple[Meaning, ...] = (
    Meaning.CUE1,
    Meaning.CUE2,
    Meaning.CUE3,
    Meaning.CUE4,
    Meaning.CUE5,
    Meaning.CUE6,
    Meaning.CUE7,
    Meaning.CUE8,
)
"""The cue buttons in order; button n is ``CUE_MEANINGS[n - 1]``."""


class Mic(StrEnum):
    """What is known of the microphone stream. The ring lamp follows the stream itself, never this."""

    CLOSED = "closed"
    WAITING = "waiting"
    OPEN = "open"
    LOST = "lost"


class Hint(StrEnum):
    """What the box says about the level, or about a silence. A hint never ends anything."""

    TOO_QUIET = "too_quiet"
    GOOD = "good"
    TOO_LOUD = "too_loud"
    TAKE_YOUR_TIME = "take_your_time"


class Notice(StrEnum):
    """Something the box tells in its own words; the text lies in the language files."""

    NOTHING_TO_PLAY = "nothing_to_play"
    TOLD_LIBRARIAN = "told_librarian"
    TIME_UP = "time_up"
    SOUND_LOST = "sound_lost"
    CLOSED_EARLY = "closed_early"
    NOT_KEPT = "not_kept"
    CODE_REFUSED = "code_refused"
    NARROWED = "narrowed"
    WITHDRAWN = "withdrawn"
    STUCK = "stuck"


class Heard(StrEnum):
    """What kind of voice is played."""

    VOICE = "voice"
    CUE = "cue"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Playing:
    """A voice that was asked for. ``story`` is known once it was chosen, ``started`` once it is heard."""

    heard: Heard
    asked_at: float
    cue: int = 0
    story: TakeId | None = None
    started: float | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """Every time of the session, in seconds. The defaults are the library's; `kiosk.config` checks what is set."""

    deliberate: float = 0.4
    """A yes counts only this long after its question was fully shown and after the press before it."""
    still_there: float = 20.0
    """How long "Still there?" stands before a time-out acts; at least 20."""
    choosing: float = 60.0
    consent: float = 90.0
    ready: float = 60.0
    review: float = 90.0
    sharing: float = 90.0
    thanks: float = 120.0
    listening: float = 60.0
    """Counts from the end of the last voice."""
    code_entry: float = 120.0
    my_story: float = 120.0
    facilitator: float = 1800.0
    agreement: float = 600.0
    recovered: float = 120.0
    story: float = 300.0
    """The longest story before it is extended."""
    extension: float = 300.0
    extensions: int = 10
    """How often a story can be extended; at least 10."""
    conversation: float = 7200.0
    warnings: tuple[float, ...] = (60.0, 10.0)
    """Seconds left at which the teller is told."""
    pause: float = 600.0
    """How long a pause may last before "Still there?"; after that the take is closed with nothing lost."""
    stream_lost: float = 30.0
    """A stream gone this long ends the take with what was heard."""
    machine: float = 60.0
    """A machine step (start, close, keep) that takes longer is trouble."""
    longest_play: float = 7200.0
    """No playback lasts longer; a player that forgets to say it ended cannot hold the box."""
    prompt_turn: float = 45.0
    """Attract shows another prompt this often."""
    ask_trouble: float = 10.0
    """Out of service looks this often whether the trouble has gone."""
    group: int = 2
    """A conversation begins with at least this many people agreed."""


# --- events: what happened ---------------------------------------------------------------------------------------------


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
    """A take was open when the power went, the gap is known to be short: offer it back."""

    take: TakeId
    seconds: float
    kind: Kind
    prompt: str
    language: str
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
    """The take is on disk and was read back: ``seconds`` can be played."""

    take: TakeId
    seconds: float
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
    """The story is kept: data and database are synced and were read back. ``code`` is shown and never written."""

    take: TakeId
    code: str = field(repr=False)
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class KeepFailed:
    """Keeping did not work; the take is still there."""

    take: TakeId
    say: str
    at: float


@dataclass(frozen=True, slots=True)
class StoryChosen:
    """Rotation or the cue sheet chose this story for playback number ``play``."""

    play: int
    story: TakeId
    at: float


@dataclass(frozen=True, slots=True)
class PlaybackStarted:
    """Playback number ``play`` is heard."""

    play: int
    at: float


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
class CodeAccepted:
    """The keep-code opens this story."""

    visit: int
    story: TakeId
    at: float


@dataclass(frozen=True, slots=True)
class CodeRefused:
    """The keep-code fits nothing, or tries came too fast; ``say`` is a sentence."""

    visit: int
    say: str
    at: float


@dataclass(frozen=True, slots=True)
class Narrowed:
    """From here on only the code opens the story."""

    visit: int
    story: TakeId
    at: float


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The story is withdrawn: erased here, and told to every copy."""

    visit: int
    story: TakeId
    at: float


MachineEvent: TypeAlias = (
    Tick
    | ScreenShown
    | SoundMade
    | Started
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
    | Withdrawn
)
Event: TypeAlias = Press | CodeTyped | MachineEvent


# --- effects: what is to be done, in the order given ------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class Decide:
    """Write the answer to one use, with the wording shown. ``pressed`` is False for a no by time-out."""

    take: TakeId
    use: Use
    yes: bool
    language: str
    pressed: bool = True


@dataclass(frozen=True, slots=True)
class EndReview:
    """The visit in which this take was told is over: transcription may go on only as its uses allow."""

    take: TakeId


@dataclass(frozen=True, slots=True)
class ForgetVisit:
    """Clear everything of the visit from memory: captions, keep-code, typed code; volume goes back."""

    visit: int


@dataclass(frozen=True, slots=True)
class PlayNext:
    """Choose a voice by rotation, ask consent, play it as playback ``play``."""

    play: int


@dataclass(frozen=True, slots=True)
class PlayCue:
    """Play what is on cue button ``cue``, if consent allows, as playback ``play``."""

    play: int
    cue: int


@dataclass(frozen=True, slots=True)
class PlayOwn:
    """Play the teller's own take or story as playback ``play``."""

    play: int
    take: TakeId


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
    """Read the screen aloud; announce `SoundMade` at its end."""

    visit: int


@dataclass(frozen=True, slots=True)
class StopSpeaking:
    """Stop reading aloud."""


@dataclass(frozen=True, slots=True)
class Louder:
    """One step louder, from the loudest to the softest."""


@dataclass(frozen=True, slots=True)
class Warn:
    """Tell the teller gently that so many seconds are left."""

    seconds: float


Effect: TypeAlias = (
    Prepare
    | AskTrouble
    | RecordDecision
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
    | EndReview
    | ForgetVisit
    | PlayNext
    | PlayCue
    | PlayOwn
    | StopPlaying
    | CheckCode
    | Narrow
    | Withdraw
    | TellLibrarian
    | FlagMoment
    | SetLanguage
    | Speak
    | StopSpeaking
    | Louder
    | Warn
)


# --- the session ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Session:
    """All that the box knows of the moment. Built by `kiosk.session.first`, changed only by `kiosk.session.step`.

    ``visit`` grows whenever a visit ends. ``take`` names what is being told or was told in it, ``story`` what a keep-code
    opened. ``asked`` is the act the box asks about again. ``question`` counts through `archive.types.ASKED_USES` in sharing, and through the
    guide questions in a conversation (0 is ``prompt`` itself). ``still_there`` is when a time-out will act, while "Still there?" is on the screen. ``home`` is where the visit goes back
    to. ``keep_code`` lives in memory only, and only until the visit ends. ``say`` and ``do`` are sentences for the screen:
    the trouble in out_of_service, a machine's refusal elsewhere; ``notice`` is what the box says in its own words.
    ``trouble`` waits until the visit is over.
    """

    rules: Rules = field(default_factory=Rules)
    state: State = State.STARTING
    visit: int = 1
    entered_at: float = 0.0
    shown_at: float = 0.0
    last_activity: float = 0.0
    last_press: float = float("-inf")
    still_there: float | None = None
    home: State = State.ATTRACT
    languages: tuple[str, ...] = ("en",)
    language: str = "en"
    prompts: tuple[str, ...] = ("",)
    prompt: str = ""
    prompt_at: float = 0.0
    cues: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8)
    take: TakeId | None = None
    kind: Kind = Kind.STORY
    seconds: float = 0.0
    """Length of the closed or recovered take."""
    started: float | None = None
    """When the take started; None before."""
    limit_at: float = 0.0
    """When the take will be ended, pauses not counted."""
    paused_at: float | None = None
    warned: float | None = None
    """Seconds left at the last warning."""
    extended: int = 0
    lost_at: float | None = None
    mic: Mic = Mic.CLOSED
    hint: Hint | None = None
    people: int = 1
    asked: Meaning | None = None
    saving: bool = False
    question: int = 0
    answers: tuple[tuple[Use, bool], ...] = ()
    keep_code: str = field(default="", repr=False)
    play: int = 0
    playing: Playing | None = None
    speaking: bool = False
    story: TakeId | None = None
    notice: Notice | None = None
    say: str = ""
    do: str = ""
    trouble: Trouble | None = None
