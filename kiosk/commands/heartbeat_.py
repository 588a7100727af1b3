"""``hearth heartbeat``: say how the box is, without a word of what it keeps."""

from __future__ import annotations

from pathlib import Path

import click

from archive.store import Store
from audio.clock import SystemClock
from kiosk.commands.common import emit, home_option, json_option
from kiosk.health import box_findings
from kiosk.heartbeat import heartbeat, lay_down
from kiosk.setting import read_home


@click.command(name="heartbeat")
@home_option
@json_option
def command(home: Path, as_json: bool) -> int:
    """Lay down how the box is where the archive sees it: version, what to look at, the day of the last hand-on.

    \b
    Examples:
      hearth heartbeat --home /var/lib/hearth
      hearth heartbeat --json
    """
    setting = read_home(home)
    clock = SystemClock()
    with Store(setting.home, clock) as store:
        # It has no sound devices: its unit shuts it in (systemd/hearth-heartbeat.service).
        found = box_findings(setting, store, devices=False)
        told = heartbeat(store, found, site=setting.config.site.name, at=clock.wall())
    places = lay_down(told, setting.home, setting.config.archive.sync_to)
    emit(told, lambda: "Laid down: " + ", ".join(str(place) for place in places), as_json=as_json)
    return 0
