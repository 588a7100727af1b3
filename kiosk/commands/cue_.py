"""``hearth cue``: put excerpts on the cue buttons, or look at them."""

from __future__ import annotations

from pathlib import Path

import click

from archive.desk import clear_cue, cue_sheet, cue_sheet_json, set_cue
from archive.store import Store
from audio.clock import SystemClock
from audio.types import Ms
from kiosk.commands.common import emit, home_option, json_option
from kiosk.setting import open_box


@click.command(name="cue")
@click.argument("action", type=click.Choice(["list", "set", "clear"]), default="list")
@click.argument("button", type=click.IntRange(1, 8), required=False)
@click.argument("story", required=False)
@click.option("--start", type=float, default=0.0, show_default=True, help="Where the excerpt starts, in seconds.")
@click.option("--end", type=float, default=None, help="Where it ends, in seconds; default: the end of the story.")
@click.option("--title", default="", help="What the facilitator reads on the button.")
@home_option
@json_option
def command(
    action: str,
    button: int | None,
    story: str | None,
    start: float,
    end: float | None,
    title: str,
    home: Path,
    as_json: bool,
) -> None:
    """Put an excerpt on a cue button, take it off, or list what is there. Consent is asked now and at every press.

    \b
    Examples:
      hearth cue
      hearth cue set 1 01JD8Z --start 12.5 --end 48 --title "The night shift"
      hearth cue clear 1
    """
    with Store(open_box(home), SystemClock()) as store:
        if action == "set":
            if button is None or story is None:
                raise click.UsageError("Say which button and which story: hearth cue set 1 STORY.")
            until = None if end is None else Ms(round(end * 1000))
            set_cue(store, button, story, Ms(round(start * 1000)), until, title=title)
        elif action == "clear":
            if button is None:
                raise click.UsageError("Say which button: hearth cue clear 1.")
            clear_cue(store, button)
        sheet = cue_sheet(store)
    lines = [
        f"{n}  {cut.story}  {cut.start / 1000:.1f}-{cut.end / 1000:.1f} s  {cut.title}"
        for n, cut in sorted(sheet.cues.items())
    ]
    emit(
        cue_sheet_json(sheet), lambda: "\n".join(lines) if lines else "No cue button holds an excerpt.", as_json=as_json
    )
