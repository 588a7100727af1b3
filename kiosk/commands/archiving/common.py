"""What the parts of ``hearth archive`` share: where the archive is, and in whose name something is done."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kiosk.commands.common import as_its_owner

HOME_VARIABLE = "HEARTH_ARCHIVE_HOME"
DESK_HOME = Path("hearth-archive")
Function = TypeVar("Function", bound=Callable[..., Any])


def _default() -> Path:
    return Path(os.environ.get(HOME_VARIABLE) or DESK_HOME)


def archive_home_option(function: Function) -> Function:
    """Add ``--home DIR``; the command receives a path, and root goes on as the user to whom it belongs."""
    return click.option(
        "--home",
        type=click.Path(path_type=Path),
        default=_default,
        callback=as_its_owner,
        show_default="HEARTH_ARCHIVE_HOME, else ./hearth-archive",
        help="Folder of the archive; made with defaults when it is not there.",
    )(function)


def who() -> str:
    """Whose name a change carries that is made at the terminal: the system's account, and that it was there."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return f"{name} (terminal)"
