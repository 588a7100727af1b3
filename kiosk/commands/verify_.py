"""``hearth verify``: look at everything that is kept, byte by byte."""

from __future__ import annotations

from pathlib import Path

import click

from archive.errors import DamagedStore
from archive.verify import Verdict, told, unreadable, verify
from kiosk.commands.common import emit, home_option, json_option
from kiosk.reading import reading


@click.command(name="verify")
@home_option
@json_option
def command(home: Path, as_json: bool) -> int:
    """Hash every story again, open all words, check the record of consents; name what is damaged. Changes nothing.

    \b
    Examples:
      hearth verify
      hearth verify --home /var/lib/hearth --json
    """
    verdict = _verdict(home)
    emit(verdict.to_json(), lambda: told(verdict), as_json=as_json)
    return 0 if verdict.sound else 1


def _verdict(home: Path) -> Verdict:
    try:
        with reading(home) as store:
            return verify(store)
    except DamagedStore as error:
        return unreadable(error)
