"""``hearth accesspoint``: hold the box's own access point open while the screen asks for it."""

from __future__ import annotations

import logging
import signal
import threading

import click

from audio.clock import SystemClock
from hardware.accesspoint import make_access_point
from hardware.firewall import Firewall
from hardware.notify import Notifier
from kiosk.appliance.accesspoint import Wish, hold_open
from kiosk.door import WANTED, door_folder, point_file


@click.command(name="accesspoint")
def command() -> None:
    """Hold the box's own access point open while the screen asks for it (root, by hearth-accesspoint.service).

    It opens a wireless network that leads nowhere, with a new name and passphrase, lets the pages be asked for from
    there alone, and closes both when the screen has done with it or after 15 minutes in which nobody was there.

    \b
    Examples:
      hearth accesspoint
      hearth accesspoint --help
    """
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    notifier = Notifier.from_environment()
    wish = Wish(door_folder() / WANTED, SystemClock())
    try:
        hold_open(
            wish, make_access_point("networkmanager"), Firewall(), point_file(), stop.wait,
            lambda: _said(notifier),
        )  # fmt: skip
    finally:
        notifier.close()


def _said(notifier: Notifier) -> None:
    """Tell systemd: what waits for this network (the pages on it) is started now."""
    notifier.ready("open")
