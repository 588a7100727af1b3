"""``hearth withdraw``: take a story, or a part of it, back by its keep-code."""

from __future__ import annotations

from pathlib import Path

import click

from archive.cutting import take_back_span
from archive.desk import withdraw
from archive.masters import waits_for_room
from archive.store import Store
from archive.tellers import parse_span, receipt
from audio.clock import SystemClock
from kiosk.commands.common import emit, home_there_option, json_option
from kiosk.setting import open_box


@click.command(name="withdraw")
@click.argument("code")
@home_there_option
@click.option("--span", default="", help="Only this part, in seconds from the story's beginning, as in 12.5-18.")
@json_option
def command(code: str, home: Path, span: str, as_json: bool) -> None:
    """Take a story back, at once and for good; it works offline. CODE is the keep-code, as one argument.

    Every copy this box knows of is erased here; the next sync carries the withdrawal to the archive before
    anything else. This cannot be undone. With --span only that part goes: a tone in the sound, a blank in the words,
    here and everywhere the story went; the sound as it was told opens with the code alone.

    \b
    Examples:
      hearth withdraw 417-maple-river-candle-north
      hearth withdraw "417 maple river candle north" --json
      hearth withdraw 417-maple-river-candle-north --span 12.5-18
    """
    with Store(open_box(home), SystemClock()) as store:
        if span:
            start, end = parse_span(span)
            visit = store.enter_code(code)
            gone_span = take_back_span(store, visit, start, end, "desk")
            seconds = [round(gone_span.start / 1000, 3), round(gone_span.end / 1000, 3)]
            waits = waits_for_room(store.db.conn, visit.take)
            later = " There is no room to write the rest yet: until there is, nobody hears any of it." if waits else ""
            said = (
                f"From {seconds[0]} to {seconds[1]} s nobody hears it any more. The next sync tells the archive.{later}"
            )
            payload = {"taken_back": {"story": visit.take, "span": seconds, "waits_for_room": waits}}
            emit(payload, lambda: said, as_json=as_json)
            return
        gone = withdraw(store, code)
        told = receipt(store, gone.take).to_json()
    payload = {"withdrawn": {"story": gone.take, "at": gone.at.isoformat(timespec="seconds"), **told}}
    said = "It is gone from this box. The next sync tells the archive first of all."
    emit(payload, lambda: f"{said}\nReceipt: hearth story {gone.take}", as_json=as_json)
