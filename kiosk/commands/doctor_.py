"""``hearth doctor``: check the box and say what to do."""

from __future__ import annotations

from pathlib import Path

import click

from archive.errors import ArchiveError
from archive.store import Store
from audio.clock import SystemClock
from hardware.findings import Finding, findings
from hardware.probe import probe
from kiosk.commands.common import answer, home_option, json_option
from kiosk.health import box_findings
from kiosk.setting import open_box


@click.command(name="doctor")
@home_option
@json_option
def command(home: Path, as_json: bool) -> int:
    """Check machine, sound, speech models, keys and store; each line says what is so and what to do.

    \b
    Examples:
      hearth doctor
      hearth doctor --home /var/lib/hearth --json
    """
    found = _found(home)
    amiss = sum(not one.ok for one in found)
    payload = {"well": not amiss, "findings": [one.to_json() for one in found]}
    lines = [f"{'ok  ' if one.ok else 'LOOK'}  {one.say}{f' {one.do}' if one.do else ''}" for one in found]
    say = f"{amiss} of {len(found)} findings need somebody."
    failed = ("not-well", say, "Each says what to do.") if amiss else None
    return answer(payload, lambda: "\n".join(lines), failed, as_json=as_json)


def _found(home: Path) -> list[Finding]:
    """Everything about the box; of one that cannot be opened what the machine tells, and why not."""
    try:
        place = open_box(home)
        with Store(place, SystemClock()) as store:
            return box_findings(place, store)
    except ArchiveError as error:
        # A full disk or a read-only card is what somebody asks the doctor about.
        return [*findings(probe(home, SystemClock().trusted())), Finding("store", False, error.say, error.do)]
