"""What boxes are bringing: sealed bags on their way in, each a file that only grows until it is whole.

An upload is named by the box and the content, so that a box that comes again after any break finds what it began.
How far it is is the size of its file, never a number beside it. Nothing here can be read without the archive's key,
and nothing counts as archived. Every name is made here; none that came over the network becomes part of a path.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from archive.bag import is_bag_id
from archive.bagcheck import Limits
from archive.durable import remove, sync_folder, write_file
from archive.errors import ArchiveError, BadBag

IDLE_S = 7 * 86_400.0
"""An upload nobody goes on with is removed after a week: a box was off, or has begun anew."""
_DATA, _FACTS = ".sealed", ".json"
_NAME = re.compile(r"[0-9a-f]{32}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST_A_BOX = 64
_ROOM_FACTOR = 3
"""The sealed bag, the bag unpacked, and the objects it becomes, all at once."""
_SPARE = 64 << 20
_BLOCK = 1 << 20


class TooLarge(ArchiveError):
    """No story's bag is so large."""

    code = "too-large"


class NoRoom(ArchiveError):
    """The archive's disk has no room for this."""

    code = "no-room"


class TooMany(ArchiveError):
    """A box has begun more uploads than any box needs."""

    code = "too-many"


@dataclass(frozen=True, slots=True)
class Upload:
    """A bag on its way: who brings it, how large it will be in bytes, the SHA-256 of its bytes, which story it says."""

    name: str
    box: str
    size: int
    content: str
    story: str


class Uploads:
    """The uploads in one folder, which is made when the first one begins."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        """Keep uploads in ``folder``; a sealed bag may be as large as ``limits`` lets a bag be."""
        self._folder = folder
        asked = limits or Limits()
        self.most = (asked.sound + 4 * asked.text) * 101 // 100 + _BLOCK

    def create(self, box: str, size: int, content: str, story: str) -> Upload:
        """Begin an upload, or find the one that was begun. Raises `TooLarge`, `NoRoom`, `TooMany`, `BadBag`."""
        if not is_bag_id(story) or not _SHA256.fullmatch(content) or size <= 0:
            raise BadBag("This does not say which story it is and what it holds.")
        if size > self.most:
            raise TooLarge(f"No story is larger than {self.most >> 20} MB.", "Nothing of it was taken.")
        name = hashlib.sha256(json.dumps([box, content, size, story]).encode()).hexdigest()[:32]
        found = self.find(box, name)
        if found is not None:
            return found
        self.sweep()
        if self._begun_by(box) >= _MOST_A_BOX:
            raise TooMany("This box has begun too many uploads.", "They are swept when nobody goes on with them.")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if shutil.disk_usage(self._folder).free < size * _ROOM_FACTOR + _SPARE:
            raise NoRoom("The archive's disk is full.", "The story stays on the box until there is room.")
        upload = Upload(name, box, size, content, story)
        # The facts come first: a file without them would belong to nobody.
        write_file(self._path(name, _FACTS), json.dumps(asdict(upload)).encode(), 0o600)
        os.close(os.open(self.path(upload), os.O_WRONLY | os.O_CREAT, 0o600))
        sync_folder(self._folder)
        return upload

    def find(self, box: str, name: str) -> Upload | None:
        """The upload ``name`` of ``box``; None for an unknown one and for another box's."""
        if _NAME.fullmatch(name) is None or not self._path(name, _DATA).is_file():
            return None
        try:
            upload = Upload(**json.loads(self._path(name, _FACTS).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        return upload if upload.box == box and upload.name == name else None

    def path(self, upload: Upload) -> Path:
        """The file of ``upload``."""
        return self._path(upload.name, _DATA)

    def arrived(self, upload: Upload) -> int:
        """Bytes that are here; 0 where it was removed meanwhile."""
        try:
            return self.path(upload).stat().st_size
        except FileNotFoundError:
            return 0

    def whole(self, upload: Upload) -> bool:
        """Tell whether exactly what was announced arrived. Reads every byte; no where it was removed meanwhile."""
        digest = hashlib.sha256()
        try:
            with self.path(upload).open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        except FileNotFoundError:
            return False
        return self.arrived(upload) == upload.size and digest.hexdigest() == upload.content

    def remove(self, upload: Upload) -> None:
        """Forget an upload and its bytes."""
        remove(self.path(upload))
        remove(self._path(upload.name, _FACTS))

    def remove_story(self, story: str) -> None:
        """Remove everything that is on its way for ``story``: it was taken back."""
        for path in self._facts():
            try:
                upload = Upload(**json.loads(path.read_bytes()))
            except (OSError, ValueError, TypeError):
                continue
            if upload.story == story:
                self.remove(upload)

    def sweep(self) -> None:
        """Remove what nobody went on with for `IDLE_S`, and facts whose file is gone."""
        oldest = time.time() - IDLE_S
        for path in self._facts():
            data = path.with_suffix(_DATA)
            noted, came = _changed(path), _changed(data)
            newest = max(noted or oldest, came or oldest)
            if newest <= oldest or (came is None and newest < time.time() - 60):
                remove(data)
                remove(path)

    def _begun_by(self, box: str) -> int:
        named = (self.find(box, path.stem) for path in self._facts())
        return sum(upload is not None for upload in named)

    def _facts(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_FACTS}")) if self._folder.is_dir() else []

    def _path(self, name: str, kind: str) -> Path:
        return self._folder / f"{name}{kind}"


def _changed(path: Path) -> float | None:
    """When a file was last written, s since 1970; None where another has just removed it."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None


class Appending:
    """Adds to the end of an upload's file. Not for two at once: whoever holds the upload's turn makes sure of that."""

    def __init__(self, path: Path) -> None:
        """Open the file, which is there."""
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND)

    def write(self, data: bytes) -> None:
        """Add ``data``. What a full disk did not take is missing at the end, and is asked for again."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._handle, view) :]

    def close(self) -> None:
        """Sync what was added, and close. Raises `OSError`."""
        try:
            os.fsync(self._handle)
        finally:
            os.close(self._handle)
