"""``hearth withdraw``: take a story back, by its keep-code."""

from __future__ import annotations

from pathlib import Path

import click

from archive.desk import withdraw
from archive.store import Store
from audio.clock import SystemClock
from kiosk.box import read_home
from kiosk.commands.common import emit, home_option, json_option


@click.command(name="withdraw")
@click.argument("code")
@home_option
@json_option
def command(code: str, home: Path, as_json: bool) -> None:
    """Take a story back, at once and for good; it works offline. CODE is the keep-code, as one argument.

    Every copy this box knows of is erased here; the next sync carries the withdrawal to the archive before
    anything else. This cannot be undone.

    \b
    Examples:
      hearth withdraw 417-maple-river-candle-north
      hearth withdraw "417 maple river candle north" --json
    """
    with Store(read_home(home).home, SystemClock()) as store:
        gone = withdraw(store, code)
    payload = {"withdrawn": {"story": gone.take, "at": gone.at.isoformat(timespec="seconds")}}
    emit(payload, lambda: "It is gone from this box. The next sync tells the archive first of all.", as_json=as_json)
