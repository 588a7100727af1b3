"""``hearth portal``: the pages for tellers and for a facilitator's phone."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archive.phones import digits_open, phone_paired
from archive.store import Store
from audio.clock import SystemClock
from kiosk.commands.common import home_option
from kiosk.commands.terminal import say
from kiosk.door import point_file, read_point
from kiosk.firstrun.sheet import Sheet
from kiosk.health import box_findings
from kiosk.lending import Desk
from kiosk.setting import open_box

if TYPE_CHECKING:
    from archive.portal.binding import Binding


@click.command(name="portal")
@home_option
@click.option(
    "--bind",
    default="127.0.0.1:8480",
    show_default=True,
    help="Address and port: this machine itself, or the box's own access point while a phone is paired.",
)
@click.option("--access-point", is_flag=True, help="On the box's own access point, as hearth-accesspoint opened it.")
def command(home: Path, bind: str, access_point: bool) -> None:
    """Offer the web pages until stopped: a teller's own story by keep-code, a facilitator's remote, and how
    the box is (/remote/morning).

    \b
    Examples:
      hearth portal --home ./my-box
      hearth portal --home ./my-box --bind 127.0.0.1:8500
      hearth portal --bind 192.0.2.1:8480
      hearth portal --access-point
    """
    from archive.portal.app import serve
    from archive.portal.binding import binding, own_access_points

    # Settings that cannot be read keep nobody from taking a story back here, and are told on the morning page.
    place, clock = open_box(home), SystemClock()
    with Store(place, clock) as store:
        phones = phone_paired(store) or digits_open(store)
        where = _point() if access_point else binding(bind, access_points=own_access_points(), phones=phones)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(
        place, clock, where, lambda url: say(f"The pages are at {url}"), stop,
        # These pages have no sound devices: their unit shuts them in (systemd/hearth-portal.service).
        health=lambda store: box_findings(place, store, devices=False),
        set_up=Sheet(place), lend=Desk(place),
    )  # fmt: skip


def _point() -> Binding:
    """The place on the box's own access point; the pages go when it does."""
    from archive.portal.binding import PORT, BadBinding, Binding

    told = point_file()
    network = read_point(told)
    if network is None:
        raise BadBinding("The box's own access point is not open.", "It is opened at the box: it shows a code then.")
    return Binding(network.address, PORT, access_point=True, device=network.interface, stands=told.exists)
