"""An update: verified, installed beside the running release, tried when nobody is at the box, taken back if it fails.

The program that does this is never the one being tried: it runs from ``known-good``, and a box that loses its power in
the middle goes back to that release at its next start. Tellers' data, texts, policy and consents are not touched; a
release may bring the database up to date, in steps that the one before can live with or is given a copy from before.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path

from archive.durable import remove, write_file
from archive.schema import schema
from kiosk.appliance import releases
from kiosk.appliance.bundle import Manifest, trusted, unpack
from kiosk.appliance.nottaken import refuse, refused
from kiosk.appliance.places import Places, version_of
from kiosk.appliance.services import ERRAND_TIMERS, ERRANDS, FACES, KIOSK, SAFE, WORKERS, Services
from kiosk.errors import KioskError

UPDATER = "hearth-update.service"
WRITERS = ("hearth-settle.service", "hearth-wireless.service")
"""What has to write to the system's own partition beside the updater: scripts/install names the same."""
READ_ONLY = "read-only.conf"
"""There where the system's own partition is read-only: opens it before, and closes it after."""
_KINDS = frozenset({".service", ".timer", ".path"})
"""Units that come with a release."""
HEALTHY_WITHIN_S = 30.0
"""By then a new release has to show its first screen. With `STEADY_S`, and an end and a start, it is under a minute."""
STEADY_S = 8.0
"""So long it has to stay up without being started again."""
LOOK_S = 0.25
"""How often it is looked at."""
QUIET_S = 3.0
"""Nobody may have been at the box for so long when a release is changed."""

Progress = Callable[[str], None]


class NotNewer(KioskError):
    """A bundle is as old as the release that runs, or older."""

    code = "not-newer"


class NeedsInstaller(KioskError):
    """A release brings files of the system that an update does not lay down."""

    code = "needs-installer"


class NotHealthy(KioskError):
    """A release did not pass its check; the one before runs again."""

    code = "rolled-back"


class Updating(KioskError):
    """Another update is under way, or somebody is at the box."""

    code = "busy"


@dataclass(frozen=True, slots=True)
class Trial:
    """A release being tried: from which one, and whether the database was copied before."""

    before: str
    after: str
    copied: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an update. ``down_s``: seconds from the old release's stop to the new one's first screen."""

    version: str
    before: str
    down_s: float


class Updater:
    """Does one update on ``places``."""

    def __init__(
        self,
        places: Places,
        services: Services,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        progress: Progress = lambda _: None,
    ) -> None:
        """``now`` and ``sleep`` count seconds; a test has its own."""
        self._places = places
        self._services = services
        self._now = now
        self._sleep = sleep
        self._progress = progress

    def update(self, bundle: Path, *, patience_s: float) -> Outcome:
        """Put the release in ``bundle`` into service; wait at most ``patience_s`` for a moment without visitors.

        Raises `BadBundle`, `NotNewer`, `NeedsInstaller`, `NotMade`, `Updating` (nothing has changed) and `NotHealthy`
        (went back).
        """
        places = self._places
        self.settle()
        before = self._before()
        remove(places.incoming)
        try:
            self._progress("verifying the bundle")
            manifest = unpack(bundle, trusted(places.release_keys), places.incoming)
            self._newer(manifest, before)
            self._same_system(manifest, before)
            release = self._install(manifest)
        finally:
            remove(places.incoming)
        self.wait_until_free(patience_s)
        return self._try(manifest, before, release)

    def settle(self) -> bool:
        """Go back to the release before if the power went while one was being tried. Tells whether there was one."""
        # An updater older than this program put its units down.
        if open_for_writing(self._places.units):
            self._services.reload()
        trial = self._read_trial()
        if trial is None:
            return False
        known = releases.pointed(self._places.known_good)
        if known is not None and known.name == trial.after:
            # It had passed, and the power went before the note of it was taken away: nothing to go back from.
            self._forget_trial()
            return False
        self._progress(f"going back to {trial.before}")
        self._go_back(trial)
        return True

    # -- before anything changes ----------------------------------------------------------------------------------

    def _before(self) -> str:
        release = releases.pointed(self._places.current)
        if release is None:
            raise Updating("Digital Hearth is not installed here.", "Install it first: scripts/install.")
        return release.name

    def _newer(self, manifest: Manifest, before: str) -> None:
        if version_of(manifest.version) == version_of(before):
            raise NotNewer(f"Version {before} runs here already.", "Nothing has to be done.")
        if version_of(manifest.version) < version_of(before):
            raise NotNewer(
                f"This bundle is version {manifest.version}, older than {before}, which runs here.",
                "A box does not go back to an older version by an update: what a newer one wrote could be lost.",
            )
        if manifest.version in refused(self._places):
            raise NotNewer(
                f"Version {manifest.version} was tried here and did not start.",
                f"Take a newer bundle; to try this one again, remove {self._places.refused}.",
            )

    def _same_system(self, manifest: Manifest, before: str) -> None:
        """Units come and go with a release; a user, a packet filter or a device's name is the installer's to change.

        A release that counts on such a file must not run beside the one of the release before.
        """
        wanted = _system_files(self._places.incoming / releases.UNITS)
        there = _system_files(self._places.release(before) / releases.UNITS)
        others = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
        if others:
            raise NeedsInstaller(
                f"Version {manifest.version} changes files of the system: {', '.join(others)[:300]}.",
                f"Take the project's folder of {manifest.version} to the box, and there: sudo scripts/install",
            )

    def _install(self, manifest: Manifest) -> Path:
        incoming = self._places.incoming
        try:
            return releases.make(
                self._places,
                manifest.version,
                project=incoming / manifest.wheel,
                lock=incoming / releases.LOCK,
                units=incoming / releases.UNITS,
                wheels=incoming / "wheels" if manifest.has_wheels else None,
                progress=self._progress,
            )
        except releases.NotMade as error:
            if manifest.has_wheels:
                raise
            # What pip says of it is about a network, and the updater has none on purpose.
            raise releases.NotMade(
                f"{error.say} The bundle of version {manifest.version} has no packages in it.",
                "Make it with them: hearth bundle --wheels DIR. By hand, with a network: sudo hearth update FILE",
            ) from error

    def wait_until_free(self, patience_s: float) -> None:
        """Return once nobody has been at the box for `QUIET_S`, and nothing is being handed on or erased.

        Raises `Updating` after ``patience_s``.
        """
        began = self._now()
        quiet_since: float | None = None
        said = False
        while True:
            now = self._now()
            why = self._why_not_now()
            if why:
                quiet_since = None
                if now - began > patience_s:
                    raise Updating(f"{why}.", "The release is installed; it is tried another time.")
                if not said:
                    self._progress(f"{why}: waiting")
                    said = True
            else:
                quiet_since = now if quiet_since is None else quiet_since
                if now - quiet_since >= QUIET_S:
                    return
            self._sleep(LOOK_S)

    def _why_not_now(self) -> str:
        if any(self._services.standing(unit).in_use for unit in FACES):
            return "Somebody is at the box"
        return "The box hands on or erases" if any(self._services.standing(unit).busy for unit in ERRANDS) else ""

    # -- the trial ------------------------------------------------------------------------------------------------

    def _try(self, manifest: Manifest, before: str, release: Path) -> Outcome:
        self._progress(f"trying {manifest.version}")
        # A box whose microphone is unplugged has nothing better to show, whatever its release.
        worked = any(self._services.standing(unit).at_work for unit in FACES)
        workers = self._running_workers()
        trial = Trial(before, manifest.version, manifest.oldest_reader > schema() and self._places.database.exists())
        stopped = self._now()
        try:
            timers = self._change(trial, release, workers)
            up = self._healthy(at_work=worked)
            if up is not None:
                releases.point(self._places.known_good, release)
        except BaseException:
            # A full disk, a manager that does not answer, being told to stop: the box is never left dark.
            self._go_back(trial, workers)
            raise
        if up is None:
            try:
                self._progress(f"{manifest.version} did not start well: going back to {before}")
                refuse(self._places, manifest.version)
            finally:
                self._go_back(trial, workers)
            raise NotHealthy(
                f"Version {manifest.version} did not start well and was taken back; {before} runs again.",
                "Tell whoever made the bundle; the journal of hearth-kiosk has what it said.",
            )
        try:
            self._forget_trial()
        finally:
            self._services.start(*ERRAND_TIMERS)
        releases.prune(self._places)
        if timers:
            self._services.enable(*timers)
        return Outcome(manifest.version, before, round(up - stopped, 2))

    def _change(self, trial: Trial, release: Path, workers: tuple[str, ...]) -> list[str]:
        """Stop the box, note the way back, put ``release`` in its place, start it. Returns its new timers and paths."""
        places = self._places
        # What is erased or handed on during the trial a copy of the database would bring back.
        self._services.stop(*ERRAND_TIMERS, *ERRANDS, *FACES, *WORKERS)
        if trial.copied:
            _copy_database(places.database, _copy_of(places))
        write_file(places.trial, json.dumps(asdict(trial)).encode())
        timers = put_units(release / releases.UNITS, places.units)
        releases.point(places.current, release)
        self._services.reload()
        self._services.restart(KIOSK, *workers)
        return timers

    def _running_workers(self) -> tuple[str, ...]:
        return tuple(unit for unit in WORKERS if self._services.standing(unit).active)

    def _healthy(self, *, at_work: bool) -> float | None:
        """When the kiosk showed its first screen, once it has stayed up for `STEADY_S`; None if it does not.

        With ``at_work`` it must be a screen for visitors, as the release before had.
        """
        began = self._now()
        up: float | None = None
        while True:
            now, kiosk = self._now(), self._services.standing(KIOSK)
            if kiosk.failed or kiosk.restarts > 0 or self._services.standing(SAFE).active:
                return None
            if kiosk.at_work or (kiosk.ready and not at_work):
                up = now if up is None else up
                if now - up >= STEADY_S:
                    return up
            elif up is not None or now - began > HEALTHY_WITHIN_S:
                return None
            self._sleep(LOOK_S)

    def _go_back(self, trial: Trial, workers: tuple[str, ...] = WORKERS[:1]) -> None:
        """Let the release before run again. Each step is done though an earlier one failed, the start above all.

        What failed is raised at the end; then the note of the trial stays, and the next start does it once more.
        """
        places = self._places
        release = places.release(trial.before)
        with ExitStack() as steps:
            # The last one named is done first.
            steps.callback(self._services.start, *ERRAND_TIMERS)
            steps.callback(self._services.restart, KIOSK, *workers)
            steps.callback(self._services.reload)
            steps.callback(releases.point, places.current, release)
            steps.callback(put_units, release / releases.UNITS, places.units)
            # A trial that failed before its copy was whole has not touched the database either.
            if trial.copied and places.trial.exists():
                steps.callback(_restore_database, _copy_of(places), places.database)
            # One that hangs does not hear that it shall stop, and the minute is not the place to wait. What a visitor
            # has told it is on the disk, as when the power goes.
            self._services.end(*ERRAND_TIMERS, *ERRANDS, *FACES, *WORKERS)
        self._forget_trial()
        remove(places.release(trial.after))

    def _forget_trial(self) -> None:
        remove(self._places.trial)
        remove(_copy_of(self._places))

    def _read_trial(self) -> Trial | None:
        try:
            return Trial(**json.loads(self._places.trial.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None


def put_units(source: Path, target: Path) -> list[str]:
    """Let ``target`` hold exactly the units of this program that ``source`` has; what others put there is left.

    Returns the timers and paths that are new.
    """
    wanted = {path.name: path.read_bytes() for path in source.glob("hearth-*") if path.suffix in _KINDS}
    target.mkdir(parents=True, exist_ok=True)
    for path in target.glob("hearth-*"):
        if path.suffix in _KINDS and path.name not in wanted:
            remove(path)
    new = [name for name in wanted if name.endswith((".timer", ".path")) and not (target / name).exists()]
    for name, text in wanted.items():
        if not (target / name).is_file() or (target / name).read_bytes() != text:
            write_file(target / name, text)
    open_for_writing(target)
    return new


def open_for_writing(units: Path) -> bool:
    """On a read-only system, have it opened for every unit in the folder ``units`` that writes, as for the updater.

    ``scripts/install`` lays that down for the units it knows; one that came with an update has it from here. Tells
    whether anything was missing.
    """
    try:
        text = (units / f"{UPDATER}.d" / READ_ONLY).read_bytes()
    except FileNotFoundError:
        return False
    given = False
    for name in WRITERS:
        drop_in = units / f"{name}.d" / READ_ONLY
        if (units / name).is_file() and not drop_in.exists():
            drop_in.parent.mkdir(exist_ok=True)
            write_file(drop_in, text)
            given = True
    return given


def _system_files(source: Path) -> dict[str, bytes]:
    """What a release brings beside its units, which scripts/install alone lays down."""
    return {path.name: path.read_bytes() for path in source.glob("*") if path.is_file() and path.suffix not in _KINDS}


def _copy_of(places: Places) -> Path:
    return places.prefix / "database-before-update.db"


def _copy_database(source: Path, target: Path) -> None:
    """Copy the database whole, by SQLite's own means: what still lies in its log comes along."""
    target.unlink(missing_ok=True)
    target.touch(0o600)
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)


def _restore_database(source: Path, target: Path) -> None:
    """Put the copy back, unless a story was begun since: then the newer one stays, and the older program says so."""
    with closing(sqlite3.connect(source)) as copy, closing(sqlite3.connect(target)) as live:
        ask = "SELECT (SELECT COUNT(*) FROM ledger), (SELECT COALESCE(MAX(sequence), 0) FROM takes)"
        if copy.execute(ask).fetchone() != live.execute(ask).fetchone():
            return
        copy.backup(live)
    with closing(sqlite3.connect(target)) as live:
        live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
