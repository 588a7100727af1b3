"""A remote that rclone reaches (SFTP, S3, WebDAV and many more), used like a stick that belongs to an archive.

The remote has the layout of a stick (`archive.transports.folder`): sealed bags, tombstones, receipts, feeds. What is
small is mirrored into the box's outbox at each visit, and everything `FolderTransport` promises holds for the mirror;
what it writes is carried over before the method returns. A sealed bag that arrived leaves an empty file of its name
in the mirror, so that it is known to lie there.

The box's rclone settings are `rclone.conf` in its key folder, or else those of whoever runs the program.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from archive.bag import Bag
from archive.durable import PART, remove
from archive.errors import TransportTrouble
from archive.feed.carried import SUFFIX as PULSE_SUFFIX
from archive.feed.hello import Hello
from archive.feed.left import Left
from archive.ingest import RECEIPTS, REFUSED, TOMBSTONES
from archive.sealedbag import KEY_FILE, SUFFIX
from archive.tombstones import Tombstone
from archive.transports.folder import BLOBS, BOXES, SEALED, FolderTransport, is_sealed_name
from archive.transports.networds import KEPT
from archive.transports.way import OutOfTime, Way
from audio.clock import Clock

CONFIG = "rclone.conf"
_REMOTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+@ -]*(?::.*)?")
_NOT_THERE = {3, 4}
"""Exit codes of rclone: the folder, or the file, is not there."""
_SMALL = (f"/{KEY_FILE}", f"/{TOMBSTONES}/*.json", f"/{RECEIPTS}/*.json", f"/{REFUSED}/*.txt", f"/{BOXES}/*")


class Rclone:
    """The rclone program, over one remote. ``until`` is a time of ``clock.monotonic()`` by which it has to be done."""

    def __init__(self, remote: str, keys: Path, clock: Clock, until: float, kbit_s: int = 0, proxy: str = "") -> None:
        """``remote`` as rclone names it, with or without a folder: ``NAME`` or ``NAME:folder``."""
        if _REMOTE.fullmatch(remote) is None:
            say = f"{remote!r} is not the name of a remote."
            raise TransportTrouble(say, "Write rclone:NAME or rclone:NAME:folder; `rclone listremotes` shows them.")
        self._root = (remote if ":" in remote else f"{remote}:").rstrip("/")
        self._keys = keys
        self._clock = clock
        self._until = until
        self._kbit_s = kbit_s
        self._proxy = proxy

    def at(self, path: str) -> str:
        """Name a path on the remote."""
        return f"{self._root}{'' if self._root.endswith(':') else '/'}{path}" if path else self._root

    def run(self, *words: str, missing_ok: bool = False) -> str:
        """Run rclone and return what it printed. Raises `TransportTrouble` with its own last word."""
        left = self._until - self._clock.monotonic()
        if left <= 0:
            raise OutOfTime(f"The time for this run is over. {KEPT}", "Raise sync.window_minutes if that is too soon.")
        line = [_program(), *words, "--retries", "3", "--low-level-retries", "5", "--contimeout", "20s"]
        line += ["--timeout", "60s", "--stats", "0", "--log-level", "ERROR", "--ask-password=false"]
        if (self._keys / CONFIG).is_file():
            line += ["--config", str(self._keys / CONFIG)]
        if self._kbit_s:
            line += ["--bwlimit", f"{max(1, self._kbit_s // 8)}k"]
        around = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY"), self._proxy) if self._proxy else {}
        try:
            # Nothing of rclone's is resumed, so a large bag on a slow line may take all of the run's time.
            done = subprocess.run(
                line,
                capture_output=True,
                text=True,
                check=False,
                timeout=left,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **around},
            )
        except subprocess.TimeoutExpired as error:
            raise OutOfTime(
                f"The remote {self._root} did not get further in time. {KEPT}", "Check the network."
            ) from error
        if done.returncode and not (missing_ok and done.returncode in _NOT_THERE):
            raise self._trouble(done.stderr)
        return done.stdout if done.returncode == 0 else ""

    def sizes(self, folder: str) -> dict[str, int]:
        """Name the files of a folder with their sizes; none where it is not there."""
        said = self.run("lsjson", "--files-only", "--no-modtime", "--no-mimetype", self.at(folder), missing_ok=True)
        listed: list[dict[str, Any]] = json.loads(said or "[]")
        return {str(one["Name"]): int(one["Size"]) for one in listed}

    def put(self, source: Path, path: str) -> None:
        """Bring one file over."""
        self.run("copyto", str(source), self.at(path))

    def drop(self, path: str) -> None:
        """Remove one file; one that is not there is fine."""
        self.run("deletefile", self.at(path), missing_ok=True)

    def _trouble(self, said: str) -> TransportTrouble:
        if "didn't find section in config file" in said:
            name = self._root.partition(":")[0]
            return TransportTrouble(f"rclone knows no remote called {name}.", "Set it up once with: rclone config")
        why = said.strip().splitlines()[-1] if said.strip() else "no reason given"
        # Its log lines begin with the time and the level.
        why = re.sub(r"^[\d/: ]+\w+ *: ", "", why)[:300]
        return TransportTrouble(
            f"The remote {self._root} could not be used ({why}). {KEPT}", "Check it with: rclone lsd"
        )


class RcloneTransport(FolderTransport):
    """Hand on to the remote ``target``, which an archive comes by at."""

    def __init__(self, target: str, home: Path, keys: Path, clock: Clock, way: Way) -> None:
        """Prepare; nothing is asked before `visit`. Raises `TransportTrouble` for what cannot name a remote."""
        mirror = home / "outbox" / f".rclone-{hashlib.sha256(target.encode()).hexdigest()[:16]}"
        super().__init__(mirror, home, keys, clock, way.pulse)
        self.place = f"rclone:{target}"
        self._target = target
        self._way = way
        self._rclone = self._begin()

    def _begin(self) -> Rclone:
        until = self._clock.monotonic() + self._way.window_s
        return Rclone(self._target, self._keys, self._clock, until, self._way.kbit_s, self._way.proxy)

    @contextmanager
    def visit(self) -> Iterator[None]:
        """Mirror what is small, learn which sealed bags lie there, and carry over what an earlier run left."""
        self._rclone = self._begin()
        self.look()
        with super().visit():
            self._learn_sealed()
            yield

    def look(self) -> None:
        """Mirror what is small on the remote: its key, tombstones, receipts, feeds."""
        remove(self.root / KEY_FILE)
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        only = [word for path in _SMALL for word in ("--include", path)]
        self._rclone.run("sync", self._rclone.at(""), str(self.root), *only, missing_ok=True)
        if not (self.root / KEY_FILE).is_file():
            say = f"There is no {KEY_FILE} on the remote {self._target}, so nobody would take in what is left there."
            raise TransportTrouble(say, "Let the archive visit it first: hearth archive visit.")

    def _say_left(self, more: Callable[[Left], Left]) -> Path | None:
        path = super()._say_left(more)
        if path is not None:
            self._rclone.put(path, f"{BOXES}/{path.name}")
        return path

    def send_tombstone(self, stone: Tombstone) -> None:
        """Write the tombstone into the mirror and carry it over; then remove the sealed bag there."""
        sealed = [path.name for path in self._marks() if path.name.split(".")[0] == stone.story]
        super().send_tombstone(stone)
        name = f"{TOMBSTONES}/{stone.story}.json"
        self._rclone.put(self.root / name, name)
        for gone in sealed:
            self._rclone.drop(f"{SEALED}/{gone}")

    def send_bag(self, bag: Bag) -> None:
        """Seal the bag into the mirror, carry it over, and leave its name."""
        before = {path.name for path in self._marks() if path.name.split(".")[0] == bag.id}
        super().send_bag(bag)
        for path in self._marks():
            if path.name.split(".")[0] == bag.id and path.stat().st_size:
                self._way.told("sending", bag.id)
                self._carry(path)
                for old in before - {path.name}:
                    self._rclone.drop(f"{SEALED}/{old}")

    def feed(self, hello: Hello) -> bytes | None:
        """Leave the hello on the remote, and read the feed that was mirrored."""
        path = self.root / BOXES / f"{hello.name}.json"
        before = path.read_bytes() if path.is_file() else b""
        found = super().feed(hello)
        if path.read_bytes() != before:
            self._rclone.put(path, f"{BOXES}/{path.name}")
        if self._way.pulse:
            told = path.with_suffix(PULSE_SUFFIX)
            self._rclone.put(told, f"{BOXES}/{told.name}")
        return found

    @contextmanager
    def blob(self, sha256: str) -> Iterator[BinaryIO]:
        """Fetch a blob, open it, and keep it no longer than that."""
        path = self.root / BLOBS / sha256
        path.parent.mkdir(exist_ok=True)
        self._rclone.run("copyto", self._rclone.at(f"{BLOBS}/{sha256}"), str(path), missing_ok=True)
        try:
            with super().blob(sha256) as file:
                yield file
        finally:
            remove(path)

    def _refuse_home(self) -> None:
        """The mirror lies in the box's own outbox on purpose: nothing in it is unsealed."""

    def _marks(self) -> list[Path]:
        folder = self.root / SEALED
        return sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []

    def _learn_sealed(self) -> None:
        there = self._rclone.sizes(SEALED)
        for path in self._marks():
            size = path.stat().st_size
            if size and there.get(path.name) != size:
                self._carry(path)
            elif not size and path.name not in there:
                remove(path)
        for name in there:
            if is_sealed_name(name):
                (self.root / SEALED).mkdir(exist_ok=True)
                (self.root / SEALED / name).write_bytes(b"")

    def _carry(self, path: Path) -> None:
        self._rclone.put(path, f"{SEALED}/{path.name}")
        # From here on its name alone says that it lies there.
        mark = path.with_name(path.name + PART)
        mark.write_bytes(b"")
        mark.replace(path)


def _program() -> str:
    found = shutil.which("rclone") or shutil.which("rclone", path=str(Path(sys.executable).parent))
    if found is None:
        raise TransportTrouble("The program rclone is not on this box.", "Install it: sudo apt install rclone")
    return found
