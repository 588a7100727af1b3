"""``hearth support``: a bundle for whoever helps, without any content."""

from __future__ import annotations

from pathlib import Path

import click

from archive.store import Store
from audio.clock import SystemClock
from kiosk.appliance.support import support_files, write_support
from kiosk.commands.common import emit, home_option, json_option
from kiosk.errors import KioskError
from kiosk.health import box_findings
from kiosk.setting import open_box, settings_trouble


class NotWritten(KioskError):
    """The bundle could not be written where it was asked for."""

    code = "not-written"


@click.command(name="support")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=Path("hearth-support.zip"))
@home_option
@json_option
def command(file: Path, home: Path, as_json: bool) -> int:
    """Write how the box is into FILE, a zip of text files to be sent to whoever helps.

    In it are the doctor's findings, versions, the settings without what is secret, the services, and the program's own
    sentences out of the logs. No story, word, title, name, code or key is in it.

    \b
    Examples:
      hearth support
      hearth support /media/usb/maple-street.zip --home /var/lib/hearth --json
    """
    place = open_box(home)
    with Store(place, SystemClock()) as store:
        files = support_files(place, settings_trouble(place)[0], box_findings(place, store))
    try:
        write_support(file, files)
    except OSError as error:
        raise NotWritten(
            f"{file} cannot be written: {error.strerror}.",
            "Is the stick in? Name a file where this user may write, like /tmp/hearth-support.zip.",
        ) from error
    emit(
        {"file": str(file), "bytes": file.stat().st_size, "files": sorted(files)},
        lambda: f"{file}: nothing that was told is in it.",
        as_json=as_json,
    )
    return 0
