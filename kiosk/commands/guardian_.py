"""``hearth guardian``: a steward notes the consent of a young teller's guardian."""

from __future__ import annotations

from pathlib import Path

import click

from archive.stewards import add_guardian
from archive.store import Store
from audio.clock import SystemClock
from kiosk.commands.common import emit, home_there_option, json_option
from kiosk.setting import open_box


@click.command(name="guardian")
@click.argument("story")
@home_there_option
@click.option("--code", default="", help="The teller's keep-code: opens a story that was sealed meanwhile.")
@json_option
def command(story: str, home: Path, code: str, as_json: bool) -> None:
    """Note that the guardian of STORY's teller has agreed (on paper or in person) to what the teller wished.

    Until then nobody hears a story told under the library's age. Most are sealed by then: only with --code does such
    a story open again.

    \b
    Examples:
      hearth guardian K1WH --code 417-maple-river-candle-north
      hearth guardian K1WH --json
    """
    with Store(open_box(home), SystemClock()) as store:
        take = add_guardian(store, story, code)
        sealed = store.standing(take).sealed
    said = (
        "Noted. It is sealed: its teller's keep-code opens it." if sealed else "Noted. What its teller wished counts."
    )
    emit({"guardian": {"story": take, "sealed": sealed}}, lambda: said, as_json=as_json)
