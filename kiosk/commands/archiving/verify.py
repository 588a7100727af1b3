"""``hearth archive verify``: look at everything an archive keeps, byte by byte."""

from __future__ import annotations

from pathlib import Path

import click

from kiosk.commands.archiving.common import archive_there_option
from kiosk.commands.archiving.progress import progress
from kiosk.commands.common import answer, json_option


@click.command(name="verify")
@archive_there_option
@json_option
def command(home: Path, as_json: bool) -> int:
    """Hash every object again, check consent records and receipts; name what is damaged. Changes nothing.

    \b
    Examples:
      hearth archive verify --home ./my-archive
      hearth archive verify --json
    """
    from archive.errors import DamagedStore
    from archive.server.audit import audit, told, unreadable
    from archive.server.place import open_archive

    try:
        with open_archive(home) as place, progress() as tell:
            found = audit(place, tell)
    except DamagedStore as error:
        found = unreadable(error)
    failed = None if found.sound else ("damaged", "Something kept here is damaged.", "Restore it from a backup.")
    return answer(found.to_json(), lambda: told(found), failed, as_json=as_json)
