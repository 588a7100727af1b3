"""``hearth archive export``: everything as plain files."""

from __future__ import annotations

from pathlib import Path

import click

from kiosk.commands.archiving.common import archive_there_option
from kiosk.commands.archiving.progress import progress
from kiosk.commands.common import emit, json_option


@click.command(name="export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@archive_there_option
@json_option
def command(folder: Path, home: Path, as_json: bool) -> None:
    """Write everything into FOLDER as plain files: bags, CSV, OHMS, Dublin Core, WebVTT, cue sheets, tombstones.

    What tellers did not allow to leave stays behind and is listed in left-out.csv. Keys and passwords are never
    written. `hearth archive import` reads the folder back into an empty archive.

    \b
    Examples:
      hearth archive export /media/disk/voices-2026 --home ./my-archive
      hearth archive export ./voices --json
    """
    from archive.export.plain import export
    from archive.server.place import open_archive

    with open_archive(home) as place, progress() as tell:
        done = export(place, folder.absolute(), tell)
    left = f"\n{len(done.left_out)} stayed behind: see left-out.csv." if done.left_out else ""
    emit(
        {"folder": str(folder), **done.to_json()},
        lambda: f"{len(done.stories)} stories, {done.size / 1_000_000:.1f} MB of bags in {folder}.{left}",
        as_json=as_json,
    )
