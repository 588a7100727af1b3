"""``hearth play``: play a story through the loudspeaker."""

from __future__ import annotations

from pathlib import Path

import click

from archive.desk import find_playable
from archive.masters import open_master
from archive.store import Store
from archive.types import Reader
from audio.clock import SystemClock
from audio.types import Ms
from kiosk.commands.common import emit, home_there_option, json_option, seconds
from kiosk.hearing import play_aloud
from kiosk.playing import pieces
from kiosk.setting import open_box, read_config


@click.command(name="play")
@click.argument("story")
@home_there_option
@click.option("--silent", is_flag=True, help="Do everything but sound: check that it can be played.")
@json_option
def command(story: str, home: Path, silent: bool, as_json: bool) -> None:
    """Play STORY (its id, or the end of it) aloud, if its teller allows this room to hear it.

    \b
    Examples:
      hearth play 01JD8Z4W8KWQF3A0RYDZS1K1WH
      hearth play K1WH --silent
    """
    place = open_box(home)
    with Store(place, SystemClock()) as store:
        playable = find_playable(store, story)
        take = playable.story.id
        with open_master(store, take, Reader.PLAY, store.now()) as master:
            if silent:
                heard = sum(len(piece) for piece in pieces(master, Ms(0), None)) / master.format.rate
            else:
                play_aloud(read_config(place), master, store.loudness_of(take))
                heard = master.length / 1000
    payload = {"story": take, "seconds": round(heard, 3), "length": seconds(playable.story.length)}
    emit(payload, lambda: f"{take}: {heard:.1f} s.", as_json=as_json)
