"""What the screen shows while a box is set up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from audio.loopback import Heard
from hardware.accesspoint import Network
from hardware.types import Control
from kiosk.firstrun.steps import Step, Walk
from kiosk.runs import script_in
from kiosk.screens.icons import Icon
from kiosk.screens.model import KeyFace, Kind, View
from kiosk.screens.page import KEYS
from kiosk.texts import Texts, own_name
from kiosk.types import Meaning
from kiosk.volume import loudest

FACES: Mapping[tuple[Step, Meaning], tuple[str, Icon]] = {
    (Step.LANGUAGE, Meaning.TAKE): ("take", Icon.CHECK),
    (Step.LANGUAGE, Meaning.MOVE): ("move", Icon.ARROW),
    (Step.PHONE, Meaning.PAIR): ("digits", Icon.PHONE),
    (Step.PHONE, Meaning.DONE): ("without", Icon.ARROW),
    (Step.SOUND, Meaning.YES): ("use", Icon.CHECK),
    (Step.SOUND, Meaning.TAKE): ("on", Icon.ARROW),
    (Step.SOUND, Meaning.HEAR): ("again", Icon.SPEAK),
    (Step.LIVE, Meaning.GO_ON): ("live", Icon.CHECK),
}
"""Word and icon of each key; what is not here goes back."""
_PICTURES: Mapping[Heard, Icon] = {
    Heard.GOOD: Icon.CHECK,
    Heard.FAR: Icon.MIC,
    Heard.LOUD: Icon.LOUDER,
    Heard.NOTHING: Icon.WARNING,
}


def view(
    walk: Walk, texts: Texts, offered: Mapping[Control, Meaning], network: Network | None, port: int, digits: str
) -> View:
    """The screen of ``walk``. ``network`` is the open access point, if one is; ``digits`` pair the phone."""
    faces = tuple(_face(control, walk, meaning, texts) for control, meaning in offered.items() if control in KEYS)
    side: tuple[KeyFace, ...] = (_speak(walk, texts),)
    if Control.VOLUME in offered:
        word, icon = ("keys.softer", Icon.SOFTER) if loudest(walk.volume) else ("keys.louder", Icon.LOUDER)
        side = (KeyFace(Control.VOLUME, texts.get(word), icon), *side)
    return replace(_step(walk, texts, faces, network, port, digits), side=side)


def _step(  # noqa: PLR0911 (one answer a step)
    walk: Walk, texts: Texts, faces: tuple[KeyFace, ...], network: Network | None, port: int, digits: str
) -> View:
    match walk.step:
        case Step.LANGUAGE:
            return View(
                Kind.LANGUAGES, walk.language, headline=texts.get("languages.headline"), keys=faces,
                lines=tuple(own_name(code) for code in walk.languages), line=walk.languages.index(walk.language),
            )  # fmt: skip
        case Step.PHONE if network is not None:
            # Two groups of figures would change places where lines run from right to left.
            grouped = digits if script_in(walk.language).right_to_left else f"{digits[:3]}\u00a0{digits[3:]}"
            body = texts.get("setup.phone_body", name=network.name, password=network.passphrase)
            return View(
                Kind.SET_UP, walk.language, headline=texts.get("setup.phone"), body=body, keys=faces,
                code=f"{network.address}:{port}\n{grouped}", qr=network.joining,
            )  # fmt: skip
        case Step.PHONE:
            return _plain(walk, texts, faces, "setup.phone", "setup.phone_off", Icon.PHONE)
        case Step.SOUND if walk.other:
            body = texts.get("setup.sound_other", name=walk.other)
            return View(
                Kind.SET_UP, walk.language, headline=texts.get("setup.sound"), body=body, keys=faces, picture=Icon.MIC
            )
        case Step.SOUND if walk.heard is None:
            return _plain(walk, texts, faces, "setup.sound", "setup.sound_trying", Icon.SPEAK)
        case Step.SOUND:
            heard = walk.heard or Heard.NOTHING
            return _plain(walk, texts, faces, "setup.sound", f"setup.sound_{heard}", _PICTURES[heard])
        case _ if walk.begins:
            said = texts.get("setup.live_draft", name=own_name(walk.begins))
            return View(
                Kind.SET_UP, walk.language, headline=texts.get("setup.live"), body=said, keys=faces,
                picture=Icon.WARNING,
            )  # fmt: skip
        case _:
            return _plain(walk, texts, faces, "setup.live", "setup.live_body", Icon.CHECK)


def _plain(walk: Walk, texts: Texts, faces: tuple[KeyFace, ...], headline: str, body: str, picture: Icon) -> View:
    return View(
        Kind.SET_UP, walk.language, headline=texts.get(headline), body=texts.get(body), keys=faces, picture=picture
    )


def _speak(walk: Walk, texts: Texts) -> KeyFace:
    """The key that has screens read, the same as on a live box."""
    word, icon = ("keys.speak_on", Icon.QUIET) if walk.aloud else ("keys.speak", Icon.SPEAK)
    return KeyFace(Control.LANGUAGE, texts.get(word), icon)


def _face(control: Control, walk: Walk, meaning: Meaning, texts: Texts) -> KeyFace:
    name, icon = FACES.get((walk.step, meaning), ("back", Icon.BACK))
    return KeyFace(control, texts.get(f"setup.key_{name}"), icon)
