"""When the wall clock is believed: a time server has answered since the start, or a clock on a battery agrees."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from audio import clock
from audio.clock import SystemClock


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose time server has not answered, with one hardware clock; its file is returned."""
    told = tmp_path / "rtc/rtc0/since_epoch"
    told.parent.mkdir(parents=True)
    monkeypatch.setattr(clock, "_SYNCHRONISED", tmp_path / "synchronized")
    monkeypatch.setattr(clock, "_RTC", tmp_path / "rtc")
    return told


@pytest.mark.parametrize(
    ("away_s", "believed"), [(2, True), (-300, True), (3600, False), (-3600, False), (-40 * 365 * 86_400, False)]
)
def test_a_clock_on_a_battery_is_believed_where_it_agrees(machine: Path, away_s: int, believed: bool) -> None:
    machine.write_text(f"{int(time.time()) + away_s}\n")
    assert SystemClock().trusted() is believed


def test_one_that_lost_its_power_or_is_not_there_confirms_nothing(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not SystemClock().trusted()
    machine.mkdir()  # as the kernel's own: it is there, and reading it fails
    assert not SystemClock().trusted()
    machine.rmdir()
    machine.write_text("7\n")
    monkeypatch.setattr(time, "time", lambda: 9.0)
    assert not SystemClock().trusted(), "two clocks that both began anew agree about nothing"


def test_what_was_confirmed_once_since_the_start_stays_so(machine: Path) -> None:
    box = SystemClock()
    machine.write_text(f"{int(time.time())}\n")
    assert box.trusted()
    machine.unlink()
    assert box.trusted()
    (machine.parents[2] / "synchronized").touch()
    assert SystemClock().trusted()
