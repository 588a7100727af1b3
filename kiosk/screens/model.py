"""What a screen shows, as frozen values. Made by `kiosk.view.view`, drawn by `kiosk.screens.renderer.Renderer`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from hardware.types import Control
from kiosk.screens.icons import Icon


class Kind(StrEnum):
    """Every screen there is: the states of the conversation and the questions that may come over them."""

    STARTING = "starting"
    ATTRACT = "attract"
    LANGUAGES = "languages"
    CHOOSING = "choosing"
    CONSENT = "consent"
    READY = "ready"
    RECORDING = "recording"
    PAUSED = "paused"
    CLOSING = "closing"
    REVIEW = "review"
    TRIM = "trim"
    SHARING = "sharing"
    THANKS = "thanks"
    LISTENING = "listening"
    VOICES = "voices"
    FACILITATOR = "facilitator"
    AGREEMENT = "agreement"
    CONVERSATION = "conversation"
    CODE_ENTRY = "code_entry"
    MY_STORY = "my_story"
    RECOVERED = "recovered"
    OUT_OF_SERVICE = "out_of_service"
    SET_UP = "set_up"
    PLAIN = "plain"
    ASK_AGAIN = "ask_again"
    STILL_THERE = "still_there"


class Tone(StrEnum):
    """Whose light it is. Never the only sign: icon and word say the same."""

    EMBER = "ember"
    MOON = "moon"


@dataclass(frozen=True, slots=True)
class KeyFace:
    """A key that does something now. A control without one is dark and unnamed."""

    control: Control
    label: str
    icon: Icon
    tone: Tone = Tone.EMBER


@dataclass(frozen=True, slots=True)
class CaptionWord:
    """One word of a caption. ``settled`` words are paper, newer ones the note colour; doubt is underlined with dots."""

    text: str
    settled: bool = True
    unclear: bool = False
    voiced: bool = False
    """This word is being heard now (playback)."""


@dataclass(frozen=True, slots=True)
class CueTile:
    """A cue button: its number, the excerpt's title and a note ("48 s", "playing", "not allowed")."""

    number: int
    title: str
    note: str = ""
    playing: bool = False
    dark: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """Everything the renderer needs, in words already in the visitor's language.

    ``level`` is the loudness of the voice, 0 to 1. ``time_fraction`` is the share of time used, 0 to 1, or ``None``
    for no bar. ``played`` is the share of the waveform already heard, ``part`` the shares between which it would
    stay. ``qr`` is the text of the code to draw.
    """

    kind: Kind
    language: str = "en"
    headline: str = ""
    body: str = ""
    notes: tuple[str, ...] = ()
    keys: tuple[KeyFace, ...] = ()
    side: tuple[KeyFace, ...] = ()
    """The two keys that are the same everywhere: language or reading aloud, and volume."""
    corner: KeyFace | None = None
    """A key of this screen alone, in the corner where lines end."""
    listening: bool = False
    """The microphone stream is open and sound is being kept."""
    level: float = 0.0
    captions: tuple[CaptionWord, ...] = ()
    captions_note: str = ""
    time_fraction: float | None = None
    time_words: str = ""
    waveform: tuple[float, ...] = ()
    played: float | None = None
    part: tuple[float, float] | None = None
    closing: bool = False
    """The end of the part is asked about, not its beginning."""
    goes: bool = False
    """The part between the shares would go, and what lies outside stays."""
    code: str = ""
    qr: str = ""
    picture: Icon | None = None
    """A large icon beside the words."""
    tiles: tuple[CueTile, ...] = ()
    lines: tuple[str, ...] = ()
    """The lines of a list; ``line`` is the marked one. ``strip`` sets them side by side."""
    line: int = 0
    strip: bool = False
    progress: tuple[int, int] | None = None
    """Which question of how many, counted from 1."""

    def still(self) -> View:
        """The same screen without what moves: equal for two views that differ only in motion."""
        fraction = None if self.time_fraction is None else 0.0
        return replace(self, level=0.0, time_fraction=fraction, played=None if self.played is None else 0.0)

    def key(self, control: Control) -> KeyFace | None:
        """What that control does now, or ``None``."""
        return next((face for face in self.keys if face.control is control), None)
