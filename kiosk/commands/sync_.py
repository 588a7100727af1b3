"""``hearth sync``: hand on what tellers allowed, withdrawals first."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path

import click

from archive.credential import kept_credential
from archive.errors import TransportTrouble
from archive.home import Home
from archive.lately import note_visit
from archive.newrelease import fetch_release
from archive.pulse import pulse
from archive.store import Store
from archive.sync import SyncBroken, SyncReport, sync
from archive.transports.https import HttpsTransport
from archive.transports.way import Way
from audio.clock import Clock, SystemClock
from kiosk.appliance.places import places
from kiosk.commands.common import CREDENTIAL_VARIABLE, answer, home_option, json_option, note
from kiosk.commands.steps import tell_steps
from kiosk.health import box_findings, wants_a_look
from kiosk.setting import NotReady, open_box, read_config


@click.command(name="sync")
@home_option
@click.option(
    "--to",
    "target",
    default="",
    help="https://..., a folder (a mounted stick or share), or rclone:NAME; default: archive.sync_to of the settings.",
)
@click.option(
    "--credential",
    default="",
    help="What `hearth archive box add` printed. Others on this machine may see a command line: HEARTH_CREDENTIAL, or "
    "the file archive-credential in the key folder for the archive of the settings, is safer.",
)
@json_option
def command(home: Path, target: str, credential: str, as_json: bool) -> int:
    """Hand on stories to an archive: withdrawals both ways, then bags, then receipts. Safe to repeat at any time.

    A folder without an archive's key is an archive of its own: bags are checked, signed for and kept there.

    \b
    Examples:
      hearth sync --to /media/usb/archive
      hearth sync --to https://archive.example.org --credential hearth-...
      hearth sync --to rclone:library --json
    """
    box = open_box(home)
    config = read_config(box)
    place = target or config.archive.sync_to
    if not place:
        raise NotReady("No archive is set.", "Give one with --to, or set archive.sync_to in config.toml.")
    given = credential or os.environ.get(CREDENTIAL_VARIABLE, "")
    if not given and place == config.archive.sync_to:
        # Only there: another place must not be shown what this one gave.
        given = kept_credential(box)

    how = config.sync
    with Store(box, SystemClock()) as store:
        # It has no sound devices: its unit shuts it in (systemd/hearth-sync.service).
        told = pulse(store, wants_a_look(box_findings(box, store, devices=False)))
        way = Way(given.strip(), how.kbit_s, how.proxy, how.window_minutes * 60.0, pulse=told)
        try:
            report, failed = sync(store, place, progress=tell_steps(), way=way), None
        except SyncBroken as broken:
            # What was done before it broke off counts, and is told.
            report, failed = broken.report, (broken.code, broken.say, broken.do)
            note(f"{broken.say} {broken.do}".rstrip())
        if failed is None and place == config.archive.sync_to:
            note_visit(box, store.clock)
            _look_for_release(box, place, store.clock, way)
    return answer(report.to_json(), lambda: _told(report), failed or _failed(report), as_json=as_json)


def _failed(report: SyncReport) -> tuple[str, str, str] | None:
    if report.refused:
        say = f"The archive refused {len(report.refused)} of the stories."
        return "refused", say, "Each says why; they are kept here."
    if report.feed.refused:
        do = "What it prepared before stays in use. Ask its people."
        return "feed-refused", f"What the archive prepared for this box was not taken: {report.feed.refused}", do
    return None


def _look_for_release(home: Home, place: str, clock: Clock, way: Way) -> None:
    """Fetch the release the archive offers, where this box trusts anybody's. The hand-on stands in any case."""
    if not place.startswith("https://") or not places().release_keys.is_file():
        return
    transport = HttpsTransport(place, home.path, home.keys, clock, way)
    try:
        with transport.visit():
            version = fetch_release(transport, home.path, metadata.version("digital-hearth"))
    except (TransportTrouble, OSError) as error:
        note(f"No release was fetched: {getattr(error, 'say', error)}")
        return
    if version:
        note(f"version {version} lies ready for the updater")


def _told(report: SyncReport) -> str:
    signed = sum(bag.receipt is not None for bag in report.bags)
    lines = [f"To {report.to}: {signed} stories signed for, {len(report.tombstones)} withdrawals."]
    lines += [
        f"  {bag.story}  {bag.sha256[:12]}  {'signed for' if bag.receipt else 'not signed for yet'}"
        for bag in report.bags
    ]
    lines += [f"  refused {refused.bag}: {refused.why}" for refused in report.refused]
    lines += [f"  {stone.story}  taken back at the archive, and erased here" for stone in report.found]
    if report.waiting:
        lines.append(f"{report.waiting} wait on this box until they are signed for.")
    feed = report.feed
    if feed.fresh:
        lines.append(f"From the archive: {len(feed.lent)} voices lent, {len(feed.given_back)} given back.")
    lines += [f"  not taken in {one.loan.story}: {one.why}" for one in feed.not_lent]
    if feed.refused:
        lines.append(f"What the archive prepared was not taken: {feed.refused} What it prepared before stays in use.")
    return "\n".join(lines)
