"""``hearth erase``: a steward erases a story for good."""

from __future__ import annotations

from pathlib import Path

import click

from archive.stewards import erase, find_take
from archive.store import Store
from archive.tellers import receipt
from audio.clock import SystemClock
from kiosk.commands.common import emit, home_there_option, json_option
from kiosk.errors import KioskError
from kiosk.setting import open_box


class NotConfirmed(KioskError):
    """Erasing is asked twice."""

    code = "not-confirmed"


@click.command(name="erase")
@click.argument("story")
@home_there_option
@click.option("--yes", is_flag=True, help="Yes, for good: erase without asking again.")
@json_option
def command(story: str, home: Path, yes: bool, as_json: bool) -> None:
    """Erase STORY (its id, or the end of it) as the steward of this box, here and wherever it was handed to.

    It is asked twice, because it cannot be undone. To take a story out of use until somebody has decided, hold it.

    \b
    Examples:
      hearth erase K1WH
      hearth erase 01JD8Z4W8KWQF3A0RYDZS1K1WH --yes --json
    """
    with Store(open_box(home), SystemClock()) as store:
        take = find_take(store, story)
        asked = f"Erase {take} for good? Nobody can bring it back."
        if not yes and (as_json or not click.confirm(asked, err=True)):
            raise NotConfirmed("Nothing was erased.", "Give --yes to say it a second time.")
        erase(store, take)
        told = receipt(store, take).to_json()
    emit({"erased": {"story": take, **told}}, lambda: f"{take} is gone. Receipt: hearth story {take}", as_json=as_json)
