"""``hearth simulate``: let a simulated visitor use the real box."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from archive.errors import ArchiveError
from audio.errors import AudioError, BadSound
from kiosk.commands.common import emit, home_option, json_option, note
from kiosk.errors import KioskError
from kiosk.presses import parse
from kiosk.setting import read_home
from kiosk.simulation import Report, Simulation, story_json
from kiosk.theme import make_theme
from kiosk.trialhome import begin_trial
from kiosk.virtualvisit import VirtualRoom
from kiosk.window import Picture

INTERRUPTED = "interrupted"


class NothingToSay(KioskError):
    """A sound file the visitor was to say cannot be read."""

    code = "bad-sound"
    could_not_start = True


@click.command(name="simulate")
@home_option
@click.option(
    "--mic", "mics", multiple=True, type=click.Path(path_type=Path), help="What the visitor says; one file a take."
)
@click.option("--presses", required=True, help="What the visitor does, in words.")
@click.option(
    "--realtime", is_flag=True, help="Keep the wall clock instead of running as fast as the pipeline takes it."
)
@click.option("--virtual-audio", is_flag=True, help="Go through PortAudio on a virtual sound server (real time).")
@click.option("--shots", type=click.Path(path_type=Path, file_okay=False), help="Save a picture of every screen here.")
@json_option
def command(
    home: Path,
    mics: tuple[Path, ...],
    presses: str,
    realtime: bool,
    virtual_audio: bool,
    shots: Path | None,
    as_json: bool,
) -> int:
    """Run the real kiosk and transcriber headless, with a visitor who presses and speaks as told.

    Words: talk (begin, start the take, end it) agree decline hear trim keep discard redo back pause resume captions
    extend; listen next stop more same_question same_theme any_voice tell_librarian; language lang:ar speak louder;
    facilitate cue1..cue8 group person join question flag pair; code:last hear uses where part withdraw; play_here
    archive partners public quote (yes to that use whenever it is asked) done (no to the rest); @speech waits until
    the file has been heard, @2.5 waits seconds.

    \b
    Examples:
      hearth simulate --mic story.wav --presses "talk agree talk @speech talk keep play_here archive done" --json
      hearth simulate --presses "listen @5 next @5 stop" --realtime
      hearth simulate --mic story.wav --presses "talk agree talk @speech talk keep done" --shots ./pictures
    """
    steps = parse(presses)
    begin_trial(home, steps)
    setting = read_home(home)
    screen = setting.config.screen
    picture = None
    if shots is not None:
        shots.mkdir(parents=True, exist_ok=True)
        picture = Picture(make_theme(screen.theme), (screen.width, screen.height), width_mm=screen.width_mm)
    with ExitStack() as stack:
        room = None
        if virtual_audio:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hearth-room-"))
            room = stack.enter_context(VirtualRoom(Path(folder)))
        try:
            simulation = Simulation(setting, mics, realtime=realtime, room=room, screen=picture, shots=shots)
        except BadSound as error:
            raise NothingToSay(error.say, error.do) from error
        failure: dict[str, dict[str, str]] = {}
        try:
            simulation.run(steps)
        except (KioskError, ArchiveError, AudioError) as error:
            known = simulation.report.codes or isinstance(error, KioskError)
            if getattr(error, "could_not_start", False) or not known:
                raise
            failure = _failure(error.code, error.say, error.do)
        except KeyboardInterrupt:
            if not simulation.report.codes:
                raise
            failure = _failure(INTERRUPTED, "Interrupted.", "What was kept before is kept.")
        payload: dict[str, object] = {**failure, **as_payload(simulation, simulation.report)}
    emit(payload, lambda: _told(payload), as_json=as_json)
    if not failure:
        return 0
    return 130 if failure["error"]["code"] == INTERRUPTED else 1


def _failure(code: str, say: str, do: str) -> dict[str, dict[str, str]]:
    """What went wrong. What was kept before is kept: its codes exist nowhere else, so they are told all the same."""
    note(f"{say} {do}".strip())
    return {"error": {"code": code, "say": say, "do": do}}


def as_payload(simulation: Simulation, report: Report) -> dict[str, object]:
    """What a run gave, for programs."""
    store = simulation.store
    kept = [story for story in store.stories() if story.id in report.codes]
    return {
        "stories": [story_json(store, story, report.codes[story.id], report.group_codes[story.id]) for story in kept],
        "events": [happened.to_json() for happened in report.events],
        "overflows": report.overflows,
        "latencies": report.latencies,
    }


def _told(payload: dict[str, object]) -> str:
    stories = payload["stories"]
    assert isinstance(stories, list)
    lines = [f"{len(stories)} stories kept."]
    for story in stories:
        uses = [use for use, yes in story["consent"].items() if yes]
        lines += [
            f"  {story['id']}  {story['seconds']} s  {', '.join(uses) or 'for its teller alone'}  {story['keep_code']}",
            f"    {story['transcript']}",
        ]
    return "\n".join(lines)
