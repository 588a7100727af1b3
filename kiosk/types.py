"""What the session is made of: states, meanings, events, effects and the session itself.

Everything here is a frozen value. A time called ``at`` is monotonic seconds and always arrives inside an event; nothing
in the session reads a clock. Events that answer a machine carry the number of the visit, the take or the playback they
belong to, so that one which comes late can be told apart and is ignored. Names, events and effects lie in files of
their own; this is the one place to import them from.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from archive.types import Form, Kind, Use
from audio.types import Ms, TakeId
from kiosk.codeentry import Entry
from kiosk.deeds import (
    AgreeOne,
    AskTrouble,
    CheckCode,
    CloseStream,
    CloseTake,
    ContinueTake,
    Decide,
    DiscardTake,
    Effect,
    EndReview,
    FindPauses,
    FlagMoment,
    ForgetVisit,
    HoldTake,
    KeepTake,
    Louder,
    Narrow,
    NarrowUse,
    OfferPairing,
    OpenStream,
    PauseTake,
    PlayCue,
    PlayNext,
    PlayOwn,
    Prepare,
    RecordDecision,
    ResumeTake,
    SayAge,
    SetLanguage,
    Speak,
    StartTake,
    StopPlaying,
    StopSpeaking,
    TakeOut,
    TellLibrarian,
    TrimTake,
    Warn,
    Withdraw,
)
from kiosk.events import (
    CodeAccepted,
    CodeRefused,
    CodeTyped,
    CuesOffered,
    Event,
    FirstSample,
    IdlePress,
    KeepFailed,
    Kept,
    LevelHeard,
    MachineEvent,
    Mended,
    Narrowed,
    NothingToPlay,
    PartFailed,
    PartGone,
    PausesFound,
    PlaybackEnded,
    PlaybackStarted,
    Pointed,
    Press,
    PromptsOffered,
    QuietFor,
    Refused,
    ScreenShown,
    SoundMade,
    SpaceLow,
    Started,
    StewardCame,
    StoryChosen,
    StreamBack,
    StreamLost,
    StreamOpened,
    TakeClosed,
    TakeFailed,
    TakeFound,
    Tick,
    Touched,
    TrimFailed,
    Trimmed,
    Trouble,
    Typed,
    Withdrawn,
)
from kiosk.names import (
    CUE_MEANINGS,
    About,
    Ends,
    Heard,
    Hint,
    Meaning,
    Mic,
    Mine,
    Notice,
    Page,
    Playing,
    Preface,
    Rules,
    State,
)

__all__ = [
    "CUE_MEANINGS",
    "About",
    "AgreeOne",
    "AskTrouble",
    "CheckCode",
    "CloseStream",
    "CloseTake",
    "CodeAccepted",
    "CodeRefused",
    "CodeTyped",
    "ContinueTake",
    "CuesOffered",
    "Decide",
    "DiscardTake",
    "Effect",
    "EndReview",
    "Ends",
    "Event",
    "FindPauses",
    "FirstSample",
    "FlagMoment",
    "ForgetVisit",
    "Heard",
    "Hint",
    "HoldTake",
    "IdlePress",
    "KeepFailed",
    "KeepTake",
    "Kept",
    "Kind",
    "LevelHeard",
    "Louder",
    "MachineEvent",
    "Meaning",
    "Mended",
    "Mic",
    "Mine",
    "Ms",
    "Narrow",
    "NarrowUse",
    "Narrowed",
    "NothingToPlay",
    "Notice",
    "OfferPairing",
    "OpenStream",
    "Page",
    "PartFailed",
    "PartGone",
    "PauseTake",
    "PausesFound",
    "PlayCue",
    "PlayNext",
    "PlayOwn",
    "PlaybackEnded",
    "PlaybackStarted",
    "Playing",
    "Pointed",
    "Preface",
    "Prepare",
    "Press",
    "PromptsOffered",
    "QuietFor",
    "RecordDecision",
    "Refused",
    "ResumeTake",
    "Rules",
    "SayAge",
    "ScreenShown",
    "Session",
    "SetLanguage",
    "SoundMade",
    "SpaceLow",
    "Speak",
    "StartTake",
    "Started",
    "State",
    "StewardCame",
    "StopPlaying",
    "StopSpeaking",
    "StoryChosen",
    "StreamBack",
    "StreamLost",
    "StreamOpened",
    "TakeClosed",
    "TakeFailed",
    "TakeFound",
    "TakeId",
    "TakeOut",
    "TellLibrarian",
    "Tick",
    "Touched",
    "TrimFailed",
    "TrimTake",
    "Trimmed",
    "Trouble",
    "Typed",
    "Use",
    "Warn",
    "Withdraw",
    "Withdrawn",
]


@dataclass(frozen=True, slots=True)
class Session:
    """All that the box knows of the moment. Built by `kiosk.session.first`, changed only by `kiosk.session.step`.

    ``visit`` grows whenever a visit ends. ``take`` names what is being told or was told in it, ``story`` what a
    keep-code opened or a voice just heard. ``asked`` is the act the box asks about again. ``question`` counts through
    `archive.types.ASKED_USES` in sharing, and through the guide questions in a conversation (0 is ``prompt`` itself).
    ``still_there`` is when a time-out will act, while "Still there?" is on the screen. ``home`` is where the visit goes
    back to. ``keep_code`` lives in memory only, and only until the visit ends. ``say`` and ``do`` are sentences for the
    screen: the trouble in out_of_service, a machine's refusal elsewhere; ``notice`` is what the box says in its own
    words. ``trouble`` waits until the visit is over.
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
    ends: Ends = field(default_factory=Ends)
    """Where the take under review, or the story a code opened, can be cut."""
    lost_at: float | None = None
    mic: Mic = Mic.CLOSED
    hint: Hint | None = None
    people: int = 1
    asked: Meaning | None = None
    saving: bool = False
    question: int = 0
    asked_at: float | None = None
    """When the last guide question, or follow-up for one teller, was asked for."""
    answers: tuple[tuple[Use, bool], ...] = ()
    asks: tuple[Preface, ...] = ()
    """What is still asked before the uses."""
    form: Form = Form.VOICE
    wait_years: int = 0
    keep_code: str = field(default="", repr=False)
    keep_codes: tuple[str, ...] = field(default=(), repr=False)
    """The codes of a group, one a person, shown in turn: ``keep_code`` is that of person number ``person``."""
    person: int = 0
    entry: Entry = field(default_factory=Entry)
    """The keep-code as far as its teller entered it; like ``keep_code`` it lives until the visit ends at most."""
    page: Page = Page.MENU
    line: int = 0
    """The marked line of a list, or the use on show."""
    mine: Mine = field(default_factory=Mine)
    receipt: TakeId | None = None
    """The story just withdrawn: its identifier is the number of the receipt."""
    voices: int = 0
    """How many voices were begun in this visit; gone with it."""
    heard_prompt: str = ""
    """The prompt that the voice on its way, or just heard, answers."""
    about: About = About.ANY
    about_prompt: str = ""
    """Which voices this visit listens to."""
    play: int = 0
    playing: Playing | None = None
    speaking: bool = False
    louder: bool = False
    """The volume was changed; it goes back with the visit."""
    captions_hidden: bool = False
    """The teller wants no words on the screen while telling."""
    story: TakeId | None = None
    notice: Notice | None = None
    say: str = ""
    do: str = ""
    trouble: Trouble | None = None
