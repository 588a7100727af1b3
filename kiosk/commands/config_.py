"""``hearth config``: show or check the settings."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from kiosk.builds import BUILDS
from kiosk.commands.common import emit, home_option, json_option, note
from kiosk.config import default_toml
from kiosk.setting import read_home
from kiosk.settingsfile import put_settings


@click.command(name="config")
@home_option
@click.option("--default", "show_default", is_flag=True, help="Print the settings a new home begins with, explained.")
@click.option(
    "--build",
    type=click.Choice(list(BUILDS)),
    help="Write down which of the hardware guide's three boxes this is, with its screen and its keys.",
)
@json_option
def command(home: Path, show_default: bool, build: str | None, as_json: bool) -> None:
    """Show the settings in force and where they stand; an unknown or wrong one is refused with a sentence.

    What --build writes counts from the box's next start; every other line of the file stays as it is.

    \b
    Examples:
      hearth config
      hearth config --build small
      hearth config --default
      hearth config --json
    """
    if show_default:
        emit({"default": default_toml()}, default_toml, as_json=as_json)
        return
    setting = read_home(home)
    if build is not None:
        put_settings(setting.home.config, BUILDS[build])
        setting = read_home(home)
    config = {
        name: dict(value) if name == "pins" else dataclasses.asdict(value)
        for name, value in ((f.name, getattr(setting.config, f.name)) for f in dataclasses.fields(setting.config))
    }
    for why in setting.not_offered:
        note(f"{why.say} Until then it is not offered. {why.do}")
    lines = [str(setting.home.config)]
    lines += [f"{section}.{key} = {value}" for section, values in config.items() for key, value in values.items()]
    left = [why.say for why in setting.not_offered]
    emit(
        {"file": str(setting.home.config), "config": config, "not_offered": left},
        lambda: "\n".join(lines),
        as_json=as_json,
    )
