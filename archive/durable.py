"""Files written as if the power dies now: temporary name, data synced, renamed, folder synced.

What is not promised: that a disk which lies about syncing keeps anything. A name ending in `PART` is never
anything: it is a write or a removal somebody did not finish, and whoever holds the folder's lock may sweep it.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import IO

PART = ".part"
_BLOCK = 1 << 20


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable. Raises `OSError`."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network and stick file systems cannot sync a folder; there is nothing more to ask of them.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(handle)


def copy_synced(source: IO[bytes], target: Path) -> None:
    """Copy a stream into the new file ``target`` and sync its data (not its name). Raises `OSError`."""
    with target.open("xb") as out:
        while block := source.read(_BLOCK):
            out.write(block)
        out.flush()
        os.fsync(out.fileno())


def write_file(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put ``data`` at ``path``: whole or not at all, durable when this returns. Raises `OSError`."""
    part = path.with_name(path.name + PART)
    part.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except OSError:
        # A full disk must not be made fuller by our own leavings.
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def move(source: Path, target: Path) -> None:
    """Rename within one file system, durable on both sides. Raises `OSError`."""
    source.rename(target)
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def remove(path: Path) -> bool:
    """Remove a file, link or folder so that no half of it ever stands under its own name. Tells whether it was there.

    Links are removed, never followed. Raises `OSError`.
    """
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)  # another program may have been faster
    elif path.is_dir():
        if path.name.endswith(PART):
            shutil.rmtree(path)
        else:
            part = path.with_name(path.name + PART)
            if part.is_dir() and not part.is_symlink():
                shutil.rmtree(part)
            path.rename(part)
            shutil.rmtree(part)
    else:
        return False
    sync_folder(path.parent)
    return True
