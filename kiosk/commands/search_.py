"""``hearth search``: find words in the stories this box may search."""

from __future__ import annotations

from pathlib import Path

import click

from archive.search import SearchIndex
from kiosk.commands.common import emit, home_there_option, json_option, seconds
from kiosk.reading import reading


@click.command(name="search")
@click.argument("words", nargs=-1, required=True)
@home_there_option
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many places at most.")
@json_option
def command(words: tuple[str, ...], home: Path, limit: int, as_json: bool) -> None:
    """Find where words were said, in the stories whose tellers allow it. The index lives in memory only.

    \b
    Examples:
      hearth search river
      hearth search mill whistle --json
    """
    with reading(home) as store:
        store.home.load_keys()  # without them every story is closed, and "not said" would be untrue
        found = SearchIndex(store).search(" ".join(words), limit)
    payload = {"results": [{"story": f.story, "start": seconds(f.start), "text": f.text} for f in found]}
    lines = [f"{f.story}  {f.start // 60000}:{f.start // 1000 % 60:02d}  {f.text}" for f in found]
    emit(payload, lambda: "\n".join(lines) if lines else "These words were not said in any story.", as_json=as_json)
