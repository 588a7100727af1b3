"""``hearth archive index``: let the model of meaning read what may be read."""

from __future__ import annotations

from pathlib import Path

import click

from kiosk.commands.archiving.common import archive_home_option
from kiosk.commands.common import emit, json_option


@click.command(name="index")
@archive_home_option
@click.option("--forget", is_flag=True, help="Remove everything the model made instead.")
@json_option
def command(home: Path, forget: bool, as_json: bool) -> None:
    """Bring the index of meaning up to what may be read now. An archive that is served does this by itself.

    What is new or corrected is read, what may not be read any more goes. It may be stopped at any time:
    what was done stays. The model is fetched once with: hearth models fetch meaning.

    \b
    Examples:
      hearth archive index --home ./my-archive
      hearth archive index --json
      hearth archive index --forget
    """
    from archive.patterns import vectors
    from archive.patterns.meaning import open_meaning
    from archive.server.place import open_archive

    with open_archive(home) as place:
        if forget:
            gone = vectors.forget(place)
            emit({"gone": gone}, lambda: f"{gone} vectors were removed.", as_json=as_json)
            return
        model = open_meaning(place.settings)
        built = vectors.build(place, model)
    emit(
        {"model": model.name, "made": built.made, "gone": built.gone, "there": built.there},
        lambda: f"{built.made} stretches of talk read, {built.gone} let go of; {built.there} can be found by meaning.",
        as_json=as_json,
    )
