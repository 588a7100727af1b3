"""``hearth screens``: make pictures of every screen."""

from __future__ import annotations

from pathlib import Path

import click

from kiosk.commands.common import emit, json_option
from kiosk.gallery import save_gallery
from kiosk.texts import shipped_languages

SIZE = "800x480"


@click.command(name="screens")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where the pictures go.")
@click.option("--lang", default="en", show_default=True, help="Language, by code.")
@click.option("--size", default=SIZE, show_default=True, help="Pixels, as in 1280x720.")
@click.option("--theme", default="dusk", show_default=True, help="Colours, by name.")
@json_option
def command(out: Path, lang: str, size: str, theme: str, as_json: bool) -> None:
    """Draw every screen with real-looking content, and a contact sheet of them all.

    \b
    Examples:
      hearth screens --out ./screens
      hearth screens --out ./screens --lang es --size 1280x720
    """
    if lang not in shipped_languages():
        raise click.UsageError(f"There is no language '{lang}'. There are: {', '.join(shipped_languages())}.")
    width, _, height = size.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise click.UsageError(f"'{size}' is not a size. Write it as in {SIZE}.")
    saved = save_gallery(out, lang, (int(width), int(height)), theme)
    emit({"pictures": [str(path) for path in saved]}, lambda: "\n".join(map(str, saved)), as_json=as_json)
