"""``hearth archive restore``: an archive again, out of a backup, without what was taken back since."""

from __future__ import annotations

from pathlib import Path

import click

from archive.export.restoring import Restored, restore
from kiosk.commands.archiving.common import archive_home_option
from kiosk.commands.archiving.progress import progress
from kiosk.commands.common import answer, json_option

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command(name="restore")
@click.argument("backup", type=_FOLDER)
@click.option(
    "--also", multiple=True, type=_FOLDER, help="Old home, export or stick that knows what was taken back since."
)
@archive_home_option
@json_option
def command(backup: Path, also: tuple[Path, ...], home: Path, as_json: bool) -> int:
    """Make a new archive at --home out of BACKUP, one folder that `hearth archive backup` made, and check all of it.

    What was taken back since is taken back at once: as every younger backup beside it says, and each --also. Put the
    archive's keys beside the new home (HOME-keys). The public door is closed: open it when all boxes have called.

    \b
    Examples:
      hearth archive restore /mnt/backups/2026-03-01T02-00-00Z --home ./new-archive
      hearth archive restore /mnt/backups/2026-03-01T02-00-00Z --also ./old-archive --home ./new-archive --json
    """
    with progress() as tell:
        done = restore(backup.absolute(), home.absolute(), [path.absolute() for path in also], tell)
    say = f"{len(done.damaged)} things in this backup are damaged."
    failed = ("damaged", say, "Each is named; an older backup may have it whole.") if done.damaged else None
    return answer(done.to_json(), lambda: _told(done), failed, as_json=as_json)


def _told(done: Restored) -> str:
    lines = [f"{done.stories} stories, as of {done.made_at.isoformat(timespec='seconds')}."]
    if done.taken_back:
        lines.append(f"{len(done.taken_back)} stories that were taken back since are gone again.")
    lines += [f"  damaged: {one}" for one in done.damaged]
    lines.append("The public door is closed. Open it when every box has called: each says what was taken back there.")
    return "\n".join(lines)
