"""``hearth sync``: hand on what tellers allowed, withdrawals first."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from archive.handing import story_content
from archive.store import Store
from archive.sync import SyncReport, sync
from audio.clock import SystemClock
from kiosk.box import NotReady, read_home
from kiosk.commands.common import emit, home_option, json_option, note


@click.command(name="sync")
@home_option
@click.option(
    "--to", "target", default="", help="A folder (a mounted stick or share); default: archive.sync_to of the settings."
)
@json_option
def command(home: Path, target: str, as_json: bool) -> int:
    """Hand on stories to an archive: withdrawals both ways, then bags, then receipts. Safe to repeat at any time.

    A folder without an archive's key is an archive of its own: bags are checked, signed for and kept there.

    \b
    Examples:
      hearth sync --to /media/usb/archive
      hearth sync --to ./archive --json
    """
    setting = read_home(home)
    place = target or setting.config.archive.sync_to
    if not place:
        raise NotReady("No archive is set.", "Give one with --to DIR, or set archive.sync_to in config.toml.")

    def progress(step: str, story: str) -> None:
        note(f"{step} {story}".rstrip())

    prompts = {prompt.id: prompt for prompt in setting.prompts}

    def asked(prompt: str, language: str) -> str:
        return prompts[prompt].say(language) if prompt in prompts else ""

    with Store(setting.home, SystemClock()) as store:
        report = sync(store, place, progress=progress, content=partial(story_content, asked=asked))
    emit(report.to_json(), lambda: _told(report), as_json=as_json)
    return 1 if report.refused else 0


def _told(report: SyncReport) -> str:
    lines = [f"To {report.to}: {len(report.bags)} bags, {len(report.tombstones)} withdrawals."]
    lines += [f"  {bag.story}  {bag.sha256[:12]}  {'signed for' if bag.receipt else 'left'}" for bag in report.bags]
    lines += [f"  refused: {refused}" for refused in report.refused]
    if report.waiting:
        lines.append(f"{report.waiting} still wait.")
    return "\n".join(lines)
