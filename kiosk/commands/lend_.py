"""``hearth lend``: lend the box to a group, and put it away between borrowers."""

from __future__ import annotations

from pathlib import Path

import click

from archive.home import open_home
from archive.lending import PutAway
from archive.store import Store
from audio.clock import SystemClock
from kiosk.commands.common import emit, home_option, json_option
from kiosk.lending import Desk, lending_finding


@click.command(name="lend")
@click.option("--out", is_flag=True, help="The box goes out: put the library's own settings aside.")
@click.option("--back", is_flag=True, help="The box is back: close and clear what this borrower left.")
@click.option("--anyway", is_flag=True, help="Back although stories are not handed on; they stay here, held.")
@home_option
@json_option
def command(out: bool, back: bool, anyway: bool, home: Path, as_json: bool) -> int:
    """Lend the box, take it back, or (without an option) say where it is. Needs lending.on in the settings.

    Taken back, nothing of a borrower is played, listed, found or on a button for the next: what was handed on or never
    leaves is sealed to its tellers' codes; settings, words, questions, the facilitator's code and paired phones are
    the library's own again, and the box is set up anew. It is refused while somebody tells a story, while machines
    work on one, and while stories are not handed on.

    \b
    Examples:
      hearth lend --out
      hearth lend --back
      hearth lend --back --anyway --json
      hearth lend
    """
    if out and back:
        raise click.UsageError("Give --out or --back, not both.")
    # Not read whole: what a borrower broke in settings or questions must not keep the box from being put away.
    place = open_home(home)
    desk, done = Desk(place), PutAway()
    with Store(place, SystemClock()) as store:
        if out:
            desk.out(store)
        elif back:
            done = desk.back(store, anyway=anyway)
        now = desk.now(store)
        (said,) = lending_finding(place, store)
    payload = {
        "stage": now.stage.value, "since": None if now.since is None else now.since.isoformat(timespec="seconds"),
        "say": said.say, "do": said.do, "sealed": done.sealed, "held": done.held,
    }  # fmt: skip
    emit(payload, f"{said.say} {said.do}".rstrip, as_json=as_json)
    return 0
