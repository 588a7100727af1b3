"""A folder or a stick. Without an archive's key in it, the folder *is* the archive, and its step runs in the visit.

With `archive-key.json` in it, it belongs to an archive that comes by: bags are left sealed to that key in
`sealed/<id>.<sum>.sealed` beside the tombstones, and signed receipts come back in `receipts/`. The first key seen at
a place is remembered in the box's key folder. Another key there later, or none, is a reason to stop and ask a
person: else whoever changes the file on a stick reads what leaves the box.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from archive.bag import Bag, is_bag_id, write_folder
from archive.bagcheck import read_consent
from archive.consentrecord import ConsentRecord
from archive.durable import PART, remove, sync_folder, write_file
from archive.errors import BadBag, NoKey, TransportTrouble
from archive.feed.carried import SUFFIX as PULSE_SUFFIX
from archive.feed.carried import make_pulse
from archive.feed.hello import Hello, box_letters
from archive.feed.left import SUFFIX as LEFT_SUFFIX
from archive.feed.left import Left, make_left, read_left
from archive.feed.manifest import MOST_BYTES
from archive.home import Home
from archive.ingest import (
    BAGS,
    FOLDERS,
    INCOMING,
    REFUSED,
    TOMBSTONES,
    FolderArchive,
    Progress,
    Refusal,
    kept_digest,
    load_receipt,
    read_tombstones,
    remove_copies,
    sweep,
)
from archive.receipts import Receipt, folder_signer
from archive.sealedbag import KEY_FILE, SUFFIX, ArchiveKey, read_archive_key, seal_bag
from archive.tombstones import Tombstone
from archive.transports.known import check_key
from audio.clock import Clock
from audio.errors import DiskTrouble

SEALED = "sealed"
BOXES = "boxes"
"""Hellos of boxes, `<name>.json`; beside each how the box was, `<name>.pulse`, what it says it left here, `.left`, and
what the archive leaves, `.feed`."""
BLOBS = "blobs"
STICKS = (Path("/media"), Path("/run/media"), Path("/Volumes"))
"""Where sticks are mounted, each in a folder of its own that stays when it is pulled."""
_SPARE = 1 << 20
_LONGEST_WHY = 1000


def is_sealed_name(name: str) -> bool:
    """Tell whether a file in `sealed/` is called as a box calls what it leaves there."""
    return name.endswith(SUFFIX) and "/" not in name and is_bag_id(name.split(".", maxsplit=1)[0])


class FolderTransport:
    """Hand on to the folder ``root``, which is made when it is not there."""

    def __init__(
        self, root: Path, home: Path, keys: Path, clock: Clock, pulse: Mapping[str, Any] | None = None
    ) -> None:
        """Prepare; nothing is touched before `visit`. ``home`` and ``keys`` are the box's own folders.

        ``pulse`` says how the box is (`archive.pulse`); it is left beside its hello, for an archive that comes by.
        """
        self.root = root.absolute()
        self.place = f"folder:{self.root}"
        self.signer = b""
        self._home = home
        self._keys = keys
        self._clock = clock
        self._pulse = dict(pulse or {})
        self._archive_key: ArchiveKey | None = None
        self._archive: FolderArchive | None = None
        self._seen: os.stat_result | None = None

    @property
    def archive_key(self) -> ArchiveKey | None:
        """The key of the archive this folder belongs to, None where it is the box's own."""
        return self._archive_key

    @contextmanager
    def visit(self) -> Iterator[None]:
        """Make and lock the folder, and find out whose it is."""
        self._refuse_home()
        with _plainly(self.root):
            refuse_empty_mount(self.root)
            self.root.mkdir(parents=True, exist_ok=True)
            if not os.access(self.root, os.W_OK, effective_ids=True):
                # Without its stick the place is there, empty and root's: nothing to send is no visit then.
                raise PermissionError(errno.EACCES, "no right to write", str(self.root))
            handle = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        self._seen = os.fstat(handle)
        try:
            _lock(handle, self.root)
            with _plainly(self.root):
                self._check_folders()
                sweep(self.root)
                self._find_owner()
            yield
        finally:
            self._seen = None
            os.close(handle)

    def look_in(self) -> None:
        """Find out whose the folder is, so that it can be read; nothing is made or changed there.

        Raises `TransportTrouble` where it is not there, or has not the key this box has known there.
        """
        self._refuse_home()
        with _plainly(self.root):
            if not self.root.is_dir():
                raise TransportTrouble(f"{self.root} is not there.", "Connect the disk or the stick.")
            self._check_folders()
            self._find_owner()

    def tombstones(self) -> list[Tombstone]:
        """Return the tombstones that lie in the folder."""
        with self._there():
            return list(read_tombstones(self.root))

    def send_tombstone(self, stone: Tombstone) -> None:
        """Write the tombstone, then remove what waits here for the archive."""
        with self._there():
            self._say_left(lambda left: left.with_stone(stone))
            self._make(TOMBSTONES)
            write_file(self.root / TOMBSTONES / f"{stone.story}.json", stone.to_bytes())
            if self._archive is None:
                self._remove_sealed(stone.story)
                remove_copies(self.root, stone.story, incoming=True)

    def send_bag(self, bag: Bag) -> None:
        """Write the bag into `incoming/`, or sealed into `sealed/`."""
        with self._there():
            if self._archive_key is not None:
                self._say_left(lambda left: left.with_bag(bag.id, bag.sha256))
                self._send_sealed(bag, self._archive_key)
            elif kept_digest(self.root, bag.id) != bag.sha256 or load_receipt(self.root, bag.id) is None:
                self._make_room(bag)
                self._make(INCOMING)
                remove(self.root / INCOMING / bag.id)
                write_folder(bag, self.root / INCOMING / bag.id)

    def settle(self, progress: Progress) -> list[Refusal]:
        """Run the archive's step where the folder is the box's own; else read what its last visit refused."""
        with self._there():
            return self._archive.run(progress).refused if self._archive is not None else list(self._refused())

    def _refused(self) -> Iterator[Refusal]:
        folder = self.root / REFUSED
        for path in sorted(folder.glob("*.txt")) if folder.is_dir() else []:
            if is_bag_id(path.stem) and path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    yield Refusal(path.stem, file.read(_LONGEST_WHY).decode("utf-8", "replace").strip())

    def receipt(self, bag_id: str) -> Receipt | None:
        """Read the receipt that lies in the folder."""
        with self._there():
            return load_receipt(self.root, bag_id)

    def consent(self, bag_id: str) -> ConsentRecord | None:
        """Read the record where the folder is the box's own; a stick holds no bag that can be read."""
        with self._there():
            folder = self.root / BAGS / bag_id
            if self._archive is None or not folder.is_dir():
                return None
            try:
                return read_consent(folder)
            except BadBag:
                return None

    def waits(self, bag_id: str, sha256: str) -> bool:
        """Tell whether the bag lies here sealed."""
        with self._there():
            return self._archive_key is not None and self._sealed(bag_id, sha256).is_file()

    def lost(self, bag_id: str) -> bool:
        """Tell whether the box's own folder no longer holds the bag; a stick cannot tell."""
        with self._there():
            return self._archive is not None and not (self.root / BAGS / bag_id).is_dir()

    def feed(self, hello: Hello) -> bytes | None:
        """Leave the hello for the archive's next visit, and read the feed its last one left.

        A folder of the box's own has no people who prepare anything, and so no feed.
        """
        if self._archive_key is None:
            return None
        with self._there():
            self._make(BOXES)
            known = self.root / BOXES / f"{hello.name}.json"
            if not known.is_file() or known.read_bytes() != hello.to_bytes():
                write_file(known, hello.to_bytes())
            if self._pulse:
                told = make_pulse(Home(self._home, self._keys).load_keys(), self._pulse)
                write_file(known.with_suffix(PULSE_SUFFIX), told)
            path = self.root / BOXES / f"{hello.name}.feed"
            if path.is_symlink() or not path.is_file():
                return None
            with path.open("rb") as file:
                return file.read(MOST_BYTES + 1)

    @contextmanager
    def blob(self, sha256: str) -> Iterator[BinaryIO]:
        """Open a blob the archive left."""
        path = self.root / BLOBS / sha256
        if path.is_symlink() or not path.is_file():
            say = "A part of the archive's feed is not on the stick."
            raise TransportTrouble(say, "Let the archive write the stick again.")
        with self._there(), path.open("rb") as file:
            yield file

    @contextmanager
    def _there(self) -> Iterator[None]:
        """Use the folder, if it is still the one the visit began in.

        Where a stick was pulled, its name leads to what it was mounted over: a folder on the machine's own disk.
        """
        with _plainly(self.root):
            if self._seen is not None and not os.path.samestat(self._seen, self.root.stat()):
                say = f"What was at {self.root} is not there any more; what did not arrive stays on the box."
                raise TransportTrouble(say, "Was the stick pulled out? Put it in again; the next run goes on.")
            yield

    def _say_left(self, more: Callable[[Left], Left]) -> Path | None:
        """Say beside the hello, signed, what this box leaves here; return the file if that changed.

        Before it lies there: a run cut off in between says too much, and never leaves what nobody could tell whose.
        """
        if self._archive_key is None:
            return None
        try:
            keys = Home(self._home, self._keys).load_keys()
        except NoKey:
            return None
        seal, sign = bytes(keys.box.public_key), bytes(keys.signing.verify_key)
        path = self.root / BOXES / f"{box_letters(seal, sign)}{LEFT_SUFFIX}"
        known = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        before = read_left(known, sign) or Left()
        told = make_left(keys, more(before))
        if told == known:
            return None
        self._make(BOXES)
        write_file(path, told)
        return path

    def _refuse_home(self) -> None:
        root = self.root.resolve()
        used = [root / name for name in (*FOLDERS, SEALED, BOXES, BLOBS)]
        for own in (self._home.resolve(), self._keys.resolve()):
            if own in (root, *root.parents, *used) or any(folder in own.parents for folder in used):
                say = f"{self.root} lies in the box's own folders: stories would lie there unsealed."
                raise TransportTrouble(say, "Choose a folder apart from the box's home and keys.")

    def _check_folders(self) -> None:
        for name in (*FOLDERS, SEALED, BOXES, BLOBS):
            path = self.root / name
            if path.is_symlink() or (path.exists() and not path.is_dir()):
                say = f"{path} is a file or a link where a folder should be."
                raise TransportTrouble(say, "Use another folder, or move that file away.")

    def _find_owner(self) -> None:
        """Read the archive's key, if any, and hold it against the one seen here before."""
        path = self.root / KEY_FILE
        key = read_archive_key(path.read_bytes()) if path.is_file() else None
        if path.exists() and key is None:
            raise TransportTrouble(f"{path} is not an archive's key.", "Ask the archive for its key file.")
        check_key(self._keys, self.place, f"in {self.root}", key)
        if key is None:
            signer = folder_signer(self._keys)
            self._archive = FolderArchive(self.root, signer, self._clock)
            self.signer = signer.public
            return
        self._archive_key = key
        self.signer = key.sign

    def _send_sealed(self, bag: Bag, key: ArchiveKey) -> None:
        target = self._sealed(bag.id, bag.sha256)
        if target.is_file():
            return
        self._make_room(bag)
        self._make(SEALED)
        seal_bag(bag, key, target)
        self._remove_sealed(bag.id, but=target.name)

    def _sealed(self, bag_id: str, sha256: str) -> Path:
        return self.root / SEALED / f"{bag_id}.{sha256[:16]}{SUFFIX}"

    def _remove_sealed(self, story: str, but: str = "") -> None:
        folder = self.root / SEALED
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            ours = path.name.split(".")[0] == story and path.name.removesuffix(PART).endswith(SUFFIX)
            if ours and is_bag_id(story) and path.name != but:
                remove(path)

    def _make_room(self, bag: Bag) -> None:
        if shutil.disk_usage(self.root).free < bag.size + _SPARE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _make(self, name: str) -> None:
        if not (self.root / name).is_dir():
            (self.root / name).mkdir()
            sync_folder(self.root)


def refuse_empty_mount(root: Path) -> None:
    """Refuse a place where sticks are mounted while none is: what lies there is the machine's own disk.

    Stories would be signed for on the disk that holds them already. Where something lies there, somebody wants it so.
    """
    folder = root.resolve()
    below = next((one for one in STICKS if one in folder.parents), None)
    if below is None or below.is_mount() or (folder.is_dir() and any(folder.iterdir())):
        return
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if there.stat().st_dev == below.stat().st_dev:
        raise TransportTrouble(f"No stick is in at {root}, so nothing was done.", "Put it in, and try again.")


def _lock(handle: int, root: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise TransportTrouble(f"Another sync is working in {root}.", "Wait until it has ended.") from error
    except OSError:
        # Some network folders know no locks. Every step there is still whole or absent.
        return


@contextmanager
def _plainly(root: Path) -> Iterator[None]:
    """Turn what the disk says into a sentence for a librarian."""
    try:
        yield
    except DiskTrouble as error:
        raise TransportTrouble(error.say, error.do) from error
    except OSError as error:
        raise _trouble(root, error) from error


def _trouble(root: Path, error: OSError) -> TransportTrouble:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return TransportTrouble(
                f"There is no room left in {root}; what did not fit stays on the box.",
                "Make room or use another folder.",
            )
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return TransportTrouble(
                f"{root} may not be written; every story stays on the box.",
                "Is the stick in? Else check the rights, or the stick's write lock.",
            )
        case errno.ENOTDIR | errno.EEXIST:
            return TransportTrouble(f"{root} is not a folder.", "Give a folder; it is made when it is not there.")
        case _:
            why = error.strerror or str(error)
            return TransportTrouble(
                f"{root} could not be used ({why}); what did not arrive stays on the box.",
                "Check the disk or the stick.",
            )
