"""The machine's health in plain words: what is so, whether it is well, and what to do if it is not. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hardware.types import Health

GIGABYTE = 1_000_000_000
LOW_DISK = GIGABYTE
"""Below this many free bytes a long conversation and its copies may no longer fit."""
LOW_DAYS = 14.0
LOW_INODES = 10_000
LOW_MEMORY = 150_000_000
"""Below this the speech model is likely to be ended by the kernel."""
WORN_PERCENT = 90
HOT_C = 80.0
"""A Raspberry Pi begins to slow itself down here (its data sheets: soft limit 80 degrees)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check-up. ``say`` is true whether ``ok`` or not; ``do`` is empty when nothing is to be done."""

    code: str
    ok: bool
    say: str
    do: str = ""

    def to_json(self) -> dict[str, object]:
        """Return plain data for `json`."""
        return {"code": self.code, "ok": self.ok, "say": self.say, "do": self.do}


def findings(health: Health) -> list[Finding]:
    """Judge the machine, one finding a topic, always all of them and in the same order."""
    return [
        _writable(health),
        _card(health),
        _space(health),
        _inodes(health),
        _memory(health),
        _swap(health),
        _heat(health),
        _power(health),
        _clock(health),
    ]


def _size(size: int) -> str:
    return f"{size / GIGABYTE:.1f} GB" if size >= GIGABYTE else f"{size / 1_000_000:.0f} MB"


def _writable(health: Health) -> Finding:
    if health.read_only:
        do = "Copy the stories to a stick and replace the card: a worn-out card refuses writes to save what it holds."
        return Finding("writable", ok=False, say="The card can be read but no longer written.", do=do)
    return Finding("writable", ok=True, say="The card takes writes.")


def _card(health: Health) -> Finding:
    do = "Make a backup (hearth backup), and move the box to a new card soon: this one is wearing out."
    if health.disk_errors:
        return Finding("card", ok=False, say=f"The card has had {health.disk_errors} errors.", do=do)
    if health.worn_percent is None and health.disk_errors is None:
        return Finding("card", ok=True, say="This computer does not tell how worn its card is.")
    if health.worn_percent is None:
        return Finding("card", ok=True, say="The card has had no errors; how worn it is, it keeps to itself.")
    say = f"The card has used up to {health.worn_percent} % of its life."
    if health.worn_percent >= WORN_PERCENT:
        return Finding("card", ok=False, say=say, do=do)
    return Finding("card", ok=True, say=say)


def _space(health: Health) -> Finding:
    days = "" if health.days_left is None else f", enough for about {int(health.days_left)} days"
    say = f"{_size(health.disk_free)} of {_size(health.disk_total)} are free{days}."
    short = health.days_left is not None and health.days_left < LOW_DAYS
    if health.disk_free < LOW_DISK or short:
        do = "Sync the box so that stories move on to the archive, or fit a bigger card."
        return Finding("space", ok=False, say=say, do=do)
    return Finding("space", ok=True, say=say)


def _inodes(health: Health) -> Finding:
    if health.inodes_free is None:
        return Finding("files", ok=True, say="This card sets no limit to the number of files.")
    say = f"There is room for {health.inodes_free:,} more files."
    if health.inodes_free < LOW_INODES:
        do = "Sync the box; if that does not help, ask for help: something fills the card with small files."
        return Finding("files", ok=False, say=say, do=do)
    return Finding("files", ok=True, say=say)


def _memory(health: Health) -> Finding:
    if health.memory_available is None:
        return Finding("memory", ok=True, say="This computer does not tell how much memory is free.")
    say = f"{_size(health.memory_available)} of memory are free."
    if health.memory_available < LOW_MEMORY:
        do = "Restart the box; if it happens again, choose a smaller speech model in the settings."
        return Finding("memory", ok=False, say=say, do=do)
    return Finding("memory", ok=True, say=say)


def _swap(health: Health) -> Finding:
    if health.swaps is None:
        return Finding("swap", ok=True, say="This computer does not tell whether it writes memory to a disk.")
    if health.swaps:
        do = "Run scripts/install again, then start the box anew; what is there still, switch off by hand (swapoff)."
        say = f"Memory may be written to {', '.join(health.swaps)}: keys and words in use would lie there."
        return Finding("swap", ok=False, say=say, do=do)
    return Finding("swap", ok=True, say="Memory is never written to the card.")


def _heat(health: Health) -> Finding:
    known = health.temperature_c is not None
    say = f"The processor is at {health.temperature_c:.0f} °C." if known else "The processor slows itself down."
    if health.slowed_by_heat or (health.temperature_c or 0.0) >= HOT_C:
        do = "Move the box out of the sun and free its air slots; it slows itself down until it is cooler."
        return Finding("heat", ok=False, say=f"{say} That is too hot.", do=do)
    return Finding("heat", ok=True, say=say if known else "This computer does not tell how warm it is.")


def _power(health: Health) -> Finding:
    do = "Use the power supply made for this board, with its own cable and no extension by USB."
    if health.weak_power_now:
        return Finding("power", ok=False, say="The power supply is too weak right now.", do=do)
    if health.weak_power_since_boot:
        return Finding("power", ok=False, say="The power supply has been too weak since the box was started.", do=do)
    if health.weak_power_now is None:
        return Finding("power", ok=True, say="This computer does not tell whether its power is steady.")
    return Finding("power", ok=True, say="The power is steady.")


def _clock(health: Health) -> Finding:
    if health.clock_trusted:
        return Finding(
            "clock", ok=True, say="The clock is confirmed: by a time server, or by a clock that runs on a battery."
        )
    do = "Nothing is lost: stories keep their order. Connect the box to a network now and then, or fit a clock module."
    return Finding("clock", ok=False, say="Nobody has confirmed the clock since the box was started.", do=do)
