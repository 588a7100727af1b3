"""Objects as files in a folder: written beside their place, synced, renamed, the folder synced.

Every step down goes through the folder opened before it and follows no link, so that neither a name nor something
planted in the folder leads out of it. Only the folder itself may be a link: to a larger disk, say. Names ending in
`.part` are writes somebody did not finish; they are never objects, and `sweep` removes old ones.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast

from archive.durable import PART
from archive.errors import NoSuchObject, StoreTrouble
from archive.objects import BLOCK, Stored, checked_key, checked_prefix

if TYPE_CHECKING:
    from typing_extensions import Buffer

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = {errno.ENOSPC, errno.EDQUOT}
_ABSENT = (FileNotFoundError, NotADirectoryError)
_TRIES = 20


class FolderObjects:
    """Objects below ``root``, which is made when it is not there; readable by its owner alone."""

    def __init__(self, root: Path) -> None:
        """Open the folder. Raises `StoreTrouble` where it cannot be used."""
        self.root = root.absolute()
        self.place = f"folder:{self.root}"
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self._fail(error)

    def put(self, key: str, source: BinaryIO) -> Stored:
        """See `Objects.put`. Two at once under one name: one of them stands, whole."""
        *folders, name = checked_key(key).split("/")
        part = f"{name}.{secrets.token_hex(6)}{PART}"
        with self._fails():
            folder, handle = self._new_file(folders, part)
            try:
                with os.fdopen(handle, "wb") as out:
                    stored = self._copy(source, out)
                os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            except BaseException:  # whatever stopped it, a full disk must not stay full of our own leavings
                with contextlib.suppress(OSError):
                    os.unlink(part, dir_fd=folder)
                raise
            finally:
                os.close(folder)
        return stored

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """See `Objects.open`."""
        file = self._opened(key)
        if start:
            file.seek(start)
        return file if length is None else cast("BinaryIO", io.BufferedReader(_Part(file, length), BLOCK))

    def size(self, key: str) -> int:
        """See `Objects.size`."""
        with self._opened(key) as file:
            return os.fstat(file.fileno()).st_size

    def exists(self, key: str) -> bool:
        """See `Objects.exists`."""
        try:
            self._opened(key).close()
        except NoSuchObject:
            return False
        return True

    def delete(self, key: str) -> bool:
        """See `Objects.delete`. Folders that become empty go as well."""
        *folders, name = checked_key(key).split("/")
        with self._fails():
            try:
                with self._folder(folders) as folder:
                    os.unlink(name, dir_fd=folder)
                    os.fsync(folder)
            except (*_ABSENT, IsADirectoryError):
                return False
            self._prune(folders)
        return True

    def keys(self, prefix: str = "") -> Iterator[str]:
        """See `Objects.keys`. What is no plain file of a name an object can have is left out."""
        folders = prefix.split("/") if (prefix := checked_prefix(prefix)) else []
        yield from self._walk(folders)

    def sweep(self, older_than_s: float = 86_400.0) -> int:
        """See `Objects.sweep`."""
        # Files carry the wall clock's time, so this has to look at it too.
        before, gone = time.time() - older_than_s, 0
        with self._fails():
            for folder, _, names in os.walk(self.root):
                for name in names:
                    path = Path(folder, name)
                    # Its writer may finish it, or take it away, while we look.
                    with contextlib.suppress(FileNotFoundError):
                        if name.endswith(PART) and path.lstat().st_mtime < before:
                            path.unlink()
                            gone += 1
        return gone

    def _copy(self, source: BinaryIO, out: BinaryIO) -> Stored:
        digest, size = hashlib.sha256(), 0
        while block := _from(source):
            out.write(block)
            digest.update(block)
            size += len(block)
        out.flush()
        os.fsync(out.fileno())
        return Stored(size, digest.hexdigest())

    def _opened(self, key: str) -> BinaryIO:
        *folders, name = checked_key(key).split("/")
        with self._fails():
            try:
                with self._folder(folders) as folder:
                    handle = os.open(name, _READ, dir_fd=folder)
            except _ABSENT:
                raise _absent(key) from None
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                os.close(handle)
                raise _absent(key)
        return os.fdopen(handle, "rb")

    @contextmanager
    def _folder(self, folders: list[str], *, make: bool = False) -> Iterator[int]:
        """Give a handle on a folder below the root, going down without following links."""
        handle = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in folders:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(name, 0o700, dir_fd=handle)
                        os.fsync(handle)
                below = os.open(name, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = below
            yield handle
        finally:
            os.close(handle)

    def _new_file(self, folders: list[str], name: str) -> tuple[int, int]:
        """Make a new file in a folder that is made where it is missing; return handles on both."""
        for _ in range(_TRIES):
            # Somebody may remove the last other object of the folder just now, and the folder with it.
            with contextlib.suppress(FileNotFoundError), self._folder(folders, make=True) as folder:
                handle = os.open(name, _WRITE, 0o600, dir_fd=folder)
                # From here on the folder is not empty, so nobody prunes it.
                return os.dup(folder), handle
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def _prune(self, folders: list[str]) -> None:
        while folders:
            *above, name = folders
            try:
                with self._folder(above) as folder:
                    os.rmdir(name, dir_fd=folder)
            except OSError:
                return  # not empty, or gone already: both are fine
            folders = above

    def _walk(self, folders: list[str]) -> Iterator[str]:
        with self._fails():
            try:
                with self._folder(folders) as handle, os.scandir(handle) as entries:
                    found = sorted(
                        f"{one.name}/" if one.is_dir(follow_symlinks=False) else one.name
                        for one in entries
                        if one.is_dir(follow_symlinks=False) or one.is_file(follow_symlinks=False)
                    )
            except _ABSENT:
                return
        for name in found:
            if name.endswith("/"):
                yield from self._walk([*folders, name.removesuffix("/")])
            elif not name.endswith(PART):
                yield "/".join([*folders, name])

    @contextmanager
    def _fails(self) -> Iterator[None]:
        """Say what the system refused in words for people; what a source raised stays its own."""
        try:
            yield
        except _SourceFailed as failed:
            raise failed.why from None
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> NoReturn:
        if error.errno in _FULL:
            say = f"The disk with the archive's objects ({self.root}) is full."
            raise StoreTrouble(say, "Make room or move the archive to a larger disk; nothing was stored.") from error
        say = f"The folder with the archive's objects ({self.root}) cannot be used: {error.strerror or error}."
        raise StoreTrouble(say, "Check that the disk is there and may be read and written.") from error


class _SourceFailed(Exception):
    """What was to be stored could not be read: not the store's fault."""

    def __init__(self, why: OSError) -> None:
        super().__init__(why)
        self.why = why


def _from(source: BinaryIO) -> bytes:
    try:
        return source.read(BLOCK)
    except OSError as error:
        raise _SourceFailed(error) from error


def _absent(key: str) -> NoSuchObject:
    return NoSuchObject(f"The archive has no object {key}.")


class _Part(io.RawIOBase):
    """The next ``left`` bytes of a file, which it closes with itself."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        super().__init__()
        self._file = file
        self._left = max(left, 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._file.read(min(len(view), self._left))
        view[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
