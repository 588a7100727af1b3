"""``hearth steward``: a steward's own key, for a library whose wording says that there is one."""

from __future__ import annotations

from pathlib import Path

import click

from archive.masters import open_files
from archive.stewardkey import make_steward_key, open_for_steward, read_steward_key
from archive.stewards import find_take
from archive.store import Store
from archive.transcripts import read_words
from audio.clock import SystemClock
from kiosk.commands.common import emit, home_there_option, json_option
from kiosk.hearing import play_aloud
from kiosk.setting import open_box, read_config


@click.command(name="steward")
@click.argument("story", required=False, default="")
@click.option("--key", "file", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The key's file.")
@click.option("--hear", is_flag=True, help="Play the story aloud instead of showing its words.")
@home_there_option
@json_option
def command(story: str, file: Path, hear: bool, home: Path, as_json: bool) -> None:
    """Make the steward's key (without STORY), or open STORY with it.

    It opens only what was kept while the library's own wording said so: a sentence ``steward`` under ``[consent]`` in
    HOME/texts, shown where keeping is asked. No shipped wording has one. Keep the file away from the box.

    \b
    Examples:
      hearth steward --key /media/stick/steward.key
      hearth steward K1WH --key /media/stick/steward.key --json
      hearth steward K1WH --key /media/stick/steward.key --hear
    """
    place = open_box(home)
    with Store(place, SystemClock()) as store:
        if not story:
            make_steward_key(store, file)
            said = f"The key is in {file}. Keep it away from the box; without it nothing that was wrapped for it opens."
            emit({"steward": {"key": str(file)}}, lambda: said, as_json=as_json)
            return
        take = find_take(store, story)
        key = open_for_steward(store, take, read_steward_key(file))
        words = " ".join(word.text.strip() for word in read_words(store, take, key))
        if hear:
            with open_files(store, take, key) as master:
                play_aloud(read_config(place), master, store.loudness_of(take))
    emit(
        {"steward": {"story": take, "words": words}},
        lambda: words or "No words of it are written down.",
        as_json=as_json,
    )
