"""``hearth archive backup``: the whole archive, beside the backups before, none older than tellers are told."""

from __future__ import annotations

from pathlib import Path

import click

from kiosk.commands.archiving.common import archive_there_option
from kiosk.commands.archiving.progress import progress
from kiosk.commands.common import emit, json_option


@click.command(name="backup")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--keep-days", default=30, show_default=True, type=click.IntRange(1, 30), help="Remove older ones there.")
@click.option("--own-disk", is_flag=True, help="Refuse where no disk is mounted at FOLDER.")
@archive_there_option
@json_option
def command(folder: Path, keep_days: int, own_disk: bool, home: Path, as_json: bool) -> None:
    """Copy the whole archive into a new folder in FOLDER, beside the backups before; then remove old ones there.

    The archive's server may go on. Every object is compared. What has not changed since the backup before takes no
    room again, where the disk can give one file two names. Keys are not in it: keep a copy of them apart. Who has the
    folder has the archive. Once one was tried, the desk says when it failed, and when none was made for two days.

    \b
    Examples:
      hearth archive backup /media/disk/backups --home ./my-archive
      hearth archive backup /mnt/backups --keep-days 14 --json
    """
    from archive.export.backups import back_up
    from archive.server.place import open_archive

    with open_archive(home) as place, progress() as tell:
        done = back_up(place, folder.absolute(), keep_days, tell, own_disk=own_disk)
    gone = f"\nRemoved for their age: {', '.join(done.removed)}." if done.removed else ""
    emit(
        done.to_json(),
        lambda: f"{done.objects} objects ({done.size / 1_000_000:.1f} MB), {done.rows} rows in {done.path}.{gone}",
        as_json=as_json,
    )
