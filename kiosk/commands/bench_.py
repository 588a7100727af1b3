"""``hearth bench``: measure words, sound and cost on this machine."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from archive.errors import ArchiveError
from audio.errors import AudioError, BadSound
from audio.models import code_of
from audio.speech import Spoken, in_folder, normalised, on_this_machine
from kiosk.commands.common import emit, json_option, note
from kiosk.errors import KioskError
from kiosk.setting import usual_model

Rows = list[dict[str, float | str]]
KEYS = (
    "final_text_ratio_k3", "final_text_s_k1", "final_text_s_k3", "final_text_s_k9", "final_text_s_k3_worst",
    "stream_cpu_ratio", "stream_wer_cost_points", "wer_streamed", "wer_whole", "vad_ms_per_s", "vad_f1",
    "false_starts_per_min", "invented_clips", "press_to_sound_ms_p95", "press_to_record_ms_p95", "stop_ms_p95",
    "blocks_lost", "idle_cpu_percent", "recording_cpu_percent", "rss_mb", "start_s", "word_time_error_ms_median",
)  # fmt: skip
"""The figures a program finds in every answer; null where one was not measured."""
TROUBLES = (AudioError, ArchiveError, KioskError, OSError, subprocess.SubprocessError, LookupError)
"""What may stop a measurement of sound or box: half an hour of other figures must not be lost with it."""


@dataclass(slots=True)
class Run:
    """What was asked for, and what was found besides figures."""

    quick: bool
    clips: Path | None
    model: str | None
    language: str
    plot: Path | None
    frontier: Rows = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    def lack(self, what: str, error: Exception) -> None:
        """Say, and remember, that something was not measured and why: what is missing is said, not invented."""
        say = getattr(error, "say", "") or f"Something failed ({type(error).__name__})."
        note(f"{what}: not measured. {say} {getattr(error, 'do', '')}".rstrip())
        self.missing[what] = say


def _words(run: Run) -> Iterator[dict[str, float]]:
    from audio.bench import measure

    recordings = _given(run, run.clips) if run.clips else on_this_machine()
    model = run.model or usual_model(run.language)
    as_they_are = run.clips is not None
    found = measure(recordings, model, run.language, note, as_they_are=as_they_are, every=not run.quick)
    run.frontier = found.frontier
    if run.plot is not None:
        try:
            # At once: what is measured after it may fail.
            run.plot.write_text(found.plot, encoding="utf-8")
        except OSError as error:
            run.lack("plot", error)
    yield found.figures


def _given(run: Run, folder: Path) -> list[Spoken]:
    """Return the clips of a folder that can be used, with texts; others are named and left. Raises `BadSound`."""
    from audio.clips import must_be_sound

    def refused(path: Path, error: BadSound) -> None:
        run.lack(path.name, error)

    good = []
    for spoken in in_folder(folder, refused):
        try:
            must_be_sound(spoken.path)
            good.append(spoken)
        except BadSound as error:
            refused(spoken.path, error)
    if not good:
        raise BadSound(f"Not one recording in {folder} can be read.", "Each was named before with what is wrong.")
    if not any(normalised(spoken.text) for spoken in good):
        raise BadSound(f"No text in {folder} has a word in it.", "Write into each ID.txt what is said in ID.wav.")
    return good


def _sound(run: Run) -> Iterator[dict[str, float]]:
    from audio.bench_sound import figures

    return figures(quick=run.quick, progress=note)


def _box(run: Run) -> Iterator[dict[str, float]]:
    from kiosk.bench_box import figures

    return figures(quick=run.quick, progress=note)


PARTS: dict[str, Callable[[Run], Iterator[dict[str, float]]]] = {"words": _words, "sound": _sound, "box": _box}
"""Everything that can be measured, by name, in the order in which it is."""


@click.command(name="bench")
@click.option("--quick", "only_quick", is_flag=True, help="First figures in about a minute or two.")
@click.option("--clips", type=click.Path(path_type=Path), help="Folder of ID.wav with ID.txt beside each.")
@click.option("--model", help="Speech model by name.  [default: the one the box would use for the language]")
@click.option("--language", default="en", show_default=True, help="What is spoken in the clips.")
@click.option("--only", type=click.Choice(sorted(PARTS)), multiple=True, help="Measure this part only; repeatable.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write words against waiting as SVG.")
@json_option
def command(
    only_quick: bool,
    clips: Path | None,
    model: str | None,
    language: str,
    only: tuple[str, ...],
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure on real speech, each figure beside a plain way of doing it in the same run.

    Without --clips, stories are made of the recordings that are here: told on with pauses, slower, faster, quieter,
    in a noisy room. With --clips, the folder's recordings are measured as they are.

    With --json: every figure by name, at least the promised ones (null where not measured), `frontier`, and
    `not_measured` with what could not be and why.

    \b
    Examples:
      hearth bench --quick
      hearth bench --clips ./recordings --json
      hearth bench --clips ./cuentos --language es
      hearth bench --only words --plot frontier.svg
    """
    wanted = [name for name in PARTS if name in only or not only]
    _plot_must_fit(plot, wanted)
    if clips is None and code_of(language) != "en":
        raise click.UsageError("The recordings that are here are English: give your own with --clips.")
    run = Run(only_quick, clips, model, language, plot)
    figures: dict[str, float] = {}
    for name in wanted:
        try:
            for found in PARTS[name](run):
                figures |= found
        except TROUBLES as error:
            if name == "words":
                raise
            run.lack(name, error)
    known = _known(dict.fromkeys(KEYS, math.nan) | figures)
    result = {**known, "frontier": [_known(row) for row in run.frontier], "not_measured": run.missing}
    emit(result, lambda: _table(figures, run.frontier), as_json=as_json)


def _known(row: Mapping[str, float | str]) -> dict[str, float | str | None]:
    """Turn what could not be counted (JSON has no word for it) into None."""
    return {name: None if value != value else value for name, value in row.items()}  # noqa: PLR0124 - only NaN differs


def _plot_must_fit(plot: Path | None, wanted: Collection[str]) -> None:
    """Refuse before the measuring what could only fail after it. Raises `BadSound` or a usage error."""
    if plot is None:
        return
    if "words" not in wanted:
        raise click.UsageError("A plot shows words against waiting: measure the words too (--only words).")
    there = plot.exists()
    try:
        plot.touch()
        if not there:
            plot.unlink()
    except OSError as error:
        raise BadSound(f"The plot cannot be written ({error.strerror}).", "Choose another place.") from error


def _table(figures: dict[str, float], frontier: Rows) -> str:
    table = Table("figure", "measured")
    for name, value in figures.items():
        table.add_row(name, "not measured" if math.isnan(value) else f"{value:g}")
    console = Console(width=120, color_system=None)
    with console.capture() as captured:
        console.print(table)
        if frontier:
            ways = Table(*frontier[0])
            for row in frontier:
                ways.add_row(*(str(value) for value in row.values()))
            console.print(ways)
    return captured.get()
