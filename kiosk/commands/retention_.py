"""``hearth retention``: erase what is due and finish interrupted erasures."""

from __future__ import annotations

from pathlib import Path

import click

from archive.retention import run_retention
from archive.store import Store
from audio.clock import SystemClock
from kiosk.commands.common import emit, home_option, json_option
from kiosk.setting import read_home


@click.command(name="retention")
@home_option
@json_option
def command(home: Path, as_json: bool) -> None:
    """Erase what nobody kept, what has reached its time, and finish erasures a power cut interrupted.

    \b
    Examples:
      hearth retention
      hearth retention --home ./my-box --json
    """
    setting = read_home(home)
    times = setting.config.retention
    with Store(setting.home, SystemClock()) as store:
        report = run_retention(store, days=times.kept_days, hold=times.held_hours * 3600.0)
    payload = {
        "holds_ended": report.holds_ended,
        "stories_ended": report.stories_ended,
        "erasures_finished": report.erasures_finished,
        "sealed": report.sealed,
        "loans_ended": report.loans_ended,
        "cut": report.cut,
    }
    emit(
        payload,
        lambda: (
            f"{len(report.holds_ended)} unkept takes and {len(report.stories_ended)} stories erased, "
            f"{len(report.erasures_finished)} erasures finished, {len(report.sealed)} stories sealed."
        ),
        as_json=as_json,
    )
