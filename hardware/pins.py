"""Which wire goes where: BCM numbers for controls and lamps, and the header they come out of.

Pure; the wiring table in the documentation is checked against `DEFAULT_PINS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from hardware.errors import BadWiring
from hardware.types import CUES, Control, Lamp

HEADER: Mapping[int, int] = MappingProxyType(
    {
        2: 3, 3: 5, 4: 7, 5: 29, 6: 31, 7: 26, 8: 24, 9: 21, 10: 19, 11: 23, 12: 32, 13: 33, 14: 8, 15: 10,
        16: 36, 17: 11, 18: 12, 19: 35, 20: 38, 21: 40, 22: 15, 23: 16, 24: 18, 25: 22, 26: 37, 27: 13,
    }
)  # fmt: skip
"""Position on the 40-pin header by BCM number."""

RESERVED: Mapping[int, str] = MappingProxyType(
    {
        2: "I2C, by which a sound HAT is set up",
        3: "I2C, by which a sound HAT is set up",
        14: "the serial console",
        15: "the serial console",
        18: "I2S, the sound of a HAT",
        19: "I2S, the sound of a HAT",
        20: "I2S, the sound of a HAT",
        21: "I2S, the sound of a HAT",
    }
)
"""BCM numbers that no button or lamp is given beside a sound HAT, and what they are for."""


def _controls() -> dict[Control, int]:
    # GPIO 0-8 are pulled up while the board starts, the rest down: visitors' keys rest at "not pressed" from
    # the first moment where there is a choice, and no lamp may glow before the program says so.
    return {
        Control.LEFT: 5,
        Control.MIDDLE: 6,
        Control.RIGHT: 4,
        Control.LANGUAGE: 7,
        Control.VOLUME: 8,
        Control.FACILITATOR: 17,
        Control.CUE1: 22,
        Control.CUE2: 23,
        Control.CUE3: 24,
        Control.CUE4: 25,
    }


def _lamps() -> dict[Lamp, int]:
    return {
        Lamp.RING: 12,
        Lamp.LEFT: 13,
        Lamp.MIDDLE: 16,
        Lamp.RIGHT: 26,
        Lamp.CUE1: 9,
        Lamp.CUE2: 10,
        Lamp.CUE3: 11,
        Lamp.CUE4: 27,
    }


MORE_CONTROLS: Mapping[Control, int] = MappingProxyType(
    {Control.CUE5: 2, Control.CUE6: 3, Control.CUE7: 14, Control.CUE8: 15}
)
"""Cue buttons 5 to 8, on a header without a sound HAT and a clock module. GPIO 2 and 3 have pull-ups of their own."""
MORE_LAMPS: Mapping[Lamp, int] = MappingProxyType({Lamp.CUE5: 18, Lamp.CUE6: 19, Lamp.CUE7: 20, Lamp.CUE8: 21})
"""Their lamps: pins that rest low while the board starts."""
USUAL_CUES = 4
"""So many cue buttons have room beside a sound HAT."""


@dataclass(frozen=True, slots=True)
class PinMap:
    """Wires by BCM number. Buttons connect their pin to ground; lamps are lit by a high pin.

    A control or lamp that is not named is not wired: the default has four cue buttons, and `wired` eight where no HAT
    needs the pins (``hat`` is false then). ``dimmable`` says whether lamps can be lit in steps (pulse width), or only
    on and off.
    Raises `BadWiring` when a pin is used twice, is reserved, or is not on the header.
    """

    controls: Mapping[Control, int] = field(default_factory=_controls)
    lamps: Mapping[Lamp, int] = field(default_factory=_lamps)
    dimmable: bool = True
    hat: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be wired."""
        used: dict[int, str] = {}
        wires = [(f"button {c.value}", pin) for c, pin in self.controls.items()]
        wires += [(f"lamp {lamp.value}", pin) for lamp, pin in self.lamps.items()]
        for what, pin in wires:
            if self.hat and pin in RESERVED:
                say = f"GPIO {pin} cannot be used for {what}: it is kept for {RESERVED[pin]}."
                raise BadWiring(say, "Choose another pin, or free it: docs/hardware.md, wiring.")
            if pin not in HEADER:
                say = f"There is no GPIO {pin} on the header for {what}."
                raise BadWiring(say, "Use BCM numbers from 4 to 27, not positions on the header.")
            if pin in used:
                say = f"GPIO {pin} is given to both {used[pin]} and {what}."
                raise BadWiring(say, "Give each button and lamp a pin of its own.")
            used[pin] = what


DEFAULT_PINS = PinMap()
"""The wiring the enclosure is made for."""


def wired(cues: int) -> PinMap:
    """The wiring for so many cue buttons, 0 to 8, each with its lamp; more than four leave no room for a sound HAT."""
    controls = {**DEFAULT_PINS.controls, **MORE_CONTROLS}
    lamps = {**DEFAULT_PINS.lamps, **MORE_LAMPS}
    beyond = {control.value for control in CUES[cues:]}
    return PinMap(
        {control: pin for control, pin in controls.items() if control.value not in beyond},
        {lamp: pin for lamp, pin in lamps.items() if lamp.value not in beyond},
        hat=cues <= USUAL_CUES,
    )
