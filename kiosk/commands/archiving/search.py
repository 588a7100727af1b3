"""``hearth archive search``: find the moment in a story where words were said."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kiosk.commands.archiving.common import archive_there_option
from kiosk.commands.common import emit, json_option, seconds

if TYPE_CHECKING:
    from archive.catalogue import Tx
    from archive.catalogue.search import Filters
    from archive.server.place import ArchiveHome

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command(name="search")
@click.argument("words", nargs=-1, required=True)
@archive_there_option
@click.option("--prompt", default="", help="Only answers to this prompt, by its identifier.")
@click.option("--site", default="", help="Only what was told at this place.")
@click.option("--language", default="", help="Only stories in this language, such as en.")
@click.option("--since", type=_DAY, help="Only stories recorded on this day (YYYY-MM-DD) or later.")
@click.option("--until", type=_DAY, help="Only stories recorded on this day or earlier.")
@click.option("--code", default="", help="Only stories in which this code was given, by its identifier.")
@click.option("--meaning", is_flag=True, help="Find what says the like in other words, the closest first.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many stories at most.")
@json_option
def command(
    words: tuple[str, ...], home: Path, prompt: str, site: str, language: str, since: datetime | None,
    until: datetime | None, code: str, meaning: bool, limit: int, as_json: bool,
) -> None:  # fmt: skip
    """Find where words were said: the first moment in each story that fits, newest recordings first.

    All the words have to be in a story; where none has them all, any of them. A phrase stands in quotes,
    NEAR(mill river, 5) wants words with at most five others between them, mill* every word that begins so.
    Only stories the archive's own people may use are looked at. It works while the archive is served.

    With --meaning a model looks for moments that say the like in other words, one of each story. It knows what
    `hearth archive index` has read, and it needs no words in common; what it finds is a proposal: listen.

    \b
    Examples:
      hearth archive search river --home ./my-archive
      hearth archive search '"mill race"' --site "Maple Library" --json
      hearth archive search 'NEAR(flood bridge, 5)' --since 2026-01-01
      hearth archive search stranded at night without a car --meaning --json
    """
    from archive.catalogue.search import Filters, search
    from archive.server.place import open_archive
    from archive.types import Reader

    since_day, until_day = since.date() if since else None, until.date() if until else None
    filters = Filters(prompt, site, language, since_day, until_day, code)
    with open_archive(home) as place, place.catalogue() as catalogue, catalogue.read() as tx:
        if meaning:
            _by_meaning(place, tx, " ".join(words), filters, limit, as_json=as_json)
            return
        found = search(tx, " ".join(words), Reader.DESK, place.now(), filters=filters, limit=limit)
    results = [
        {"story": hit.story, "start": seconds(hit.start), "end": seconds(hit.end), "text": hit.text} for hit in found
    ]
    lines = [_line(hit.story, hit.start, hit.text) for hit in found]
    emit(
        {"results": results},
        lambda: "\n".join(lines) if lines else "These words were not said in any story here.",
        as_json=as_json,
    )


def _by_meaning(place: ArchiveHome, tx: Tx, text: str, filters: Filters, limit: int, *, as_json: bool) -> None:
    from archive.patterns.finding import Finder

    finder = Finder(place)
    found = finder.find(tx, text, place.now(), filters, limit)
    results = [
        {
            "story": one.story, "start": seconds(one.start), "end": seconds(one.end), "text": one.text,
            "closeness": one.closeness,
        }
        for one in found
    ]  # fmt: skip
    lines = [_line(one.story, one.start, one.text) for one in found]
    nothing = "Nothing was found by its meaning. Has it been read? hearth archive index"
    emit(
        {"model": finder.model.name, "results": results}, lambda: "\n".join(lines) if lines else nothing,
        as_json=as_json,
    )  # fmt: skip


def _line(story: str, start: int, text: str) -> str:
    return f"{story}  {start // 60000}:{start // 1000 % 60:02d}  {text}"
