"""``hearth verify``: look at everything that is kept, byte by byte."""

from __future__ import annotations

from pathlib import Path

import click

from archive.errors import DamagedStore
from archive.verify import Verdict, told, unreadable, verify
from kiosk.commands.common import answer, home_there_option, json_option
from kiosk.reading import reading


@click.command(name="verify")
@home_there_option
@json_option
def command(home: Path, as_json: bool) -> int:
    """Hash every story again, open all words, check the record of consents; name what is damaged. Changes nothing.

    \b
    Examples:
      hearth verify
      hearth verify --home /var/lib/hearth --json
    """
    verdict = _verdict(home)
    failed = None if verdict.sound else ("damaged", "Something kept here is damaged.", "Restore it from a backup.")
    return answer(verdict.to_json(), lambda: told(verdict), failed, as_json=as_json)


def _verdict(home: Path) -> Verdict:
    try:
        with reading(home) as store:
            return verify(store)
    except DamagedStore as error:
        return unreadable(error)
