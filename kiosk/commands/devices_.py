"""``hearth devices``: list microphones and loudspeakers by name."""

from __future__ import annotations

import dataclasses

import click

from audio.microphone import list_devices
from kiosk.commands.common import emit, json_option


@click.command(name="devices")
@json_option
def command(as_json: bool) -> None:
    """List sound devices; the name, or a part of it that fits one alone, goes into the settings.

    \b
    Examples:
      hearth devices
      hearth devices --json
    """
    devices = list_devices()
    lines = []
    for one in devices:
        kinds = [*(["microphone"] if one.inputs else []), *(["loudspeaker"] if one.outputs else [])]
        usual = " (the system's own)" if one.default_input or one.default_output else ""
        lines.append(f"{one.name}  [{', '.join(kinds)}]  {one.rate} Hz{usual}")
    payload = {"devices": [dataclasses.asdict(one) for one in devices]}
    emit(payload, lambda: "\n".join(lines) if lines else "No sound device was found: plug one in.", as_json=as_json)
