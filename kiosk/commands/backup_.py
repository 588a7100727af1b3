"""``hearth backup``: the whole box in one file, its keys in another."""

from __future__ import annotations

from pathlib import Path

import click

from archive.backup import back_up
from kiosk.commands.common import emit, home_there_option, json_option
from kiosk.reading import reading


@click.command(name="backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--keys", type=click.Path(path_type=Path, dir_okay=False), help="Where its keys go (default: FILE.keys).")
@home_there_option
@json_option
def command(file: Path, keys: Path | None, home: Path, as_json: bool) -> None:
    """Copy everything the box keeps into FILE, sealed, and what opens it into a second file. Keep the two apart.

    \b
    Examples:
      hearth backup /media/stick/box.hearth --keys /media/other-stick/box.keys
      hearth backup box.hearth --home /var/lib/hearth --json
    """
    with reading(home) as store:
        made = back_up(store, file, keys)
    emit(
        made.to_json(),
        lambda: (
            f"{made.stories} stories, {made.files} files, {made.size / 1_000_000:.1f} MB in {made.path}.\n"
            f"What opens it is in {made.keys}: keep it in another place."
        ),
        as_json=as_json,
    )
