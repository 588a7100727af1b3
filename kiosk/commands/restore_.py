"""``hearth restore``: a whole box out of a backup, without what was taken back since."""

from __future__ import annotations

from pathlib import Path

import click

from archive.restore import Answers, Restored, release, restore
from archive.restorehold import waits
from archive.store import Store
from audio.clock import SystemClock
from kiosk import config as settings
from kiosk.commands.common import answer, home_option, json_option
from kiosk.errors import BadConfig
from kiosk.setting import read_home


@click.command(name="restore")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--keys", type=click.Path(path_type=Path, dir_okay=False), help="Its keys (default: FILE.keys).")
@click.option("--tombstones", type=click.Path(path_type=Path), help="A file or folder that says what was taken back.")
@click.option("--no-tombstones", "none_said", default="", metavar='"there is none"', help="A steward's word for it.")
@home_option
@json_option
def command(
    file: Path | None, keys: Path | None, tombstones: Path | None, none_said: str, home: Path, as_json: bool
) -> int:
    """Put the box in FILE into a home without stories. Stop the box first.

    What was taken back since the backup does not return: withdrawals are read from the receiving home, from the
    archive of the settings (where it shows that it knows this box; an empty folder does not) and from --tombstones. As
    long as none of them has been read every story is held, and only its teller's code opens it. Without FILE: answer a
    restored box that still waits.

    A no to one use, or a part taken out, since the backup is known only where an archive was told: such a story stays
    held until a steward has decided.

    \b
    Examples:
      hearth restore box.hearth --keys box.keys --home ./new-box
      hearth restore box.hearth --tombstones gone.json --home ./new-box --json
      hearth restore --tombstones gone.json --home ./new-box
      hearth restore --no-tombstones "there is none" --home ./new-box
    """
    if file is None:
        with Store(read_home(home).home, SystemClock()) as store:
            done = release(store, Answers(tombstones, _place(home), none_said))
    else:
        keys = keys or file.with_name(f"{file.name}.keys")
        done = restore(file, keys, home, SystemClock(), Answers(tombstones, _place(home), none_said))
        with Store(read_home(home).home, SystemClock()) as store:
            if waits(store) and _place(home):
                # The settings came with the backup: only now is it known where this box hands on to.
                after = release(store, Answers(place=_place(home)))
                done.held, done.sources = after.held, after.sources
                done.erased += after.erased
                done.stories, done.newer = after.stories, after.newer
    return answer(done.to_json(), lambda: _told(done), _failed(done, answering=file is None), as_json=as_json)


def _failed(done: Restored, *, answering: bool) -> tuple[str, str, str] | None:
    if done.damaged:
        return "damaged", f"{len(done.damaged)} things in the backup were damaged.", "Try another backup."
    if answering and done.held:
        return "held", f"{done.held} stories are still held.", "Give --tombstones, or connect the archive and sync."
    return None


def _place(home: Path) -> str:
    """Where the settings in this home hand on to; empty where there are none."""
    try:
        return settings.load(home / "config.toml").archive.sync_to if (home / "config.toml").exists() else ""
    except BadConfig:
        return ""


def _told(done: Restored) -> str:
    lines = [f"{done.stories} stories are here, {len(done.erased)} that were taken back are not."]
    if done.made_at:
        sure = "" if done.clock_trusted else " (by a clock nothing confirmed)"
        lines.append(
            f"The backup was made on {done.made_at[:10]}{sure}. Where a teller said no to a use or took a part out on\n"
            "this box after that, and no archive was told, it knows nothing of it: ask those who came back since."
        )
    lines += [f"DAMAGED  {one.subject}  {one.say}" for one in done.damaged]
    if done.sources:
        lines.append(f"What was taken back is known from: {', '.join(done.sources)}.")
    if done.newer:
        lines.append("More is known of these than the backup holds; they stay held until you decide (hearth release):")
        lines += [f"  {take}" for take in done.newer]
    if done.held:
        lines.append(
            f"{done.held} stories are held until it is known what was taken back: connect the archive and sync, or\n"
            'hearth restore --tombstones FILE, or, if you know it: hearth restore --no-tombstones "there is none"'
        )
    return "\n".join(lines)
