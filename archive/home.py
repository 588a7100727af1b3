"""Where things lie: the home folder (tellers' data, encrypted, and settings) and the keys, which live outside it."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nacl.public import PrivateKey
from nacl.signing import SigningKey

from archive.durable import sync_folder, write_file
from archive.errors import DamagedStore, HomeTrouble, NoKey, Refused
from audio.types import TakeId

KEYS_VARIABLE = "HEARTH_KEYS"
_FOLDERS = ("takes", "stories", "outbox", "texts", "prompts", "log")
_LONGEST_ID = 40
UNPACKED = ".restoring"
"""The folder, in a home and in its key folder, in which a restore prepares what becomes the home."""
_BOX_KEY = "box.key"
_SIGNING_KEY = "signing.key"


@dataclass(frozen=True, slots=True)
class Keys:
    """The box's own keys: ``box`` (X25519) opens content keys, ``signing`` (Ed25519) signs what the box hands on."""

    box: PrivateKey
    signing: SigningKey


@dataclass(frozen=True, slots=True)
class Home:
    """The layout of a home folder; `open_home` makes one. Properties only name paths, nothing is created by asking."""

    path: Path
    keys: Path

    @property
    def database(self) -> Path:
        """The one database file."""
        return self.path / "hearth.db"

    @property
    def takes(self) -> Path:
        """The folder of open takes."""
        return self.path / "takes"

    @property
    def stories(self) -> Path:
        """The folder of closed takes, one folder each."""
        return self.path / "stories"

    @property
    def pressed(self) -> Path:
        """Whose time says when somebody was last here; there is nothing in it."""
        return self.path / ".pressed"

    @property
    def outbox(self) -> Path:
        """What waits to be handed on."""
        return self.path / "outbox"

    @property
    def config(self) -> Path:
        """The library's settings."""
        return self.path / "config.toml"

    @property
    def texts(self) -> Path:
        """The library's own wording, where it changed any."""
        return self.path / "texts"

    @property
    def prompts(self) -> Path:
        """The library's own prompts."""
        return self.path / "prompts"

    @property
    def feed(self) -> Path:
        """Prompts and settings an archive sent; never the library's own."""
        return self.path / "feed"

    @property
    def log(self) -> Path:
        """What the programs noted; never content."""
        return self.path / "log"

    @property
    def credential(self) -> Path:
        """What shows the archive of the settings which box this is; beside the keys."""
        return self.keys / "archive-credential"

    def take_file(self, take: TakeId) -> Path:
        """The file of a take while it is open."""
        return self.takes / f"{checked(take)}.take"

    def story_folder(self, take: TakeId) -> Path:
        """The folder of a closed take."""
        return self.stories / checked(take)

    def raw_master(self, take: TakeId) -> Path:
        """The take's own file after it was closed, until the FLAC is proved equal."""
        return self.story_folder(take) / "master.take"

    def flac_master(self, take: TakeId) -> Path:
        """The sealed FLAC."""
        return self.story_folder(take) / "master.flac"

    def load_keys(self) -> Keys:
        """Read the keys. Raises `NoKey` when they are not here: a home alone opens nothing."""
        try:
            return Keys(
                PrivateKey((self.keys / _BOX_KEY).read_bytes()), SigningKey((self.keys / _SIGNING_KEY).read_bytes())
            )
        except OSError as error:
            raise NoKey(
                f"The keys of this box are not at {self.keys}.", "Insert the key medium or set HEARTH_KEYS."
            ) from error
        except (ValueError, TypeError) as error:
            raise NoKey(f"The keys at {self.keys} are damaged.", "Restore them from the backup of the keys.") from error


def checked(take: str) -> str:
    """Return ``take`` if it can be part of a path, else raise `HomeTrouble`: identifiers also arrive from outside."""
    if not (take.isascii() and take.isalnum() and len(take) <= _LONGEST_ID):
        raise HomeTrouble("This is not the identifier of a take.")
    return take


def keys_folder(home: Path) -> Path:
    """Where the keys of ``home`` live: `HEARTH_KEYS`, else the folder ``<home>-keys`` beside it."""
    given = os.environ.get(KEYS_VARIABLE)
    return Path(given).absolute() if given else home.with_name(f"{home.name}-keys")


def open_home(path: Path | str) -> Home:
    """Open the home at ``path``; what is missing is made with defaults, readable by its owner alone.

    Keys are made only together with a new home. A home with a database and without its keys opens (it can be
    listed and erased), and `Home.load_keys` raises `NoKey`. Raises `HomeTrouble` where the folder cannot be used,
    `DamagedStore` as `must_have_database` does.
    """
    place = Path(path).absolute()
    home = Home(place, keys_folder(place))
    try:
        if place.exists() and not place.is_dir():
            raise HomeTrouble(f"{place} is a file, not a folder.", "Give another folder with --home.")
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in _FOLDERS:
            (place / name).mkdir(mode=0o700, exist_ok=True)
        _probe(place)
        must_have_database(home)
        if not home.database.exists():
            # Kiosk and transcriber start together: the keys that one has made, the other must not make again.
            with _turn(place):
                _make_keys(home.keys)
    except FileExistsError as error:
        raise HomeTrouble(f"{error.filename} is not a folder.", "Move it away.") from error
    except OSError as error:
        raise HomeTrouble(
            f"The folder {error.filename or place} cannot be used: {error.strerror or error}.",
            "Check that the disk is there, has space, and may be written.",
        ) from error
    return home


def must_have_database(home: Home) -> None:
    """Raise `DamagedStore` where stories lie without the database that says whose they are.

    A new one beside them would take them for nothing: their codes would open nothing, and their numbers be given anew.
    """
    there = (home.database, home.database.with_name(f"{home.database.name}-wal"))
    if any(file.exists() and file.stat().st_size for file in there):
        return
    if any(one.is_dir() for one in home.stories.glob("*")) or any(home.takes.glob("*.take")):
        raise DamagedStore(
            f"Stories lie in {home.path}, and the database that knows whose they are is not there, or empty.",
            "Nothing was changed. Put hearth.db back, or restore a backup into another folder (hearth restore).",
        )


def sweep_unpacked(home: Home) -> None:
    """Remove what a killed restore left unpacked; its backup is where it was. For whoever holds the home's claim."""
    for folder in (home.path / UNPACKED, home.keys / UNPACKED):
        shutil.rmtree(folder, ignore_errors=True)


def may_be_home(path: Path | str) -> bool:
    """Tell whether a box was ever opened at ``path``; what may not be looked into says so when it is opened."""
    home = Home(Path(path).absolute(), keys_folder(Path(path).absolute()))
    try:
        return any(part.exists() for part in (home.database, home.config, home.stories, home.takes))
    except OSError:
        return True


def must_lie_outside(home: Home, file: Path, do: str) -> None:
    """Raise where a file that is kept apart from the box cannot be written: `Refused`, with what to ``do``, inside the
    home or its keys; `HomeTrouble` where its folder is not there.
    """
    inside = file.resolve()
    if home.path.resolve() in inside.parents or home.keys.resolve() in inside.parents:
        raise Refused(f"{file} lies in the box's own folders.", do)
    if not file.parent.is_dir():
        raise HomeTrouble(f"There is no folder {file.parent}.", "Make it first, or choose another place.")


def may_be_written(path: Path | str) -> bool:
    """Whether anything can be written into the home at ``path``; one that is not there yet can be made."""
    place = Path(path)
    return not place.is_dir() or os.access(place, os.W_OK)


def home_to_read(path: Path | str) -> Home:
    """Name the home at ``path`` for a reader; nothing is made or probed. Raises `HomeTrouble` where there is none."""
    place = Path(path).absolute()
    home = Home(place, keys_folder(place))
    if not home.database.is_file():
        raise HomeTrouble(
            f"There is no box in {place}, and none can be made there.", "Give another folder with --home."
        )
    return home


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Let one process at a time past, by a lock on the folder itself."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _probe(place: Path) -> None:
    """Write and remove one small file: a read-only disk must be noticed before a story is told."""
    test = place / f".probe-{secrets.token_hex(4)}"
    test.write_bytes(b"")
    test.unlink()


def _make_keys(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, key in ((_BOX_KEY, bytes(PrivateKey.generate())), (_SIGNING_KEY, bytes(SigningKey.generate()))):
        if not (folder / name).exists():
            write_file(folder / name, key, 0o600)
    sync_folder(folder.parent)
