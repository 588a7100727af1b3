"""``hearth demo``: show the box at work, with a window or a simulated visitor."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from audio.clock import Clock
from audio.sources import ScriptedSource
from audio.speech import on_this_machine
from hardware.keyboard import explain
from kiosk.archivedemo import ArchiveDemo
from kiosk.commands.common import answer, json_option, note, put_away_when_told
from kiosk.demo import Demo, Summary
from kiosk.running import run_box
from kiosk.setting import read_home, usual_model

_LOOK = (
    "The archive stays open. Look around at {url}/code with this one-time code: {code}",
    "You choose a password, and come in as guest. Press Ctrl-C here to end.",
)


@click.command(name="demo")
@click.option("--archive", "with_archive", is_flag=True, help="Box and archive together: out by night, and back.")
@click.option(
    "--keep/--no-keep", default=None,
    help="With --archive: leave it open at the end for a browser. [default: where somebody sits at a terminal]",
)  # fmt: skip
@click.option("--fast", is_flag=True, help="Without virtual sound, as fast as this machine can.")
@click.option("--headless", is_flag=True, help="A simulated visitor, even where there is a screen.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("demo-out"), show_default=True,
    help="Where stories, bags and pictures of this demonstration go.",
)  # fmt: skip
@json_option
def command(
    with_archive: bool, keep: bool | None, fast: bool, headless: bool, out: Path, as_json: bool
) -> int:  # fmt: skip
    """Show the whole box at work. With a screen you are the visitor; without one a simulated visitor walks it.

    With --archive a simulated visitor's story goes out to an archive on this machine, is found there, comes back to
    one of the box's buttons, and another one is taken back.

    \b
    Examples:
      hearth demo
      hearth demo --headless
      hearth demo --archive
      hearth demo --archive --keep --out ./look
      hearth demo --headless --out ./look --json
    """
    if keep and not with_archive:
        raise click.UsageError("--keep is for --archive: alone, the box has nothing to leave open.")
    if not with_archive and not headless and _screen_here():
        _with_a_person(out)
        return 0
    usual_model("en")  # before the first step: without it no caption comes, and that is all the walk could say
    place = out.absolute() / time.strftime("%Y-%m-%d-%H%M%S")
    note(f"A simulated visitor uses the box. Everything goes to {place}.")
    stay = sys.stdin.isatty() and not as_json if keep is None else keep
    demo = (
        ArchiveDemo(place, note, fast=fast, keep=_LOOK if stay else None)
        if with_archive
        else Demo(place, note, fast=fast)
    )
    with put_away_when_told():
        summary = demo.walk()
    failed = None if summary.happened else ("not-all", "Not all of it happened.", "The steps say which did not.")
    return answer(summary.to_json(), lambda: _told(summary), failed, as_json=as_json)


def _screen_here() -> bool:
    dummy = os.environ.get("SDL_VIDEODRIVER") == "dummy"
    return not dummy and bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _with_a_person(out: Path) -> None:
    setting = read_home(out.absolute() / "box")
    texts = setting.texts[setting.config.site.language]
    note("The box opens in a window. Its keys:")
    for names, what in explain():
        note(f"  {names:18} {texts.get(what)}")
    note("Close the window, or press Ctrl-C here, to end.")

    def stand_in(clock: Clock) -> ScriptedSource:
        note("There is no microphone: recorded speech stands in for your voice, and nothing is played aloud.")
        return ScriptedSource(clock, [one.path for one in on_this_machine()])

    run_box(setting, window=True, with_transcriber=True, stand_in=stand_in)
    note(f"What you kept is in {setting.home.path}. List it with: hearth list --home {setting.home.path}")


def _told(summary: Summary) -> str:
    rate = summary.word_error_rate
    lines = ["", "What happened" if summary.happened else "What happened, and what did not", ""]
    lines += [
        f"  {'yes' if step.happened else 'NO '}  {step.seconds:5.1f} s  {step.what}"
        + (f" ({step.seen})" if step.seen else "")
        for step in summary.steps
    ]
    lines += ["", "What was said", f"  {summary.reference}", "What the box wrote down", f"  {summary.transcript}"]
    if rate is not None:
        lines.append(
            f"  {rate:.1%} of the words differ; the machine's words are a draft until a person has checked them."
        )
    lines += ["", "How long people waited"]
    lines += [
        f"  {name.replace('_', ' ')}: {', '.join(f'{value * 1000:.0f} ms' for value in values)}"
        for name, values in summary.latencies.items()
    ]
    lines += [f"  blocks of sound lost: {summary.overflows}", "", "Where to look"]
    lines += [f"  {name}: {place}" for name, place in summary.places.items()]
    if summary.stand_ins:
        lines += ["", "What a stand-in did", *(f"  {sentence}" for sentence in summary.stand_ins)]
    return "\n".join(lines)
