"""What every screen looks at: the session, what the box knows beside it, the words and the keys. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from audio.types import Ms, Word
from kiosk.screens.model import KeyFace, Kind, View
from kiosk.texts import Texts
from kiosk.types import Mic, Session, State


@dataclass(frozen=True, slots=True)
class Cue:
    """What lies on a cue button. ``allowed`` is what `may` said when the sheet was shown; asked again at the press."""

    title: str
    seconds: float
    allowed: bool = True


@dataclass(frozen=True, slots=True)
class Extras:
    """What a screen shows beside the session. Everything may be left out.

    ``level`` is the loudness of the voice, 0 to 1; ``position`` where the playback stands; ``time_left`` seconds of the
    open take; ``waveform`` loudness of the own take from start to end, 0 to 1 each; ``origin`` where and when an
    earlier voice was told ("Told here in March"), already in the visitor's language; ``cues`` by button number.
    """

    prompt: str = ""
    captions: tuple[Word, ...] = ()
    checked: bool = False
    level: float = 0.0
    position: Ms | None = None
    time_left: float | None = None
    loudest: bool = False
    """The volume key begins again with the softest step."""
    still_left: float | None = None
    """Seconds that "Still there?" still stands."""
    waveform: tuple[float, ...] = ()
    origin: str = ""
    cues: Mapping[int, Cue] = field(default_factory=dict)
    qr: str = ""
    nudge: str = ""
    """What a facilitator who listens may ask next."""
    digits: str = ""
    """What a facilitator's phone is paired with."""
    network: tuple[str, str] | None = None
    """Name and password of the box's own access point, while it is open."""
    theme: str = ""
    """What the voice on its way is about, in the visitor's language."""


@dataclass(frozen=True, slots=True)
class Look:
    """What every screen looks at."""

    session: Session
    extras: Extras
    texts: Texts
    keys: tuple[KeyFace, ...]
    side: tuple[KeyFace, ...] = ()
    corner: KeyFace | None = None

    @property
    def said(self) -> tuple[str, ...]:
        """What the box has to tell beside the screen's own words: a machine's sentence, or a notice of its own."""
        if self.session.say:
            return (self.session.say,)
        return (self.texts.get(f"notice.{self.session.notice.value}"),) if self.session.notice else ()

    @property
    def live(self) -> bool:
        """Whether sound is being kept: the ember glows."""
        session = self.session
        telling = session.state in {State.RECORDING, State.CONVERSATION}
        return telling and session.started is not None and session.paused_at is None and session.mic is Mic.OPEN

    @property
    def captions_note(self) -> str:
        """Who wrote the words that are shown."""
        return self.texts.get("captions.checked" if self.extras.checked else "captions.machine")

    def make(self, kind: Kind, **more: object) -> View:
        """Return a screen of this kind with the visitor's language and keys; ``more`` by name as `View` has it."""
        return View(kind=kind, language=self.texts.language, keys=self.keys, side=self.side, **more)  # type: ignore[arg-type]  # by name
