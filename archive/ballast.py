"""A few megabytes of the disk, held for the day it is wholly full, so that a teller's no gets through even then.

To erase something a database has to write first. Whoever takes a story back, says no, or keeps what was just told must
not hear that the disk is full: for these acts, and no others, a piece of the ballast is given up (`gets_through`) and
the act is tried again. It is made again where there is room.
Not promised: anything on a disk that refuses for another reason, or whose file system copies on every write.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from archive.errors import ArchiveError
from archive.home import Home

BALLAST_BYTES = 8 * 1024 * 1024
"""Held in all: erasing a conversation of two hours with all its words wrote 3.1 MB of log."""
STEP_BYTES = 1024 * 1024
"""So much is given up at a time: what is left is there for the next who comes."""
_BESIDE_BYTES = 16 * 1024 * 1024
"""So much has to stay free beside it before any of it is made again: a take that is being told goes first."""
_NAME = ".ballast"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_log = logging.getLogger(__name__)
_P = ParamSpec("_P")
_T = TypeVar("_T")


class _Store(Protocol):
    """What an act on a store needs here."""

    @property
    def home(self) -> Home:
        """Where the database lies."""
        ...


_S = TypeVar("_S", bound=_Store)


def missing(home: Path) -> int:
    """Return how many bytes of the ballast are not held now."""
    try:
        return max(0, BALLAST_BYTES - (home / _NAME).stat().st_size)
    except OSError:
        return BALLAST_BYTES


def make(home: Path) -> bool:
    """Hold the whole ballast on the disk of ``home``; True when it is held. Raises nothing: it is tried again."""
    lacking = missing(home)
    if not lacking:
        return True
    try:
        if shutil.disk_usage(home).free < lacking + _BESIDE_BYTES:
            return False
        with _opened(home, os.O_CREAT) as file:
            before = os.fstat(file).st_size
            try:
                os.posix_fallocate(file, 0, BALLAST_BYTES)
            except OSError:
                os.ftruncate(file, before)
                raise
            os.fsync(file)
    except OSError as error:
        _log.warning("no ballast could be held: %s", error.strerror)
        return False
    return True


def give(home: Path) -> bool:
    """Give up one piece of the ballast; False where none is left or the disk takes nothing at all."""
    with contextlib.suppress(OSError), _opened(home) as file:
        left = os.fstat(file).st_size
        if left > 0:
            left = max(0, left - STEP_BYTES)
            os.ftruncate(file, left)
            # Blocks that were let go can be had again once the file system has written that down.
            os.fsync(file)
            _log.warning("the disk is full: a piece of the ballast was given up, %d bytes are left", left)
            return True
    return False


def is_full(error: BaseException, home: Path) -> bool:
    """Tell whether ``error`` comes of a disk without room: by its own word, or because there is none on it."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__) is not None and cause not in causes:
        causes.append(cause)
    for one in causes:
        if isinstance(one, sqlite3.Error) and getattr(one, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            return True
        if isinstance(one, OSError) and one.errno in _FULL:
            return True
    # A database that cannot make its log or its shared index says "I/O error" or "unable to open".
    if not any(isinstance(one, sqlite3.Error) for one in causes):
        return False
    with contextlib.suppress(OSError):
        return shutil.disk_usage(home).free < STEP_BYTES
    return False


def gets_through(act: Callable[Concatenate[_S, _P], _T]) -> Callable[Concatenate[_S, _P], _T]:
    """Let an action of the store get through on a full disk: it is tried again for each piece of the ballast.

    Only for what must not fail for want of room, and may be begun again after it raised. Raises what the act raised
    where no ballast is left, or the trouble is another one.
    """

    @functools.wraps(act)
    def through(store: _S, /, *args: _P.args, **named: _P.kwargs) -> _T:
        home, gave = store.home.path, False
        try:
            while True:
                try:
                    return act(store, *args, **named)
                except (ArchiveError, OSError, sqlite3.Error) as error:
                    if not is_full(error, home) or not give(home):
                        raise
                    gave = True
        finally:
            if gave:
                make(home)

    return through


@contextlib.contextmanager
def _opened(home: Path, more: int = 0) -> Iterator[int]:
    file = os.open(home / _NAME, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | more, 0o600)
    try:
        yield file
    finally:
        os.close(file)
