"""The values the archive side speaks in: uses, readers, consent events, stories, excerpts, cue sheets.

Only the standard library and `audio.types` are needed here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from audio.types import Ms, Sha256, TakeId


class Use(StrEnum):
    """What people agree to, each independently of the others. Nothing is agreed by default."""

    RECORD = "record"
    KEEP = "keep"
    PLAY_HERE = "play_here"
    ARCHIVE = "archive"
    PARTNERS = "partners"
    PUBLIC = "public"
    QUOTE = "quote"


ASKED_USES: tuple[Use, ...] = (Use.PLAY_HERE, Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC, Use.QUOTE)
"""The uses asked one by one after a story was kept, in this order."""


class Reader(StrEnum):
    """Who asks. Every reader asks `archive.consent.may` at the moment of use."""

    REVIEW = "review"
    PLAY = "play"
    CAPTION = "caption"
    TRANSCRIBE = "transcribe"
    INDEX = "index"
    SEARCH = "search"
    CUE = "cue"
    BAG = "bag"
    SYNC = "sync"
    EXPORT = "export"
    PUBLISH = "publish"
    QUOTE = "quote"
    TELLER = "teller"
    DESK = "desk"
    """An archive's own people listen, read, search and code."""
    LEND = "lend"
    """Played to visitors of another library, or by a partner archive."""


class Act(StrEnum):
    """Kinds of ledger events."""

    DECIDE = "decide"
    """A use was answered, yes or no."""
    CLOSE_REVIEW = "close_review"
    """The visit in which the take was told is over."""
    WITHDRAW = "withdraw"
    """The teller takes everything back. Final."""
    DISCARD = "discard"
    """Thrown away before it was kept. Final."""
    EXPIRE = "expire"
    """A time set by the library has passed (sealed hold, retention). Final."""
    HOLD = "hold"
    """Out of every use until a steward releases it."""
    RELEASE = "release"
    """The steward's answer to a hold."""
    SEAL = "seal"
    """Only the teller's code opens it from here on."""
    MINOR = "minor"
    """The teller is under the age the library set, or did not say otherwise when asked."""
    GUARDIAN = "guardian"
    """A steward has the consent of the guardian of a teller under age."""
    OF_AGE = "of_age"
    """Asked in the visit in which it was told, the teller said they are not under age: ends `MINOR`."""
    CUT = "cut"
    """The teller took a span of the story back, from ``start`` to ``end``."""


class Form(StrEnum):
    """In what form a yes lets a story be used."""

    VOICE = "voice"
    TRANSCRIPT = "transcript"


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """One line of the append-only ledger.

    ``use`` and ``yes`` are set for `Act.DECIDE`; ``embargo`` is the first day on which a yes counts.
    ``wording_version`` and ``wording_hash`` name the very words that were shown; ``by`` says which button or
    desk answered, never who. ``start`` and ``end`` are set for `Act.CUT`: the span, in ms of the story.
    """

    subject: TakeId
    act: Act
    at: datetime
    by: str
    use: Use | None = None
    yes: bool = False
    form: Form = Form.VOICE
    embargo: date | None = None
    wording_version: str = ""
    wording_hash: str = ""
    language: str = ""
    seq: int = 0
    start: Ms | None = None
    end: Ms | None = None


class Kind(StrEnum):
    """What was recorded."""

    STORY = "story"
    CONVERSATION = "conversation"


@dataclass(frozen=True, slots=True)
class Story:
    """A take that its teller kept. The identifier is the take's."""

    id: TakeId
    kind: Kind
    prompt: str
    language: str
    site: str
    recorded_at: datetime
    clock_trusted: bool
    length: Ms
    sha256: Sha256
    sequence: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Part of a story, cut by a person."""

    id: str
    story: TakeId
    start: Ms
    end: Ms
    title: str
    note: str = ""
    lufs: float | None = None
    """Integrated loudness of the part itself; None where it was not measured when it was cut, or is silent."""


@dataclass(frozen=True, slots=True)
class CueSheet:
    """Excerpts by button number (1 to 8)."""

    name: str
    cues: dict[int, Excerpt] = field(default_factory=dict)
