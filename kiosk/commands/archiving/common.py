"""What the parts of ``hearth archive`` share: where the archive is, and in whose name something is done."""

from __future__ import annotations

import functools
import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import click

from archive.durable import remove
from archive.errors import ArchiveError, HomeTrouble
from archive.home import keys_folder
from archive.sealedbag import KEY_FILE
from kiosk.commands.common import as_its_owner, note

HOME_VARIABLE = "HEARTH_ARCHIVE_HOME"
DESK_HOME = Path("hearth-archive")
_OF_A_BOX = "hearth.db"
Command: TypeAlias = Callable[..., Any]


def _default() -> Path:
    return Path(os.environ.get(HOME_VARIABLE) or DESK_HOME)


def archive_home_option(function: Command) -> Command:
    """Add ``--home DIR``; the command receives a path, and root goes on as the user to whom it belongs.

    For commands that may be the first in a new archive: that one is being made is said.
    """

    @functools.wraps(function)
    def command(*words: Any, home: Path, **options: Any) -> Any:
        if not _is_archive(home):
            note(f"There is no archive at {home} yet: a new one is made there.")
        return function(*words, home=home, **options)

    return _home_option("Folder of the archive; made with defaults when it is not there.")(command)


def archive_there_option(function: Command) -> Command:
    """Add ``--home DIR`` as `archive_home_option` does, for commands that have nothing to do in a new archive.

    A slip in the name would make one there, and say that nothing was found. The command raises `HomeTrouble` then.
    """

    @functools.wraps(function)
    def command(*words: Any, home: Path, **options: Any) -> Any:
        if not _is_archive(home):
            say = f"There is no archive at {home}."
            raise HomeTrouble(say, "Give its folder with --home; `hearth archive serve` makes a new one.")
        return function(*words, home=home, **options)

    return _home_option("Folder of the archive.")(command)


def _home_option(told: str) -> Callable[[Command], Command]:
    return click.option(
        "--home",
        type=click.Path(path_type=Path),
        default=_default,
        callback=as_its_owner,
        show_default="HEARTH_ARCHIVE_HOME, else ./hearth-archive",
        help=told,
    )


@contextmanager
def unmade_if_refused(home: Path) -> Iterator[None]:
    """Remove the archive the block made at ``home``, and its keys, where the block is refused (`ArchiveError`).

    An empty one that stays looks like one that was filled. What was there before is left alone.
    """
    home = home.absolute()
    keys = keys_folder(home)
    fresh, bare = not home.exists(), not keys.exists()
    try:
        yield
    except ArchiveError:
        if fresh:
            remove(home)
            if bare:
                remove(keys)
        raise


def _is_archive(home: Path) -> bool:
    """Tell whether an archive was ever opened there; what is none, or may not be looked into, says so when opened."""
    try:
        return any((home / name).exists() for name in (KEY_FILE, "archive.db", "config.toml", _OF_A_BOX))
    except OSError:
        return True


def who() -> str:
    """Whose name a change carries that is made at the terminal: the system's account, and that it was there."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return f"{name} (terminal)"
