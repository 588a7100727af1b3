"""Looking at the machine: space, memory, heat, power, clock, and whether the card still takes writes.

Everything is read from the kernel's files under a root that tests replace by a made tree. What a machine does
not tell is ``None``, never a guess. Sources: the kernel's sysfs and procfs documentation; the throttling word of
the Raspberry Pi firmware as ``vcgencmd get_throttled`` documents it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hardware.types import Health

_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
_WEAK_NOW = 1 << 0
_THROTTLED_NOW = 1 << 2
_SOFT_LIMIT_NOW = 1 << 3
_WEAK_SINCE_BOOT = 1 << 16
_WORN_OUT = 11


class Statvfs(Protocol):
    """The fields used of what `os.statvfs` returns."""

    @property
    def f_frsize(self) -> int: ...  # noqa: D102  statvfs(3) explains it

    @property
    def f_blocks(self) -> int: ...  # noqa: D102  statvfs(3) explains it

    @property
    def f_bavail(self) -> int: ...  # noqa: D102  statvfs(3) explains it

    @property
    def f_files(self) -> int: ...  # noqa: D102  statvfs(3) explains it

    @property
    def f_favail(self) -> int: ...  # noqa: D102  statvfs(3) explains it

    @property
    def f_flag(self) -> int: ...  # noqa: D102  statvfs(3) explains it


def probe(
    home: Path,
    clock_trusted: bool,
    *,
    bytes_a_day: float | None = None,
    owed: int = 0,
    root: Path = Path("/"),
    statvfs: Callable[[Path], Statvfs] = os.statvfs,
) -> Health:
    """Read the machine's health now. ``home`` need not exist yet: its nearest folder that does is looked at.

    ``bytes_a_day`` is what a usual day adds, if known; ``owed`` bytes of the free ones the box itself is still to take;
    ``root`` is where ``sys`` and ``proc`` are looked up.
    Raises nothing: a file that cannot be read is something the machine does not tell.
    """
    disk = statvfs(_existing(home))
    free = max(0, disk.f_bavail * disk.f_frsize - owed)
    memory = _memory(root)
    throttled = _throttled(root)
    weak_now = _rail_alarm(root) if throttled is None else bool(throttled & _WEAK_NOW)
    return Health(
        home=home,
        disk_free=free,
        disk_total=disk.f_blocks * disk.f_frsize,
        # Some filesystems make inodes as they go and say 0.
        inodes_free=disk.f_favail if disk.f_files else None,
        days_left=free / bytes_a_day if bytes_a_day else None,
        read_only=bool(disk.f_flag & os.ST_RDONLY),
        memory_available=memory.get("MemAvailable"),
        memory_total=memory.get("MemTotal"),
        temperature_c=_temperature(root),
        weak_power_now=weak_now,
        weak_power_since_boot=None if throttled is None else bool(throttled & (_WEAK_SINCE_BOOT | _WEAK_NOW)),
        slowed_by_heat=None if throttled is None else _slowed_by_heat(throttled),
        clock_trusted=clock_trusted,
        board=_board(root),
        disk_errors=_disk_errors(root),
        worn_percent=_worn(root),
        swaps=_swaps(root),
    )


def _existing(path: Path) -> Path:
    absolute = path.absolute()
    return next(folder for folder in (absolute, *absolute.parents) if folder.exists())


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return None


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(_text(path) or "", base)
    except ValueError:
        return None


def _memory(root: Path) -> dict[str, int]:
    """Return /proc/meminfo in bytes."""
    sizes: dict[str, int] = {}
    for line in (_text(root / "proc/meminfo") or "").splitlines():
        name, _, rest = line.partition(":")
        amount = rest.split()
        if amount and amount[0].isdecimal():
            sizes[name] = int(amount[0]) * 1024
    return sizes


def _swaps(root: Path) -> tuple[str, ...] | None:
    """Return where the kernel may write memory to that is no memory (/proc/swaps, and what lies behind each zram)."""
    told = _text(root / "proc/swaps")
    if told is None:
        return None
    names = [line.split()[0] for line in told.splitlines()[1:] if line.split()]
    behind = [_text(path) for path in sorted((root / "sys/block").glob("zram*/backing_dev"))]
    return (
        *(name for name in names if not name.startswith("/dev/zram")),
        *(name for name in behind if name and name != "none"),
    )


def _temperature(root: Path) -> float | None:
    """Return the hottest of the processor's sensors, of any sensor if none is the processor's."""
    zones: list[tuple[str, float]] = []
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        milli = _number(zone / "temp")
        if milli is not None:
            zones.append((_text(zone / "type") or "", milli / 1000))
    processor = [degrees for kind, degrees in zones if "cpu" in kind or "x86_pkg" in kind or "soc" in kind]
    return max(processor or [degrees for _, degrees in zones], default=None)


def _throttled(root: Path) -> int | None:
    return _number(root / _THROTTLED, 16)


def _slowed_by_heat(word: int) -> bool:
    # A weak power supply throttles the board as well: that bit alone does not mean heat.
    return bool(word & _SOFT_LIMIT_NOW) or (bool(word & _THROTTLED_NOW) and not word & _WEAK_NOW)


def _rail_alarm(root: Path) -> bool | None:
    """Return the alarm of the board's 5 V rail, where the firmware's sensor stands in for the throttling word."""
    for chip in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if _text(chip / "name") == "rpi_volt":
            alarm = _number(chip / "in0_lcrit_alarm")
            return None if alarm is None else bool(alarm)
    return None


def _disk_errors(root: Path) -> int | None:
    """Return the errors that the ext4 filesystems of this machine have noted in themselves, all together."""
    counts = [_number(path) for path in sorted((root / "sys/fs/ext4").glob("*/errors_count"))]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _worn(root: Path) -> int | None:
    """Return what the most worn card says of itself: eMMC does (JEDEC JESD84-B51, steps of ten), SD cards do not."""
    steps = []
    for path in sorted((root / "sys/block").glob("mmcblk*/device/life_time")):
        steps += [int(word, 16) for word in (_text(path) or "").split() if re.fullmatch(r"0x[0-9a-f]{1,2}", word)]
    used = [min(step, _WORN_OUT) * 10 for step in steps if step]
    return max(used, default=None)


def _board(root: Path) -> str | None:
    return _text(root / "proc/device-tree/model") or _text(root / "sys/class/dmi/id/product_name") or None
