"""A whole box in one file, and its keys in another.

The file is a tar (database, sealed takes and masters, the library's settings and words) sealed under a key made for
this backup alone, so that nothing in it, not even who agreed to what, can be read without the second file. That
second file opens everything the box itself could open: keep the two apart. Without it the backup is noise.

Not in it: the log, bags waiting in the outbox (the next sync makes them again), speech models.
Not promised: that the withdrawal of a story after the backup reaches the backup file. `archive.restore` sees to it
that such a story does not come back.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import secrets
import sqlite3
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from archive.consent import all_events, standing
from archive.durable import PART, sync_folder, write_file
from archive.errors import HomeTrouble, NoKey, Refused
from archive.fixity import MASTER, Sum
from archive.home import Home, must_lie_outside
from archive.store import Store
from archive.types import Act
from audio.errors import AudioError
from audio.sealedfile import SealedReader, SealedWriter, new_key
from audio.types import TakeId

LABEL = b"hearth/backup"
META = b'{"hearth-backup": 1}'
MANIFEST = "backup.json"
DATABASE = "hearth.db"
KEYS_SUFFIX = ".keys"
_CHUNK = 1 << 20
_SETTINGS = ("config.toml", "texts", "prompts")
_SKIPPED = (PART, ".tmp")


@dataclass(frozen=True, slots=True)
class BackupKeys:
    """What opens a backup: its own key, and the files of the box's key folder by name."""

    backup: str
    key: bytes
    files: dict[str, bytes]

    def to_bytes(self) -> bytes:
        """Return the second file's bytes."""
        files = {name: base64.b64encode(data).decode() for name, data in sorted(self.files.items())}
        plain = {"hearth-backup-keys": 1, "backup": self.backup, "key": self.key.hex(), "files": files}
        return (json.dumps(plain, indent=1) + "\n").encode()


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds. ``withdrawn`` are stories taken back before it was finished; none of their bytes is used."""

    path: Path
    keys: Path
    stories: int
    files: int
    size: int
    withdrawn: int

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {
            "file": str(self.path),
            "keys": str(self.keys),
            "stories": self.stories,
            "files": self.files,
            "bytes": self.size,
            "withdrawn": self.withdrawn,
        }


def read_backup_keys(path: Path) -> BackupKeys:
    """Read the second file. Raises `NoKey` where it is not one."""
    try:
        plain = json.loads(path.read_bytes())
        if plain["hearth-backup-keys"] != 1:
            raise NoKey("These keys were made by a newer program.", "Update the program.")
        files = {_plain_name(name): base64.b64decode(data, validate=True) for name, data in plain["files"].items()}
        return BackupKeys(str(plain["backup"]), bytes.fromhex(plain["key"]), files)
    except OSError as error:
        raise NoKey(f"The keys of the backup are not at {path}.", "Give their file with --keys.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NoKey(f"{path} does not hold the keys of a backup.", "Give the file that was made with it.") from error


def back_up(store: Store, target: Path, keys: Path | None = None) -> Backup:
    """Write everything ``store`` keeps to ``target`` and what opens it to ``keys`` (default: beside it).

    May run beside a working kiosk. Both files are synced and read back when this returns, or not there at all.
    Raises `Refused` (a file is there already, or the place is inside the box), `NoKey`, `HomeTrouble`.
    """
    target = target.absolute()
    keys = (keys or target.with_name(target.name + KEYS_SUFFIX)).absolute()
    _check_places(store.home, target, keys)
    store.home.load_keys()
    made = BackupKeys(secrets.token_hex(16), new_key(), _key_files(store.home.keys))
    part = target.with_name(target.name + PART)
    part.unlink(missing_ok=True)
    try:
        result = _write(store, part, target, keys, made)
        write_file(keys, made.to_bytes(), 0o600)
        part.replace(target)
        sync_folder(target.parent)
    except (OSError, AudioError) as error:
        part.unlink(missing_ok=True)
        why = (getattr(error, "say", "") or str(error)).rstrip(".")
        say = f"The backup could not be written: {why}."
        raise HomeTrouble(say, "Make room at its place, or choose another one.") from error
    return result


def _check_places(home: Home, target: Path, keys: Path) -> None:
    for path in (target, keys):
        must_lie_outside(home, path, "Put a backup on another disk.")
        if path.exists():
            raise Refused(f"There is something at {path} already.", "Give a new name; old backups are never replaced.")
    if target == keys:
        raise Refused("The backup and its keys must be two files.", "Keep them apart.")


def _write(store: Store, part: Path, target: Path, keys: Path, made: BackupKeys) -> Backup:
    writer = SealedWriter(part, made.key, LABEL, meta=META, chunk=_CHUNK)
    members: dict[str, Sum] = {}
    try:
        cuts = _cuts(store.db.conn)
        snapshot, takes = _snapshot(store.db.conn)
        # Stream mode: a tar that is never gone back in, so that it can be sealed as it grows.
        with tarfile.open(fileobj=cast("Any", _Out(writer)), mode="w|", format=tarfile.PAX_FORMAT) as tar:
            _add(tar, DATABASE, io.BytesIO(snapshot), len(snapshot), members)
            for name, path in _files(store.home, takes):
                _add_file(tar, name, path, members)
            _must_have(cuts, store.db.conn)
            ended = {take: standing(events).ended for take, events in all_events(store.db.conn).items()}
            manifest = {
                "version": 1,
                "backup": made.backup,
                "made_at": store.clock.wall().isoformat(),
                "clock_trusted": store.clock.trusted(),
                "members": {name: {"size": one.size, "sha256": one.sha256} for name, one in members.items()},
                "ended": {take: str(act) for take, act in ended.items() if act is not None},
            }
            plain = json.dumps(manifest, sort_keys=True).encode()
            _add(tar, MANIFEST, io.BytesIO(plain), len(plain), {})
        writer.close()
        with SealedReader(part, made.key, LABEL) as reader:
            reader.forget_cache()
            reader.check()
    except BaseException:  # whatever stopped it, half a backup is none
        writer.abandon()
        raise
    return Backup(target, keys, len(store.stories()), len(members), part.stat().st_size, len(store.tombstones()))


def _cuts(conn: sqlite3.Connection) -> list[tuple[str, int]]:
    query = "SELECT subject, COUNT(*) FROM ledger WHERE act = ? GROUP BY subject ORDER BY subject"
    return [(str(take), int(count)) for take, count in conn.execute(query, (str(Act.CUT),))]


def _must_have(cuts: list[tuple[str, int]], conn: sqlite3.Connection) -> None:
    if _cuts(conn) != cuts:
        # The packed database would name a file that is gone, or bring back what its teller took out.
        raise HomeTrouble("A part of a story was taken out meanwhile.", "Make it again.")


class _Out:
    """What tarfile writes to."""

    def __init__(self, writer: SealedWriter) -> None:
        self._writer = writer

    def write(self, data: bytes) -> int:
        self._writer.write(data)
        return len(data)


def _snapshot(conn: sqlite3.Connection) -> tuple[bytes, set[str]]:
    """Copy the database as it is at one moment, and name its takes.

    In memory: a copy on a disk would have to be erased again.
    """
    copy = sqlite3.connect(":memory:")
    try:
        conn.backup(copy)
        return copy.serialize(), {str(row[0]) for row in copy.execute("SELECT id FROM takes")}
    finally:
        copy.close()


def _files(home: Home, takes: set[str]) -> Iterator[tuple[str, Path]]:
    """Yield what is packed; of takes and stories only those the packed database knows: others were begun since."""
    folders = [home.takes, home.stories, *(home.path / name for name in _SETTINGS)]
    for place in folders:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            name = str(path.relative_to(home.path))
            parts = Path(name).parts
            if place in (home.takes, home.stories) and "".join(parts[1:2]).partition(".")[0] not in takes:
                continue
            hidden = any(piece.startswith(".") for piece in parts)
            if path.is_file() and not path.is_symlink() and not hidden and not name.endswith(_SKIPPED):
                yield name, path


def _add_file(tar: tarfile.TarFile, name: str, path: Path, members: dict[str, Sum]) -> None:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        # Taken back, or finished meanwhile: then its FLAC stands in its place.
        flac = path.with_name(MASTER)
        if path.name != MASTER and flac.exists():
            _add_file(tar, str(Path(name).with_name(MASTER)), flac, members)
        return
    with file:
        _add(tar, name, file, os.fstat(file.fileno()).st_size, members)


def _add(tar: tarfile.TarFile, name: str, data: IO[bytes], size: int, members: dict[str, Sum]) -> None:
    if name in members:
        return
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o600
    hashed = Hashed(data)
    tar.addfile(info, hashed)
    members[name] = Sum(size, hashed.digest.hexdigest())


class Hashed(io.RawIOBase):
    """Reads through another file and keeps the SHA-256 of what was read."""

    def __init__(self, inner: IO[bytes]) -> None:
        """Read from ``inner``."""
        super().__init__()
        self._inner = inner
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Read up to ``size`` bytes."""
        data = self._inner.read(size)
        self.digest.update(data)
        return data


def _key_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file() and path.suffix != PART}


def _plain_name(name: str) -> str:
    if not name or Path(name).name != name or name.startswith("."):
        raise ValueError(name)
    return name


def known_ids(manifest: dict[str, Any]) -> dict[TakeId, str]:
    """Read from a manifest what had ended when the backup was finished, with the act."""
    return {TakeId(str(take)): str(act) for take, act in manifest.get("ended", {}).items()}
