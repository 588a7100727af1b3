"""What the faults of handing on share: a real archive served by its own program, boxes with made-up stories."""

from __future__ import annotations

import io
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from archive.bag import Bag, BagContent, plan
from archive.boxes import add_box
from archive.consentrecord import record
from archive.home import open_home
from archive.server.place import ArchiveHome, open_archive
from archive.transports.https import HttpsTransport
from archive.transports.way import Way
from archive.types import Act, ConsentEvent, Form, Use
from audio.clock import SystemClock
from audio.types import TakeId

START = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def story_id(number: int) -> TakeId:
    """A ULID of its own for each number."""
    chance = random.Random(number)
    return TakeId("01JC8Q3Y5Z" + "".join(chance.choice(_LETTERS) for _ in range(16)))


def made_bag(number: int, size: int) -> Bag:
    """A story nobody told: ``size`` bytes that only look like sound, and its teller's yes."""
    story = story_id(number)
    sound = b"fLaC" + random.Random(number).randbytes(size)
    events = [
        ConsentEvent(story, Act.DECIDE, START + timedelta(minutes=seq), "left", use, True, Form.VOICE, None, "1",
                     "ab" * 32, "en", seq)
        for seq, use in enumerate((Use.RECORD, Use.KEEP, Use.ARCHIVE), 1)
    ]  # fmt: skip
    return plan(
        BagContent(
            story,
            "Maple",
            events[-1].at.date(),
            f"WEBVTT\n\nNOTE Machine-made.\n\n00:00.000 --> 00:01.000\nStory {number}.\n",
            {"dcterms:identifier": str(story), "dcterms:language": "en"},
            record(story, events),
            ({"event": "recorded", "at": START.isoformat()},),
            lambda: io.BytesIO(sound),
        )
    )


class Server:
    """The archive's own program on a port of its own; it can be killed and started again on the same port."""

    def __init__(self, home: Path, words: tuple[str, ...] = (), host: str = "127.0.0.1") -> None:
        self.home = home
        self._words = words
        self._host = host
        # Bound and never listening: nobody else is given this port while the archive is down, and it may have it again.
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind((host, 0))
        self._port: int = self._held.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    def start(self, patience_s: float = 300.0) -> None:
        """Start and wait until it says that it is open."""
        line = [*self._words, sys.executable, "-m", "kiosk", "archive", "serve", "--home", str(self.home)]
        line += ["--bind", f"{self._host}:{self._port}"]
        self._process = subprocess.Popen(
            line,
            stdout=subprocess.PIPE,
            stderr=(self.home.parent / "server.log").open("ab"),
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], patience_s)
        said = self._process.stdout.readline().decode() if ready else ""
        if "http" not in said:
            last = (self.home.parent / "server.log").read_text(errors="replace").strip().splitlines()[-3:]
            raise TimeoutError(f"the archive did not open: {' '.join(last)}")

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None


@contextmanager
def archive_at(home: Path) -> Iterator[ArchiveHome]:
    """The archive's home, looked at from outside its server."""
    with open_archive(home) as place:
        yield place


def new_credential(home: Path, name: str) -> str:
    with open_archive(home) as place, place.catalogue() as catalogue:
        return add_box(catalogue, name, "a fault", datetime.now(UTC))


def make_box(folder: Path, url: str, credential: str, **way: Any) -> HttpsTransport:
    home = open_home(folder)
    return HttpsTransport(url, home.path, home.keys, SystemClock(), Way(credential, **way))


def kept(home: Path) -> dict[str, str]:
    """Every story in the catalogue with the sum of its bag; every file of it read back from the objects."""
    import hashlib

    found: dict[str, str] = {}
    with open_archive(home) as place, place.catalogue() as catalogue, catalogue.read() as tx:
        for row in tx.all("SELECT id, bag_sha256 FROM stories"):
            found[row["id"]] = row["bag_sha256"]
            files = tx.all("SELECT key, sha256 FROM files WHERE story = ?", row["id"])
            assert files, row["id"]
            for file in files:
                with place.objects.open(file["key"]) as source:
                    assert hashlib.sha256(source.read()).hexdigest() == file["sha256"], file["key"]
    return found


def receipts(home: Path) -> dict[str, str]:
    """Every receipt in the catalogue: the story, and the sum it signs for."""
    with open_archive(home) as place, place.catalogue() as catalogue, catalogue.read() as tx:
        return {row["story"]: json.loads(row["body"])["sha256"] for row in tx.all("SELECT story, body FROM receipts")}
