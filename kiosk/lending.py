"""Lending a box: the library's own settings are put aside when it goes out, and are all that is left when it is back.

What was told is put away by `archive.lending`; here go the borrower's settings, words, questions and codes, and the
box is set up anew: the next borrower begins with choosing a language.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from archive.durable import remove, sync_folder, write_file
from archive.errors import Refused
from archive.home import Home, open_home
from archive.lending import (
    Lent,
    PutAway,
    Stage,
    begin_return,
    finish_return,
    lend_out,
    lent,
    wait_for_the_archive,
)
from archive.store import Store
from audio.clock import SystemClock
from hardware.findings import Finding
from kiosk import config as settings
from kiosk.errors import BadConfig, KioskError
from kiosk.firstrun.sheet import begin_again
from kiosk.settingsfile import put_settings
from kiosk.wireless import Asking

FOLDER = "lending"
_log = logging.getLogger(__name__)
_NO_CODE = {"controls.facilitator_code": ""}
"""Cleared for everybody: who knew it as a borrower must not be let in as a guest of the next."""


class NotForLending(KioskError):
    """The library has not said that this box is lent."""

    code = "not-for-lending"


@dataclass(frozen=True, slots=True)
class Desk:
    """Lending for one home. Every method raises `NotForLending` unless ``lending.on`` is set."""

    home: Home

    def offered(self) -> bool:
        """Whether the library lends this box. Settings a borrower has broken do not keep it from coming back."""
        return _lends(self.home)

    def now(self, store: Store) -> Lent:
        """Where the box is."""
        self._for_lending()
        return lent(store)

    def out(self, store: Store) -> Lent:
        """Put the library's own settings aside and note that the box goes out. Raises `NotLent`."""
        self._for_lending()
        if lent(store).stage in {Stage.HERE, Stage.READY}:
            _put_aside(self.home)
            if (asking := Asking()).offered:
                asking.put_aside()
        return lend_out(store)

    def back(self, store: Store, *, anyway: bool = False) -> PutAway:
        """Take the box back: nothing of this borrower is there for the next. Raises `NotReturned`, `NotLent`.

        A running kiosk ends once nobody is at it, and begins again with setting the box up.
        """
        self._for_lending()
        begin_return(store, anyway=anyway)
        return finish(self.home, store)

    def _for_lending(self) -> None:
        if not self.offered():
            raise NotForLending(
                "This box is not lent from group to group.",
                "If it shall be: set lending.on = true in config.toml (hearth config shows where).",
            )


def finish(home: Home, store: Store) -> PutAway:
    """Finish a return that was begun, also one a power cut has interrupted; does nothing where none was.

    Raises `Refused` where a borrower's wireless network cannot be cleared; what was told is away by then.
    """
    if lent(store).stage is not Stage.RETURNING:
        return PutAway()
    _bring_back(home)
    # A network that a borrower entered is nobody's to be in after them. Where it cannot go, the box is not back.
    if (asking := Asking()).offered:
        asking.put_back()
    begin_again(home)
    return finish_return(store)


def finish_at_start(path: Path) -> None:
    """Finish what a power cut left of a return, before a box reads its settings or shows anything.

    Raises `HomeTrouble`, `DamagedStore`.
    """
    home = open_home(path)
    if home.database.exists():
        with Store(home, SystemClock()) as store, _noted():
            finish(home, store)


@contextmanager
def _noted() -> Iterator[None]:
    """Let the box start although its return is not finished: the doctor says so, and the next start tries again."""
    try:
        yield
    except Refused as error:
        _log.warning("the box is not back yet: %s %s", error.say, error.do)


def lending_finding(home: Home, store: Store) -> list[Finding]:
    """Say for whoever looks after the box where it is; nothing for a box that is not lent."""
    if not _lends(home):
        return []
    now = lent(store)
    day = f" since {now.since.date()}" if now.since is not None else ""
    waiting = len(wait_for_the_archive(store))
    match now.stage:
        case Stage.HERE:
            return [Finding("lending", ok=True, say="This box is for lending and has not been lent yet.")]
        case Stage.OUT:
            return [Finding("lending", ok=True, say=f"This box is lent{day}.")]
        case Stage.RETURNING:
            do = "Start the box, and it goes on by itself; or: hearth lend --back"
            return [Finding("lending", ok=False, say="Putting this box away was cut short.", do=do)]
        case _ if waiting:
            which = (
                "1 story of earlier borrowers was" if waiting == 1 else f"{waiting} stories of earlier borrowers were"
            )
            do = (
                "See hearth list --earlier. Then, before the box goes out again: hearth release STORY, and hearth sync."
            )
            return [
                Finding(
                    "lending",
                    ok=False,
                    say=f"{which} not handed on, and {'is' if waiting == 1 else 'are'} held.",
                    do=do,
                )
            ]
        case _:
            return [Finding("lending", ok=True, say=f"This box is ready for the next borrower{day}.")]


def _lends(home: Home) -> bool:
    try:
        return settings.load(home.config).lending.on
    except BadConfig:
        return (home.path / FOLDER).is_dir()


def _put_aside(home: Home) -> None:
    """Copy settings, words and questions as the library has them; whole or not at all."""
    place = home.path / FOLDER
    part = place.with_name(f"{FOLDER}.new")
    remove(part)
    part.mkdir(mode=0o700)
    if home.config.exists():
        shutil.copyfile(home.config, part / home.config.name)
    for folder in (home.texts, home.prompts):
        if folder.is_dir():
            shutil.copytree(folder, part / folder.name)
    remove(place)
    part.rename(place)
    sync_folder(home.path)


def _bring_back(home: Home) -> None:
    """Let settings, words and questions be those that were put aside; safe to repeat."""
    place = home.path / FOLDER
    if not place.is_dir():
        return
    try:
        same = settings.load(place / home.config.name).archive == settings.load(home.config).archive
    except BadConfig:
        same = False
    if not same:
        # It let the box in at an archive of the borrower's own.
        remove(home.credential)
    for folder in (home.texts, home.prompts):
        _same(place / folder.name, folder)
    kept = place / home.config.name
    write_file(home.config, kept.read_bytes() if kept.exists() else settings.default_toml().encode(), 0o600)
    put_settings(home.config, _NO_CODE)


def _same(wanted: Path, folder: Path) -> None:
    remove(folder)
    if wanted.is_dir():
        shutil.copytree(wanted, folder)
    else:
        folder.mkdir(mode=0o700)
