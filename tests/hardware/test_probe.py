from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from hardware.findings import findings
from hardware.probe import probe

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"


def disk(**changes):
    fields = {"f_frsize": 4096, "f_blocks": 1_000_000, "f_bavail": 500_000, "f_files": 0, "f_favail": 0, "f_flag": 0}
    return lambda _path: SimpleNamespace(**(fields | changes))


def look(machine, *, trusted=True, bytes_a_day=None, **changes):
    return probe(machine.root, trusted, bytes_a_day=bytes_a_day, root=machine.root, statvfs=disk(**changes))


def wrong(health):
    return [finding.code for finding in findings(health) if not finding.ok]


@pytest.fixture
def board(machine):
    machine.put("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    machine.put("sys/class/thermal/thermal_zone0/temp", "48312\n")
    machine.put(
        "proc/meminfo", "MemTotal:  3884036 kB\nMemFree: 12 kB\nMemAvailable:  2000000 kB\nHugePages_Total: 0\nodd\n"
    )
    machine.put("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.5\0")
    machine.put(THROTTLED, "0\n")
    return machine


def test_a_healthy_board_is_read_and_nothing_is_wrong(board):
    health = look(board, bytes_a_day=20_480_000, f_files=1000, f_favail=20_000)
    assert health.board == "Raspberry Pi 4 Model B Rev 1.5"
    assert health.temperature_c == pytest.approx(48.312)
    assert (health.memory_available, health.memory_total) == (2_048_000_000, 3_977_252_864)
    assert (health.disk_free, health.disk_total, health.days_left) == (2_048_000_000, 4_096_000_000, 100.0)
    assert (health.weak_power_now, health.weak_power_since_boot, health.slowed_by_heat) == (False, False, False)
    assert (health.inodes_free, health.read_only, health.clock_trusted) == (20_000, False, True)
    assert wrong(health) == []


def test_a_machine_that_tells_nothing_is_unknown_not_well_or_ill(machine):
    health = look(machine)
    told = (health.temperature_c, health.memory_available, health.weak_power_now, health.weak_power_since_boot)
    assert told == (None,) * 4
    assert (health.slowed_by_heat, health.board, health.inodes_free, health.days_left) == (None,) * 4
    assert wrong(health) == []
    assert sum("does not tell" in finding.say for finding in findings(health)) == 5


@pytest.mark.parametrize(
    ("word", "now", "since", "hot"),
    [
        ("0x50005", True, True, False),
        ("4", False, False, True),
        ("50000", False, True, False),
        ("1", True, True, False),
        ("8", False, False, True),
        ("80000", False, False, False),
        ("rubbish", None, None, None),
    ],
)
def test_the_throttling_word_is_understood(machine, word, now, since, hot):
    machine.put(THROTTLED, word)
    health = look(machine)
    assert (health.weak_power_now, health.weak_power_since_boot, health.slowed_by_heat) == (now, since, hot)
    assert ("power" in wrong(health)) == bool(now or since)
    assert ("heat" in wrong(health)) == bool(hot)


def test_the_rail_alarm_stands_in_where_there_is_no_word(machine):
    machine.put("sys/class/hwmon/hwmon0/name", "cpu_thermal")
    machine.put("sys/class/hwmon/hwmon0/in0_lcrit_alarm", "1")
    assert look(machine).weak_power_now is None
    machine.put("sys/class/hwmon/hwmon1/name", "rpi_volt")
    assert look(machine).weak_power_now is None
    machine.put("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1")
    health = look(machine)
    assert (health.weak_power_now, health.weak_power_since_boot) == (True, None)
    assert wrong(health) == ["power"]


def test_the_processors_sensor_counts_before_others(machine):
    machine.put("sys/class/thermal/thermal_zone0/type", "battery")
    machine.put("sys/class/thermal/thermal_zone0/temp", "90000")
    assert look(machine).temperature_c == 90.0
    machine.put("sys/class/thermal/thermal_zone1/type", "x86_pkg_temp")
    machine.put("sys/class/thermal/thermal_zone1/temp", "50000")
    machine.put("sys/class/thermal/thermal_zone2/type", "cpu-thermal")
    machine.put("sys/class/thermal/thermal_zone2/temp", "unreadable")
    assert look(machine).temperature_c == 50.0


def test_each_trouble_is_named_with_something_to_do(board):
    board.put("sys/class/thermal/thermal_zone0/temp", "85000")
    board.put("proc/meminfo", "MemAvailable: 100000 kB")
    board.put("sys/fs/ext4/mmcblk0p2/errors_count", "3")
    board.put("proc/swaps", "Filename Type Size Used Priority\n/var/swap file 204796 0 -2\n")
    board.put(THROTTLED, "10000")
    health = look(board, trusted=False, f_bavail=100, f_files=100_000, f_favail=9, f_flag=os.ST_RDONLY, bytes_a_day=1e6)
    told = findings(health)
    assert [finding.code for finding in told] == [
        "writable",
        "card",
        "space",
        "files",
        "memory",
        "swap",
        "heat",
        "power",
        "clock",
    ]
    assert not any(finding.ok for finding in told)
    assert all(finding.do for finding in told)


@pytest.mark.parametrize(
    ("swaps", "behind", "found"),
    [
        ("/dev/zram0 partition 1048572 0 100\n", "none", ()),
        ("/dev/zram0 partition 1048572 0 100\n", "/dev/loop0", ("/dev/loop0",)),
        ("/dev/zram0 partition 9 0 100\n/dev/mmcblk0p3 partition 9 0 -2\n", "none", ("/dev/mmcblk0p3",)),
        ("", "none", ()),
    ],
)
def test_swap_on_anything_but_memory_is_named(board, swaps, behind, found):
    board.put("proc/swaps", f"Filename\t\t\tType\tSize\tUsed\tPriority\n{swaps}")
    board.put("sys/block/zram0/backing_dev", f"{behind}\n")
    health = look(board)
    assert health.swaps == found
    assert wrong(health) == (["swap"] if found else [])


def test_plenty_of_bytes_may_still_be_few_days(board):
    health = look(board, bytes_a_day=500_000_000)
    assert wrong(health) == ["space"]
    assert "about 4 days" in findings(health)[2].say


def test_what_is_well_asks_for_nothing(board):
    assert [finding.do for finding in findings(look(board, f_files=9, f_favail=99_999))] == [""] * 9


def test_this_machine_can_be_probed_before_the_home_exists(tmp_path):
    health = probe(tmp_path / "not" / "yet", clock_trusted=False)
    assert health.disk_total >= health.disk_free > 0
    assert health.memory_available is not None
    assert not health.read_only
    assert not (tmp_path / "not").exists()
    assert probe(Path("relative-and-absent"), clock_trusted=True).disk_total > 0


@pytest.mark.parametrize(
    ("errors", "life", "well"),
    [
        (None, None, True),
        ("0", None, True),
        ("2", "0x01 0x01", False),
        ("0", "0x03 0x09", False),
        ("0", "0x01 0x03", True),
        (None, "0x00 0x00", True),
        (None, "0x0b 0x01", False),
        (None, "rubbish", True),
    ],
)
def test_a_card_that_wears_out_is_named_before_it_stops_taking_writes(machine, errors, life, well):
    if errors is not None:
        machine.put("sys/fs/ext4/mmcblk0p2/errors_count", errors)
    if life is not None:
        machine.put("sys/block/mmcblk0/device/life_time", life)
    assert ("card" in wrong(look(machine))) is not well
