"""``hearth update``: put a newer release into service, and take it back if it fails."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from kiosk.appliance.bundle import BadBundle, told
from kiosk.appliance.fetching import fetch, waiting
from kiosk.appliance.nottaken import NotTaken, put_note
from kiosk.appliance.places import Places, places
from kiosk.appliance.releases import NotMade
from kiosk.appliance.services import Systemd
from kiosk.appliance.updating import NeedsInstaller, NotNewer, Updater, Updating
from kiosk.commands.common import emit, json_option, note, put_away_when_told
from kiosk.setting import NotReady

PATIENCE_S = 4 * 3600.0


@click.command(name="update")
@click.argument("bundle", metavar="[FILE]", required=False)
@click.option("--look", is_flag=True, help="Look for a bundle on a stick and in the inbox, as is done every night.")
@click.option("--settle", is_flag=True, help="Only go back if the power went in the middle of a trial; done at start.")
@click.option("--until-free", is_flag=True, help="Only wait until nobody is at the box; scripts/install does.")
@click.option("--patience", default=PATIENCE_S, show_default="4 hours", help="Seconds to wait until nobody is at it.")
@json_option
def command(bundle: str | None, look: bool, settle: bool, until_free: bool, patience: float, as_json: bool) -> int:
    """Install the release in FILE (a bundle on a stick, or its https address) beside this one and try it.

    It is tried when nobody is at the box. If it does not start well, the release before runs again within a minute.
    Stories, texts, settings and consents stay as they are. Fetching that broke off goes on where it was. Needs root.

    \b
    Examples:
      hearth update /media/usb/digital-hearth-0.2.0.hearth
      hearth update https://library.example/digital-hearth-0.2.0.hearth --json
    """
    here = places()
    with _alone(here):
        updater = Updater(here, Systemd(), progress=note)
        if settle:
            emit({"went_back": updater.settle()}, lambda: "Settled.", as_json=as_json)
            return 0
        if until_free:
            updater.wait_until_free(patience)
            emit({"free": True}, lambda: "Nobody is at the box.", as_json=as_json)
            return 0
        if look:
            return _look(here, updater, patience, as_json=as_json)
        if not bundle:
            raise click.UsageError("Give a bundle, or --look.")
        with tempfile.TemporaryDirectory(dir=here.prefix, prefix="incoming-") as room:
            outcome = updater.update(fetch(bundle, here, Path(room), note), patience_s=patience)
    payload = {"version": outcome.version, "before": outcome.before, "down_seconds": outcome.down_s}
    say = f"Version {outcome.version} runs in place of {outcome.before}; the box was away for {outcome.down_s} s."
    emit(payload, lambda: say, as_json=as_json)
    return 0


def _look(here: Places, updater: Updater, patience: float, *, as_json: bool) -> int:
    """Take the newest bundle that lies ready. One that is not newer is no trouble: it lies there every night."""
    left: NotTaken | None = None
    for path in waiting(here):
        try:
            outcome = updater.update(path, patience_s=patience)
        except (NotNewer, BadBundle) as error:
            # Rubbish on a stick must not keep the box from a good bundle beside it.
            note(f"{path.name}: {error.say}")
            continue
        except (NotMade, NeedsInstaller) as error:
            # Signed and newer: somebody waits for it, and hears of it by day.
            note(f"{path.name}: {error.say}")
            left = left or NotTaken(told(path).version, error.say, error.do)
            continue
        put_note(here, left)
        break
    else:
        put_note(here, left)
        emit({"version": None}, lambda: "No newer bundle lies ready that can be taken.", as_json=as_json)
        return 0
    emit({"version": outcome.version}, lambda: f"Version {outcome.version} runs.", as_json=as_json)
    return 0


@contextmanager
def _alone(here: Places) -> Iterator[None]:
    """One update at a time, and only by root. Raises `NotReady`, `Updating`."""
    if os.geteuid() != 0:
        raise NotReady("An update installs programs, which only root may.", "Run it with sudo.")
    if not here.releases.is_dir():
        raise NotReady("Digital Hearth is not installed on this machine.", "Install it first: scripts/install.")
    if not os.access(here.units, os.W_OK):
        raise NotReady(
            "The system on this card is read-only.",
            "Open it with: sudo mount -o remount,rw /   Update, then start the box again.",
        )
    with (here.prefix / ".updating").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Updating("Another update is under way.", "Wait until it has ended.") from error
        # Told to stop in the middle of a trial, it goes back first instead of leaving the box as it is just then.
        with put_away_when_told():
            yield
