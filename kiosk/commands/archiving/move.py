"""``hearth archive move``: to another database, another object store, or both."""

from __future__ import annotations

from pathlib import Path

import click

from kiosk.commands.archiving.common import archive_there_option
from kiosk.commands.archiving.progress import progress
from kiosk.commands.common import emit, json_option


@click.command(name="move")
@click.option(
    "--to", "addresses", multiple=True, required=True, help="Database or object store; may be given for each."
)
@archive_there_option
@json_option
def command(addresses: tuple[str, ...], home: Path, as_json: bool) -> None:
    """Carry the archive to another database, object store, or both, compare every byte, and change its settings.

    Stop the archive's server first: the command refuses while anything has the archive open. Cut off, the same command
    goes on where it was. What lies in the old place stays until you remove it: do, since nobody erases there any more
    what a teller takes back.

    \b
    Examples:
      hearth archive move --to postgresql:///archive --home ./my-archive
      hearth archive move --to "s3://voices?endpoint=https://store.example" --home ./my-archive
      hearth archive move --to sqlite:archive.db --to folder:objects --json
    """
    from archive.export.moving import move_archive
    from archive.server.place import open_archive
    from archive.server.settings import read_settings

    with open_archive(home) as place, progress() as tell:
        before = (place.settings.catalogue, place.settings.objects)
        done = move_archive(place, addresses, tell)
        now = read_settings(place.config)
    # The address of a database may hold a password.
    left = [
        "the old database" if one.startswith("postgresql") else one
        for one in before
        if one not in (now.catalogue, now.objects)
    ]
    emit(
        done.to_json() | {"left": left},
        lambda: (
            f"{done.objects} objects ({done.size / 1_000_000:.1f} MB) and {done.rows} rows of {done.tables} tables "
            f"carried over and compared. The settings name the new place.\nRemove what lies in the old one "
            f"({', '.join(left)}) once the archive works: what tellers take back from now on would stay there."
        ),
        as_json=as_json,
    )
