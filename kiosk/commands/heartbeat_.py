"""``hearth heartbeat``: say how the box is, without a word of what it keeps."""

from __future__ import annotations

from pathlib import Path

import click

from archive.store import Store
from audio.clock import SystemClock
from kiosk.commands.common import emit, home_there_option, json_option
from kiosk.config import Config
from kiosk.health import box_findings
from kiosk.heartbeat import heartbeat, lay_down
from kiosk.setting import open_box, settings_trouble


@click.command(name="heartbeat")
@home_there_option
@json_option
def command(home: Path, as_json: bool) -> int:
    """Lay down how the box is where the archive sees it: version, what to look at, the day of the last hand-on.

    \b
    Examples:
      hearth heartbeat --home /var/lib/hearth
      hearth heartbeat --json
    """
    place = open_box(home)
    clock = SystemClock()
    with Store(place, clock) as store:
        # It has no sound devices: its unit shuts it in (systemd/hearth-heartbeat.service).
        found = box_findings(place, store, devices=False)
        # Settings that cannot be read are in what it says; a box that fell silent over them would say nothing.
        config = settings_trouble(place)[0] or Config()
        told = heartbeat(store, found, site=config.site.name, at=clock.wall())
    places = lay_down(told, place, config.archive.sync_to)
    emit(told, lambda: "Laid down: " + ", ".join(str(place) for place in places), as_json=as_json)
    return 0
