"""``hearth hold``: take a story out of every use until a steward decides, and see what waits."""

from __future__ import annotations

from pathlib import Path

import click

from archive.stewards import held, hold
from archive.store import Store
from archive.tellers import copies
from audio.clock import SystemClock
from kiosk.commands.common import emit, home_there_option, json_option
from kiosk.setting import open_box


@click.command(name="hold")
@click.argument("story", required=False)
@home_there_option
@json_option
def command(story: str | None, home: Path, as_json: bool) -> None:
    """Pull STORY (its id, or the end of it) out of every use here at once; without it list what waits for a decision.

    It asks no keep-code. What visitors told a librarian about, or what may name others, waits here too: nothing
    goes back into use by itself. Decide with hearth release or hearth erase. An archive that has the story is not told:
    the answer names it, so that it can be asked there.

    \b
    Examples:
      hearth hold K1WH
      hearth hold --json
    """
    with Store(open_box(home), SystemClock()) as store:
        taken = None if story is None else hold(store, story)
        waiting = held(store)
        elsewhere = [] if taken is None else [copy for copy in copies(store, taken) if copy.state == "there"]
    lines = [f"{one.take}  since {one.since:%Y-%m-%d %H:%M}  by {one.by}" for one in waiting]
    places = (copy.place.removeprefix("folder:") for copy in elsewhere)
    lines += [f"It lies at {place}, too, where nobody hears of this: ask there as well." for place in places]
    payload: dict[str, object] = {"held": [one.to_json() for one in waiting]}
    if taken:
        payload |= {"story": taken, "elsewhere": [copy.to_json() for copy in elsewhere]}
    emit(payload, lambda: "\n".join(lines) if lines else "Nothing waits for a decision.", as_json=as_json)
