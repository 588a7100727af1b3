"""``hearth portal``: the pages for tellers and for a facilitator's phone."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from archive.phones import digits_open, phone_paired
from archive.store import Store
from audio.clock import SystemClock
from kiosk.box import read_home
from kiosk.commands.common import home_option
from kiosk.health import box_findings


@click.command(name="portal")
@home_option
@click.option(
    "--bind",
    default="127.0.0.1:8480",
    show_default=True,
    help="Address and port: this machine itself, or the box's own access point while a phone is paired.",
)
def command(home: Path, bind: str) -> None:
    """Offer the web pages until stopped: a teller's own story by keep-code, a facilitator's remote, and how
    the box is (/remote/morning).

    \b
    Examples:
      hearth portal --home ./my-box
      hearth portal --home ./my-box --bind 127.0.0.1:8500
      hearth portal --bind 192.0.2.1:8480
    """
    from archive.portal.app import serve
    from archive.portal.binding import binding, own_access_points

    setting, clock = read_home(home), SystemClock()
    place = setting.home
    with Store(place, clock) as store:
        where = binding(bind, access_points=own_access_points(), phones=phone_paired(store) or digits_open(store))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(
        place, clock, where, lambda url: click.echo(f"The pages are at {url}"), stop,
        # These pages have no sound devices: their unit shuts them in (systemd/hearth-portal.service).
        health=lambda store: box_findings(setting, store, devices=False),
    )  # fmt: skip
