"""``hearth restore``: a whole box out of a backup, without what was taken back since."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click

from archive.credential import kept_credential
from archive.errors import TransportTrouble
from archive.home import Home, keys_folder
from archive.restore import Answers, Restored, release, restore
from archive.restorehold import waits
from archive.store import Store
from archive.transports.way import Way
from audio.clock import SystemClock
from kiosk import config as settings
from kiosk.commands.common import CREDENTIAL_VARIABLE, answer, home_option, json_option, must_be_box
from kiosk.errors import BadConfig
from kiosk.setting import open_box

PATIENCE_S = 60.0
"""So long an archive is tried: a person waits, and without an answer the stories are held and the next sync asks."""


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
        must_be_box(home)
        with Store(open_box(home), SystemClock()) as store:
            done = release(store, _answers(home, tombstones, none_said))
    else:
        keys = keys or file.with_name(f"{file.name}.keys")
        done = restore(file, keys, home, SystemClock(), _answers(home, tombstones, none_said))
        with Store(open_box(home), SystemClock()) as store:
            if waits(store) and (now := _answers(home)).place:
                # Settings, keys and credential came with the backup: only now is it known where this box hands on to.
                after = release(store, now)
                done.held, done.sources, done.silent = after.held, after.sources, after.silent
                done.erased += after.erased
                done.stories, done.newer = after.stories, after.newer
    return answer(done.to_json(), lambda: _told(done), _failed(done, answering=file is None), as_json=as_json)


def _failed(done: Restored, *, answering: bool) -> tuple[str, str, str] | None:
    if done.damaged:
        return "damaged", f"{len(done.damaged)} things in the backup were damaged.", "Try another backup."
    if answering and done.held:
        return "held", f"{done.held} stories are still held.", "Give --tombstones, or connect the archive and sync."
    return None


def _answers(home: Path, tombstones: Path | None = None, none_said: str = "") -> Answers:
    """Where to look; the place is the one the settings in this home hand on to, as the box it knows."""
    file = home / "config.toml"
    try:
        config = settings.load(file) if file.exists() else None
    except BadConfig:
        config = None
    if config is None or not config.archive.sync_to:
        return Answers(tombstones, "", none_said)
    given = os.environ.get(CREDENTIAL_VARIABLE, "").strip()
    if not given:
        with suppress(TransportTrouble):  # what cannot be read is said by the place that asks for it
            given = kept_credential(Home(home, keys_folder(home.absolute())))
    how = config.sync
    way = Way(given, how.kbit_s, how.proxy, PATIENCE_S)
    return Answers(tombstones, config.archive.sync_to, none_said, way)


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
    elif done.silent:
        lines.append(done.silent)
    if done.newer:
        lines.append("More is known of these than the backup holds; they stay held until you decide (hearth release):")
        lines += [f"  {take}" for take in done.newer]
    if done.held:
        lines.append(
            f"{done.held} stories are held until it is known what was taken back: connect the archive and sync, or\n"
            'hearth restore --tombstones FILE, or, if you know it: hearth restore --no-tombstones "there is none"'
        )
    return "\n".join(lines)
