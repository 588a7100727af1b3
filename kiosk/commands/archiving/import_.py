"""``hearth archive import``: plain files into an empty archive."""

from __future__ import annotations

from pathlib import Path

import click

from kiosk.commands.archiving.common import archive_home_option, unmade_if_refused, who
from kiosk.commands.archiving.progress import progress
from kiosk.commands.common import emit, json_option


@click.command(name="import")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@archive_home_option
@json_option
def command(folder: Path, home: Path, as_json: bool) -> None:
    """Read FOLDER, made by `hearth archive export`, into an empty archive: the same ids, digests and consents.

    Every bag is checked in full before anything is taken in. People choose new passwords, and boxes are let in anew.

    \b
    Examples:
      hearth archive import /media/disk/voices-2026 --home ./new-archive
      hearth archive import ./voices --home ./new-archive --json
    """
    from archive.export.reading import read_back
    from archive.server.place import open_archive

    with unmade_if_refused(home), open_archive(home) as place, progress() as tell:
        done = read_back(place, folder.absolute(), who(), tell)
    emit(
        done.to_json(),
        lambda: f"{done.stories} stories, {done.size / 1_000_000:.1f} MB of bags, {done.rows} rows read back.",
        as_json=as_json,
    )
