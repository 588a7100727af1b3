"""``hearth release``: a steward puts a held story back into use."""

from __future__ import annotations

from pathlib import Path

import click

from archive.stewards import release
from archive.store import Store
from audio.clock import SystemClock
from kiosk.commands.common import emit, home_there_option, json_option
from kiosk.setting import open_box


@click.command(name="release")
@click.argument("story")
@home_there_option
@json_option
def command(story: str, home: Path, as_json: bool) -> None:
    """Put the held STORY (its id, or the end of it) back to where its teller allowed it, and no further.

    \b
    Examples:
      hearth release K1WH
      hearth release 01JD8Z4W8KWQF3A0RYDZS1K1WH --json
    """
    with Store(open_box(home), SystemClock()) as store:
        take = release(store, story)
    emit({"released": {"story": take}}, lambda: f"{take} is where its teller allowed it.", as_json=as_json)
