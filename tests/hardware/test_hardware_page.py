"""The page on hardware says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from hardware.controls import SETTLE_MS, STUCK_S
from hardware.drivers import CONTROLS, LAMPS
from hardware.findings import HOT_C, LOW_DAYS, LOW_DISK, LOW_INODES, LOW_MEMORY, findings
from hardware.pins import DEFAULT_PINS, HEADER, MORE_CONTROLS, MORE_LAMPS, RESERVED
from hardware.probe import probe

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "hardware.md").read_text(encoding="utf-8")


def rows(*first):
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line[:1] == "|"]
    return [row for row in lines if row[0] in first]


def test_the_wiring_table_is_the_default_wiring():
    table = [(part, what, int(gpio), int(position)) for part, what, gpio, position, _ in rows("button", "lamp")]
    wires = [("button", control.value, pin, HEADER[pin]) for control, pin in DEFAULT_PINS.controls.items()]
    wires += [("lamp", lamp.value, pin, HEADER[pin]) for lamp, pin in DEFAULT_PINS.lamps.items()]
    assert table == wires
    more = [(what, int(gpio), int(position)) for _, what, gpio, position, _ in rows("cue button", "cue lamp")]
    wires = [(name.value, pin, HEADER[pin]) for name, pin in (*MORE_CONTROLS.items(), *MORE_LAMPS.items())]
    assert more == wires


def test_the_ground_positions_named_are_ground():
    from gpiozero.pins.mock import MockFactory

    (named,) = re.findall(r"ground \(positions ([\d, ]+)\)", PAGE)
    grounds = {number for number, pin in MockFactory().board_info.headers["J8"].pins.items() if pin.name == "GND"}
    assert {int(number) for number in named.split(",")} == grounds


def test_the_pins_kept_free_are_those_named():
    assert "I2C on GPIO 2 and 3, I2S on 18 to 21" in PAGE
    assert "(14 and 15)" in PAGE
    assert set(RESERVED) == {2, 3, 14, 15, 18, 19, 20, 21}


def test_every_driver_and_finding_is_named(tmp_path):
    for name in {*CONTROLS, *LAMPS}:
        assert f"`{name}`" in PAGE
    for finding in findings(probe(tmp_path, clock_trusted=True)):
        assert len(rows(finding.code)) == 1


def test_numbers_are_the_programs():
    assert f"next {SETTLE_MS} ms" in PAGE
    assert f"down for {STUCK_S:.0f} s" in PAGE
    assert f"under {LOW_DISK // 10**9} GB, or under {LOW_DAYS:.0f} days" in PAGE
    assert f"under {LOW_INODES:,}" in PAGE
    assert f"under {LOW_MEMORY // 10**6} MB" in PAGE
    assert f"{HOT_C:.0f} °C" in PAGE


def test_every_unit_is_named():
    units = list((ROOT / "systemd").rglob("*.*"))
    assert any(unit.parent.name == "archive" for unit in units)
    for unit in units:
        if unit.parent.name == "archive":
            assert f"systemd/archive/{unit.name} " in (ROOT / "docs" / "archive.md").read_text(encoding="utf-8")
        else:
            assert f"`{unit.name}`" in PAGE
