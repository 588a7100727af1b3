"""``hearth wireless``: tell NetworkManager of the wireless network that was entered on the box's page."""

from __future__ import annotations

import logging

import click

from hardware.wireless import make_wireless
from kiosk.door import door_folder
from kiosk.wireless import attend, told_file


@click.command(name="wireless")
def command() -> None:
    """Join or forget the wireless network that the box's page asks for (root, by hearth-wireless.service).

    One profile of NetworkManager's is the box's, hearth-wireless; those of others are left alone. The page gives a key
    made of name and password, never the password.

    \b
    Examples:
      hearth wireless
      hearth wireless --help
    """
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    attend(make_wireless("networkmanager"), door_folder(), told_file())
