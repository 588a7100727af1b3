"""Space for the longest take, held before the microphone opens by a file of its own.

The file lies on the disk of the open take, is allocated for real, and shrinks as the take grows, always a few seconds
ahead of it: so a disk that others fill meanwhile still takes the story to its end. The take's own file is never grown
by this.
Not promised: space against a disk that lies, or one whose file system copies on every write.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from archive.errors import ArchiveError
from archive.store import Store
from archive.types import Kind
from audio.types import AudioFormat, TakeId
from kiosk.errors import KioskError

SPARE_BYTES = 64 * 1024 * 1024
"""What must stay free beside the longest take: database, its log, and the FLAC that is made beside the raw take."""
AHEAD_S = 5.0
"""So much of the take still to come is let go before it is told: what is written must find its space free."""
LOOK_S = 1.0
"""How often held space is let go while a take grows."""
MORE_S, MORE_AT_S = 300.0, 60.0
"""A take whose room will be used up in ``MORE_AT_S`` gets room for ``MORE_S`` more."""
_LATER_BYTES = 4 * 1024 * 1024
"""Held to the end of the take: closing and keeping must find space in the database."""
_SEALED = 1.02
"""Sealing makes chunks a little longer; chunks are half a second, or shorter where a teller pauses."""
NO_ROOM = "There is no room left in this box for another story."
_log = logging.getLogger(__name__)


class NoRoom(KioskError):
    """The longest take does not fit on the disk, or the disk takes nothing."""

    code = "no-room"


class Room:
    """One reservation at a time, for one box."""

    def __init__(self, folder: Path, spare: int = SPARE_BYTES) -> None:
        """Hold space in ``folder``, on the disk the takes are on; ``spare`` bytes must be left beside it."""
        self._path = folder / ".room"
        self._spare = spare
        self._fd = -1
        self._held = self._goal = 0

    @property
    def held(self) -> int:
        """Bytes held now."""
        return self._held

    def fits(self, sound: AudioFormat, seconds: float) -> bool:
        """Tell whether a take of ``seconds`` would fit now. Changes nothing but one probe file."""
        try:
            self._probe()
            return shutil.disk_usage(self._path.parent).free + self._held >= self._needed(sound, seconds) + self._spare
        except OSError as error:
            _log.warning("the disk does not take anything: %s", error.strerror)
            return False

    def hold(self, sound: AudioFormat, seconds: float) -> bool:
        """Hold space for ``seconds`` of ``sound``; False where there is not enough, and then nothing is held."""
        self.release()
        size = self._needed(sound, seconds)
        if not self.fits(sound, seconds):
            return False
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            os.posix_fallocate(self._fd, 0, size)
        except OSError as error:
            _log.warning("no space could be held: %s", error.strerror)
            self.release()
            return False
        self._held = self._goal = size
        return True

    def grown(self, sound: AudioFormat, size: int) -> None:
        """Let go of what a take, ``size`` bytes long now, has used or is about to use.

        A take that outgrows what was held for it (its teller asked for more time) gets as much again, if there is.
        """
        if self._fd < 0:
            return
        if self._goal - _LATER_BYTES - size < self._bytes(sound, MORE_AT_S):
            self._more(sound, size)
        left = max(self._goal - size - self._bytes(sound, AHEAD_S), _LATER_BYTES)
        if left >= self._held:
            return
        try:
            os.ftruncate(self._fd, left)
            self._held = left
        except OSError as error:
            _log.warning("held space could not be let go: %s", error.strerror)

    def _more(self, sound: AudioFormat, size: int) -> None:
        wanted = self._goal + self._bytes(sound, MORE_S) - size
        try:
            if shutil.disk_usage(self._path.parent).free + self._held < wanted + self._spare:
                return
            os.posix_fallocate(self._fd, 0, wanted)
        except OSError as error:
            _log.warning("no more space could be held: %s", error.strerror)
            return
        self._goal += self._bytes(sound, MORE_S)
        self._held = wanted

    def release(self) -> None:
        """Let go of everything, also of what a killed run left."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._held = self._goal = 0
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _needed(self, sound: AudioFormat, seconds: float) -> int:
        return self._bytes(sound, seconds) + _LATER_BYTES

    @staticmethod
    def _bytes(sound: AudioFormat, seconds: float) -> int:
        return int(seconds * sound.rate * sound.frame_bytes * _SEALED) + 4096

    def _probe(self) -> None:
        """Write, sync and remove a few bytes: a disk may be full for data or read-only and still tell of free space."""
        probe = self._path.with_name(f".probe-{secrets.token_hex(4)}")
        fd = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, b"probe")
            os.fsync(fd)
        finally:
            os.close(fd)
            probe.unlink(missing_ok=True)


class TakeRoom:
    """Room for the take of this visit: as long as its kind may become, let go of as it is told."""

    def __init__(self, store: Store, sound: Callable[[], AudioFormat], longest: Mapping[Kind, float]) -> None:
        """``longest`` says how many seconds each kind may take; ``sound`` is what the microphone gives."""
        self._store = store
        self._sound = sound
        self._longest = longest
        self._room = Room(store.home.path)
        self._looked_at = 0.0

    def fits(self) -> bool:
        """Whether the disk takes anything, and the longest story fits on it beside everything else."""
        return self._room.fits(self._sound(), self._longest[Kind.STORY])

    def hold(self, take: TakeId) -> bool:
        """Hold space for ``take`` before the microphone opens; False where there is not enough."""
        kind = Kind.STORY
        with contextlib.suppress(ArchiveError):
            kind = self._store.kind_of(take)
        return self._room.hold(self._sound(), self._longest[kind])

    def follow(self, take: TakeId | None, now: float) -> None:
        """Let go of held space as the take grows into it; call as often as one likes."""
        if take is None or now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        with contextlib.suppress(OSError):
            size = self._store.home.take_file(take).stat().st_size
            self._room.grown(self._sound(), size)

    def release(self) -> None:
        """Give everything back; at start, what a killed run left."""
        self._room.release()
