"""What a key looks like now: its word, its icon, whose light it has. Pure."""

from __future__ import annotations

from hardware.types import Control
from kiosk.codeentry import Part
from kiosk.keys import last_person
from kiosk.runs import Script, script_in
from kiosk.screens.icons import Icon
from kiosk.screens.model import KeyFace, Tone
from kiosk.texts import Texts, own_name
from kiosk.types import Meaning, Session, State

ICONS: dict[Meaning, Icon] = {
    Meaning.TALK: Icon.MIC,
    Meaning.AGREE: Icon.CHECK,
    Meaning.DECLINE: Icon.CROSS,
    Meaning.LISTEN: Icon.HEADPHONES,
    Meaning.NEXT: Icon.ARROW,
    Meaning.STOP: Icon.STOP,
    Meaning.KEEP: Icon.CHECK,
    Meaning.DISCARD: Icon.CROSS,
    Meaning.REDO: Icon.REDO,
    Meaning.HEAR: Icon.HEADPHONES,
    Meaning.YES: Icon.CHECK,
    Meaning.NO: Icon.CROSS,
    Meaning.DONE: Icon.ARROW,
    Meaning.PAUSE: Icon.PAUSE,
    Meaning.RESUME: Icon.PLAY,
    Meaning.BACK: Icon.BACK,
    Meaning.CONFIRM: Icon.CROSS,
    Meaning.EXTEND: Icon.PLUS,
    Meaning.GO_ON: Icon.PLAY,
    Meaning.SAY_CODE: Icon.HEADPHONES,
    Meaning.WITHDRAW: Icon.CROSS,
    Meaning.TAKE: Icon.CHECK,
    Meaning.USES: Icon.CHECK,
    Meaning.RECEIPTS: Icon.CHECK,
    Meaning.PART: Icon.CHECK,
    Meaning.QUESTION: Icon.ARROW,
    Meaning.BEGIN_GROUP: Icon.PEOPLE,
    Meaning.NEXT_PERSON: Icon.CHECK,
    Meaning.LANGUAGE: Icon.LANGUAGE,
    Meaning.SPEAK: Icon.SPEAK,
    Meaning.LOUDER: Icon.LOUDER,
    Meaning.CAPTIONS: Icon.CAPTIONS,
    Meaning.TRIM: Icon.SCISSORS,
    Meaning.MORE: Icon.PLUS,
    Meaning.TELL_LIBRARIAN: Icon.CHECK,
    Meaning.PAIR: Icon.PHONE,
    Meaning.FLAG: Icon.FLAG,
    Meaning.SAME_QUESTION: Icon.HEADPHONES,
    Meaning.SAME_THEME: Icon.HEADPHONES,
    Meaning.ANY_VOICE: Icon.HEADPHONES,
}
"""The icon of each meaning; what is not named here gets an arrow."""
ICONS_HERE: dict[tuple[Meaning, str], Icon] = {
    (Meaning.TALK, "recording"): Icon.CHECK,
    (Meaning.BACK, "thanks"): Icon.CHECK,
    (Meaning.CONFIRM, "redo"): Icon.REDO,
    (Meaning.CONFIRM, "narrow"): Icon.CHECK,
    (Meaning.CONFIRM, "next_person"): Icon.CHECK,
    (Meaning.EXTEND, "still_there"): Icon.CHECK,
    (Meaning.CONFIRM, "trim"): Icon.SCISSORS,
    (Meaning.CONFIRM, "part"): Icon.SCISSORS,
}
"""Where a meaning has another icon: by state, or for a confirmation by what was asked again."""
MOON_KEYS = frozenset({Meaning.LISTEN, Meaning.SAME_QUESTION, Meaning.SAME_THEME, Meaning.ANY_VOICE})


def face(control: Control, meaning: Meaning, session: Session, texts: Texts) -> KeyFace:
    """The face of ``control`` that means ``meaning`` now; a word may differ by state (``keys.talk_recording``)."""
    where = session.asked.value if meaning is Meaning.CONFIRM and session.asked else session.state.value
    still = "still_there" if session.still_there is not None else where
    label = texts.find(f"keys.{meaning.value}_{still}") or texts.get(f"keys.{meaning.value}")
    if meaning is Meaning.SPEAK and session.speaking:
        return KeyFace(control, texts.get("keys.speak_on"), Icon.QUIET)
    if meaning is Meaning.LANGUAGE and session.state is State.ATTRACT:
        # Whoever does not read the screen's language finds their own by its own script.
        # The dot of a Chinese font is as wide as a sign.
        between = " / " if script_in(texts.language) is Script.HAN else " · "
        label = between.join(own_name(language) for language in session.languages)
    if meaning is Meaning.CAPTIONS and session.captions_hidden:
        label = texts.get("keys.captions_hidden")
    marking = session.state in {State.TRIM, State.PART} and session.ends.closing
    if marking and meaning in {Meaning.TAKE, Meaning.MOVE}:
        label = texts.find(f"keys.{meaning.value}_{session.state.value}_end") or label
    if meaning is Meaning.NEXT and session.state is State.THANKS and last_person(session):
        label = texts.get("keys.next_thanks_first")
    if meaning is Meaning.MOVE and session.state is State.TRIM and session.ends.closing:
        icon = Icon.BACK
        return KeyFace(control, label, icon)
    icon = ICONS_HERE.get((meaning, still)) or ICONS.get(meaning, Icon.ARROW)
    if meaning is Meaning.TAKE and session.entry.part is Part.READY:
        label = texts.get("keys.take_ready")
    moon = meaning in MOON_KEYS or (meaning is Meaning.NEXT and session.state is State.LISTENING)
    return KeyFace(control, label, icon, Tone.MOON if moon else Tone.EMBER)
