"""An archive's home: its settings, its catalogue and objects, its keys, and the folders work is done in.

The home holds ``config.toml``, ``archive.db`` and ``objects/`` (unless the settings name others), ``work/`` (bags being
checked), ``uploads/`` (bags on their way in), ``aside/`` (bags a person has to look at), ``texts/``. The keys lie
outside, as a box's do: in ``HEARTH_KEYS``, else in ``<home>-keys`` beside it. A home without its keys opens no bag.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final, Self, TextIO

from nacl.public import PrivateKey
from nacl.signing import SigningKey

from archive.catalogue import Catalogue, open_catalogue
from archive.catalogue.pool import Pool
from archive.durable import remove, sync_folder, write_file
from archive.errors import DamagedStore, HomeTrouble, NoKey
from archive.home import keys_folder
from archive.objects import Objects, open_objects
from archive.receipts import Signer
from archive.sealedbag import KEY_FILE, ArchiveKey
from archive.server.settings import ArchiveSettings, located, read_settings
from audio.clock import Clock, SystemClock

PART: Final = ".part"
"""How the name of a file in `work` ends that a broken line left, and which a later run goes on with."""
PART_S: Final = 2 * 86_400.0
"""So long a later run may go on with what a broken one left; it may be taken back by then."""
_FOLDERS: Final = ("work", "uploads", "aside", "texts")
_SQLITE = "sqlite:"
_SEAL, _SIGN = "archive-seal.key", "archive-sign.key"
KNOWN_BY: Final = "archive key"
"""The row of the catalogue's `meta` that holds the archive's own public keys, `seal` and `sign`, as JSON."""
_OPEN = ".open"
"""Locked by everybody who has the archive open."""


@dataclass(frozen=True, slots=True)
class ArchiveKeys:
    """The archive's own keys: ``seal`` (X25519) opens bags, ``sign`` (Ed25519) signs receipts and feeds."""

    seal: PrivateKey
    sign: SigningKey

    def public(self, name: str) -> ArchiveKey:
        """Return what everybody may know of them."""
        return ArchiveKey(name, bytes(self.seal.public_key), bytes(self.sign.verify_key))


class ArchiveHome:
    """One archive, for every thread of a process. Made by `open_archive`."""

    def __init__(self, path: Path, settings: ArchiveSettings, clock: Clock) -> None:
        """Name the places; nothing is opened yet."""
        self.path = path
        self.settings = settings
        self.clock = clock
        self._keys_folder = keys_folder(path)
        self._pool = Pool(lambda: open_catalogue(located(settings.catalogue, path)))
        self._lock = threading.Lock()
        self._open = _opened(path)

    @property
    def name(self) -> str:
        """What the archive is called."""
        return self.settings.name

    @property
    def work(self) -> Path:
        """Bags being checked, a folder each; whatever a killed program left there is swept."""
        return self.path / "work"

    @property
    def uploads(self) -> Path:
        """Bags on their way in."""
        return self.path / "uploads"

    @property
    def aside(self) -> Path:
        """Bags that came with an identifier that is taken, for a person to look at."""
        return self.path / "aside"

    @property
    def texts(self) -> Path:
        """The library's own wording: moderation policy, pages."""
        return self.path / "texts"

    @property
    def config(self) -> Path:
        """The settings."""
        return self.path / "config.toml"

    def catalogue(self) -> Catalogue:
        """Borrow a connection to the catalogue, for this thread: ``with place.catalogue() as catalogue:``.

        Raises `CatalogueTrouble`, `DamagedStore`.
        """
        return self._pool.borrow()

    @cached_property
    def objects(self) -> Objects:
        """The object store, for every thread. Raises `StoreTrouble`."""
        with self._lock:
            return open_objects(located(self.settings.objects, self.path))

    @cached_property
    def keys(self) -> ArchiveKeys:
        """The archive's keys. Raises `NoKey` where they are not here."""
        folder = self._keys_folder
        try:
            return ArchiveKeys(PrivateKey((folder / _SEAL).read_bytes()), SigningKey((folder / _SIGN).read_bytes()))
        except OSError as error:
            say = f"The keys of this archive are not at {folder}."
            raise NoKey(say, "Insert the key medium or set HEARTH_KEYS.") from error
        except (ValueError, TypeError) as error:
            raise NoKey(f"The keys at {folder} are damaged.", "Restore them from the backup of the keys.") from error

    @property
    def public_key(self) -> ArchiveKey:
        """The public keys, as boxes are given them. Raises `NoKey`."""
        return self.keys.public(self.name)

    @property
    def signer(self) -> Signer:
        """Who signs this archive's receipts. Raises `NoKey`."""
        return Signer(self.keys.sign)

    def now(self) -> datetime:
        """Return the time, UTC. A server has a clock that goes on without power: unlike on a box, it is trusted."""
        return self.clock.wall()

    @contextmanager
    def working(self) -> Iterator[Path]:
        """Give a new empty folder in `work`, and remove it again, whatever happened.

        It is locked for as long as the block lasts, so that `sweep_work` knows what nobody works on any more.
        """
        folder = self.work / secrets.token_hex(8)
        with self._turn():
            folder.mkdir(mode=0o700)
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            with contextlib.suppress(OSError):
                remove(folder)
            os.close(handle)

    def sweep_work(self) -> list[str]:
        """Remove what killed programs left in `work`, parts nobody went on with too; return the folders that went."""
        gone: list[str] = []
        with self._turn():
            for folder in sorted(self.work.iterdir()):
                if folder.suffix == PART:
                    with contextlib.suppress(FileNotFoundError):  # it became whole just now
                        if self.now().timestamp() - folder.stat().st_mtime > PART_S:
                            folder.unlink()
                if not folder.is_dir() or folder.is_symlink():
                    continue
                handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove(folder)
                    gone.append(folder.name)
                except BlockingIOError:
                    pass  # somebody works in it
                finally:
                    os.close(handle)
        return gone

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one who has this archive open, for as long as the block lasts; who opens it meanwhile is refused.

        Raises `InUse` where somebody else has it open, in another process or in this one.
        """
        try:
            fcntl.flock(self._open, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            fcntl.flock(self._open, fcntl.LOCK_SH)
            raise InUse(
                "Somebody is at work in this archive.",
                "Stop its server (hearth archive serve) and let visits and other commands end; then start again.",
            ) from error
        try:
            yield
        finally:
            fcntl.flock(self._open, fcntl.LOCK_SH)

    def close(self) -> None:
        """Let go of every connection that is not in use, and of the archive."""
        self._pool.close()
        self._open.close()

    def __enter__(self) -> Self:
        """Be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with (self.work / ".turn").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def make_keys(self) -> None:
        """Make the keys of a new archive, and let the catalogue know them by.

        An archive whose catalogue knows its keys never gets others: bags sealed to the first ones would be lost.
        Raises `NoKey` where other keys lie here than those the catalogue knows, `DamagedStore` where bags lie here
        that a new catalogue knows nothing of.
        """
        url = located(self.settings.catalogue, self.path)
        file = Path(url.removeprefix(_SQLITE))
        if url.startswith(_SQLITE) and not any(
            one.exists() and one.stat().st_size for one in (file, file.with_name(f"{file.name}-wal"))
        ):
            self._refuse_bags()  # before there is an empty one in the place of the lost one
        with self.catalogue() as catalogue, catalogue.write() as tx:
            row = tx.one("SELECT value FROM meta WHERE name = ?", KNOWN_BY)
            if row is None:
                self._refuse_bags()
                self._write_keys()
                public = json.dumps({name: key for name, key in self.public_key.to_json().items() if name != "name"})
                tx.run("INSERT INTO meta VALUES (?, ?)", KNOWN_BY, public)
                return
        self._show_key(json.loads(row["value"]))
        with contextlib.suppress(NoKey):
            mine = self.public_key.to_json()
            if any(mine[name] != key for name, key in json.loads(row["value"]).items()):
                say = f"The keys at {self._keys_folder} are those of another archive."
                raise WrongKeys(say, "Insert the key medium of this one, or set HEARTH_KEYS.")

    def _refuse_bags(self) -> None:
        """Let no new catalogue stand beside bags: whose they are, and what was taken back, only the old one knows."""
        if next(iter(self.objects.keys("bags")), None) is not None:
            where = self.settings.objects
            say = f"Bags lie in {where}, and the catalogue that knows whose they are is not there, or empty."
            do = "Nothing was changed. Put it back, look at 'catalogue' in config.toml, or restore a backup elsewhere."
            raise DamagedStore(say, do)

    def _write_keys(self) -> None:
        folder = self._keys_folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, key in ((_SEAL, bytes(PrivateKey.generate())), (_SIGN, bytes(SigningKey.generate()))):
            if not (folder / name).exists():
                write_file(folder / name, key, 0o600)
        sync_folder(folder.parent)
        self._show_key(self.public_key.to_json())

    def _show_key(self, public: dict[str, str]) -> None:
        """Lay the public keys where others are shown them; a restored home has them in its catalogue alone."""
        if not (self.path / KEY_FILE).exists():
            told = json.dumps({"name": self.name, **public}, indent=1) + "\n"
            write_file(self.path / KEY_FILE, told.encode())


class InUse(HomeTrouble):
    """Somebody else has the archive open, or carries it to another place."""

    code = "archive-in-use"


class WrongKeys(HomeTrouble):
    """The keys that lie here belong to another archive."""

    code = "wrong-keys"


def _opened(home: Path) -> TextIO:
    """Show that the archive is open, until what is returned is closed or its process ends. Raises `InUse`."""
    file = (home / _OPEN).open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        say = "This archive is being carried to another place at this moment."
        raise InUse(say, "Try again when that is done.") from error
    return file


def open_archive(path: Path | str, clock: Clock | None = None) -> ArchiveHome:
    """Open the archive at ``path``; what is missing is made with defaults, readable by its owner alone.

    Keys are made only together with a new catalogue. Without them the archive opens (it can be searched and erased),
    and `ArchiveHome.keys` raises `NoKey`. Raises `HomeTrouble`, `InUse` while it is being carried to another place,
    `CatalogueTrouble`, `DamagedStore`.
    """
    home = Path(path).absolute()
    try:
        if home.exists() and not home.is_dir():
            raise HomeTrouble(f"{home} is a file, not a folder.", "Give another folder with --home.")
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (home / "hearth.db").exists():
            raise HomeTrouble(f"{home} is the home of a box, not of an archive.", "Give another folder with --home.")
        for name in _FOLDERS:
            (home / name).mkdir(mode=0o700, exist_ok=True)
        place = ArchiveHome(home, read_settings(home / "config.toml"), clock or SystemClock())
        try:
            place.make_keys()
        except BaseException:  # whatever stopped it, nobody has this archive open
            place.close()
            raise
    except OSError as error:
        raise HomeTrouble(
            f"The folder {home} cannot be used: {error.strerror or error}.",
            "Check that the disk is there, has space, and may be written.",
        ) from error
    return place
