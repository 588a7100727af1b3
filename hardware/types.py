"""The values that travel through the hands and lamps of the box. Only the standard library is needed here.

Every ``at`` is a monotonic second, as `time.monotonic` counts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Ticker(Protocol):
    """The one thing this package asks of a clock, so that it needs none of its own."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        ...


class Control(StrEnum):
    """Everything a hand can press. What a press *means* depends on the screen and is decided elsewhere."""

    LEFT = "left"
    MIDDLE = "middle"
    RIGHT = "right"
    LANGUAGE = "language"
    VOLUME = "volume"
    CUE1 = "cue1"
    CUE2 = "cue2"
    CUE3 = "cue3"
    CUE4 = "cue4"
    CUE5 = "cue5"
    CUE6 = "cue6"
    CUE7 = "cue7"
    CUE8 = "cue8"
    FACILITATOR = "facilitator"


CUES: tuple[Control, ...] = (
    Control.CUE1,
    Control.CUE2,
    Control.CUE3,
    Control.CUE4,
    Control.CUE5,
    Control.CUE6,
    Control.CUE7,
    Control.CUE8,
)
"""The cue buttons in the order of their numbers."""


@dataclass(frozen=True, slots=True)
class ControlEvent:
    """A finger went down on ``control`` at ``at``, or came up again if ``released``."""

    control: Control
    at: float
    released: bool = False


class Lamp(StrEnum):
    """Every light the box can set. ``ring`` is the light around the talk button, which follows the microphone."""

    RING = "ring"
    LEFT = "left"
    MIDDLE = "middle"
    RIGHT = "right"
    CUE1 = "cue1"
    CUE2 = "cue2"
    CUE3 = "cue3"
    CUE4 = "cue4"
    CUE5 = "cue5"
    CUE6 = "cue6"
    CUE7 = "cue7"
    CUE8 = "cue8"


@dataclass(frozen=True, slots=True)
class Health:
    """The state of the machine at one moment. ``None`` always means "this machine does not tell".

    Sizes are bytes, ``temperature_c`` is degrees Celsius. ``weak_power_now`` is what the board measures at this
    moment, ``weak_power_since_boot`` whether it happened at any time since start. ``days_left`` is the free space
    divided by what a usual day adds. ``disk_errors`` is how many errors the filesystem of the home has noted since it
    was made, ``worn_percent`` how much of its life the card says it has used (upper end of a step of ten).
    ``swaps`` names what memory may be written to that is not memory itself: a file, a partition, a file behind zram.
    """

    home: Path
    disk_free: int
    disk_total: int
    inodes_free: int | None
    days_left: float | None
    read_only: bool
    memory_available: int | None
    memory_total: int | None
    temperature_c: float | None
    weak_power_now: bool | None
    weak_power_since_boot: bool | None
    slowed_by_heat: bool | None
    clock_trusted: bool
    board: str | None
    disk_errors: int | None = None
    worn_percent: int | None = None
    swaps: tuple[str, ...] | None = None
