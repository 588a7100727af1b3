"""A computer keyboard in place of buttons: which key stands for which control. Pure but for the driver's lock.

Key names are those of the window library, in any case: ``left``, ``space``, ``return``, ``1``, ``[1]`` (number
pad), ``a``. This module needs no window library; the window calls `KeyboardControls.key` with what it hears.
"""

from __future__ import annotations

from hardware.controls import Debounced
from hardware.types import CUES, Control

_ALIASES: dict[str, Control] = {
    "left": Control.LEFT,
    "a": Control.LEFT,
    "down": Control.MIDDLE,
    "up": Control.MIDDLE,
    "s": Control.MIDDLE,
    "space": Control.MIDDLE,
    "return": Control.MIDDLE,
    "enter": Control.MIDDLE,
    "right": Control.RIGHT,
    "d": Control.RIGHT,
    "l": Control.LANGUAGE,
    "v": Control.VOLUME,
    "f": Control.FACILITATOR,
}
KEYS: dict[str, Control] = (
    _ALIASES
    | {str(number): cue for number, cue in enumerate(CUES, start=1)}
    | {f"[{number}]": cue for number, cue in enumerate(CUES, start=1)}
)
"""Every key that does anything."""


def control_for(key: str) -> Control | None:
    """Return the control a key stands for, ``None`` for a key that does nothing here."""
    return KEYS.get(key.lower())


def explain() -> list[tuple[str, str]]:
    """Return what to tell a person about the keys: (keys as printed on a keyboard, text key of what they do)."""
    return [
        ("← A", "keys.left"),
        ("↓ S Space Enter", "keys.middle"),
        ("→ D", "keys.right"),
        ("1-8", "keys.cues"),
        ("F", "keys.facilitator"),
        ("L", "keys.language"),
        ("V", "keys.volume"),
    ]


class KeyboardControls(Debounced):
    """Controls fed by the window's key events. A held key's repeats are no presses."""

    name = "keyboard"

    def key(self, key: str, pressed: bool) -> Control | None:
        """Take a key event of the window, now; return the control it stands for, ``None`` if none."""
        control = control_for(key)
        if control is not None:
            self._edge(control, self._clock.monotonic(), pressed=pressed)
        return control

    def touch(self, control: Control) -> None:
        """Take a finger or a mouse on the control as the screen shows it: down and up in one, now."""
        at = self._clock.monotonic()
        self._edge(control, at, pressed=True)
        self._edge(control, at, pressed=False)
