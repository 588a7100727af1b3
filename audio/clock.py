"""Time as the box knows it: a monotonic second that never jumps, and a wall clock that may be wrong.

A Raspberry Pi 4 has no real-time clock, so nothing may rest on the wall clock alone. `VirtualClock` is the
driveable twin: simulations and tests move it by hand, also to 1970 and ten years ahead.
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
_RTC = Path("/sys/class/rtc")
_BEFORE_ALL_BOXES = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
"""A hardware clock that shows an earlier time has begun anew: its battery is empty, or there is none."""
_AGREE_S = 600.0
"""So far the kernel's count may stray from it in a year without a restart; what is kept goes by days."""


class Clock(Protocol):
    """What everything that needs the time asks."""

    boot_id: str

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back while the machine is up."""
        ...

    def wall(self) -> datetime:
        """The wall clock, in UTC, right or wrong."""
        ...

    def trusted(self) -> bool:
        """Whether a time server, or a clock on a battery, confirms the wall clock of this boot."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` of this clock pass."""
        ...


def boot_id() -> str:
    """Identify this boot of the kernel, or this process where the kernel does not tell."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return f"process-{uuid.uuid4()}"


class SystemClock:
    """The machine's own clocks."""

    def __init__(self) -> None:
        """Note which boot this is."""
        self.boot_id = boot_id()
        self._confirmed = False

    def monotonic(self) -> float:
        """Return the kernel's monotonic clock, in seconds."""
        return time.monotonic()

    def wall(self) -> datetime:
        """Return the kernel's real-time clock, in UTC."""
        return datetime.now(UTC)

    def trusted(self) -> bool:
        """Tell whether systemd-timesyncd has reached a time server since boot, or a clock on a battery agrees."""
        self._confirmed = self._confirmed or _SYNCHRONISED.exists() or _agrees(time.time())
        return self._confirmed

    def sleep(self, seconds: float) -> None:
        """Sleep for real."""
        time.sleep(max(0.0, seconds))


def _agrees(wall: float) -> bool:
    """Whether a hardware clock, which ran on while the box was off, shows what the kernel's clock shows.

    One that has lost its power since it was set cannot be read, or has begun anew decades ago.
    """
    for told in sorted(_RTC.glob("rtc*/since_epoch")):
        try:
            shown = int(told.read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        if shown >= _BEFORE_ALL_BOXES and abs(wall - shown) <= _AGREE_S:
            return True
    return False


class VirtualClock:
    """A clock that moves only when told to. Not for threads that wait on real devices."""

    def __init__(self, wall: datetime | None = None, *, trusted: bool = True) -> None:
        """Start at monotonic 0 and at ``wall`` (2026-01-01 unless given)."""
        self.boot_id = f"virtual-{uuid.uuid4()}"
        self._now = 0.0
        self._wall = wall or datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
        self._trusted = trusted

    def monotonic(self) -> float:
        """Return the seconds advanced so far."""
        return self._now

    def wall(self) -> datetime:
        """Return the wall clock this clock pretends to have."""
        return self._wall

    def trusted(self) -> bool:
        """Tell what the test set."""
        return self._trusted

    def sleep(self, seconds: float) -> None:
        """Advance by ``seconds`` at once."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let both clocks go on by ``seconds``, which must not be negative."""
        if seconds < 0:
            msg = "a monotonic clock does not go back"
            raise ValueError(msg)
        self._now += seconds
        self._wall += timedelta(seconds=seconds)

    def set_wall(self, wall: datetime, *, trusted: bool = True) -> None:
        """Make the wall clock jump, the monotonic one stays."""
        self._wall = wall
        self._trusted = trusted
