"""``hearth run``: run the box."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from kiosk.commands.common import home_option
from kiosk.lending import finish_at_start
from kiosk.running import run_box
from kiosk.setting import read_home


@click.command(name="run")
@home_option
@click.option("--headless", is_flag=True, help="Draw into memory only, for a box without a screen.")
@click.option(
    "--with-transcriber", is_flag=True, help="Start the transcriber beside it; on the appliance systemd does that."
)
@click.option(
    "--safe", is_flag=True, help="Do with a microphone and a screen: buttons, lamps or loudspeaker may be broken."
)
@click.option("--set-up", is_flag=True, help="Set the box up on its screen first, if it was never live.")
def command(home: Path, headless: bool, with_transcriber: bool, safe: bool, set_up: bool) -> None:
    """Run the box until it is stopped. Settings are in HOME/config.toml.

    Being stopped (Ctrl-C, SIGTERM, the window closed) is its ordinary end: exit code 0, and nothing told is lost.

    \b
    Examples:
      hearth run --home ./my-box --with-transcriber
      hearth run --home /var/lib/hearth
    """
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    finish_at_start(home)
    run_box(read_home(home), window=not headless, with_transcriber=with_transcriber, safe=safe, set_up=set_up)
