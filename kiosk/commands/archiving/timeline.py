"""``hearth archive timeline``: one session along its time, as data."""

from __future__ import annotations

from pathlib import Path

import click

from kiosk.commands.archiving.common import archive_home_option, who
from kiosk.commands.common import emit, json_option


@click.command(name="timeline")
@click.argument("story")
@archive_home_option
@click.option("--propose", is_flag=True, help="Let the machine propose who spoke when, first.")
@json_option
def command(story: str, home: Path, propose: bool, as_json: bool) -> None:
    """Tell what is known of a conversation along its time: questions, excerpts, flags, pauses, codes, turns.

    Turns a machine proposed are unchecked until a person says otherwise at the desk.

    \b
    Examples:
      hearth archive timeline 01KAQ3K4M0RQAVBJTRNJXWYZHX --json
      hearth archive timeline 01KAQ3K4M0RQAVBJTRNJXWYZHX --propose
    """
    from archive.patterns import turns
    from archive.patterns.timeline import timeline_of
    from archive.server.place import open_archive

    with open_archive(home) as place:
        if propose:
            turns.propose(place, story, who())
        with place.catalogue() as catalogue, catalogue.read() as tx:
            line = timeline_of(tx, story, who(), place.now())
    lines = [f"{one.start // 60000}:{one.start // 1000 % 60:02d}  {one.kind}  {one.label}" for one in line.marks]
    lines += [
        f"{one.start // 60000}:{one.start // 1000 % 60:02d}  {one.speaker}{'' if one.checked_by else ' (unchecked)'}"
        for one in line.turns
    ]
    emit(line.to_json(), lambda: "\n".join(lines) if lines else "Nothing was marked in it yet.", as_json=as_json)
