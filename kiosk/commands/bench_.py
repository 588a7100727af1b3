"""``hearth bench``: measure words, sound and cost on this machine."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from audio.bench import quick
from audio.speech import in_folder, on_this_machine
from kiosk.commands.common import emit, json_option, note


@click.command(name="bench")
@click.option("--quick", "only_quick", is_flag=True, help="First figures in about a minute.")
@click.option("--clips", type=click.Path(path_type=Path), help="Folder of ID.wav with ID.txt beside each.")
@click.option("--model", default="tiny.en", show_default=True, help="Speech model by name.")
@json_option
def command(only_quick: bool, clips: Path | None, model: str, as_json: bool) -> None:
    """Measure on real speech, each figure beside plain faster-whisper on the whole file in the same run.

    \b
    Examples:
      hearth bench --quick
      hearth bench --clips ./recordings --json
    """
    del only_quick  # every figure there is so far is a quick one
    spoken = in_folder(clips) if clips else on_this_machine()
    figures = quick(spoken, model, progress=note)
    emit(figures, lambda: _table(figures), as_json=as_json)


def _table(figures: dict[str, float]) -> str:
    table = Table("figure", "measured")
    for name, value in figures.items():
        table.add_row(name, f"{value:g}")
    console = Console(width=100, record=True, quiet=False, file=None, stderr=True)
    with console.capture() as captured:
        console.print(table)
    return captured.get()
