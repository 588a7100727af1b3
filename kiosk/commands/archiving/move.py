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
    goes on where it was. What lies in the old place stays until you remove it.

    \b
    Examples:
      hearth archive move --to postgresql:///archive --home ./my-archive
      hearth archive move --to "s3://voices?endpoint=https://store.example" --home ./my-archive
      hearth archive move --to sqlite:archive.db --to folder:objects --json
    """
    from archive.export.moving import move_archive
    from archive.server.place import open_archive

    with open_archive(home) as place, progress() as tell:
        done = move_archive(place, addresses, tell)
    emit(
        done.to_json(),
        lambda: (
            f"{done.objects} objects ({done.size / 1_000_000:.1f} MB) and {done.rows} rows of {done.tables} tables "
            "carried over and compared. The settings name the new place; the old one can be removed."
        ),
        as_json=as_json,
    )
