"""``hearth retention``: erase what is due and finish interrupted erasures."""

from __future__ import annotations

import math
from pathlib import Path

import click

from archive.retention import run_retention
from archive.store import Store
from audio.clock import SystemClock
from kiosk.commands.common import answer, home_option, json_option, note
from kiosk.errors import BadConfig
from kiosk.setting import open_box, read_config


@click.command(name="retention")
@home_option
@json_option
def command(home: Path, as_json: bool) -> int:
    """Erase what nobody kept, what has reached its time, and finish erasures a power cut interrupted.

    While config.toml cannot be read nothing is erased for its age; all else is done, and the trouble told.

    \b
    Examples:
      hearth retention
      hearth retention --home ./my-box --json
    """
    place = open_box(home)
    try:
        times, unread = read_config(place).retention, None
    except BadConfig as error:
        # Nothing is erased after days nobody can read; what was begun is finished, and what no use needs is sealed.
        times, unread = None, error
    days, hold = (times.kept_days, times.held_hours * 3600.0) if times else (math.inf, math.inf)
    with Store(place, SystemClock()) as store:
        report = run_retention(store, days=days, hold=hold)
    payload = {
        "holds_ended": report.holds_ended,
        "stories_ended": report.stories_ended,
        "erasures_finished": report.erasures_finished,
        "sealed": report.sealed,
        "loans_ended": report.loans_ended,
        "cut": report.cut,
    }
    failed = (unread.code, unread.say, unread.do) if unread else None
    if unread:
        note(f"{unread.say} {unread.do} Until then nothing is erased for its age.")
    return answer(
        payload,
        lambda: (
            f"{len(report.holds_ended)} unkept takes and {len(report.stories_ended)} stories erased, "
            f"{len(report.erasures_finished)} erasures finished, {len(report.sealed)} stories sealed."
        ),
        failed,
        as_json=as_json,
    )
