"""``hearth archive visit``: take in what boxes left on a stick, or on a remote that is used like one."""

from __future__ import annotations

from pathlib import Path

import click

from archive.export.exported import left_in_exports
from archive.server.place import open_archive
from archive.server.remotevisits import visit_remote
from archive.server.visits import VisitReport, visit_folder
from archive.transports.folder import BOXES
from kiosk.commands.archiving.common import archive_home_option
from kiosk.commands.common import answer, json_option, note
from kiosk.commands.steps import tell_steps

_REMOTE = "rclone:"


@click.command(name="visit")
@click.argument("where")
@archive_home_option
@json_option
def command(where: str, home: Path, as_json: bool) -> int:
    """Take in sealed bags and withdrawals that boxes left at WHERE, and leave receipts, withdrawals and feeds there.

    WHERE is a folder (a stick), or rclone:NAME. The first visit makes it this archive's. Safe to repeat at any time.

    \b
    Examples:
      hearth archive visit /media/usb/stick --home ./my-archive
      hearth archive visit rclone:library --home ./my-archive --json
    """
    with open_archive(home) as place:
        if where.startswith(_REMOTE):
            report = visit_remote(place, where.removeprefix(_REMOTE), tell_steps())
        else:
            report = visit_folder(place, Path(where), tell_steps())
        # An archive that nobody serves has no other moment at which what was taken back goes from its exports.
        for line in left_in_exports(place):
            note(line)
    say = f"{len(report.refused)} bags or withdrawals were refused."
    failed = ("refused", say, "Each says why; its box keeps the story.") if report.refused else None
    return answer(report.to_json(), lambda: _told(report), failed, as_json=as_json)


def _meeting(at: str, hello: str) -> list[str]:
    """The commands by which the box that left the file ``hello`` at ``at`` is made known."""
    if not at.startswith(_REMOTE):
        return [f"hearth archive box meet NAME {at}/{BOXES}/{hello}"]
    remote = at.removeprefix(_REMOTE)
    inside = f"{remote}:" if ":" not in remote else remote.rstrip("/") + ("" if remote.endswith(":") else "/")
    return [f"rclone copyto {inside}{BOXES}/{hello} {hello}", f"hearth archive box meet NAME {hello}"]


def _told(report: VisitReport) -> str:
    lines = [f"At {report.at}: {len(report.kept)} stories signed for, {len(report.withdrawn)} taken back."]
    lines += [f"  refused {refusal.bag}: {refusal.why}" for refusal in report.refused]
    lines += [f"  no new feed for {box}: {why}" for box, why in report.not_fed.items()]
    for fingerprint in report.unknown:
        lines.append(
            f"  A box that nobody made known asks for a feed: {fingerprint}. Compare that with what the phone's page "
            "of settings, or hearth doctor, says at the box; then make it known:"
        )
        lines += [f"    {line}" for line in _meeting(report.at, f"{fingerprint.replace(' ', '')}.json")]
    return "\n".join(lines)
